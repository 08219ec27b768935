"""The libraries that code frames, looked for without loading them."""

from __future__ import annotations

import importlib.util
import os
import sys

from ..codestreams import CODESTREAM_SYNTAXES, Family, frame_error
from ..reasons import Reason

#: decodes and encodes samples of all families; coefficients need another one
_SAMPLES, _COEFFICIENTS = "imagecodecs", "jpegio"


def check_codec(family: Family) -> None:
    """Check that frames of ``family`` can be coded on this machine: its library is installed, and processes can be forked.

    Raises:
        DeidentificationError: they can't (``pixel-codec-missing``).
    """
    if not _is_there(_COEFFICIENTS if family is Family.JPEG_DCT else _SAMPLES):
        raise frame_error(Reason.PIXEL_CODEC_MISSING)


def check_samples() -> None:
    """Check that samples can be decoded and encoded on this machine.

    Raises:
        DeidentificationError: they can't (``pixel-codec-missing``).
    """
    if not _is_there(_SAMPLES):
        raise frame_error(Reason.PIXEL_CODEC_MISSING)


def has_decoder(syntax: str) -> bool:
    """Return whether frames of a transfer syntax can be decoded on this machine."""
    return syntax in CODESTREAM_SYNTAXES and _is_there(_SAMPLES)


def _is_there(library: str) -> bool:
    can_fork = hasattr(os, "fork") and bool(sys.executable)
    return can_fork and importlib.util.find_spec(library) is not None
