"""A private folder for Unix sockets."""

import os
import re
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import UsageError

#: longest path of a socket: 103 on macOS, 107 on Linux
_LONGEST_BYTES = 103
_LONGEST_NAME = "control"
#: paths without characters that gRPC, which reads addresses as URIs, would interpret
_PLAIN = re.compile(r"/[A-Za-z0-9/._+-]*")


def make_socket_folder() -> Path:
    """Create the folder in the first suitable place for temporary files, and return its absolute path.

    Raises:
        UsageError: no place is suitable.
    """
    for place in _candidates():
        if place and _is_suitable(place):
            try:
                folder = tempfile.mkdtemp(prefix="dicom-deid-", dir=place)
            except OSError:
                continue
            if _supports_sockets(folder):
                return Path(folder)
            shutil.rmtree(folder, ignore_errors=True)
    raise UsageError(
        "no folder for temporary files can hold the sockets of worker processes: set TMPDIR to a folder of your own whose path "
        f"has at most {_LONGEST_BYTES - len('/dicom-deid-12345678/') - len(_LONGEST_NAME)} plain characters"
    )


def _candidates() -> Iterator[str]:
    # XDG_RUNTIME_DIR comes late, since it is removed at logout, while a run may go on
    yield from (os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP"))
    yield from ("/tmp", "/var/tmp", os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm")


def _is_suitable(place: str) -> bool:
    if not _PLAIN.fullmatch(place):
        return False
    real = Path(place).resolve()
    return all(map(_is_protected, (real, *real.parents)))


def _is_protected(folder: Path) -> bool:
    """Return whether no other user can rename entries of the folder and replace them."""
    try:
        found = folder.stat()
    except OSError:
        return False
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
    return found.st_uid in (0, os.geteuid()) and not others_write


def _supports_sockets(folder: str) -> bool:
    """Return whether a socket can be created: some file systems have none, and the path may be too long."""
    path = os.path.join(folder, _LONGEST_NAME)
    if len(os.fsencode(path)) > _LONGEST_BYTES:
        return False
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(path)
        os.unlink(path)
    except OSError:
        return False
    return True
