"""A tolerant reader of DICOM's structure: none of it is the project's own, and it gives up where bytes make no sense."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from pydicom.datadict import DicomDictionary

from tests.support.objects import BIG, DEFLATED, EXPLICIT, IMPLICIT

_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
UNDEFINED = 0xFFFFFFFF
_PIXEL_DATA = 0x7FE00010
_DEEPEST = 30


class Place(NamedTuple):
    """An element, item or delimiter.

    Attributes:
        start, value, end: of its header, of its value, and behind it.
        vr: as it stands there, or by the dictionary; ``b""`` for items and what is unknown.
        length: as it stands there.
        syntax: transfer syntax by which it is encoded.
        depth: how many sequences it is in.
    """

    start: int
    value: int
    end: int
    tag: int
    vr: bytes
    length: int
    syntax: str
    depth: int

    @property
    def holds_items(self) -> bool:
        """Whether it is a sequence, an item or a delimiter, as far as this reader goes into them."""
        in_sequence = self.vr == b"SQ" or (self.length == UNDEFINED and self.tag != _PIXEL_DATA)
        return (in_sequence and self.depth < _DEEPEST) or self.tag >> 16 == 0xFFFE

    @property
    def length_at(self) -> tuple[int, str]:
        """Where its length stands, and how it is packed."""
        order = ">" if self.syntax == BIG else "<"
        if self.syntax == IMPLICIT or self.tag >> 16 == 0xFFFE:
            return self.start + 4, order + "L"
        return (self.start + 8, order + "L") if self.value - self.start == 12 else (self.start + 6, order + "H")


class File(NamedTuple):
    """A file, its data set inflated.

    Attributes:
        shell: what stands before the data set.
        content: the data set.
        places: all that was found in it.
    """

    shell: bytes
    content: bytes
    syntax: str
    places: list[Place]

    def whole(self, content: bytes | bytearray) -> bytes:
        """The file with another data set."""
        return self.shell + (deflated(bytes(content)) if self.syntax == DEFLATED else bytes(content))


def deflated(content: bytes) -> bytes:
    """A data set as the deflated transfer syntax has it."""
    compressor = zlib.compressobj(1, wbits=-15)
    found = compressor.compress(content) + compressor.flush()
    return found + b"\0" * (len(found) % 2)


def read(blob: bytes) -> File:
    """What ``blob`` consists of, as far as that can be told."""
    syntax, meta_end = "", 132 if blob[128:132] == b"DICM" else 0
    for place in shell_places(blob):
        meta_end = place.end
        if place.tag == 0x00020010:
            syntax = blob[place.value : place.end].strip(b"\0 ").decode("latin-1")
    content = blob[meta_end:]
    if syntax == DEFLATED:
        try:
            content = zlib.decompressobj(-15).decompress(content, 1 << 26)
        except zlib.error:
            content = b""
    elif not syntax:
        syntax = EXPLICIT if content[4:6] in _SHORT | _LONG else IMPLICIT
    known = syntax if syntax in (IMPLICIT, BIG, DEFLATED) else EXPLICIT
    return File(blob[:meta_end], content, syntax, list(_elements(content, 0, len(content), known, 0)))


def shell_places(blob: bytes) -> list[Place]:
    """The elements of the file meta."""
    start = 132 if blob[128:132] == b"DICM" else 0
    return list(takewhile(lambda place: place.tag >> 16 == 2, _elements(blob, start, len(blob), EXPLICIT, 0)))


def _elements(content: bytes, at: int, end: int, syntax: str, depth: int) -> Iterator[Place]:
    """Elements of a data set, those in its items behind them."""
    while at + 8 <= end:
        place = _element(content, at, end, syntax, depth)
        if place is None:
            return
        inner = IMPLICIT if place.vr == b"UN" else syntax
        if place.holds_items:
            limit = end if place.length == UNDEFINED else place.end
            inside = list(_items(content, place.value, limit, inner, depth))
            if place.length == UNDEFINED:
                place = place._replace(end=inside[-1].end if inside else place.value)
            yield place
            yield from inside
        else:
            if place.length == UNDEFINED:
                place = place._replace(end=_fragments_end(content, place.value))
            yield place
        at = place.end
        if place.tag == 0xFFFEE00D:
            return


def _fragments_end(content: bytes, at: int) -> int:
    """Where encapsulated pixel data ends, as far as it is some."""
    while content[at : at + 4] == b"\xfe\xff\x00\xe0" and at + 8 <= len(content):
        at += 8 + int.from_bytes(content[at + 4 : at + 8], "little")
    return min(len(content), at + 8)


def _items(content: bytes, at: int, end: int, syntax: str, depth: int) -> Iterator[Place]:
    while at + 8 <= end:
        order = ">" if syntax == BIG else "<"
        group, element, length = struct.unpack_from(order + "HHL", content, at)
        tag = group << 16 | element
        if tag == 0xFFFEE0DD:
            yield Place(at, at + 8, at + 8, tag, b"", length, syntax, depth)
            return
        if tag != 0xFFFEE000:
            return
        stop = end if length == UNDEFINED else min(end, at + 8 + length)
        inside = list(_elements(content, at + 8, stop, syntax, depth + 1))
        if length == UNDEFINED:
            stop = max((place.end for place in inside), default=at + 8)
        yield Place(at, at + 8, stop, tag, b"", length, syntax, depth)
        yield from inside
        at = stop


def _element(content: bytes, at: int, end: int, syntax: str, depth: int) -> Place | None:
    order = ">" if syntax == BIG else "<"
    group, element, length = struct.unpack_from(order + "HHL", content, at)
    tag = group << 16 | element
    value, vr = at + 8, b""
    if group == 0xFFFE:
        pass
    elif syntax == IMPLICIT:
        entry = DicomDictionary.get(tag)
        vr = entry[0].split(" ")[0].encode() if entry else b""
    else:
        vr = content[at + 4 : at + 6]
        if vr in _LONG:
            if at + 12 > end:
                return None
            (length,) = struct.unpack_from(order + "L", content, at + 8)
            value = at + 12
        elif vr in _SHORT:
            (length,) = struct.unpack_from(order + "H", content, at + 6)
        else:
            return None
    stop = value if length == UNDEFINED else value + length
    return Place(at, value, stop, tag, vr, length, syntax, depth) if stop <= end else None
