"""The scan of a sequential DCT frame from its coefficients (T.81 F.1.2), whole arrays at a time. Runs in a child process."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..child_processes.operations import UnsupportedError
from .huffman import HuffmanTable, fitting_table
from .jpeg_header import ZIGZAG, Component

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    Array = numpy.typing.NDArray[Any]

#: blocks whose symbols are found, and coded, at once
_BLOCKS = 1 << 15
#: an MCU has no more blocks (T.81 B.2.3)
_MOST_BLOCKS_OF_MCU = 10
#: bits -> the largest categories of DC differences and of AC coefficients (T.81 F.1.2.1.1, F.1.2.2.1)
_CATEGORIES = {8: (11, 10), 12: (15, 14)}
_DC, _AC = 0, 1
#: sixteen zeros; no more values
_RUN, _END = 0xF0, 0x00


class _Tokens(NamedTuple):
    """Symbols of a stretch of the scan, in order: what they are coded by, and the bits that follow them.

    Attributes:
        tables: uint8: twice the number of the pair of tables, and 1 for AC.
        symbols: uint8; the low four bits are the number of bits that follow.
        extras: uint16.
        ends: for each restart interval that ends here: how many tokens there are up to it.
    """

    tables: Array
    symbols: Array
    extras: Array
    ends: Array


def write_scans(
    components: Sequence[Component], identifiers: Sequence[int], blocks: Sequence[Array], bits: int, restart: int
) -> bytes:
    """Return the segments DHT and SOS with their entropy-coded data.

    Args:
        blocks: coefficients of each component, row by row in a block, shape (block rows, block columns, 64).
        bits: 8 or 12.
        restart: MCUs of a restart interval; 0 for none.

    Raises:
        UnsupportedError: a coefficient is larger than the process can code.
    """
    together = sum(component.h * component.v for component in components) <= _MOST_BLOCKS_OF_MCU
    numbers = range(len(components))
    scans = [list(numbers)] if together or len(components) == 1 else [[number] for number in numbers]
    return b"".join(_write_scan(components, identifiers, blocks, scan, bits, restart) for scan in scans)


def _write_scan(
    components: Sequence[Component],
    identifiers: Sequence[int],
    blocks: Sequence[Array],
    scan: list[int],
    bits: int,
    restart: int,
) -> bytes:
    import numpy

    order = _scan_order(components, blocks, scan)
    # whole restart intervals at a time: nothing has to be known of those before
    step = order.of_mcu * (restart or 1)
    step *= max(1, _BLOCKS // step)
    frequencies = numpy.zeros((4, 256), numpy.int64)
    differences = _dc_differences(order, restart)
    stretches = []
    for at in range(0, len(order.blocks), step):
        some = slice(at, at + step)
        tokens = _find_tokens(order.blocks[some], differences[some], order.pairs[some], bits, order.of_mcu * restart)
        frequencies += numpy.bincount(tokens.tables.astype(numpy.int64) << 8 | tokens.symbols, minlength=1024).reshape(4, 256)
        stretches.append(tokens)
    tables = [fitting_table(frequency.tolist()) for frequency in frequencies]
    used = sorted({2 * _pair(number) + kind for number in scan for kind in (_DC, _AC)})
    definitions = b"".join(bytes([(number & 1) << 4 | number >> 1]) + tables[number].specification for number in used)
    selectors = b"".join(bytes([identifiers[number], _pair(number) * 0x11]) for number in scan)
    head = struct.pack(">HH", 0xFFC4, 2 + len(definitions)) + definitions
    head += struct.pack(">HHB", 0xFFDA, 6 + len(selectors), len(scan)) + selectors + b"\0\x3f\0"
    return head + b"".join(_pack(stretches, tables))


def _pair(component: int) -> int:
    """Return the number of the pair of tables that a component is coded by."""
    return min(component, 1)


class _Order(NamedTuple):
    """The blocks of a scan in their order (T.81 A.2).

    Attributes:
        blocks: shape (blocks, 64).
        pairs: uint8: the pair of tables of each block.
        counts: how many blocks of each component there are in an MCU.
    """

    blocks: Array
    pairs: Array
    counts: list[int]

    @property
    def of_mcu(self) -> int:
        return sum(self.counts)


def _scan_order(components: Sequence[Component], blocks: Sequence[Array], scan: list[int]) -> _Order:
    import numpy

    if len(scan) == 1:
        alone = blocks[scan[0]].reshape(-1, 64)
        return _Order(alone, numpy.full(len(alone), _pair(scan[0]), numpy.uint8), [1])
    mcu_rows = max(-(-components[number].block_rows // components[number].v) for number in scan)
    mcu_columns = max(-(-components[number].block_columns // components[number].h) for number in scan)
    parts, pairs = [], []
    for number in scan:
        _, _, h, v, _ = components[number]
        rows, columns, _ = blocks[number].shape
        filled = numpy.zeros((mcu_rows * v, mcu_columns * h, 64), blocks[number].dtype)
        filled[:rows, :columns] = blocks[number]
        # blocks that fill up an MCU repeat the level beside them, which takes the least bits
        filled[:rows, columns:, 0] = blocks[number][:, -1:, 0]
        filled[rows:, :, 0] = filled[rows - 1, :, 0]
        parts.append(filled.reshape(mcu_rows, v, mcu_columns, h, 64).transpose(0, 2, 1, 3, 4).reshape(-1, v * h, 64))
        pairs += [_pair(number)] * (v * h)
    together = numpy.concatenate(parts, axis=1).reshape(-1, 64)
    counts = [part.shape[1] for part in parts]
    return _Order(together, numpy.resize(numpy.array(pairs, numpy.uint8), len(together)), counts)


def _dc_differences(order: _Order, restart: int) -> Array:
    """Return the difference of each block's DC from that of its component's block before (T.81 F.1.1.5.1)."""
    import numpy

    levels = order.blocks[:, 0].astype(numpy.int32).reshape(-1, order.of_mcu)
    differences = numpy.empty_like(levels)
    begin = 0
    for count in order.counts:
        own = slice(begin, begin + count)
        row = levels[:, own].reshape(-1)
        before = numpy.concatenate((row[:1] * 0, row[:-1]))
        if restart:
            before[:: count * restart] = 0
        differences[:, own] = (row - before).reshape(-1, count)
        begin += count
    return differences.reshape(-1)


def _find_tokens(blocks: Array, differences: Array, pairs: Array, bits: int, interval: int) -> _Tokens:
    """Return the tokens of blocks, with restart intervals of ``interval`` blocks (T.81 F.1.2)."""
    import numpy

    most_dc, most_ac = _CATEGORIES[bits]
    sizes = _categories(differences, most_dc)
    waves = blocks[:, ZIGZAG].astype(numpy.int32)
    waves[:, 0] = 0
    at, place = numpy.nonzero(waves)
    values = waves[at, place]
    value_sizes = _categories(values, most_ac)
    # zeros since the value before, or since DC
    before = numpy.concatenate(([0], place[:-1]))
    first = numpy.concatenate(([True], at[1:] != at[:-1]))[: len(at)]
    before = numpy.where(first, 0, before[: len(at)])
    zeros = place - before - 1
    last = numpy.zeros(len(blocks), numpy.int64)
    last[at] = place
    open_blocks = numpy.flatnonzero(last < 63)
    # a place in the order for each token: 256 for a block, and four for a value, whose runs of 16 zeros go before it
    keys, symbols, extras, kinds = (
        [numpy.arange(len(blocks)) << 8],
        [sizes],
        [_extra_bits(differences, sizes)],
        [numpy.full(len(blocks), _DC)],
    )
    own = (at << 8) + 4 * place
    keys.append(own + 3)
    symbols.append((zeros & 15) << 4 | value_sizes)
    extras.append(_extra_bits(values, value_sizes))
    runs = [(own[zeros >= 16 * count] + count - 1, _RUN) for count in (1, 2, 3)]
    for keys_of, symbol in (*runs, ((open_blocks << 8) + 255, _END)):
        keys.append(keys_of)
        symbols.append(numpy.full(len(keys_of), symbol))
        extras.append(numpy.zeros(len(keys_of), numpy.int32))
    kinds.append(numpy.full(sum(map(len, keys)) - len(blocks), _AC))
    key = numpy.concatenate(keys)
    order = numpy.argsort(key, kind="stable")
    block = (key >> 8)[order]
    ends = numpy.empty(0, numpy.int64)
    if interval:
        ends = numpy.searchsorted(block, numpy.arange(interval, len(blocks) + interval, interval))
    return _Tokens(
        (2 * pairs[block] + numpy.concatenate(kinds)[order]).astype(numpy.uint8),
        numpy.concatenate(symbols)[order].astype(numpy.uint8),
        numpy.concatenate(extras)[order].astype(numpy.uint16),
        ends,
    )


def _categories(values: Array, most: int) -> Array:
    """Return the bits of each value's magnitude (T.81 tables F.1 and F.2)."""
    import numpy

    sizes = numpy.frexp(numpy.abs(values).astype(numpy.float64))[1]
    if sizes.size and int(sizes.max()) > most:
        raise UnsupportedError
    return sizes


