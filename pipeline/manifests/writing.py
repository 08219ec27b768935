"""Manifests as this program writes them: CSV with URIs or absolute paths, and members of zips and tars."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
from collections.abc import Iterable
from typing import BinaryIO

from anonymizer import UNFINISHED, sync_file, sync_folder

from .lines import csv_entries
from .names import Folder, ManifestEntry, ManifestError

_HEADER = b"uri,member\n"
#: how file systems say that they have no links
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def write_manifest(path: str, objects: Iterable[tuple[bytes, bytes | None]]) -> tuple[int, int]:
    """Write a new file, for its owner alone (0600); it is there whole or not at all.

    Args:
        path: its name ends in ``.csv``.
        objects: URIs or absolute paths; and the member that is meant of a zip or tar, None for the object itself.

    Returns:
        How many were written; and how many no manifest can name: with a NUL byte, or longer than a line may be.

    Raises:
        FileExistsError: there is something of that name, which stays as it is.
        OSError: it can't be written. Whatever ``objects`` raises goes through; no file is left then.
    """
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    folder = os.path.dirname(os.path.abspath(path))
    temporary = os.path.join(folder, f"{UNFINISHED}{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "wb") as stream:
            counts = _write(stream, objects)
            stream.flush()
            sync_file(handle)
        _give_name(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    sync_folder(folder)
    return counts


def _write(stream: BinaryIO, objects: Iterable[tuple[bytes, bytes | None]]) -> tuple[int, int]:
    written = unnamed = 0
    stream.write(_HEADER)
    for uri, member in objects:
        row = b'"%s","%s"\n' % (uri.replace(b'"', b'""'), (member or b"").replace(b'"', b'""'))
        if _means(row, uri, member):
            stream.write(row)
            written += 1
        else:
            unnamed += 1
    return written, unnamed


def _means(row: bytes, uri: bytes, member: bytes | None) -> bool:
    """Whether who reads the row finds that object: only the reader knows all that it refuses."""
    try:
        found = list(csv_entries(io.BytesIO(_HEADER + row), Folder("/"), (), compressed=False))
    except ManifestError:
        return False
    return found == [ManifestEntry(uri, uri, member=member)]


def _give_name(temporary: str, path: str) -> None:
    """Give a file its name, if nothing has it."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS or os.path.lexists(path):
            raise
        os.rename(temporary, path)
