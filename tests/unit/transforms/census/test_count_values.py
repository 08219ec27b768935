"""Counts of a census are those of the whole archive, however it is divided, in memory that is bounded."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.internals import KeptValue
from profiles import ValueId
from storage import Folder
from tests.support.sealed import engine_config
from transforms import CensusTarget
from transforms.census.collect_values import ALL_OBJECTS, MOST_SHOWN, ValueCollector, ValueCount, ValueCounts, shard_of
from transforms.census.count_values import EXACT_PATIENTS, CensusTotals, DistinctPatients, count_values


def patient(number: int) -> bytes:
    return hashlib.sha256(b"patient %d" % number).digest()[:8]


def kept(text: str, before: str | None = None) -> KeptValue:
    value = ValueId("(0008,1030)", text, before)
    return KeptValue(value.digest(), value, "StudyDescription", "LO")


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(1, 4)), max_size=60), st.integers(1, 7))
def test_no_division_changes_the_counts(found: list[tuple[int, int, int]], size: int) -> None:
    counts = [ValueCount(bytes([value]) * 16, patient(one), number) for value, one, number in found]
    parts = [ValueCounts(counts[start : start + size]) for start in range(0, len(counts), size)]
    patients, instances = defaultdict(set), defaultdict(int)
    for value, one, number in counts:
        patients[value].add(one)
        instances[value] += number
    assert {row.value_hash: (row.patients, row.patients_exact, row.instances) for row in count_values(parts)} == {
        value: (len(patients[value]), True, instances[value]) for value in patients
    }


@pytest.mark.parametrize("number", [1, EXACT_PATIENTS, EXACT_PATIENTS + 1, 2 * EXACT_PATIENTS + 1, 50_000])
def test_many_patients_are_estimated_in_bounded_memory(number: int) -> None:
    distinct = DistinctPatients()
    for one in range(number):
        distinct.add(patient(one))
        distinct.add(patient(one // 2))
    found, is_exact = distinct.count()
    assert is_exact == (number <= EXACT_PATIENTS)
    assert found == number if is_exact else abs(found / number - 1) < 0.1
    assert len(distinct._hashes) <= 2 * EXACT_PATIENTS


def test_totals_are_sums() -> None:
    assert CensusTotals.of([]) == CensusTotals(0, 0) and CensusTotals.of([(2, 5), (3, 0)]) == CensusTotals(5, 5)


def test_shuffled_counts_hold_no_value_and_files_hold_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collector = ValueCollector(CensusTarget.of(Folder(str(tmp_path)), "0123abcd", engine_config(monkeypatch)))
    collector.begin()
    head, neck = kept("Head"), kept("Neck", "Neck of Mr. X")
    collector.add([head, neck], patient(1))
    collector.add([kept("Head")], patient(1))
    collector.add([kept("Head")], patient(2))
    shuffled = list(collector.take())
    collector.flush()
    assert {shard for shard, _ in shuffled} == {shard_of(head.hash), shard_of(neck.hash), b"\0\0"}
    assert sorted(count for _, counts in shuffled for count in counts) == sorted(
        [
            ValueCount(ALL_OBJECTS, patient(1), 2),
            ValueCount(ALL_OBJECTS, patient(2), 1),
            ValueCount(kept("Head").hash, patient(1), 2),
            ValueCount(kept("Head").hash, patient(2), 1),
            ValueCount(kept("Neck", "Neck of Mr. X").hash, patient(1), 1),
        ]
    )
    (path,) = tmp_path.iterdir()
    written = [(row["value"], row["before"]) for row in pq.read_table(path).to_pylist()]
    assert written == [("Head", None), ("Neck", "Neck of Mr. X")]
    # what was written in a bundle isn't written again, and what a bundle that failed had is
    collector.begin()
    collector.add([kept("Head"), kept("Arm")], patient(3))
    collector.begin()
    assert list(collector.take()) == []
    collector.add([kept("Arm")], patient(3))
    list(collector.take())
    collector.flush()
    rows = [row["value"] for path in tmp_path.iterdir() for row in pq.read_table(path).to_pylist()]
    assert set(rows) == {"Head", "Neck", "Arm"}


def test_long_and_unwritable_texts_end_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collector = ValueCollector(CensusTarget.of(Folder(str(tmp_path)), "0123abcd", engine_config(monkeypatch)))
    collector.begin()
    collector.add([kept("x" * 10 * MOST_SHOWN), kept("half \ud800")], patient(1))
    list(collector.take())
    collector.flush()
    (path,) = tmp_path.iterdir()
    long, half = (row["value"] for row in pq.read_table(path).to_pylist())
    assert len(long) < MOST_SHOWN + 50 and long.endswith(f"({10 * MOST_SHOWN} characters)") and half == "half \\ud800"
