"""Frames of encapsulated pixel data with comments in them, which no decoder need understand (ITU-T T.81, T.800)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from .objects import JPEG, UNDEFINED, Element, ct, delimiter, encode, header, part10

PIXELS = 0x7FE00010
COM = 0xFE
JPEG_2000 = "1.2.840.10008.1.2.4.90"
BOX_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"


def segment(marker: int, content: bytes) -> bytes:
    """A marker segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


JPEG_SCAN = segment(0xDA, b"\1\1\0\0\x3f\0")
TILE = segment(0x90, bytes(8))
CODESTREAM = b"\xff\x4f" + segment(0x51, bytes(36))


def jpeg(*segments: bytes, scan: bytes = b"\1\2\3", tail: bytes = b"") -> bytes:
    """A JPEG with ``segments`` before its scan, and ``tail`` behind its end."""
    return _even(b"\xff\xd8" + b"".join(segments) + JPEG_SCAN + scan + b"\xff\xd9" + tail)


def codestream(*segments: bytes) -> bytes:
    """A JPEG 2000 codestream with ``segments`` in its main header."""
    return _even(b"\xff\x4f" + b"".join(segments) + TILE + b"\xff\x93\1\2\3\xff\xd9")


def box(kind: bytes, content: bytes) -> bytes:
    """A box of JP2."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def xl_box(kind: bytes, content: bytes) -> bytes:
    """A box whose length is written in 64 bits."""
    return struct.pack(">I", 1) + kind + struct.pack(">Q", 16 + len(content)) + content


def jp2(*boxes: bytes, content: bytes = b"", behind: Iterable[bytes] = ()) -> bytes:
    """A JP2 with ``boxes`` before its codestream and some behind it."""
    before = (BOX_SIGNATURE, box(b"ftyp", b"jp2 \0\0\0\0jp2 "), *boxes)
    return _even(b"".join((*before, box(b"jp2c", content or codestream()), *behind)))


def encapsulated(
    fragments: Sequence[bytes], *extra: Element, syntax: str = JPEG, offsets: bytes = b"", tail: Sequence[Element] = ()
) -> bytes:
    """A CT image with these fragments; ``tail``: elements behind its pixels."""
    elements = encode(ct(*extra, without=[PIXELS])) + header(PIXELS, "OB", UNDEFINED, "")
    items = b"".join(delimiter(0xE000, length=len(item)) + item for item in (offsets, *fragments))
    return part10(elements + items + delimiter(0xE0DD) + encode(tail), syntax)


def _even(content: bytes) -> bytes:
    return content + b"\0" * (len(content) % 2)
