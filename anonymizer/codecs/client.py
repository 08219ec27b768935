"""Requests to children that code frames, and what it means for an object when one isn't done."""

from __future__ import annotations

from typing import Any

from ..child_processes import Buffer, ChildError, Client, Request
from ..codestreams import frame_error
from ..reasons import Reason

_REASONS = {
    "refused": Reason.PIXEL_INVALID_FRAMES,
    "missing": Reason.PIXEL_CODEC_MISSING,
    "unsupported": Reason.PIXEL_UNSUPPORTED_FORMAT,
    "failed": Reason.PIXEL_CODEC_FAILED,
}
_client = Client(f"{__package__}.operations")


def ask(content: dict[str, Any], buffer: Buffer, *, samples: int, most: int, count: int = 1) -> list[bytearray]:
    """Return the buffers that a child answers a request with, ``count`` of them; see ``Request``.

    Raises:
        DeidentificationError: ``pixel-invalid-frames`` where the library refuses the frame, ``pixel-codec-missing``,
            ``pixel-unsupported-format``; ``pixel-codec-failed`` where the child was killed, by a limit or a crash.
    """
    try:
        return _client.ask(Request(content, buffer, samples, most, count))[1]
    except ChildError as error:
        raise frame_error(_REASONS[error.status]) from None
