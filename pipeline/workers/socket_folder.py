"""A folder for Unix sockets that nobody but this user can enter."""

import os
import re
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import UsageError

#: of a socket's path: 103 on macOS, 107 on Linux
_LONGEST_BYTES = 103
_LONGEST_NAME = "control"
#: gRPC reads addresses as URIs
_PLAIN = re.compile(r"/[A-Za-z0-9/._+-]*")


def make_socket_folder() -> Path:
    """Make the folder, in the first place for temporary files where that is possible; the path is short, and absolute.

    Raises:
        UsageError: there is no such place.
    """
    for place in _places():
        if place and _is_fit(place):
            try:
                folder = tempfile.mkdtemp(prefix="dicom-deid-", dir=place)
            except OSError:
                continue
            if _takes_sockets(folder):
                return Path(folder)
            shutil.rmtree(folder, ignore_errors=True)
    raise UsageError(
        "no place for temporary files can hold the sockets of worker processes: set TMPDIR to a folder of your own with a path "
        f"of at most {_LONGEST_BYTES - len('/dicom-deid-12345678/') - len(_LONGEST_NAME)} plain characters"
    )


def _places() -> Iterator[str]:
    # not XDG_RUNTIME_DIR before them: it is removed at logout, while a run goes on
    yield from (os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP"))
    yield from ("/tmp", "/var/tmp", os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm")


def _is_fit(place: str) -> bool:
    if not _PLAIN.fullmatch(place):
        return False
    real = Path(place).resolve()
    return all(map(_is_ours, (real, *real.parents)))


def _is_ours(folder: Path) -> bool:
    """Whether nobody else may rename what is in the folder, and put one of his own into its place."""
    try:
        found = folder.stat()
    except OSError:
        return False
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
    return found.st_uid in (0, os.geteuid()) and not others_write


def _takes_sockets(folder: str) -> bool:
    """Try it: some file systems know no sockets, and the path may be too long."""
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
