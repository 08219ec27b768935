"""Huffman tables that fit the symbols of an image (T.81 K.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_LONGEST = 16


class HuffmanTable(NamedTuple):
    """A Huffman table.

    Attributes:
        specification: numbers of codes of each length and the symbols, as in a segment DHT.
        codes, lengths: of each of 256 symbols; length 0 where it has none.
    """

    specification: bytes
    codes: tuple[int, ...]
    lengths: tuple[int, ...]


def fitting_table(frequencies: Sequence[int]) -> HuffmanTable:
    """Return the table for symbols that are that frequent. No code has ones only (T.81 C)."""
    lengths = _code_lengths(frequencies)
    counts = [0] * (_LONGEST + 1)
    for length in lengths.values():
        counts[length] += 1
    symbols = sorted(lengths, key=lambda symbol: (lengths[symbol], symbol))
    codes, of_symbol = [0] * 256, [0] * 256
    code, before = 0, 0
    for symbol in symbols:
        code <<= lengths[symbol] - before
        before = lengths[symbol]
        codes[symbol], of_symbol[symbol] = code, before
        code += 1
    return HuffmanTable(bytes(counts[1:]) + bytes(symbols), tuple(codes), tuple(of_symbol))


def _code_lengths(frequencies: Sequence[int]) -> dict[int, int]:
    """Return the lengths of the codes of the symbols that occur."""
    weights = {symbol: int(weight) for symbol, weight in enumerate(frequencies) if weight}
    # the code of ones only goes to nobody
    weights[256] = 1
    groups = {symbol: [symbol] for symbol in weights}
    lengths = dict.fromkeys(weights, 0)
    while len(groups) > 1:
        # of equals, the greater symbol is merged first: the reserved one ends up the longest
        first, second = sorted(groups, key=lambda symbol: (weights[symbol], -symbol))[:2]
        members = groups.pop(second) + groups.pop(first)
        for member in members:
            lengths[member] += 1
        groups[first] = members
        weights[first] += weights[second]
    counts = [0] * (max(lengths.values(), default=0) + 2)
    for length in lengths.values():
        counts[length] += 1
    _shorten(counts)
    # the reserved code is one of the longest
    counts[max(length for length, count in enumerate(counts) if count)] -= 1
    symbols = sorted((symbol for symbol in lengths if symbol != 256), key=lambda symbol: (lengths[symbol], -frequencies[symbol]))
    shortened = [length for length, count in enumerate(counts) for _ in range(count)]
    return dict(zip(symbols, shortened, strict=True))


def _shorten(counts: list[int]) -> None:
    """Have no code longer than 16 bits (T.81 K.2, figure K.3)."""
    for length in range(len(counts) - 1, _LONGEST, -1):
        while counts[length] > 0:
            shorter = length - 2
            while not counts[shorter]:
                shorter -= 1
            counts[length] -= 2
            counts[length - 1] += 1
            counts[shorter + 1] += 2
            counts[shorter] -= 1
