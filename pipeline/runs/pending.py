"""Runs that were submitted and not waited for: what is still to be done when the engine is through with them."""

from typing import Any, NamedTuple

from storage import Folder, OddFileError, StorageError
from transforms import SealError, is_run_id

from ..errors import RunError
from .audit import Audit
from .report import RunReport, finish

_PREFIX, _SUFFIX = "pending-", ".json"


def remember(audit: Audit, run_id: str, origin: dict[str, Any]) -> None:
    """Note in the audit that a run is under way somewhere.

    Args:
        origin: as ``Provenance.origin`` has it.

    Raises:
        StorageError: the audit can't be written.
    """
    audit.write(f"{_PREFIX}{run_id}{_SUFFIX}", origin)


def forget(audit: Folder, run_id: str) -> None:
    """Take the note back."""
    audit.delete(f"{_PREFIX}{run_id}{_SUFFIX}")


def pending_runs(audit: Folder) -> set[str]:
    """The ids of the runs under way.

    Raises:
        StorageError: the audit can't be listed.
    """
    found = (name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in audit.names(_PREFIX) if name.endswith(_SUFFIX))
    return {run_id for run_id in found if is_run_id(run_id)}


class Finished(NamedTuple):
    """What became of the runs under way.

    Attributes:
        reports: of those that are through.
        without_account: ids of those that have no account yet: they are at work, or failed.
        refused: ids of those whose note can't be believed, and why.
    """

    reports: list[RunReport]
    without_account: list[str]
    refused: dict[str, str]


def finish_pending(audit: Audit) -> Finished:
    """Account for each run under way that is through: check its sums from its tables, write ``run.json``.

    Raises:
        RunError: the tables of a run don't account for each object once, or the audit can't be read.
    """
    finished = Finished([], [], {})
    try:
        for run_id in sorted(pending_runs(audit.folder)):
            try:
                origin, _ = audit.read(f"{_PREFIX}{run_id}{_SUFFIX}")
            except (SealError, OddFileError, ValueError) as error:
                # one note that somebody planted holds up no run
                finished.refused[run_id] = str(error) if isinstance(error, SealError) else "a note of a run can't be read"
                continue
            try:
                finished.reports.append(finish(audit, run_id, origin, {}))
            except FileNotFoundError:
                finished.without_account.append(run_id)
            else:
                forget(audit.folder, run_id)
    except (StorageError, ValueError, KeyError) as error:
        raise RunError(f"the audit can't be read: {error if isinstance(error, StorageError) else 'a broken file'}") from None
    return finished
