"""What a run's tables add up to, from their own rows."""

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms import (
    GONE_TABLE,
    INSTANCES_TABLE,
    REFERENCES_TABLE,
    UID_MAP_TABLE,
    OutputFingerprint,
    Status,
    add_up,
    has_settings,
    sum_of_sources,
)

from ..errors import RunError

_REFUSED = pa.array([Status.QUARANTINED.value, Status.FILTERED.value])
_IN_OUTPUT = pa.array([Status.WRITTEN.value, Status.SKIPPED.value])


@dataclass
class TableCounts:
    """Counts of tables.

    Attributes:
        statuses: objects by status.
        reasons: objects that weren't written, by reason code.
        risks_refused, risks_kept: objects with each risk of their pixels: those that were refused, and all others.
        bytes_written: sum of the sizes of those that were written.
        sources: their ``sum_of_sources``.
        uids: UIDs that were replaced.
        outside: UIDs that objects refer to and none has as its own.
        joining_patients: UIDs that objects of two patients use.
        gone: objects that the last run knew and that aren't listed any more.
        inputs: objects by the ids of the inputs that list them.
        new_quarantined: quarantined objects by reason that weren't quarantined for it before this run.
        incomplete: studies with quarantined objects, by the beginnings of their keyed hashes.
        without_study: quarantined objects of which the study isn't known.
        superseded: refused objects that an earlier run wrote.
        other_versions, other_settings: objects in the output that another version wrote; that this one wrote by other settings.
    """

    run_id: str
    making: OutputFingerprint
    statuses: Counter[str] = field(default_factory=lambda: Counter({status.value: 0 for status in Status}))
    reasons: Counter[str] = field(default_factory=Counter)
    risks_refused: Counter[str] = field(default_factory=Counter)
    risks_kept: Counter[str] = field(default_factory=Counter)
    bytes_written: int = 0
    sources: tuple[int, bytes] = field(default_factory=lambda: sum_of_sources(()))
    uids: int = 0
    outside: int = 0
    joining_patients: int = 0
    gone: int = 0
    inputs: Counter[str] = field(default_factory=Counter)
    new_quarantined: Counter[str] = field(default_factory=Counter)
    incomplete: set[bytes] = field(default_factory=set)
    without_study: int = 0
    superseded: int = 0
    other_versions: int = 0
    other_settings: int = 0

    def add(self, name: str, content: bytes, rows: int) -> None:
        """Count a file.

        Args:
            rows: how many were written to it.

        Raises:
            RunError: it doesn't have them.
        """
        file = pq.ParquetFile(pa.BufferReader(content))
        if file.metadata.num_rows != rows:
            raise RunError("a table doesn't have the rows that were written to it")
        kind = name.split("-", 1)[0]
        if kind not in _COUNTED:
            return
        columns, count = _COUNTED[kind]
        # a job of an earlier version may just have ended on its engine: its rows have less
        known = [name for name in columns if name in file.schema_arrow.names]
        for batch in file.iter_batches(columns=known):
            count(self, batch)

    def _instances(self, batch: pa.RecordBatch) -> None:
        inputs = [(self.inputs, "input_id")] if "input_id" in batch.schema.names else []
        for counter, column in ((self.statuses, "status"), (self.reasons, "reason"), *inputs):
            _count(counter, batch.column(column))
        refused = pc.equal(batch.column("status"), Status.QUARANTINED.value)
        _count(self.risks_refused, pc.list_flatten(batch.column("pixel_risks").filter(refused)))
        _count(self.risks_kept, pc.list_flatten(batch.column("pixel_risks").filter(pc.invert(refused))))
        written = batch.column("size").filter(pc.equal(batch.column("status"), Status.WRITTEN.value))
        self.bytes_written += pc.sum(written).as_py() or 0
        if "since" in batch.schema.names:
            self._settings(batch)
            self._refused(batch.filter(refused))
            self._superseded(batch.filter(pc.is_in(batch.column("status"), _REFUSED)))
        self.sources = add_up((self.sources, sum_of_sources(batch.column("source_id").to_pylist())))

    def _settings(self, batch: pa.RecordBatch) -> None:
        rows = batch.filter(pc.is_in(batch.column("status"), _IN_OUTPUT))
        is_version = pc.equal(rows.column("version"), self.making.version)
        self.other_versions += len(rows) - _trues(is_version)
        self.other_settings += _trues(pc.and_not(is_version, has_settings(rows, self.making)))

    def _refused(self, rows: pa.RecordBatch) -> None:
        _count(self.new_quarantined, rows.column("reason").filter(pc.equal(rows.column("since"), self.run_id)))
        studies = pc.unique(rows.column("study_hash").drop_null())
        self.incomplete.update(map(bytes.fromhex, studies.to_pylist()))
        self.without_study += rows.column("study_hash").null_count

    def _superseded(self, rows: pa.RecordBatch) -> None:
        # what lies under the name of its output came of the same object
        self.superseded += _trues(pc.and_(pc.is_valid(rows.column("output_name")), pc.is_valid(rows.column("written_in"))))

    def _uid_map(self, batch: pa.RecordBatch) -> None:
        self.uids += len(batch) - batch.column("new_uid").null_count

    def _gone(self, batch: pa.RecordBatch) -> None:
        self.gone += len(batch)

    def _references(self, batch: pa.RecordBatch) -> None:
        self.outside += pc.sum(batch.column("outside")).as_py() or 0
        self.joining_patients += pc.sum(batch.column("joins_patients")).as_py() or 0


def _trues(column: pa.Array) -> int:
    return pc.sum(column).as_py() or 0


def _count(counter: Counter[str], column: pa.Array) -> None:
    for found in pc.value_counts(column.drop_null()):
        counter[found["values"].as_py()] += found["counts"].as_py()


_COUNTED = {
    INSTANCES_TABLE: (
        (
            *("source_id", "status", "reason", "size", "pixel_risks", "input_id", "since", "study_hash"),
            *("output_name", "written_in", "version", "profile_digest", "settings_digest"),
        ),
        TableCounts._instances,
    ),
    UID_MAP_TABLE: (("new_uid",), TableCounts._uid_map),
    GONE_TABLE: (("source_id",), TableCounts._gone),
    REFERENCES_TABLE: (("outside", "joins_patients"), TableCounts._references),
}
