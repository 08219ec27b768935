"""Counts of a run's audit tables, from their rows."""

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms import (
    GONE_TABLE,
    INSTANCES_TABLE,
    PIXELS_TABLE,
    REFERENCES_TABLE,
    UID_MAP_TABLE,
    OutputFingerprint,
    Status,
    add_up,
    has_settings,
    sum_of_sources,
)

from ..errors import RunError
from .left_outputs import LeftOutputs
from .statuses import is_in_output

_REFUSED = pa.array([Status.QUARANTINED.value, Status.FILTERED.value])


@dataclass
class TableCounts:
    """Counts of a run's tables; ``RunReport`` describes most of them.

    Attributes:
        run_id: id of the run.
        fingerprint: version and settings of the run.
        statuses: objects by status.
        reasons: objects that were not written, by reason code.
        risks_refused, risks_kept: quarantined objects, and all others, by pixel risk.
        blanked_by, kept_by: objects in which a source has something blanked, and nothing, by source.
        bytes_written: sum of the sizes of written objects.
        sources: ``sum_of_sources`` of all objects.
        uids: replaced UIDs.
        outside: UIDs that are referred to, but that no object of the archive has.
        joining_patients: UIDs that objects of two patients use.
        gone: objects that the last run listed and that are no longer listed.
        left: outputs that earlier runs wrote, and that no object of this one has, as far as the rows tell.
        inputs: objects by id of their input.
        new_quarantined: quarantined objects that were not quarantined for the same reason before this run, by reason.
        incomplete: studies with quarantined objects, by the first bytes of their keyed hashes.
        without_study: quarantined objects whose study is unknown.
        superseded: refused objects with an output of an earlier run.
        other_versions, other_settings: objects in the output that another version wrote, or this version with other settings.
    """

    run_id: str
    fingerprint: OutputFingerprint
    statuses: Counter[str] = field(default_factory=lambda: Counter({status.value: 0 for status in Status}))
    reasons: Counter[str] = field(default_factory=Counter)
    risks_refused: Counter[str] = field(default_factory=Counter)
    risks_kept: Counter[str] = field(default_factory=Counter)
    blanked_by: Counter[str] = field(default_factory=Counter)
    kept_by: Counter[str] = field(default_factory=Counter)
    bytes_written: int = 0
    sources: tuple[int, bytes] = field(default_factory=lambda: sum_of_sources(()))
    uids: int = 0
    outside: int = 0
    joining_patients: int = 0
    gone: int = 0
    left: LeftOutputs = field(init=False)
    inputs: Counter[str] = field(default_factory=Counter)
    new_quarantined: Counter[str] = field(default_factory=Counter)
    incomplete: set[bytes] = field(default_factory=set)
    without_study: int = 0
    superseded: int = 0
    other_versions: int = 0
    other_settings: int = 0
    _last_source: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        self.left = LeftOutputs(self.run_id)

    def add(self, name: str, content: bytes, rows: int) -> None:
        """Add the rows of a table file to the counts.

        Args:
            name: name of the file, which begins with the kind of table.
            content: content of the file (Parquet).
            rows: number of rows that were written to it.

        Raises:
            RunError: the file has another number of rows.
        """
        file = pq.ParquetFile(pa.BufferReader(content))
        if file.metadata.num_rows != rows:
            raise RunError("a table has another number of rows than were written to it: run again")
        kind = name.split("-", 1)[0]
        if kind not in _COUNTED:
            return
        columns, count = _COUNTED[kind]
        # a detached job of an earlier version may write fewer columns
        known = [name for name in columns if name in file.schema_arrow.names]
        for batch in file.iter_batches(columns=known):
            count(self, batch)

    def _instances(self, batch: pa.RecordBatch) -> None:
        inputs = [(self.inputs, "input_id")] if "input_id" in batch.schema.names else []
        for counter, column in ((self.statuses, "status"), (self.reasons, "reason"), *inputs):
            _count(counter, batch.column(column))
        refused = pc.equal(batch.column("status"), Status.QUARANTINED.value)
        _count(self.risks_refused, pc.list_flatten(batch.column("pixel_risks").filter(refused)))
        passed = pc.invert(pc.is_in(batch.column("status"), _REFUSED))
        _count(self.risks_kept, pc.list_flatten(batch.column("pixel_risks").filter(passed)))
        written = batch.column("size").filter(pc.equal(batch.column("status"), Status.WRITTEN.value))
        self.bytes_written += pc.sum(written).as_py() or 0
        if "since" in batch.schema.names:
            self.left.compare(batch)
            self._settings(batch)
            self._refused(batch.filter(refused))
            self._superseded(batch.filter(pc.is_in(batch.column("status"), _REFUSED)))
        self.sources = add_up((self.sources, sum_of_sources(batch.column("source_id").to_pylist())))

    def _settings(self, batch: pa.RecordBatch) -> None:
        rows = batch.filter(is_in_output(batch))
        is_version = pc.equal(rows.column("version"), self.fingerprint.version)
        self.other_versions += len(rows) - _trues(is_version)
        self.other_settings += _trues(pc.and_not(is_version, has_settings(rows, self.fingerprint)))

    def _refused(self, rows: pa.RecordBatch) -> None:
        _count(self.new_quarantined, rows.column("reason").filter(pc.equal(rows.column("since"), self.run_id)))
        studies = pc.unique(rows.column("study_hash").drop_null())
        self.incomplete.update(map(bytes.fromhex, studies.to_pylist()))
        self.without_study += rows.column("study_hash").null_count

    def _superseded(self, rows: pa.RecordBatch) -> None:
        # the file under the name of its output was written from the same object
        self.superseded += _trues(pc.and_(pc.is_valid(rows.column("output_name")), pc.is_valid(rows.column("written_in"))))

    def _uid_map(self, batch: pa.RecordBatch) -> None:
        self.uids += len(batch) - batch.column("new_uid").null_count

    def _gone(self, batch: pa.RecordBatch) -> None:
        self.gone += len(batch)
        self.left.add_gone(batch)

    def _pixels(self, batch: pa.RecordBatch) -> None:
        # the rows of an object stand together, those of each of its sources, and a source without a rectangle has one row
        for name, source_id, edge in zip(*(batch[column].to_pylist() for column in ("source", "source_id", "x0")), strict=True):
            if (name, source_id) != self._last_source:
                counter = self.kept_by if edge is None else self.blanked_by
                counter[name] += 1
                self._last_source = name, source_id

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
            *("output_name", "written_in", "version", "profile_digest", "settings_digest", "notes"),
        ),
        TableCounts._instances,
    ),
    UID_MAP_TABLE: (("new_uid",), TableCounts._uid_map),
    GONE_TABLE: (("source_id", "status", "output_name", "written_in"), TableCounts._gone),
    PIXELS_TABLE: (("source_id", "source", "x0"), TableCounts._pixels),
    REFERENCES_TABLE: (("outside", "joins_patients"), TableCounts._references),
}
