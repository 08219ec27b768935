"""A file over ranges: few of them, and always the right bytes."""

from __future__ import annotations

import io
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer import DeidentificationError
from storage.containers import SeekableEntry
from tests.support.running import budget
from tests.unit.storage.containers.fakes import FakeContainer

CONTENT = random.Random(1).randbytes(3_000_000)
SIZE = len(CONTENT)


def entry_of(content: bytes = CONTENT, known: bool = True) -> tuple[FakeContainer, SeekableEntry]:
    container = FakeContainer(content, most=100_000)
    return container, SeekableEntry(container.open_range, len(content) if known else -1)


def test_its_end_comes_by_one_request() -> None:
    container, entry = entry_of()
    assert entry.bytes_at(SIZE - 10, SIZE) == CONTENT[-10:]
    assert entry.bytes_at(SIZE - 200_000, SIZE - 5) == CONTENT[-200_000:-5]
    assert container.requests == [(SIZE - (256 << 10), SIZE)]


def test_an_unknown_size_takes_a_request() -> None:
    container, entry = entry_of(known=False)
    assert entry.seek(0, io.SEEK_END) == SIZE and container.requests == [(0, 1)]
    assert entry.version == "1"


def test_reading_on_takes_larger_and_larger_ranges() -> None:
    container, entry = entry_of()
    assert io.BufferedReader(entry).read() == CONTENT
    assert len(container.requests) <= 6


@budget(50)
@given(st.lists(st.tuples(st.integers(0, SIZE + 10), st.integers(0, 700_000)), max_size=8))
def test_the_right_bytes_come(ranges: list[tuple[int, int]]) -> None:
    with io.BufferedReader(entry_of()[1]) as file:
        for start, length in ranges:
            file.seek(start)
            assert file.read(length) == CONTENT[start : start + length]


def test_parquet_is_read_from_it() -> None:
    out = io.BytesIO()
    table = pa.table({"x": list(range(100_000)), "y": [str(i) for i in range(100_000)]})
    pq.write_table(table, out)
    with io.BufferedReader(entry_of(out.getvalue())[1]) as file:
        assert pq.read_table(file).equals(table)


def test_positions_and_wrong_sizes() -> None:
    container, entry = entry_of()
    assert (entry.seek(5), entry.seek(-2, io.SEEK_CUR), entry.seek(-1, io.SEEK_END), entry.tell()) == (5, 3, SIZE - 1, SIZE - 1)
    with pytest.raises(OSError, match="before the beginning"):
        entry.seek(-1)
    with pytest.raises(DeidentificationError, match="changed-during-run"):
        SeekableEntry(container.open_range, SIZE + 5).bytes_at(SIZE - 1, SIZE + 5)


def test_another_version_in_between_is_noticed() -> None:
    container, entry = entry_of()
    entry.bytes_at(0, 10)
    container.version = "2"
    with pytest.raises(DeidentificationError, match="changed-during-run"):
        entry.bytes_at(SIZE - 10, SIZE)
