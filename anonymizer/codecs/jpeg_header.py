"""The header of a DCT frame, as far as the entropy coder has to know it (T.81 B.2). The parent reads it, a child gets it."""

from __future__ import annotations

from typing import Any, NamedTuple

#: number in the zigzag sequence -> place in the block, row by row (T.81 figure A.6)
ZIGZAG = tuple(sorted(range(64), key=lambda at: (at // 8 + at % 8, at // 8 if (at // 8 + at % 8) % 2 else at % 8)))


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
    """The header of a DCT frame that is plain.

    Attributes:
        identifiers: of the components.
        restart: MCUs of a restart interval; 0 for none.
        extended: the frame has 12 bits, steps of 16, or says so: Baseline doesn't know these.
        begin, end: of the SOF segment; ahead of it are marks of colours and quantization tables.
    """

    bits: int
    components: tuple[Component, ...]
    identifiers: tuple[int, ...]
    restart: int
    extended: bool
    begin: int
    end: int

    @classmethod
    def of(cls, content: list[Any]) -> JpegHeader:
        """Return the header that was sent to a child."""
        bits, components, *others = content
        return cls(bits, tuple(Component(*component) for component in components), *others)
