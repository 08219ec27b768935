"""Runs that were submitted and not waited for: what is still to be done when the engine is through with them."""

from typing import Any

from .errors import RunError
from .run_report import RunReport, finish
from .storage import Folder, StorageError

_PREFIX, _SUFFIX = "pending-", ".json"


def remember(audit: Folder, run_id: str, origin: dict[str, Any]) -> None:
    """Note in the audit that a run is under way somewhere.

    Args:
        origin: as ``origin_of`` has it.

    Raises:
        StorageError: the audit can't be written.
    """
    audit.write_json(f"{_PREFIX}{run_id}{_SUFFIX}", origin)


def forget(audit: Folder, run_id: str) -> None:
    """Take the note back."""
    audit.delete(f"{_PREFIX}{run_id}{_SUFFIX}")


def pending_runs(audit: Folder) -> set[str]:
    """The ids of the runs under way.

    Raises:
        StorageError: the audit can't be listed.
    """
    return {name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for name in audit.names(_PREFIX)}


def finish_pending(audit: Folder) -> tuple[list[RunReport], list[str]]:
    """Account for each run under way that is through: check its sums from its tables, write ``run.json``.

    Returns:
        Their reports, and the ids of the runs that have no account yet: they are at work, or failed.

    Raises:
        RunError: the tables of a run don't account for each object once, or the audit can't be read.
    """
    reports, without_account = [], []
    try:
        for run_id in sorted(pending_runs(audit)):
            origin, _ = audit.read_json(f"{_PREFIX}{run_id}{_SUFFIX}")
            try:
                reports.append(finish(audit, run_id, origin, {}))
            except FileNotFoundError:
                without_account.append(run_id)
            else:
                forget(audit, run_id)
    except (StorageError, ValueError, KeyError) as error:
        raise RunError(f"the audit can't be read: {error if isinstance(error, StorageError) else 'a broken file'}") from None
    return reports, without_account
