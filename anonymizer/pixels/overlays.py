"""Overlay planes: which may stay, and bits of the pixels that hold planes of the retired kind (PS3.3 C.9.2, PS3.5 8.1.2)."""

from __future__ import annotations

import struct

from ..dicom.buffer import Buffer
from ..dicom.encoding import Encoding
from ..errors import DeidentificationError, Reason

_OVERLAY_TYPE, _BIT_POSITION, _OVERLAY_DATA = 0x0040, 0x0102, 0x3000
_BITS_ALLOCATED, _BITS_STORED, _HIGH_BIT = 0x00280100, 0x00280101, 0x00280102
_CELL = frozenset({_BITS_ALLOCATED, _BITS_STORED, _HIGH_BIT})


def may_stay(buffer: Buffer, position: int, group: int, encoding: Encoding) -> bool:
    """Whether the plane of ``group``, whose first element is at ``position``, holds no text.

    Planes of type R are regions of interest; those of type G are drawings, which may say anything. Planes in unused bits of the
    pixels go with those bits.

    Raises:
        NeedMoreError: it shows beyond the buffer.
    """
    type_tag, data_tag = group << 16 | _OVERLAY_TYPE, group << 16 | _OVERLAY_DATA
    found = buffer.find(position, len(buffer.content), frozenset({type_tag, data_tag}), encoding)
    return data_tag in found and buffer.text(found.get(type_tag)) == b"R"


def embedded_bits(buffer: Buffer, start: int, position: int, value: bytes, tag: int, encoding: Encoding) -> tuple[int, int]:
    """The bit of each pixel cell that holds the plane whose OverlayBitPosition is ``value``, and the size of a cell in bytes.

    Args:
        start: where the data set begins.
        position: where the element behind OverlayBitPosition does.

    Returns:
        (0, 0) where the plane has data of its own.

    Raises:
        DeidentificationError: nobody knows where the plane is, or it lies in bits that are stored.
        NeedMoreError: beyond the buffer.
    """
    if not value.strip(b"\0"):
        return 0, 0
    data_tag = tag & 0xFFFF0000 | _OVERLAY_DATA
    if data_tag in buffer.find(position, len(buffer.content), frozenset({data_tag}), encoding):
        return 0, 0
    short = struct.Struct("<H" if encoding.little else ">H")
    found = buffer.find(start, len(buffer.content), _CELL, encoding)
    if len(value) != 2 or any(element.length != 2 for element in found.values()) or found.keys() != _CELL:
        raise DeidentificationError(Reason.EMBEDDED_OVERLAY, tag)
    (bit,) = short.unpack(value)
    allocated, stored, high = (short.unpack_from(buffer.content, found[cell].start)[0] for cell in sorted(_CELL))
    if allocated not in (8, 16, 32) or bit >= allocated or high - stored < bit <= high:
        raise DeidentificationError(Reason.EMBEDDED_OVERLAY, tag)
    return 1 << bit, allocated // 8


class CellMask:
    """Clears bits of pixel cells in the chunks of a value, wherever the chunks end."""

    def __init__(self, bits: int, cell_size: int, encoding: Encoding) -> None:
        """
        Args:
            bits: the bits to clear.
            cell_size: bytes of a cell (BitsAllocated / 8).
        """
        mask = (1 << 8 * cell_size) - 1 & ~bits
        self._cell = mask.to_bytes(cell_size, "little" if encoding.little else "big")
        self._phase = 0

    def apply(self, chunk: bytes | memoryview) -> bytes:
        """``chunk``, which follows the one before, without the bits."""
        size = len(chunk)
        cells = self._cell[self._phase :] + self._cell * (size // len(self._cell) + 1)
        self._phase = (self._phase + size) % len(self._cell)
        # as one number: Python's own loops would be a hundred times slower
        return (int.from_bytes(chunk, "little") & int.from_bytes(cells[:size], "little")).to_bytes(size, "little")
