"""Palettes, plain and segmented, and the darkest of their colours (PS3.3 C.7.6.3.1.5, C.7.9.2)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from ..dicom.buffer import Buffer, FoundElement
from ..dicom.encoding import UNDEFINED, Encoding
from ..errors import DeidentificationError
from ..reasons import Reason

DESCRIPTORS = (0x00281101, 0x00281102, 0x00281103)
DATA = (0x00281201, 0x00281202, 0x00281203)
SEGMENTED_DATA = (0x00281221, 0x00281222, 0x00281223)
#: luma of red, green and blue in thousandths (ITU-R BT.601)
_LUMA = (299, 587, 114)
_DISCRETE, _LINEAR, _INDIRECT = range(3)


class Palette(NamedTuple):
    """The colours of a palette.

    Attributes:
        first: the pixel value of the first entry; lesser ones show it as well, and those behind the last entry the last one.
        red, green, blue: their entries, as many of each.
    """

    first: int
    red: list[int]
    green: list[int]
    blue: list[int]

    def darkest(self, least: int, greatest: int) -> int:
        """Return the pixel value from ``least`` to ``greatest`` whose colour has the lowest luma, the lowest of several."""
        low = min(max(least, self.first), greatest)
        high = max(min(greatest, self.first + len(self.red) - 1), low)
        entry = max(0, min(low - self.first, len(self.red) - 1))
        count = min(high - low + 1, len(self.red) - entry)
        colours = zip(*(entries[entry : entry + count] for entries in self[1:]), strict=True)
        lumas = [sum(map(int.__mul__, _LUMA, colour)) for colour in colours]
        return low + lumas.index(min(lumas))


def read_palette(buffer: Buffer, found: Mapping[int, FoundElement], encoding: Encoding, *, signed: bool) -> Palette:
    """Return the palette of a header.

    Args:
        found: where its elements are in ``buffer``.
        signed: the pixels are signed, and the first value in the descriptors with them.

    Raises:
        DeidentificationError: it is incomplete, or contradicts itself.
    """
    order = "<" if encoding.little else ">"
    descriptors, first = [], 0
    for tag in DESCRIPTORS:
        value = _value(buffer, found, tag)
        if len(value) != 6:
            raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, tag)
        count, first, bits = struct.unpack(f"{order}H{'h' if signed else 'H'}H", value)
        if bits not in (8, 16):
            raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, tag)
        descriptors.append((count or 1 << 16, first, bits))
    if len(set(descriptors)) > 1:
        raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, DESCRIPTORS[0])
    count, first, bits = descriptors[0]
    channels = []
    for plain, segmented in zip(DATA, SEGMENTED_DATA, strict=True):
        # of both, readers take the plain one
        if plain in found:
            channels.append(_plain(_value(buffer, found, plain), count, bits, found[plain].vr, encoding, plain))
        else:
            words = _words(_value(buffer, found, segmented), bits, found.get(segmented), encoding)
            channels.append(_expanded(words, count, segmented))
    return Palette(first, *channels)


def _value(buffer: Buffer, found: Mapping[int, FoundElement], tag: int) -> bytes:
    element = found.get(tag)
    if element is None or element.length == UNDEFINED:
        raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, tag)
    return buffer.content[element.start : element.start + element.length]


def _plain(value: bytes, count: int, bits: int, vr: bytes, encoding: Encoding, tag: int) -> list[int]:
    """Return the entries of a plain palette. Those of 8 bits stand in bytes, or each in a word."""
    if bits == 8 and len(value) == count + count % 2:
        return _bytes(value, vr, encoding)[:count]
    if len(value) != 2 * count:
        raise DeidentificationError(Reason.PIXEL_INVALID_IMAGE, tag)
    return list(struct.unpack(f"{'<' if encoding.little else '>'}{count}H", value))


def _bytes(value: bytes, vr: bytes, encoding: Encoding) -> list[int]:
    """Return the bytes of a value in their logical order: words of big endian have them exchanged."""
    if encoding.little or vr == b"OB":
        return list(value)
    return [byte for high, low in zip(value[::2], value[1::2], strict=True) for byte in (low, high)]


def _words(value: bytes, bits: int, element: FoundElement | None, encoding: Encoding) -> list[int]:
    """Return the numbers of segmented data, of 8 or 16 bits each."""
    if bits == 8:
        return _bytes(value, b"" if element is None else element.vr, encoding)
    return list(struct.unpack(f"{'<' if encoding.little else '>'}{len(value) // 2}H", value[: len(value) // 2 * 2]))


def _expanded(words: list[int], count: int, tag: int) -> list[int]:
    """Return the ``count`` entries of segmented palette data (PS3.3 C.7.9.2).

    Raises:
        DeidentificationError: a segment is cut short, or the segments have fewer or more entries (``pixel-invalid-image``);
            there are indirect segments (``pixel-unsupported-format``), whose offsets readers understand in different ways.
    """
    broken = DeidentificationError(Reason.PIXEL_INVALID_IMAGE, tag)
    entries: list[int] = []
    position = 0
    while len(entries) < count:
        if position + 3 > len(words):
            raise broken
        kind, length = words[position], words[position + 1]
        position += 2
        if kind == _INDIRECT:
            raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, tag)
        if kind == _DISCRETE and 0 < length <= len(words) - position:
            entries += words[position : position + length]
            position += length
        elif kind == _LINEAR and entries and 0 < length <= count - len(entries):
            start, end = entries[-1], words[position]
            entries += [start + round((end - start) * step / length) for step in range(1, length + 1)]
            position += 1
        else:
            raise broken
    # behind the last segment of bytes there may be one of padding
    if len(entries) > count or len(words) - position > 1:
        raise broken
    return entries
