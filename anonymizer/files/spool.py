"""Objects for streams, from which nothing can be taken back: nothing is written before an object is whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import BinaryIO

from .pieces import FileRange, PieceBatch, write_all

#: what is read back at once
_CHUNK = 1 << 20


def write_when_whole(batches: Iterable[PieceBatch], stream: BinaryIO) -> None:
    """Write to a temporary file without a name, and from there to ``stream`` when all is there.

    Whatever ``batches`` raises goes through, and ``stream`` got nothing.

    Raises:
        OSError: it can't be written.
    """
    import tempfile  # only who needs such a file waits for it

    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        # the error names folders
        raise OSError(errno.ENOENT, "there is no folder for temporary files: set TMPDIR to one that can be written") from None
    # its owner's alone (0600), and gone with the process, however that ends
    with tempfile.TemporaryFile(buffering=0) as spool:
        handle = spool.fileno()
        for batch in batches:
            if isinstance(batch, FileRange):
                batch.copy_to(handle)
            else:
                write_all(handle, batch)
        os.lseek(handle, 0, os.SEEK_SET)
        while chunk := os.read(handle, _CHUNK):
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
