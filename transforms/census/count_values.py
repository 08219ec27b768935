"""Count the patients and instances of each value, in memory that is bounded for any archive, and write the counts."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import PCollection

from storage import check_running

from ..tables.parquet_files import TableWriter
from .census_target import COUNTS_SCHEMA, CensusTarget
from .collect_values import ALL_OBJECTS, ValueCounts

#: patients of a value are counted exactly up to this number; beyond it the number is an estimate with an error of some 3 %
EXACT_PATIENTS = 1024
_HASHES = 1 << 64

#: the fields of CensusTotals. It is in a side input, which Beam's own coder writes, so it is plain
CensusCounts = tuple[int, int]


class CensusTotals(NamedTuple):
    """Counts of a run's census.

    Attributes:
        values: distinct values.
        objects: objects whose values were counted.
    """

    values: int = 0
    objects: int = 0

    @classmethod
    def of(cls, counts: Iterable[CensusCounts]) -> "CensusTotals":
        """Return the sum of counts."""
        return cls(*map(sum, zip(*counts, strict=True))) if (counts := list(counts)) else cls()


class CountedValue(NamedTuple):
    """A row of COUNTS_SCHEMA."""

    value_hash: bytes
    patients: int
    patients_exact: bool
    instances: int


class DistinctPatients:
    """A number of distinct keyed hashes: exact while they are few, then estimated by the least of them.

    Hashes are spread evenly, so where the k least of n lie tells n (Bar-Yossef et al. 2002, k minimum values).
    """

    __slots__ = ("_hashes", "_is_exact")

    def __init__(self) -> None:
        self._hashes: set[bytes] = set()
        self._is_exact = True

    def add(self, patient: bytes) -> None:
        """Add the keyed hash of a patient, 8 bytes."""
        self._hashes.add(patient)
        if len(self._hashes) > 2 * EXACT_PATIENTS:
            self._is_exact = False
            self._hashes = set(sorted(self._hashes)[:EXACT_PATIENTS])

    def count(self) -> tuple[int, bool]:
        """Return the number, and whether it is exact."""
        if self._is_exact and len(self._hashes) <= EXACT_PATIENTS:
            return len(self._hashes), True
        kth = sorted(self._hashes)[EXACT_PATIENTS - 1]
        return round((EXACT_PATIENTS - 1) * _HASHES / (int.from_bytes(kth, "big") + 1)), False


def count_values(parts: Iterable[ValueCounts]) -> list[CountedValue]:
    """Return the counts of each value.

    Args:
        parts: all counts of the values of one part.
    """
    patients: dict[bytes, DistinctPatients] = {}
    instances: dict[bytes, int] = {}
    for counts in parts:
        check_running()
        for value, patient, number in counts:
            if value not in patients:
                patients[value] = DistinctPatients()
            patients[value].add(patient)
            instances[value] = instances.get(value, 0) + number
    return [CountedValue(value, *patients[value].count(), instances[value]) for value in sorted(patients)]


def counts_table(rows: list[CountedValue]) -> pa.Table:
    """Return rows of COUNTS_SCHEMA."""
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, COUNTS_SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=COUNTS_SCHEMA)


class _Count(beam.DoFn):
    def __init__(self, target: CensusTarget) -> None:
        self._target = target

    def start_bundle(self) -> None:
        self._writer = TableWriter(self._target.counts, self._target.counts.prefix, counts_table)

    def process(self, part: tuple[bytes, Iterable[ValueCounts]]) -> Iterator[CensusCounts]:
        rows = count_values(part[1])
        self._writer.add(rows)
        objects = sum(row.instances for row in rows if row.value_hash == ALL_OBJECTS)
        yield sum(row.value_hash != ALL_OBJECTS for row in rows), objects

    def finish_bundle(self) -> None:
        check_running()
        # a bundle that is repeated writes the same counts once more: readers take each value once
        self._writer.finish()


class CountValues(beam.PTransform[PCollection[tuple[bytes, ValueCounts]], PCollection[CensusCounts]]):
    """Counts of single patients, by the parts of their values -> CensusCounts: the files of counts are in the folder."""

    def __init__(self, target: CensusTarget) -> None:
        super().__init__()
        self._count = _Count(target)

    def expand(self, counts: PCollection[tuple[bytes, ValueCounts]]) -> PCollection[CensusCounts]:
        return counts | "Together" >> beam.GroupByKey() | "Count" >> beam.ParDo(self._count).with_output_types(CensusCounts)
