"""What the audit says of an object that isn't written."""

from typing import Any

from anonymizer import FILTERED, DeidentificationError, Reason

from .records import AuditRow, Status
from .sources import Source
from .storage import EndOfRunError, TransientError


def row_of(source: Source, status: Status, *, reason: Reason | None = None, **more: Any) -> AuditRow:
    """A row with what it says of its source; ``more``: other fields of it."""
    source_id, version, container_id, listed_by = source
    return AuditRow(source_id, status, reason, source_version=version, container_id=container_id, input=listed_by, **more)


def rejection(source: Source, error: Exception, study_hash: str = "", instance_hash: bytes = b"") -> AuditRow:
    """The row of an object that ended in ``error``, of which nothing but a stable code is told: its text may hold values.

    Raises:
        EndOfRunError: ``error`` itself, where it is one: it says nothing of the object.
    """
    if isinstance(error, EndOfRunError):
        raise error
    if not isinstance(error, DeidentificationError):
        error = DeidentificationError(_reason(error))
    status = Status.FILTERED if error.reason in FILTERED else Status.QUARANTINED
    return row_of(
        source,
        status,
        reason=error.reason,
        reason_tag=error.tag,
        study_hash=study_hash,
        instance_hash=instance_hash,
        pixel_risks=tuple(risk.value for risk in error.pixel_risks),
    )


def _reason(error: Exception) -> Reason:
    if isinstance(error, TransientError):
        return Reason.CHECKSUM_MISMATCH
    return Reason.UNREADABLE if isinstance(error, OSError) else Reason.INTERNAL_ERROR
