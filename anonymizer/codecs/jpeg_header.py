"""The header of a DCT frame: what is kept of it, and what the entropy coder has to know (T.81 B.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
_SOF0, _SOF1, _SOF2, _DHT, _SOS, _DQT, _DNL, _DRI, _APP0, _APP14 = 0xC0, 0xC1, 0xC2, 0xC4, 0xDA, 0xDB, 0xDC, 0xDD, 0xE0, 0xEE
#: number in the zigzag sequence -> place in the block, row by row (T.81 figure A.6)
ZIGZAG = tuple(sorted(range(64), key=lambda at: (at // 8 + at % 8, at // 8 if (at // 8 + at % 8) % 2 else at % 8)))


class HeaderError(ValueError):
    """A header that is broken, or not that of a Huffman-coded DCT frame."""


class UnsupportedError(HeaderError):
    """A valid frame that isn't understood."""


class Component(NamedTuple):
    """A component of a DCT frame.

    Attributes:
        block_rows, block_columns: blocks that have samples of the image; those that only fill up an MCU are not counted.
        h, v: sampling factors.
        quantization: 64 steps, row by row.
    """

    block_rows: int
    block_columns: int
    h: int
    v: int
    quantization: tuple[int, ...]


class JpegHeader(NamedTuple):
    """The header of a DCT frame.

    Attributes:
        identifiers: of the components.
        progressive: SOF2.
        restart: MCUs of a restart interval; 0 for none.
        applications: segments JFIF and Adobe, whole.
        tables: segments DQT, whole.
        frame: the segment SOF, whole.
        wide_tables: steps of 16 bits are used, which Baseline doesn't know.
    """

    rows: int
    columns: int
    bits: int
    components: tuple[Component, ...]
    identifiers: tuple[int, ...]
    progressive: bool
    restart: int
    applications: bytes
    tables: bytes
    frame: bytes
    wide_tables: bool


def read_header(frame: bytes | bytearray) -> JpegHeader:
    """Read the header of a DCT frame.

    Args:
        frame: as ``plain_dct`` returns it.

    Raises:
        HeaderError: it is broken.
        UnsupportedError: not Huffman-coded, or tables that change between scans.
    """
    restart, applications, tables, found = 0, b"", b"", b""
    steps: dict[int, tuple[int, ...]] = {}
    wide: set[int] = set()
    for marker, begin, end in _segments(frame):
        segment = bytes(frame[begin:end])
        content = segment[4:]
        if marker == _SOS:
            break
        if marker in (_APP0, _APP14):
            applications += segment
        elif marker == _DQT:
            tables += segment
            _read_tables(content, steps, wide)
        elif marker == _DRI and len(content) == 2:
            (restart,) = struct.unpack(">H", content)
        elif marker in (_SOF0, _SOF1, _SOF2):
            if found:
                raise HeaderError
            found = segment
        elif marker != _DHT:
            raise UnsupportedError
    if not found or len(found) < 10:
        raise HeaderError
    bits, rows, columns, count = struct.unpack_from(">BHHB", found, 4)
    if len(found) != 10 + 3 * count or not rows or not columns or not count:
        raise HeaderError
    factors = [(found[at], found[at + 1] >> 4, found[at + 1] & 15, found[at + 2]) for at in range(10, len(found), 3)]
    if not all(1 <= h <= 4 and 1 <= v <= 4 and table in steps for _, h, v, table in factors):
        raise HeaderError
    if count not in (1, 3) or bits not in (8, 12):
        raise UnsupportedError
    most_h, most_v = max(h for _, h, _, _ in factors), max(v for _, _, v, _ in factors)
    components = tuple(
        Component(-(-rows * v // (8 * most_v)), -(-columns * h // (8 * most_h)), h, v, steps[table]) for _, h, v, table in factors
    )
    identifiers = tuple(identifier for identifier, *_ in factors)
    is_wide = any(table in wide for *_, table in factors)
    return JpegHeader(
        rows,
        columns,
        bits,
        components,
        identifiers,
        found[1] == _SOF2,
        restart,
        applications,
        tables,
        found,
        is_wide,
    )


def _segments(frame: bytes | bytearray) -> Iterator[tuple[int, int, int]]:
    """Yield marker, begin and end of each segment up to the first SOS."""
    if frame[:2] != SOI:
        raise HeaderError
    at = 2
    while True:
        if at + 4 > len(frame) or frame[at] != 0xFF:
            raise HeaderError
        marker = frame[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if not 0xC0 <= marker <= 0xFE or 0xD0 <= marker <= 0xD9:
            raise HeaderError
        end = at + 2 + struct.unpack_from(">H", frame, at + 2)[0]
        if end < at + 4 or end > len(frame):
            raise HeaderError
        yield marker, at, end
        at = end


def _read_tables(content: bytes, steps: dict[int, tuple[int, ...]], wide: set[int]) -> None:
    """Read the quantization tables of a segment (T.81 B.2.4.1)."""
    at = 0
    while at < len(content):
        precision, number = content[at] >> 4, content[at] & 15
        length = 128 if precision else 64
        if precision > 1 or number > 3 or at + 1 + length > len(content):
            raise HeaderError
        values = struct.unpack_from(">64H" if precision else ">64B", content, at + 1)
        if not all(values):
            raise HeaderError
        table = [0] * 64
        for value, place in zip(values, ZIGZAG, strict=True):
            table[place] = value
        steps[number] = tuple(table)
        wide.discard(number)
        if precision:
            wide.add(number)
        at += 1 + length
