"""Padding: bytes behind a data set that are no part of it."""

from __future__ import annotations

import re

from .buffer import Buffer, NeedMoreError
from .tags import FIRST_PIXELS

#: bytes after the data set that are taken for padding although no pixel data stands before them
_MAX_PADDING = 65_536
#: a single blank may be the first byte of (0020,xxxx)
_PADDING = re.compile(rb"\0+|\xff{2,}| {2,}")


def is_padding(buffer: Buffer, position: int, last: int, *, is_object: bool, has_pixels: bool) -> bool:
    """Return whether the bytes from ``position`` on, which are no element, are padding.

    Behind pixel data nothing but elements is kept, so anything may stand there. Elsewhere a rest is padding if it is a usual
    byte over and over, or text behind an object without pixels: anything else may be the object itself, damaged.

    Args:
        last: tag of the element before.
        is_object: whether a SOPClassUID stands before.
        has_pixels: whether the SOP class is one of images.

    Raises:
        NeedMoreError: more bytes tell.
    """
    rest = buffer.content[position : position + _MAX_PADDING + 1]
    if last >= FIRST_PIXELS:
        return True
    if not buffer.complete and len(rest) <= _MAX_PADDING:
        raise NeedMoreError
    short = len(rest) <= _MAX_PADDING and is_object
    text = len(rest) > 3 and not has_pixels and all(0x20 <= byte < 0x7F for byte in rest[:4])
    return bool(short and (text or _PADDING.fullmatch(rest)))
