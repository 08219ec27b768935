"""New files that hold identifiers: for their owner alone, whole or not there, and never in the place of another."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable
from typing import BinaryIO, TypeVar

from anonymizer.internals import UNFINISHED, sync_file, sync_folder

T = TypeVar("T")

#: how file systems say that they have no links
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def create_private(path: str, write: Callable[[BinaryIO], T]) -> T:
    """Make a file (0600) that ``write`` writes, and return its result. Its exceptions go through, and no file is left then.

    Raises:
        FileExistsError: there is something of that name, which stays as it is.
        OSError: it can't be written.
    """
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    folder = os.path.dirname(os.path.abspath(path))
    temporary = os.path.join(folder, f"{UNFINISHED}{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "wb") as stream:
            result = write(stream)
            stream.flush()
            sync_file(handle)
        _give_name(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    sync_folder(folder)
    return result


def _give_name(temporary: str, path: str) -> None:
    """Give a file its name, if nothing has it."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS or os.path.lexists(path):
            raise
        os.rename(temporary, path)
