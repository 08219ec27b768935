"""Keys in files: read from those that nobody else may read, and written so."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat

from ..errors import SecretError
from ..files.pieces import write_all
from ..files.writing import sync_file, sync_folder
from .key_strength import MAX_BYTES, MIN_BYTES

#: permissions that others must not have
_OTHERS = stat.S_IROTH | stat.S_IWOTH

_NO_FILE = (
    "a key file must be a regular file, and no folder, pipe or device: write the key into one, or name it by env: or gcp-secret:"
)
_OPEN_TO_OTHERS = (
    "others may read or write the key file: run `chmod 600` on it; in Kubernetes give the secret's volume `defaultMode: 0400`; "
    "where the file system keeps no permissions (vfat, a Windows share), mount it for yourself alone (umask=077, file_mode=0600) "
    "or keep the key elsewhere"
)
_NO_PERMISSIONS = (
    "the file system keeps no permissions, so others may read what is written there: mount it for yourself alone (umask=077, "
    "file_mode=0600), or choose another place"
)


def read_key_file(path: str) -> bytes:
    """Return the content of a key file; a link may lead to it, as Kubernetes has it.

    What is looked at is the open file, and nothing is waited for.

    Raises:
        SecretError: there is none, it can't be read, is no regular file, or others may read or write it.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise SecretError(f"the key file can't be read: {error.strerror}") from None
    except ValueError:
        raise SecretError("the key file can't be read: no file has such a name") from None
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise SecretError(_NO_FILE)
        if mode & _OTHERS:
            raise SecretError(_OPEN_TO_OTHERS)
        content = b""
        # a byte more than there may be tells that it is too long
        while part := os.read(handle, MAX_BYTES + 1 - len(content)):
            content += part
    except OSError as error:
        raise SecretError(f"the key file can't be read: {error.strerror}") from None
    finally:
        os.close(handle)
    return content


def create_key_file(path: str | os.PathLike[str]) -> None:
    """Write a new random key into a new file: 64 hex digits and a line end, for its owner alone (0600) whatever the umask.

    When this returns, the file survives a power cut.

    Raises:
        FileExistsError: there is something of that name, which stays as it is.
        SecretError: the file system keeps no permissions. No file is left.
        OSError: it can't be written. No file is left.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            with contextlib.suppress(PermissionError):
                # whatever the umask and the folder's access control list say
                os.fchmod(handle, 0o600)
            if os.fstat(handle).st_mode & _OTHERS:
                raise SecretError(_NO_PERMISSIONS)
            write_all(handle, [secrets.token_hex(MIN_BYTES).encode() + b"\n"])
            sync_file(handle)
        finally:
            os.close(handle)
        sync_folder(os.path.dirname(os.path.abspath(path)))
    except BaseException:
        os.unlink(path)
        raise
