"""Rows of the audit for objects, written or not."""

from typing import Any

from anonymizer import DeidentificationError, Reason
from anonymizer.internals import FILTERED, Description
from storage import EndOfRunError, ObjectRef, TransientError

from .records import AuditRow, Status, earlier_output
from .source_ids import ListedSource
from .work_unit_ids import study_hash


def row_of(source: ListedSource, status: Status, *, reason: Reason | None = None, **more: Any) -> AuditRow:
    """Return a row with the fields of its source; ``more``: other fields."""
    return AuditRow(
        source.source_id,
        status,
        reason,
        source_version=source.version,
        container_id=source.container_id,
        input=source.input,
        before=source.before,
        source_size=source.size,
        **more,
    )


def described(description: Description) -> dict[str, Any]:
    """Return the fields of a row that a description gives."""
    return {
        "sop_class_uid": description.sop_class_uid,
        "transfer_syntax_uid": description.transfer_syntax_uid,
        "modality": description.modality,
        "patient_id": description.patient_id,
        "study_instance_uid": description.study_uid,
        "series_instance_uid": description.series_uid,
        "sop_instance_uid": description.instance_uid,
        "study_hash": study_hash(description.study_hash),
        "instance_hash": description.instance_hash,
    }


def rejection(source: ListedSource, error: Exception, ref: ObjectRef, **more: Any) -> AuditRow:
    """Return the row of an object that ended in ``error``, with nothing of it but a stable code: its text may hold values.

    Args:
        ref: the object; an output that an earlier run wrote for it still lies there.
        more: other fields of the row; without them, those of the error's description.

    Raises:
        EndOfRunError: ``error`` itself, where it is one: it isn't about the object.
    """
    if isinstance(error, EndOfRunError):
        raise error
    if not isinstance(error, DeidentificationError):
        error = DeidentificationError(_reason(error))
    if error.description is not None and not more:
        more = described(error.description)
    row = row_of(
        source,
        Status.FILTERED if error.reason in FILTERED else Status.QUARANTINED,
        reason=error.reason,
        reason_tag=error.tag,
        pixel_risks=tuple(risk.value for risk in error.pixel_risks),
        **more,
    )
    earlier = earlier_output(ref)
    if earlier is None or not earlier.may_differ:
        return row
    return row._replace(output_name=earlier.name, size=earlier.size, crc32c=earlier.crc32c, written_in=earlier.written_in)


def _reason(error: Exception) -> Reason:
    if isinstance(error, TransientError):
        return Reason.CHECKSUM_MISMATCH
    return Reason.UNREADABLE if isinstance(error, OSError) else Reason.INTERNAL_ERROR
