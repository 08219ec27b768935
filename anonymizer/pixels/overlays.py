"""Overlay planes: the choice of those that may stay, and retired ones in unused pixel bits (PS3.3 C.9.2, PS3.5 8.1.2)."""

from __future__ import annotations

import struct

from ..dicom.buffer import Buffer
from ..dicom.encoding import Encoding
from ..errors import DeidentificationError
from ..reasons import Reason

_OVERLAY_TYPE, _BIT_POSITION, _OVERLAY_DATA = 0x0040, 0x0102, 0x3000
_BITS_ALLOCATED, _BITS_STORED, _HIGH_BIT = 0x00280100, 0x00280101, 0x00280102
_CELL = frozenset({_BITS_ALLOCATED, _BITS_STORED, _HIGH_BIT})


def may_stay(buffer: Buffer, position: int, group: int, encoding: Encoding) -> bool:
    """Return whether the overlay plane of ``group``, whose first element is at ``position``, can't hold text.

    Planes of type R are regions of interest. Planes of type G are graphics, which may hold text. Planes in unused bits of the
    pixels are removed with those bits.

    Raises:
        NeedMoreError: the answer lies beyond the buffer.
    """
    type_tag, data_tag = group << 16 | _OVERLAY_TYPE, group << 16 | _OVERLAY_DATA
    found = buffer.find(position, len(buffer.content), frozenset({type_tag, data_tag}), encoding)
    return data_tag in found and buffer.text(found.get(type_tag)) == b"R"


def embedded_bits(buffer: Buffer, start: int, position: int, value: bytes, tag: int, encoding: Encoding) -> tuple[int, int]:
    """Return the mask of the pixel cell bit that holds an overlay plane, and the size of a cell in bytes.

    Args:
        start: offset of the data set.
        position: offset of the element after OverlayBitPosition.
        value: the value of OverlayBitPosition (60xx,0102).
        tag: the tag of OverlayBitPosition.

    Returns:
        (0, 0) if the plane has OverlayData of its own, or OverlayBitPosition is empty or 0.

    Raises:
        DeidentificationError: the position of the plane is unknown, or among the bits that hold pixel values.
        NeedMoreError: the elements lie beyond the buffer.
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
    """A mask that clears bits of pixel cells in successive chunks of a value; chunks may end within a cell."""

    def __init__(self, bits: int, cell_size: int, encoding: Encoding) -> None:
        """Prepare the mask.

        Args:
            bits: the bits to clear, as a mask of one cell.
            cell_size: bytes of a cell (BitsAllocated / 8).
        """
        mask = (1 << 8 * cell_size) - 1 & ~bits
        self._cell = mask.to_bytes(cell_size, "little" if encoding.little else "big")
        self._phase = 0

    def apply(self, chunk: bytes | memoryview) -> bytes:
        """Return ``chunk``, the next one of the value, with the bits cleared."""
        size = len(chunk)
        cells = self._cell[self._phase :] + self._cell * (size // len(self._cell) + 1)
        self._phase = (self._phase + size) % len(self._cell)
        # as one number: a loop in Python would be a hundred times slower
        return (int.from_bytes(chunk, "little") & int.from_bytes(cells[:size], "little")).to_bytes(size, "little")
