"""The restricted crosswalk: from the names and identifiers of objects to their new ones, with the outcome of each, on request.

Its rows are identifiers. They go from the worker that read an object to a file of the crosswalk and nowhere else: through no
shuffle, side output or log, and into no file that is not encrypted or its owner's alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa

from anonymizer.internals import SERIES, SOP_INSTANCE, STUDY, Originals, Scan
from profiles import UserFacingError

from ..records import AuditRow
from ..restricted.sealed_files import SealedFiles
from ..tables.parquet_files import TableWriter

#: the beginning of the names of all its files
CROSSWALK = "crosswalk-"

CROSSWALK_SCHEMA = pa.schema(
    [
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("source_bytes", pa.binary()),
        pa.field("study_instance_uid", pa.string(), nullable=False),
        pa.field("series_instance_uid", pa.string(), nullable=False),
        pa.field("sop_instance_uid", pa.string(), nullable=False),
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("issuer_of_patient_id", pa.string(), nullable=False),
        pa.field("patient_name", pa.string(), nullable=False),
        pa.field("new_study_instance_uid", pa.string(), nullable=False),
        pa.field("new_series_instance_uid", pa.string(), nullable=False),
        pa.field("new_sop_instance_uid", pa.string(), nullable=False),
        pa.field("new_patient_id", pa.string(), nullable=False),
        pa.field("status", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("reason_tag", pa.string()),
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("key_id", pa.string(), nullable=False),
    ]
)

_ABSENT = (b"", b"")
_NO_IDENTIFIERS = ("",) * 10
_NOBODY = Originals("", "", "")


class CrosswalkError(UserFacingError):
    """A crosswalk that can't be made. The message holds nothing of it."""


class CrosswalkRow(NamedTuple):
    """A listed object: its original and new identifiers, its outcome, and no more.

    An object that could be read has two rows, for its outcome is mostly known later, and by other workers: one has its
    identifiers, the other one only its outcome. An object that couldn't be read has one row for both.

    Attributes:
        source_id: keyed hash of its source name, as the audit has it.
        source: its source name; None where that is no UTF-8, and then its bytes are in ``source_bytes``; both None in a row that
            has only its outcome.
        study_instance_uid, series_instance_uid, sop_instance_uid: the original ones; empty where it has none.
        patient_id, issuer_of_patient_id, patient_name: as in Originals.
        status, reason, reason_tag: as in AuditRow; None in a row that has only its identifiers.
    """

    source_id: str
    source: str | None
    source_bytes: bytes | None
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    patient_id: str
    issuer_of_patient_id: str
    patient_name: str
    new_study_instance_uid: str
    new_series_instance_uid: str
    new_sop_instance_uid: str
    new_patient_id: str
    status: str | None = None
    reason: str | None = None
    reason_tag: str | None = None


def crosswalk_row(source_id: str, source: bytes, scan: Scan) -> CrosswalkRow:
    """Return the row of an object.

    Args:
        scan: with its originals.
    """
    assert scan.originals is not None
    name, name_bytes = _named(source)
    study, series, instance = (
        [uid.decode("latin-1") for uid in scan.uids.get(tag, _ABSENT)] for tag in (STUDY, SERIES, SOP_INSTANCE)
    )
    patient = Originals(*map(_writable, scan.originals))
    return CrosswalkRow(
        source_id=source_id,
        source=name,
        source_bytes=name_bytes,
        study_instance_uid=study[0],
        series_instance_uid=series[0],
        sop_instance_uid=instance[0],
        patient_id=patient.patient_id,
        issuer_of_patient_id=patient.issuer,
        patient_name=patient.patient_name,
        new_study_instance_uid=study[1],
        new_series_instance_uid=series[1],
        new_sop_instance_uid=instance[1],
        new_patient_id=patient.new_patient_id,
    )


def rejected_rows(source: bytes, row: AuditRow, originals: Originals | None) -> tuple[CrosswalkRow, ...]:
    """Return the rows of an object that pass 1 refused.

    Args:
        originals: with the UIDs; None: it couldn't be read, and its name is the only known identifier.
    """
    name, name_bytes = _named(source)
    patient = Originals(*map(_writable, originals or _NOBODY))
    identifiers = CrosswalkRow(
        source_id=row.source_id,
        source=name,
        source_bytes=name_bytes,
        study_instance_uid=patient.study,
        series_instance_uid=patient.series,
        sop_instance_uid=patient.instance,
        patient_id=patient.patient_id,
        issuer_of_patient_id=patient.issuer,
        patient_name=patient.patient_name,
        new_study_instance_uid=row.study_instance_uid,
        new_series_instance_uid=row.series_instance_uid,
        new_sop_instance_uid=row.sop_instance_uid,
        new_patient_id=_writable(row.patient_id),
    )
    outcome = outcome_row(row)
    if originals is not None:
        return identifiers, outcome
    return (identifiers._replace(status=outcome.status, reason=outcome.reason, reason_tag=outcome.reason_tag),)


def outcome_row(row: AuditRow) -> CrosswalkRow:
    """Return a row with the outcome of an object, and nothing else."""
    return outcome_of(row.source_id, row.status.value, row.reason and row.reason.value, row.reason_tag)


def outcome_of(source_id: str, status: str, reason: str | None, reason_tag: str | None) -> CrosswalkRow:
    """Return a row with the outcome of an object, by the values in a table."""
    return CrosswalkRow(source_id, None, None, *_NO_IDENTIFIERS, status, reason or None, reason_tag or None)


def _named(source: bytes) -> tuple[str | None, bytes | None]:
    try:
        return source.decode(), None
    except UnicodeDecodeError:
        return None, source


def _writable(text: str) -> str:
    """Return text that can be encoded: no character set gives half of a surrogate pair, but a run must not end by one."""
    return text.encode("utf-8", "backslashreplace").decode()


def crosswalk_table(rows: list[CrosswalkRow], run_id: str, key_id: str) -> pa.Table:
    """Return rows of ``crosswalk-*.parquet``.

    Raises:
        CrosswalkError: they can't be encoded.
    """
    try:
        columns: list[Any] = [list(column) for column in zip(*rows, strict=True)]
        columns += [[constant] * len(rows) for constant in (run_id, key_id)]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, CROSSWALK_SCHEMA, strict=True)]
        return pa.Table.from_arrays(arrays, schema=CROSSWALK_SCHEMA)
    except (pa.ArrowException, ValueError, TypeError):
        # Arrow's own message would quote a value
        raise CrosswalkError("a row of the crosswalk can't be encoded") from None


@dataclass(frozen=True)
class CrosswalkTarget:
    """The place of a crosswalk. Picklable.

    Attributes:
        files: its files in the folder that was named.
        key_id: stands in each row.
    """

    files: SealedFiles
    key_id: str


class CrosswalkWriter:
    """Gathers rows in memory, and writes files of bounded size. Rows may be written twice: readers show them once."""

    def __init__(self, target: CrosswalkTarget) -> None:
        files = target.files
        table = partial(crosswalk_table, run_id=files.run_id, key_id=target.key_id)
        self._writer = TableWriter(files, files.prefix, table)

    def add(self, rows: Iterable[CrosswalkRow | None]) -> None:
        """Add rows."""
        self._writer.add([row for row in rows if row is not None])

    def flush(self) -> None:
        """Write the rows that were gathered: afterwards they are in the crosswalk, even if the bundle fails."""
        self._writer.finish()
