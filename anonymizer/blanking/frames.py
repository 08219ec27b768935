"""Encapsulated frames: read from fragments one by one, and written with an offset table that is true (PS3.5 A.4)."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import pairwise

from ..dicom.encoding import ITEM, SEQUENCE_END, UNDEFINED, Encoding
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..files.pieces import Piece, write_all
from ..files.spool import open_spool, read_back
from ..reasons import Reason

#: bytes of a basic offset table
_MOST_TABLE = 64 << 20
#: fragments of a frame
_MOST_FRAGMENTS = 1 << 16
#: the type of 32 bits
_WORD = next(code for code in "IL" if array(code).itemsize == 4)
#: an offset is a number of 32 bits
_MOST_OFFSET = 0xFFFFFFFF
#: what is read at once, at least
_CHUNK = 64 << 10


class FragmentReader:
    """Read the items of encapsulated pixel data in their order.

    Attributes:
        behind: the bytes that were read behind the delimiter, once that was met.
    """

    def __init__(self, buffer: Piece, read: Callable[[int], bytes], encoding: Encoding) -> None:
        """
        Args:
            buffer: what was read already, from the first item on.
            read: reads on: as many bytes as asked for, fewer only at the object's end.
        """
        self._buffer = memoryview(buffer)
        self._read = read
        self._item = encoding.item
        self.behind = b""

    def next(self, most: int) -> bytes | None:
        """Return the content of the next item, None at the end of the sequence.

        Args:
            most: bytes that it may have.

        Raises:
            DeidentificationError: it has more (``pixel-invalid-frames``); what is there is no item; the object ends.
        """
        group, element, length = self._item.unpack(self._take(self._item.size))
        tag = group << 16 | element
        if tag == SEQUENCE_END and length == 0:
            self.behind = bytes(self._buffer)
            return None
        if tag != ITEM or length == UNDEFINED:
            raise DeidentificationError(Reason.INVALID_FRAGMENTS, PIXEL_DATA)
        if length > most:
            raise DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA)
        return self._take(length)

    def _take(self, size: int) -> bytes:
        missing = size - len(self._buffer)
        if missing <= 0:
            taken, self._buffer = bytes(self._buffer[:size]), self._buffer[size:]
            return taken
        # of a long fragment nothing is read behind it, so that it is not held twice
        more = self._read(missing if missing >= _CHUNK else _CHUNK)
        if len(more) < missing:
            raise DeidentificationError(Reason.TRUNCATED, PIXEL_DATA)
        taken = bytes(self._buffer) + more[:missing]
        self._buffer = memoryview(more[missing:])
        return taken


def read_table(reader: FragmentReader, frames: int) -> Sequence[int]:
    """Return the basic offset table of ``frames`` frames, empty where there is none: four bytes for each.

    Raises:
        DeidentificationError: it is not one of so many frames (``pixel-length-mismatch``), or its offsets don't ascend.
    """
    content = reader.next(_MOST_TABLE)
    if content is None:
        raise DeidentificationError(Reason.INVALID_FRAGMENTS, PIXEL_DATA)
    table = array(_WORD)
    if not content:
        return table
    if len(content) != 4 * frames:
        raise DeidentificationError(Reason.PIXEL_LENGTH_MISMATCH, PIXEL_DATA)
    table.frombytes(content)
    if sys.byteorder == "big":
        table.byteswap()
    if table[0] or any(offset >= following for offset, following in pairwise(table)):
        raise DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA)
    return table


def read_frames(
    reader: FragmentReader, frames: int, table: Sequence[int], most: int, begins: Callable[[bytes], bool] | None = None
) -> Iterator[bytes]:
    """Yield the frames behind an offset table, or by the beginnings of their first fragments where it is empty.

    All fragments of a single frame belong together.

    Args:
        table: offsets of the frames' first items, from the first of all; empty if they are not known.
        most: bytes that a frame may have.
        begins: tells, without a table, whether a fragment is the first of a frame; each is, unless given.

    Raises:
        DeidentificationError: there are more or fewer frames (``pixel-length-mismatch``); the offsets are not those of items; a
            frame has too many fragments.
    """
    if frames == 1:
        table = [0]
    number = offset = 0
    parts: list[bytes] = []
    room = most
    while (fragment := reader.next(most)) is not None:
        is_first = number + 1 < frames and offset == table[number + 1] if table else begins is None or begins(fragment)
        is_next = parts and is_first
        if is_next:
            yield b"".join(parts)
            number, room, parts = number + 1, most, []
        if len(parts) == _MOST_FRAGMENTS:
            raise DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA)
        if number >= frames:
            raise DeidentificationError(Reason.PIXEL_LENGTH_MISMATCH, PIXEL_DATA)
        offset += 8 + len(fragment)
        room -= len(fragment)
        is_past = table and number + 1 < frames and offset > table[number + 1]
        if room < 0 or is_past:
            raise DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA)
        parts.append(fragment)
    if number + 1 < frames or not parts:
        raise DeidentificationError(Reason.PIXEL_LENGTH_MISMATCH, PIXEL_DATA)
    yield b"".join(parts)


def write_frames(
    frames: Iterator[bytes], count: int, encoding: Encoding, *, with_table: bool
) -> Generator[list[Piece], None, None]:
    """Yield the items of cleaned frames, each in one fragment, with the table before them and the delimiter behind.

    Args:
        frames: of even length.
        count: how many there are.
        with_table: write the offsets of all. That waits for the last one, in a temporary file without a name; where an offset
            doesn't fit into 32 bits the table is empty.

    Raises:
        OSError: the temporary file can't be written.
    """
    end = encoding.item.pack(SEQUENCE_END >> 16, SEQUENCE_END & 0xFFFF, 0)
    if not with_table:
        yield [_item_header(0, encoding)]
        for frame in frames:
            yield [_item_header(len(frame), encoding), frame]
        yield [end]
        return
    with open_spool() as spool:
        offsets, offset = [], 0
        for frame in frames:
            write_all(spool, [_item_header(len(frame), encoding), frame])
            offsets.append(offset)
            offset += 8 + len(frame)
        table = struct.pack(f"<{count}L", *offsets) if offsets[-1] <= _MOST_OFFSET else b""
        yield [_item_header(len(table), encoding), table]
        for chunk in read_back(spool):
            yield [chunk]
    yield [end]


def _item_header(length: int, encoding: Encoding) -> bytes:
    return encoding.item.pack(ITEM >> 16, ITEM & 0xFFFF, length)
