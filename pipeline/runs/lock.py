"""Lock files of runs, held while their processes live. The next run removes the leftovers of runs whose lock is free."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType

from anonymizer.internals import UNFINISHED
from storage import Folder, StorageError, clear_temporary, scheme_of
from transforms import EARLIER, is_run_id

from ..workers.process_lock import is_locked, lock_file
from . import restricted
from .pending import pending_runs
from .report import account_folder, has_account, run_files

_PREFIX = ".lock-"


def others_at_work(audit: Folder, run_id: str) -> bool:
    """Return whether another run is at work, by the locks and pending notes in the audit.

    Raises:
        StorageError: the audit can't be listed.
    """
    return bool((pending_runs(audit) | locked_runs(audit)) - {run_id})


def locked_runs(audit: Folder) -> set[str]:
    """Return what the names of held locks in the audit say of their runs; object storage has no locks."""
    if scheme_of(audit.location):
        return set()
    locks = Path(audit.location).glob(f"{_PREFIX}*")
    return {lock.name.removeprefix(_PREFIX) for lock in locks if is_locked(lock)}


class RunLock:
    """Lock of a run in its audit folder. On entry, it removes unfinished files of dead runs.

    Finished objects of dead runs stay: they are complete, and ledgers record them. Runs that are alive are not touched: several
    may work on one output, and write the same bytes there. Object storage has no locks: there a run removes its own leftovers,
    and at its end those of the runs whose work it recovered.

    Attributes:
        alive: ids of the other runs at work, by their locks.
    """

    def __init__(self, audit: Folder, output: str, run_id: str) -> None:
        self._audit = audit
        self._output = output
        self._run_id = run_id
        self._handle = -1
        self._folder = None if scheme_of(audit.location) else Path(audit.location)
        self.alive: set[str] = set()

    def __enter__(self) -> RunLock:
        if self._folder is not None:
            path = self._folder / f"{_PREFIX}{self._run_id}"
            self._handle = lock_file(path)
            for lock in self._folder.glob(f"{_PREFIX}*"):
                run_id = lock.name.removeprefix(_PREFIX)
                # other names are no locks: whoever may write here must not choose what is removed
                if lock == path or not is_run_id(run_id):
                    continue
                if is_locked(lock):
                    self.alive.add(run_id)
                    continue
                self._remove_unfinished(run_id)
                lock.unlink(missing_ok=True)
            # found by their own names, since a power failure may lose the lock and keep these
            for run_id in restricted.unpublished_runs(self._audit) - self.alive - pending_runs(self._audit) - {self._run_id}:
                self._publish_or_discard(run_id)
            if not self.alive:
                # unfinished files don't bear the name of their run
                for unfinished in (*self._folder.glob(f"{UNFINISHED}*"), *self._folder.glob(f"{EARLIER}/*/{UNFINISHED}*")):
                    # in an audit inside the output, this may be the output's folder of unfinished objects
                    if unfinished.is_file() and not any(map(Path.is_symlink, unfinished.parents[:2])):
                        unfinished.unlink(missing_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            # the lock file stays: workers on an engine may go on writing, and the next run removes what they leave
            with contextlib.suppress(StorageError):
                self._remove_unfinished(self._run_id)
        elif self._folder is not None:
            (self._folder / f"{_PREFIX}{self._run_id}").unlink(missing_ok=True)
        if self._handle >= 0:
            os.close(self._handle)

    def _publish_or_discard(self, run_id: str) -> None:
        """Publish the restricted settings of a dead run if its account exists, else discard them."""
        folder = account_folder(self._audit, run_id)
        if folder is None:
            restricted.discard(self._audit, run_id)
        else:
            restricted.publish(self._audit, run_id, folder)

    def _remove_unfinished(self, run_id: str) -> None:
        """Remove a run's unfinished objects, and its tables if it has no account. Finished objects are complete, and stay."""
        if not scheme_of(self._output):
            clear_temporary(self._output, run_id)
        if not has_account(self._audit, run_id):
            for name in run_files(self._audit, run_id):
                self._audit.delete(name)
