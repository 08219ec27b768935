"""One file for each run at work, locked while its process lives: so the next run knows whose leftovers are nobody's."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType

from anonymizer.internals import UNFINISHED
from storage import Folder, StorageError, clear_temporary, scheme_of
from transforms import EARLIER, is_run_id

from ..workers.process_lock import hold, is_held
from . import restricted
from .pending import pending_runs
from .report import account_folder, has_account, run_files

_PREFIX = ".lock-"


def others_at_work(audit: Folder, run_id: str) -> bool:
    """Whether another run than this one is at work, as far as locks and notes in the audit tell.

    Raises:
        StorageError: the audit can't be listed.
    """
    if pending_runs(audit) - {run_id}:
        return True
    if scheme_of(audit.location):
        return False
    locks = Path(audit.location).glob(f"{_PREFIX}*")
    return any(is_held(lock) for lock in locks if lock.name.removeprefix(_PREFIX) != run_id)


class RunLock:
    """Marks a run as at work in its audit folder, and clears away what dead runs left unfinished.

    What they had done stays: the objects are whole, and the ledgers say which. Runs that are alive are left alone: several may
    work on one output, and write the same bytes there. Object storage has no locks: there a run clears away what it leaves
    itself, and at its end what those left that it took up.

    Attributes:
        alive: the other runs at work, as far as locks tell.
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
            self._handle = hold(path)
            for lock in self._folder.glob(f"{_PREFIX}*"):
                run_id = lock.name.removeprefix(_PREFIX)
                # what no run has called so isn't its lock: whoever may write here must not choose what is cleared away
                if lock == path or not is_run_id(run_id):
                    continue
                if is_held(lock):
                    self.alive.add(run_id)
                    continue
                self._clear(run_id)
                lock.unlink(missing_ok=True)
            # by their names, for a lock may be lost with the power, and these not
            for run_id in restricted.begun(self._audit) - self.alive - pending_runs(self._audit) - {self._run_id}:
                self._settle(run_id)
            if not self.alive:
                # files that a dead run was writing have no run's name
                for unfinished in (*self._folder.glob(f"{UNFINISHED}*"), *self._folder.glob(f"{EARLIER}/*/{UNFINISHED}*")):
                    # the audit may be where the output's own folder of unfinished objects is
                    if unfinished.is_file() and not any(map(Path.is_symlink, unfinished.parents[:2])):
                        unfinished.unlink(missing_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            # the file stays: an engine's workers may write on for a while, and the next run clears away what they leave
            with contextlib.suppress(StorageError):
                self._clear(self._run_id)
        elif self._folder is not None:
            (self._folder / f"{_PREFIX}{self._run_id}").unlink(missing_ok=True)
        if self._handle >= 0:
            os.close(self._handle)

    def _settle(self, run_id: str) -> None:
        """Do with what a dead run began to say of people and places what its end would have done."""
        folder = account_folder(self._audit, run_id)
        if folder is None:
            restricted.discard(self._audit, run_id)
        else:
            restricted.publish(self._audit, run_id, folder)

    def _clear(self, run_id: str) -> None:
        """Remove a run's unfinished objects, and its tables if there is no account of them; the finished objects are whole, and
        stay.
        """
        if not scheme_of(self._output):
            clear_temporary(self._output, run_id)
        if not has_account(self._audit, run_id):
            for name in run_files(self._audit, run_id):
                self._audit.delete(name)
