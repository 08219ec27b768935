"""What the audit says of an object that isn't written."""

from anonymizer import FILTERED, DeidentificationError, Reason

from .records import AuditRow, Status
from .storage import TransientError


def rejection(source_id: str, error: Exception) -> AuditRow:
    """The row of an object that ended in ``error``, of which nothing but a stable code is told: its text may hold values."""
    if not isinstance(error, DeidentificationError):
        error = DeidentificationError(_reason(error))
    status = Status.FILTERED if error.reason in FILTERED else Status.QUARANTINED
    return AuditRow(source_id, status, error.reason, error.tag)


def _reason(error: Exception) -> Reason:
    if isinstance(error, TransientError):
        return Reason.CHECKSUM_MISMATCH
    return Reason.UNREADABLE if isinstance(error, OSError) else Reason.INTERNAL_ERROR
