"""Collect the values that stay in objects: the values go to restricted files, their hashes and counts into the shuffle."""

import threading
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa

from anonymizer.internals import KeptValue
from profiles import MOST_SHOWN, VALUE_HASH_SIZE

from ..shuffle.record_coder import PackedRecordCoder, register_record
from ..tables.parquet_files import TableWriter
from .census_target import VALUES_SCHEMA, CensusTarget

#: stands for the objects themselves: how many there are, and of how many patients
ALL_OBJECTS = bytes(VALUE_HASH_SIZE)
#: values are counted in so many parts, each by one worker
_SHARD_BITS = 10
#: pairs of value and patient that a worker gathers, and values that it remembers to have written
_MOST_PAIRS, _MOST_WRITTEN = 200_000, 200_000


class ValueCount(NamedTuple):
    """A value in the objects of one patient.

    Attributes:
        value: its keyed hash, or ``ALL_OBJECTS``.
        patient: the patient's keyed hash, 8 bytes; the study's, where no PatientID tells.
        instances: how many objects have it.
    """

    value: bytes
    patient: bytes
    instances: int


class ValueCounts(list[ValueCount]):
    """Counts that pass between steps together: their values are of one part."""


register_record(ValueCounts, PackedRecordCoder)


def shard_of(value: bytes) -> bytes:
    """Return the part in which a value is counted."""
    return (int.from_bytes(value[:2], "big") >> (16 - _SHARD_BITS)).to_bytes(2, "big")


class _ValueRow(NamedTuple):
    """A row of VALUES_SCHEMA. Long texts are cut before rows wait to be written."""

    value_hash: bytes
    attribute: str
    keyword: str
    vr: str
    value: str
    before: str | None

    @classmethod
    def of(cls, kept: KeptValue) -> "_ValueRow":
        before = None if kept.id.before is None else _shown(kept.id.before)
        return cls(kept.hash, _writable(kept.id.attribute), kept.keyword, kept.vr, _shown(kept.id.value), before)


def _values_table(rows: list[_ValueRow]) -> pa.Table:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, VALUES_SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=VALUES_SCHEMA)


def _shown(text: str) -> str:
    return _writable(text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}... ({len(text)} characters)")


def _writable(text: str) -> str:
    """Return text that can be encoded: no character set gives half of a surrogate pair, but a run must not end by one."""
    return text.encode("utf-8", "backslashreplace").decode()


class ValueCollector:
    """Collects the values of one worker. Threads share it."""

    def __init__(self, target: CensusTarget) -> None:
        self._lock = threading.Lock()
        self._writer = TableWriter(target.values, target.values.prefix, _values_table)
        self._counts: dict[tuple[bytes, bytes], int] = {}
        self._new: list[_ValueRow] = []
        self._written: set[bytes] = set()
        self._is_flushed = True

    def begin(self) -> None:
        """Begin a bundle: forget what was gathered of one that failed."""
        self._counts.clear()
        if not self._is_flushed:
            # rows of the bundle that failed may be in no file
            self._written.clear()

    def add(self, kept: Iterable[KeptValue], patient: bytes) -> None:
        """Add the values that stay in one object.

        Args:
            patient: as in ValueCount.
        """
        with self._lock:
            self._is_flushed = False
            self._count(ALL_OBJECTS, patient)
            for value in kept:
                self._count(value.hash, patient)
                if value.hash not in self._written:
                    self._written.add(value.hash)
                    self._new.append(_ValueRow.of(value))

    def _count(self, value: bytes, patient: bytes) -> None:
        key = value, patient
        self._counts[key] = self._counts.get(key, 0) + 1

    @property
    def is_full(self) -> bool:
        """True if the counts should be taken before more are added."""
        return len(self._counts) >= _MOST_PAIRS

    def take(self) -> Iterator[tuple[bytes, ValueCounts]]:
        """Yield the counts since the last call, by the parts of their values; values that are new go to the writer."""
        self._writer.add(self._new)
        self._new = []
        counts, self._counts = self._counts, {}
        by_shard: dict[bytes, ValueCounts] = {}
        for (value, patient), instances in counts.items():
            by_shard.setdefault(shard_of(value), ValueCounts()).append(ValueCount(value, patient, instances))
        yield from by_shard.items()

    def flush(self) -> None:
        """Write the values that were gathered: afterwards they are in files, even if the bundle fails."""
        self._writer.finish()
        self._is_flushed = True
        if len(self._written) >= _MOST_WRITTEN:
            # a value that is written twice does no harm
            self._written.clear()
