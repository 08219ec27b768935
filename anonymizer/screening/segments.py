"""Headers of compressed frames, in which encoders put comments (ITU-T T.81 B.2.4, T.800 A.9, I.5)."""

from __future__ import annotations

from collections.abc import Iterator

from ..dicom.encoding import ITEM, Encoding

_START_OF_IMAGE, _START_OF_CODESTREAM = b"\xff\xd8", b"\xff\x4f"
_START_OF_BOXES = b"\0\0\0\x0cjP  "
_START_OF_SCAN, _START_OF_TILE = 0xDA, 0x90
#: markers without a length
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_CODESTREAM = b"jp2c"


def header_size(frame: bytes) -> int | None:
    """Return the number of bytes before the pixels of a frame.

    Args:
        frame: the beginning of the frame, or all of it.

    Returns:
        0 for a frame that begins with its pixels; None if ``frame`` ends before them.
    """
    if frame[:2] == _START_OF_IMAGE:
        return _segments_end(frame, 2, _START_OF_SCAN)
    if frame[:2] == _START_OF_CODESTREAM:
        return _segments_end(frame, 2, _START_OF_TILE)
    if frame[:8] == _START_OF_BOXES:
        return _boxes_end(frame)
    return 0


def _segments_end(frame: bytes, position: int, last: int) -> int | None:
    while position + 4 <= len(frame):
        if frame[position] != 0xFF:
            # no marker segment: left to decoders
            return position
        marker = frame[position + 1]
        if marker == last:
            return position
        if marker == 0xFF or marker in _ALONE:
            position += 1 if marker == 0xFF else 2
            continue
        position += 2 + int.from_bytes(frame[position + 2 : position + 4], "big")
    return None


def _boxes_end(frame: bytes) -> int | None:
    position = 0
    while position + 8 <= len(frame):
        size = int.from_bytes(frame[position : position + 4], "big")
        if frame[position + 4 : position + 8] == _CODESTREAM:
            start = position + (16 if size == 1 else 8)
            return _segments_end(frame, start + 2, _START_OF_TILE) if start + 2 <= len(frame) else None
        if size == 1 and position + 16 <= len(frame):
            size = int.from_bytes(frame[position + 8 : position + 16], "big")
        if size < 8:
            # the last box, or none
            return position
        position += size
    return None


def fragments_of(value: bytes, encoding: Encoding) -> Iterator[bytes]:
    """Yield the fragments of encapsulated pixel data, the Basic Offset Table first (PS3.5 A.4)."""
    position = 0
    while position + 8 <= len(value):
        group, element, length = encoding.item.unpack_from(value, position)
        if group << 16 | element != ITEM:
            return
        yield value[position + 8 : position + 8 + length]
        position += 8 + length
