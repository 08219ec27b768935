"""Writing objects: few system calls, and never half of one under its name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

#: bytes and pieces in a batch; IOV_MAX is 1024 on Linux and 16 at least anywhere
_BATCH_BYTES = 1 << 20
_BATCH_PIECES = 1000


Piece = bytes | memoryview


def batches(chunks: Iterable[Piece]) -> Iterator[list[Piece]]:
    """``chunks`` in batches that one system call can write."""
    pending: list[Piece] = []
    size = 0
    for chunk in chunks:
        pending.append(chunk)
        size += len(chunk)
        if size >= _BATCH_BYTES or len(pending) == _BATCH_PIECES:
            yield pending
            pending, size = [], 0
    if pending:
        yield pending


def write_all(handle: int, batch: list[Piece]) -> None:
    """Write a batch without joining it first; a system call may take only a part of it."""
    written = os.writev(handle, batch)
    if written < (size := sum(map(len, batch))):
        rest = memoryview(b"".join(batch))
        while written < size:
            written += os.write(handle, rest[written:])


def write_atomically(chunks: Iterable[bytes | memoryview], path: Path) -> None:
    """Write to a temporary file beside ``path`` and give it its name when it is whole.

    Where ``path`` is a link, the file that it leads to is replaced; a file that is replaced leaves its permissions behind.
    Whatever ``chunks`` raises goes through, and ``path`` is as it was.
    """
    path = path.resolve()
    try:
        mode = path.stat().st_mode & 0o7777
    except FileNotFoundError:
        mode = 0o666 & ~_UMASK
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".dicom-deid-")
    try:
        with os.fdopen(handle, "wb", buffering=0) as target:
            for batch in batches(chunks):
                write_all(target.fileno(), batch)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


#: read once, while the process has one thread: reading it means setting it
_UMASK = _umask()
