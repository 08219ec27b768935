"""Files that stay locked as long as the process lives that made them, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


def hold(path: str | Path) -> int:
    """Make the file, if need be, and lock it; the lock ends when the returned handle is closed, at the latest with the process.

    Raises:
        OSError: it can't be made.
    """
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        # before it was locked, somebody took it for nobody's and removed it
        os.close(handle)


def is_held(path: str | Path) -> bool:
    """Whether a process holds the file; one that can't be opened may be held."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
