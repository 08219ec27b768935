"""Objects for streams, from which nothing can be taken back: nothing is written before an object is whole."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from .pieces import FileRange, PieceBatch, write_all

#: what is read back at once
_CHUNK = 1 << 20


@contextlib.contextmanager
def open_spool() -> Iterator[int]:
    """Open a temporary file without a name; yield its descriptor.

    It is its owner's alone (0600), and gone with the process, however that ends.

    Raises:
        OSError: there is no place for it. The error names none.
    """
    import tempfile  # only who needs such a file waits for it

    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        # the error names folders
        raise OSError(errno.ENOENT, "there is no folder for temporary files: set TMPDIR to one that can be written") from None
    with tempfile.TemporaryFile(buffering=0) as spool:
        yield spool.fileno()


def read_back(spool: int) -> Iterator[bytes]:
    """Yield the content of a spool from its beginning."""
    os.lseek(spool, 0, os.SEEK_SET)
    while chunk := os.read(spool, _CHUNK):
        yield chunk


def write_when_whole(batches: Iterable[PieceBatch], stream: BinaryIO) -> None:
    """Write to a temporary file without a name, and from there to ``stream`` when all is there.

    Whatever ``batches`` raises goes through, and ``stream`` got nothing.

    Raises:
        OSError: it can't be written.
    """
    with open_spool() as spool:
        for batch in batches:
            if isinstance(batch, FileRange):
                batch.copy_to(spool)
            else:
                write_all(spool, batch)
        for chunk in read_back(spool):
            _write(chunk, stream)
    stream.flush()


def _write(chunk: bytes, stream: BinaryIO) -> None:
    """Write all of ``chunk``: a stream without a buffer may take only a part at once."""
    rest = memoryview(chunk)
    while rest:
        written = stream.write(rest)
        if written is None:
            raise BlockingIOError(errno.EAGAIN, "the stream takes no more now, and would not wait")
        rest = rest[written:]
