"""Lock files that stay locked until their process ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


def lock_file(path: str | Path) -> int:
    """Create the file if it doesn't exist, lock it, and return its descriptor.

    The lock ends when the descriptor is closed, at the latest with the process.

    Raises:
        OSError: the file can't be created.
    """
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        # before it was locked, another process took it for a leftover and removed it
        os.close(handle)


def is_locked(path: str | Path) -> bool:
    """Return whether a process holds the lock. A file that can't be opened counts as locked."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        # shared: several may ask at once, and none of them takes another for the holder
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