def _extra_bits(values: Array, sizes: Array) -> Array:
    """Return the bits that tell a value of its category: negative ones less one (T.81 F.1.2.1.1)."""
    bits: Array = (values - (values < 0)) & ((1 << sizes) - 1)
    return bits


def _pack(stretches: list[_Tokens], tables: Sequence[HuffmanTable]) -> Iterator[bytes]:
    """Yield entropy-coded data, with restart markers between intervals (T.81 B.1.1.5, F.1.2.3)."""
    import numpy

    codes = numpy.array([table.codes for table in tables], numpy.uint64)
    lengths = numpy.array([table.lengths for table in tables], numpy.int64)
    left, left_bits, intervals = 0, 0, 0
    for number, tokens in enumerate(stretches):
        is_last = number == len(stretches) - 1
        follow = (tokens.symbols & 15).astype(numpy.int64)
        values = codes[tokens.tables, tokens.symbols] << follow.astype(numpy.uint64) | tokens.extras
        widths = lengths[tokens.tables, tokens.symbols] + follow
        markers = numpy.empty(0, numpy.int64)
        if len(tokens.ends):
            sums = numpy.add.reduceat(widths, numpy.concatenate(([0], tokens.ends[:-1])))
            pads = -sums % 8
            count = len(pads) - is_last
            names = 0xFFD0 + (intervals + numpy.arange(count)) % 8
            intervals += count
            # a padding at the end of each interval, and a marker behind it
            markers = numpy.cumsum((sums + pads) // 8 + 2)[:count] - 2
            places = numpy.concatenate((tokens.ends, tokens.ends[:count]))
            values = numpy.insert(values, places, numpy.concatenate(((1 << pads) - 1, names)).astype(numpy.uint64))
            widths = numpy.insert(widths, places, numpy.concatenate((pads, numpy.full(count, 16))))
        elif is_last:
            pad = -(left_bits + int(widths.sum())) % 8
            values = numpy.append(values, numpy.uint64((1 << pad) - 1))
            widths = numpy.append(widths, pad)
        values = numpy.insert(values, 0, numpy.uint64(left))
        widths = numpy.insert(widths, 0, left_bits)
        data, left, left_bits = _join(values, widths)
        is_stuffed = data == 0xFF
        is_stuffed[markers] = False
        yield numpy.insert(data, numpy.flatnonzero(is_stuffed) + 1, 0).tobytes()


def _join(values: Array, widths: Array) -> tuple[Array, int, int]:
    """Return the bytes of values of so many bits, 32 at most, one behind the other, and the bits that fill no byte."""
    import numpy

    ends = numpy.cumsum(widths)
    total = int(ends[-1])
    begins = ends - widths
    words, within = begins >> 5, begins & 31
    # each value lies in two words of 32 bits; no two have a bit in common, so that their sum is exact in floating point
    shifted = values << numpy.minimum(64 - within - widths, 63).astype(numpy.uint64)
    count = (total >> 5) + 2
    high = numpy.bincount(words, shifted >> numpy.uint64(32), count + 1)
    low = numpy.bincount(words + 1, shifted & numpy.uint64(0xFFFFFFFF), count + 1)
    data = (high + low).astype(">u4").view(numpy.uint8)
    whole, rest = divmod(total, 8)
    return data[:whole], int(data[whole]) >> (8 - rest) if rest else 0, rest
