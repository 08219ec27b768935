"""Which rows of an earlier run's tables may be touched by what is in use now."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.uid_map import uids_in_use
from transforms.uid_map.uids_in_use import UidsInUse, joined

HASHES = st.lists(st.sampled_from([bytes([first]) + bytes(30) + bytes([last]) for first in range(9) for last in range(3)]))


def gathered(hashes: list[bytes]) -> bytes:
    return np.array([int.from_bytes(one[:8], "big") for one in hashes], np.uint64).tobytes()


def table_of(hashes: list[bytes]) -> pa.Table:
    halves = [pa.array(part, pa.binary(32)) for part in (hashes[: len(hashes) // 2], hashes[len(hashes) // 2 :])]
    return pa.table({"hash": pa.chunked_array(halves), "number": range(len(hashes))})


@given(st.lists(HASHES), HASHES)
def test_no_row_with_a_uid_in_use_is_left_out_and_none_is_lost(parts: list[list[bytes]], known: list[bytes]) -> None:
    in_use = UidsInUse(joined([joined(gathered(part) for part in parts[1:]), *(gathered(part) for part in parts[:1])]))
    touched, untouched = in_use.divide(table_of(known), "hash")
    begin = {one[:8] for part in parts for one in part}
    assert [one[:8] in begin for one in touched["hash"].to_pylist()] == [True] * touched.num_rows
    assert [one[:8] in begin for one in untouched["hash"].to_pylist()] == [False] * untouched.num_rows
    numbers = [*touched["number"].to_pylist(), *untouched["number"].to_pylist()]
    assert sorted(numbers) == list(range(len(known)))


def test_where_there_are_too_many_every_row_may_be_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uids_in_use, "MOST", 2)
    hashes = [bytes([number]) * 32 for number in range(3)]
    few, many = (joined(gathered(hashes[:count]) for _ in range(2)) for count in (2, 3))
    assert len(few) == 16
    table = table_of([b"x" * 32])
    assert UidsInUse(few).divide(table, "hash")[0].num_rows == 0
    for found in (many, joined([few, many]), joined([many])):
        touched, untouched = UidsInUse(found).divide(table, "hash")
        assert (touched.num_rows, untouched.num_rows) == (1, 0)
