"""Writing objects: few system calls, and never half of one under its name."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from .pieces import NOT_HERE, PieceBatch, write_batches

#: what a device or a network share answers that is broken or gone
BROKEN_PLACE = frozenset(
    code
    for name in (
        *("EIO", "ENODEV", "ENXIO", "ENOMEDIUM", "EREMOTEIO", "EUCLEAN"),
        *("ESTALE", "ENOTCONN", "ETIMEDOUT", "ESHUTDOWN", "ENOLINK", "ECOMM"),
        *("EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ECONNRESET", "ECONNABORTED", "ECONNREFUSED"),
    )
    if (code := getattr(errno, name, None)) is not None
)
#: what the system answers where nothing can be written for now, whatever it is
UNWRITABLE_PLACE = BROKEN_PLACE | {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
#: how the names of files begin that aren't whole yet
UNFINISHED = ".dicom-deid-"


def _replaced(path: str) -> tuple[str, int | None]:
    """Return the file that a file of that name would replace, and its permissions; None where there is none."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            path = os.path.realpath(path)
            status = os.stat(path)
    except FileNotFoundError:
        return path, None
    return path, status.st_mode & 0o7777


def sync_file(handle: int) -> None:
    """Return when an open file's content is on the disk, or a folder's names are.

    Raises:
        OSError: it can't be brought there.
    """
    if sys.platform == "darwin":
        # there fsync leaves it in the disk's own memory
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)


def sync_folder(path: str | os.PathLike[str]) -> None:
    """Return when the names in a folder are on the disk, where the file system lets one wait for that.

    Raises:
        OSError: they can't be brought there.
    """
    try:
        handle = os.open(path or os.curdir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        # one that may be written and not read
        os.sync()
        return
    try:
        sync_file(handle)
    except OSError as error:
        # file systems that know nothing of it, such as those of Windows' shares
        if error.errno not in NOT_HERE:
            raise
    finally:
        os.close(handle)


def make_folders(path: str | os.PathLike[str], mode: int = 0o777) -> None:
    """Make a folder, and those above it, so that they are on the disk; what is there stays as it is.

    Args:
        mode: of the folder itself; those above it have what any new folder has here.

    Raises:
        OSError: they can't be made.
    """
    path = Path(path)
    if path.is_dir():
        return
    # step by step, as it is written: what lies behind a link is not what its name says
    make_folders(path.parent)
    # by its own mode and not by a change of it: there is no moment in which others could open it
    path.mkdir(mode, exist_ok=True)
    sync_folder(path.parent)


def write_atomically(batches: Iterable[PieceBatch], path: str, *, private: bool = False, durable: bool = False) -> None:
    """Write to a temporary file beside ``path`` and give it its name when it is whole.

    Where ``path`` is a link, the file that it leads to is replaced; a file that is replaced leaves its permissions behind.
    Whatever ``batches`` raises goes through, and ``path`` is as it was.

    Args:
        private: the file is its owner's alone (0600), from its beginning on and whatever it replaces; of a link, that is the link
            itself: who made it must not choose a file elsewhere.
        durable: return when the file and its name are on the disk; until then what is replaced stays there.

    Raises:
        OSError: it can't be written.
    """
    mode: int | None
    if private:
        mode = 0o600
    else:
        path, mode = _replaced(path)
    temporary = os.path.join(os.path.dirname(path), f"{UNFINISHED}{secrets.token_hex(8)}")
    # what is new has the permissions that any new file has here
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else 0o600)
    try:
        try:
            write_batches(handle, batches)
            if mode is not None:
                os.fchmod(handle, mode)
            if durable:
                sync_file(handle)
        finally:
            os.close(handle)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    if durable:
        sync_folder(os.path.dirname(path))
