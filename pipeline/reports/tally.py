"""Counts of a run's tables for its report, beyond those of ``run.json``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms import INSTANCES_TABLE, PIXELS_TABLE, Status

from .action_tally import ActionCount, ActionKey, ActionTally
from .subject_tally import SubjectCounts, SubjectTally

#: incomplete studies that are listed
MOST_STUDIES = 1000
_WRITTEN, _SKIPPED = Status.WRITTEN.value, Status.SKIPPED.value
_QUARANTINED = Status.QUARANTINED.value
_COLUMNS = (
    *("status", "reason", "notes", "sop_class_uid", "study_instance_uid", "study_hash", "modality", "patient_id"),
    *("patient_sex", "patient_age", "output_name", "size", "written_in"),
)
_TEXTS = ("path", "action", "reason")
_PIXEL_COLUMNS = ("source_id", "source", "rule", "x0", "codec_path", "verdict")


class Refusal(NamedTuple):
    """Objects that were not written for one reason."""

    status: str
    reason: str
    modality: str
    sop_class: str


class PixelKind(NamedTuple):
    """Objects about whose pixels one source had the same to say.

    Attributes:
        source, rule, verdict, codec_path: as in the table ``pixels``.
        blanks: it has something blanked.
    """

    source: str
    rule: str
    verdict: str
    codec_path: str
    blanks: bool


class IncompleteStudy(NamedTuple):
    """A study of which objects were refused.

    Attributes:
        study_uid: the new StudyInstanceUID; ``""`` where none is known.
        in_output: instances that the output has.
        refused: instances by reason.
    """

    study_uid: str
    in_output: int
    refused: tuple[tuple[str, int], ...]


class Tally(NamedTuple):
    """Counts of a run's tables for its report.

    Attributes:
        subjects: what lies in the output.
        bytes_in_output: sum of the sizes of that.
        actions: what happened to attributes, in objects that the run wrote.
        written: those objects, and those of earlier runs whose tables were added.
        elsewhere: objects in the output that earlier runs wrote: their actions are in tables of these.
        refusals: objects that were not written.
        notes: objects in the output, by their notes.
        pixels: objects, by who said what of their pixels; ``rectangles``: how many rectangles were blanked, likewise.
        incomplete: the first studies with refused objects, by new StudyInstanceUID.
    """

    subjects: SubjectCounts
    bytes_in_output: int
    actions: dict[ActionKey, ActionCount]
    written: int
    elsewhere: int
    refusals: dict[Refusal, int]
    notes: dict[str, int]
    pixels: dict[PixelKind, int]
    rectangles: dict[PixelKind, int]
    incomplete: tuple[IncompleteStudy, ...]


class TableTally:
    """Counts tables, file by file."""

    def __init__(self, *, follows_earlier: bool = False) -> None:
        """
        Args:
            follows_earlier: keep the ids of skipped objects, so that tables of earlier runs can be added: 32 bytes for each.
        """
        self._subjects = SubjectTally()
        self._actions = ActionTally()
        self._bytes = self._written = self._elsewhere = 0
        self._refusals: Counter[Refusal] = Counter()
        self._notes: Counter[str] = Counter()
        self._pixels: Counter[PixelKind] = Counter()
        self._rectangles: Counter[PixelKind] = Counter()
        self._skipped: dict[str, list[pa.Array]] | None = {} if follows_earlier else None
        self._studies: dict[str, tuple[str, Counter[str]]] = {}

    def add(self, name: str, content: bytes) -> None:
        """Count the rows of a table file.

        Args:
            name: name of the file, which begins with the kind of table.
            content: content of the file (Parquet).
        """
        kind = name.split("-", 1)[0]
        if kind == INSTANCES_TABLE:
            self._add_instances(content)
        elif kind == PIXELS_TABLE:
            self._add_pixels(content)

    @property
    def skipped_by_run(self) -> dict[str, int]:
        """Numbers of skipped objects by the run that wrote them."""
        return {run: sum(map(len, sources)) for run, sources in (self._skipped or {}).items()}

    def add_earlier(self, run_id: str, content: bytes) -> int:
        """Count the actions in a table of an earlier run of those objects that are skipped now; return their number.

        Args:
            run_id: id of the run that wrote them.
            content: content of the file (Parquet).
        """
        wanted = pa.chunked_array((self._skipped or {}).get(run_id, []), pa.string())
        counted = 0
        for batch in _batches(content, ("status", "source_id", "actions")):
            is_there = pc.and_(
                pc.equal(batch.column("status"), _WRITTEN), pc.is_in(batch.column("source_id"), value_set=wanted.combine_chunks())
            )
            counted += is_there.true_count
            self._actions.add(batch.column("actions").filter(is_there))
        self._written += counted
        return counted

    def _add_instances(self, content: bytes) -> None:
        more = ("source_id",) if self._skipped is not None else ()
        for batch in _batches(content, (*_COLUMNS, *more, "actions")):
            status = batch.column("status")
            is_written = pc.equal(status, _WRITTEN)
            written = is_written.true_count
            self._written += written
            if written:
                actions = batch.column("actions")
                self._actions.add(actions if written == len(batch) else actions.filter(is_written))
            is_there = pc.or_(is_written, pc.equal(status, _SKIPPED))
            rest = batch.drop_columns(["actions"])
            self._add_output(rest if is_there.true_count == len(rest) else rest.filter(is_there))
            if is_there.true_count < len(rest):
                self._add_refused(rest.filter(pc.invert(is_there)))

    def _add_output(self, rows: pa.RecordBatch) -> None:
        self._subjects.add(rows)
        is_skipped = pc.equal(rows.column("status"), _SKIPPED)
        self._elsewhere += is_skipped.true_count
        if self._skipped is not None and is_skipped.true_count:
            skipped = rows.filter(is_skipped)
            for run_id in pc.unique(skipped.column("written_in").drop_null()).to_pylist():
                of_run = skipped.filter(pc.equal(skipped.column("written_in"), run_id))
                self._skipped.setdefault(run_id, []).append(of_run.column("source_id"))
        self._bytes += pc.sum(rows.column("size")).as_py() or 0
        for found in pc.value_counts(rows.column("notes").flatten()):
            self._notes[found["values"].as_py()] += found["counts"].as_py()

    def _add_refused(self, rows: pa.RecordBatch) -> None:
        table = pa.Table.from_batches([rows])
        for name in _COLUMNS:
            if name not in table.column_names:
                # an earlier version told less
                table = table.append_column(name, pa.nulls(len(table), pa.string()))
        keys = ["status", "reason", "modality", "sop_class_uid"]
        for row in table.group_by(keys).aggregate([([], "count_all")]).to_pylist():
            self._refusals[Refusal(*(row[key] or "" for key in keys))] += row["count_all"]
        of_studies = table.filter(pc.and_(pc.equal(table["status"], _QUARANTINED), pc.is_valid(table["study_hash"])))
        keys = ["study_hash", "study_instance_uid", "reason"]
        for row in of_studies.group_by(keys).aggregate([([], "count_all")]).to_pylist():
            study = row["study_hash"]
            if study in self._studies or len(self._studies) < MOST_STUDIES:
                _, reasons = self._studies.setdefault(study, (row["study_instance_uid"] or "", Counter()))
                reasons[row["reason"] or ""] += row["count_all"]

    def _add_pixels(self, content: bytes) -> None:
        for batch in _batches(content, _PIXEL_COLUMNS):
            table = pa.Table.from_batches([batch])
            table = table.append_column("blanks", pc.is_valid(table["x0"]))
            keys = ["source", "rule", "verdict", "codec_path", "blanks"]
            grouped = table.group_by(keys).aggregate([("source_id", "count_distinct"), ([], "count_all")])
            for row in grouped.to_pylist():
                names = (row[key] or "" for key in keys[:-1])
                source, rule, verdict, codec_path = names
                kind = PixelKind(source, rule, verdict, codec_path, row["blanks"])
                self._pixels[kind] += row["source_id_count_distinct"]
                self._rectangles[kind] += row["count_all"] if kind.blanks else 0

    def result(self) -> Tally:
        """Return all counts."""
        in_output = self._subjects.instances_of(self._studies)
        studies = [
            IncompleteStudy(uid, in_output.get(study, 0), tuple(sorted(reasons.items())))
            for study, (uid, reasons) in self._studies.items()
        ]
        return Tally(
            subjects=self._subjects.result(),
            bytes_in_output=self._bytes,
            actions=self._actions.result(),
            written=self._written,
            elsewhere=self._elsewhere,
            refusals=dict(sorted(self._refusals.items())),
            notes=dict(sorted(self._notes.items())),
            pixels=dict(sorted(self._pixels.items())),
            rectangles=dict(sorted(self._rectangles.items())),
            incomplete=tuple(sorted(studies)),
        )


def _batches(content: bytes, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table file, with those of the columns that it has.

    Texts of actions stay dictionaries: of a million rows' actions a few hundred texts are different.
    """
    plain = pq.ParquetFile(pa.BufferReader(content))
    schema = plain.metadata.schema
    paths = (schema.column(place).path for place in range(len(schema)))
    known = [name for name in columns if name in plain.schema_arrow.names]
    texts = [path for path in paths if path.startswith("actions.") and path.rsplit(".", 1)[1] in _TEXTS]
    file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=texts) if texts and "actions" in columns else plain
    # a dictionary belongs to a group of rows: of two groups Arrow makes no list of encoded texts
    for group in range(plain.num_row_groups):
        try:
            rows = file.read_row_group(group, known)
        except pa.ArrowNotImplementedError:
            # the writer had given up its dictionary within the group
            rows = plain.read_row_group(group, known)
        yield from rows.combine_chunks().to_batches()
