"""Sums of source ids, by which listings are compared without their names."""

from collections.abc import Iterable

_BYTES = 16
#: number of objects, and the sum of their source ids modulo 2 to the power of 128: bytes, for Beam's integers are shorter. It is
#: combined and in side inputs, which Beam's own coder writes, so it is plain
Sum = tuple[int, bytes]


def add_up(sums: Iterable[Sum]) -> Sum:
    """Return the sum of sums."""
    count = total = 0
    for more, ids in sums:
        count, total = count + more, total + int.from_bytes(ids, "big")
    return count, _sum_as_bytes(total)


def _sum_as_bytes(total: int) -> bytes:
    return (total % (1 << 8 * _BYTES)).to_bytes(_BYTES, "big")


def sum_of_sources(source_ids: Iterable[str]) -> Sum:
    """Return count and sum of source ids.

    They are keyed hashes of 128 bits: two collections with one sum are the same, however large, and neither need be in memory.
    """
    numbers = [int(source_id, 16) for source_id in source_ids]
    return len(numbers), _sum_as_bytes(sum(numbers))
