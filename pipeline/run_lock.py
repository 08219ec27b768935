"""One file for each run at work, locked while its process lives: so the next run knows whose leftovers are nobody's."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType

from .local_storage import TEMPORARY

_PREFIX = ".lock-"


class RunLock:
    """Marks a run as at work in its audit folder, and clears away what dead runs left unfinished.

    Runs that are alive are left alone: several may work on one output, and write the same bytes there.
    """

    def __init__(self, audit: Path, output: Path, run_id: str) -> None:
        self._audit = audit
        self._output = output
        self._path = audit / f"{_PREFIX}{run_id}"
        self._run_id = run_id

    def __enter__(self) -> RunLock:
        self._handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        for lock in self._audit.glob(f"{_PREFIX}*"):
            if lock != self._path and _is_dead(lock):
                self._clear(lock.name.removeprefix(_PREFIX), lock)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._clear(self._run_id, self._path)
        else:
            self._path.unlink(missing_ok=True)
        os.close(self._handle)

    def _clear(self, run_id: str, lock: Path) -> None:
        """Remove a run's tables and unfinished objects; the finished objects are whole, and stay."""
        for path in self._audit.glob(f"*{run_id}*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path != lock:
                path.unlink(missing_ok=True)
        shutil.rmtree(self._output / TEMPORARY / run_id, ignore_errors=True)
        with contextlib.suppress(OSError):
            (self._output / TEMPORARY).rmdir()
        lock.unlink(missing_ok=True)


def _is_dead(lock: Path) -> bool:
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
