"""Detached runs: notes of those that are pending, and their accounts when the engine is done."""

from typing import Any, NamedTuple

from storage import Folder, OddFileError, StorageError
from transforms import SealError, is_run_id

from ..errors import RunError
from . import restricted
from .audit import Audit
from .report import RunReport, finish
from .run_reports import Reporting

_PREFIX, _SUFFIX = "pending-", ".json"
#: field of a note: certificate of the only reader of restricted files, in hexadecimal
_CERTIFICATE = "certificate"


def write_note(audit: Audit, run_id: str, origin: dict[str, Any], certificate: bytes = b"") -> None:
    """Write a note to the audit that a run is pending.

    Args:
        origin: the result of ``Provenance.origin``.
        certificate: of the only reader of restricted files, DER; empty: they are not encrypted.

    Raises:
        StorageError: the audit can't be written.
    """
    audit.write(f"{_PREFIX}{run_id}{_SUFFIX}", {**origin, _CERTIFICATE: certificate.hex()})


def remove_note(audit: Folder, run_id: str) -> None:
    """Remove the note of a run."""
    audit.delete(f"{_PREFIX}{run_id}{_SUFFIX}")


def pending_runs(audit: Folder) -> set[str]:
    """Return the ids of the pending runs.

    Raises:
        StorageError: the audit can't be listed.
    """
    found = (name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in audit.names(_PREFIX) if name.endswith(_SUFFIX))
    return {run_id for run_id in found if is_run_id(run_id)}


class Finished(NamedTuple):
    """Outcome of the pending runs.

    Attributes:
        reports: the reports of runs that are now finished.
        without_account: ids of runs whose job has written no account of its tables: it is at work, or failed.
        refused: ids of runs whose note is not authentic or can't be read, with a message for users.
    """

    reports: list[RunReport]
    without_account: list[str]
    refused: dict[str, str]


def finish_pending(audit: Audit, made_by: str = "") -> Finished:
    """Finish each pending run whose job is done: check its tables, and write ``run.json`` and the report.

    Args:
        made_by: who releases the data; ``""``: as the run was told.

    Raises:
        RunError: the tables of a run don't account for each object once, or the audit can't be read.
    """
    finished = Finished([], [], {})
    try:
        for run_id in sorted(pending_runs(audit.folder)):
            try:
                origin, _ = audit.read(f"{_PREFIX}{run_id}{_SUFFIX}")
            except (SealError, OddFileError, ValueError) as error:
                # a planted note must not stop the other runs
                finished.refused[run_id] = (
                    str(error)
                    if isinstance(error, SealError)
                    else "the run's note can't be read: restore it from a copy, or remove it"
                )
                continue
            try:
                certificate = bytes.fromhex(str(origin.pop(_CERTIFICATE, "")))
                given = restricted.unpublished(audit, run_id)
                made = made_by or str((given or {}).get("made_by") or "")
                reporting = Reporting(given, certificate, made)
                finished.reports.append(finish(audit, run_id, origin, {}, reporting=reporting))
            except FileNotFoundError:
                finished.without_account.append(run_id)
            else:
                remove_note(audit.folder, run_id)
    except (StorageError, ValueError, KeyError) as error:
        raise RunError(f"the audit can't be read: {error if isinstance(error, StorageError) else 'a file is broken'}") from None
    return finished
