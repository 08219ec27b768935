"""Requests to children that look for text, and what it means for an object when one isn't done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from profiles import Rectangle

from ..child_processes import ChildError, Client, Limits, Request
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..reasons import Reason
from .looks import PLAIN, WAYS

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    Planes = numpy.typing.NDArray[numpy.uint8]

#: the network's memory is that of a tile, whatever the picture; its time is a second for each million of pixels, mostly
_LIMITS = Limits(memory=4 << 30, memory_of_sample=16, cpu=60, samples_of_second=100_000, wall=60, wall_of_cpu=4, large=8 << 20)
_REASONS = {"missing": Reason.PIXEL_TEXT_ENGINE_MISSING}
_client = Client(f"{__package__}.operations", _LIMITS)


class FoundText(NamedTuple):
    """A line of text in a picture.

    Attributes:
        x0, y0, x1, y1: the rectangle around it in pixels, half-open.
        detection, recognition: scores from 0 to 1.
        height: of the line itself, in pixels: that of its rectangle is more where it is slanted.
        letters: letters and digits in it.
        look: how the picture was seen: "plain", "inverted", "evened" or "flattened".
        text: as it was read, where that was asked for; else empty. It is in memory only.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    detection: float
    recognition: float
    height: int
    letters: int
    look: str = PLAIN
    text: str = ""


def find_text(
    planes: Planes,
    black: Sequence[Rectangle] = (),
    *,
    colour: bool = False,
    thorough: bool = True,
    texts: bool = False,
    most: int = 3600,
) -> tuple[list[FoundText], float]:
    """Return the lines of text in a picture, and the seconds of CPU that it took.

    Args:
        planes: uint8, shape (number of planes, rows, columns): grey views, the main one first; then red, green and blue where
            there is ``colour``.
        black: rectangles that are black by now, in pixels, inside the picture.
        thorough: look in all ways, and not only plainly: it takes several times as long.
        texts: tell what was read, too.
        most: seconds of CPU that it may take.

    Raises:
        DeidentificationError: ``pixel-text-timeout``: it takes more; ``pixel-text-engine-missing``;
            ``pixel-text-engine-failed``: it crashed or met another limit.
    """
    import numpy

    count, rows, columns = planes.shape
    samples = memoryview(numpy.ascontiguousarray(planes)).cast("B")  # type: ignore[arg-type]  # numpy's types know no buffers
    content = {
        "operation": "find",
        "planes": count,
        "colour": colour,
        "thorough": thorough,
        "rows": rows,
        "columns": columns,
        "texts": texts,
        "black": black,
    }
    begin = time.monotonic()
    try:
        answer, _ = _client.ask(Request(content, samples, planes.size, 0, 0, max(1, most)))
        found = [_checked(one, rows, columns) for one in answer["found"]]
        return found, max(0.0, float(answer["seconds"]))
    except ChildError as error:
        reason = _REASONS.get(error.status, Reason.PIXEL_TEXT_ENGINE_FAILED)
        if error.status == "failed" and time.monotonic() - begin >= most:
            reason = Reason.PIXEL_TEXT_TIMEOUT
    except (KeyError, TypeError, ValueError):
        reason = Reason.PIXEL_TEXT_ENGINE_FAILED
    raise DeidentificationError(reason, PIXEL_DATA)


def _checked(line: list[object], rows: int, columns: int) -> FoundText:
    """Return a line that a child tells of, once it was seen to be one.

    Raises:
        TypeError, ValueError: it isn't.
    """
    x0, y0, x1, y1, detection, recognition, height, letters, look, text = line
    left, top, right, bottom, high, count = (number for number in (x0, y0, x1, y1, height, letters) if type(number) is int)
    if not isinstance(detection, float | int) or not isinstance(recognition, float | int):
        raise ValueError("no scores")
    if not isinstance(look, str) or look not in WAYS or not isinstance(text, str):
        raise ValueError("no line of text")
    found = FoundText(left, top, right, bottom, float(detection), float(recognition), high, count, look, text)
    if not (0 <= found.x0 < found.x1 <= columns and 0 <= found.y0 < found.y1 <= rows):
        raise ValueError("a line outside the picture")
    return found
