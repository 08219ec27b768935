"""Codestreams of JPEG 2000 in the boxes of a JP2 file, which some writers put into frames against PS3.5 A.4.4 (T.800 I)."""

from __future__ import annotations

from collections.abc import Iterator

from .codestream import invalid, unsupported

#: the first box of each JP2 file
JP2_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
#: more boxes than any writer needs
_MOST_BOXES = 64
_HEADER, _COLOUR, _CODESTREAM = b"jp2h", b"colr", b"jp2c"
#: boxes of the header by which samples mean something else than a codestream's: palettes, their mapping, channels in any order
_UNKNOWN = frozenset({b"pclr", b"cmap", b"cdef"})
#: sRGB and grey
_COLOURS = (16, 17)


def unboxed(frame: bytes) -> bytes:
    """Return the codestream in a JP2 file; what is none stays as it is. All other boxes are left behind.

    Raises:
        DeidentificationError: boxes are broken, or there is not one codestream (``pixel-invalid-frames``); they give its samples
            another meaning (``pixel-unsupported-format``).
    """
    if not frame.startswith(JP2_SIGNATURE):
        return frame
    view, found = memoryview(frame), []
    for kind, content in _boxes(view):
        if kind == _HEADER:
            _check_header(content)
        elif kind == _CODESTREAM:
            found.append(content)
    if len(found) != 1:
        raise invalid()
    return bytes(found[0])


def _check_header(content: memoryview) -> None:
    for kind, own in _boxes(content):
        if kind in _UNKNOWN:
            raise unsupported()
        if kind == _COLOUR and (bytes(own[:1]) != b"\1" or int.from_bytes(own[3:7], "big") not in _COLOURS):
            raise unsupported()


def _boxes(content: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the type and content of each box."""
    position = 0
    for _ in range(_MOST_BOXES):
        if len(content) - position < 8:
            # padding of an odd frame
            return
        length, begin = int.from_bytes(content[position : position + 4], "big"), position + 8
        kind = bytes(content[position + 4 : begin])
        if length == 1:
            length, begin = int.from_bytes(content[begin : begin + 8], "big"), begin + 8
        end = position + length if length else len(content)
        if not begin <= end <= len(content):
            raise invalid()
        yield kind, content[begin:end]
        position = end
    raise invalid()
