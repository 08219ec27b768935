"""Pieces of an object on their way to a file: bytes, and ranges of other files; written with few system calls."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator

#: pieces that one system call writes; IOV_MAX is 1024 on Linux and 16 at least anywhere
_MOST_PIECES = 1000
#: bytes from which on a chunk is worth a system call of its own
WORTH_A_CALL = 64 << 10
#: what the system is asked to copy at once: in between a signal can be heard
_COPIED_AT_ONCE = 64 << 20
#: what is joined, and copied at once where the system doesn't
_CHUNK = 1 << 20


class FileRange:
    """A range of an open file, from where it is read next: its bytes pass as they are, and nobody has read them.

    Attributes:
        length: how many there should be.
        copied: how many were copied; fewer where the file ends before.
    """

    __slots__ = ("_source", "copied", "length")

    def __init__(self, source: int, length: int) -> None:
        """
        Args:
            source: the file's descriptor.
        """
        self._source = source
        self.length = length
        self.copied = 0

    def copy_to(self, target: int) -> None:
        """Copy them to the file with the descriptor ``target``, without a way through this process where the system can.

        Raises:
            OSError: they can't be read or written.
        """
        for copy in (_copy_file_range, _sendfile, _read_and_write):
            while self.copied < self.length:
                try:
                    count = copy(self._source, target, min(self.length - self.copied, _COPIED_AT_ONCE))
                except OSError as error:
                    if copy is _read_and_write or error.errno not in NOT_HERE:
                        raise
                    break
                if not count:
                    # the file's end, or one of the file systems that know of no other way to say no
                    break
                self.copied += count


#: how file systems say that they can't copy ranges: other devices, kinds of files, old kernels, sandboxes
NOT_HERE = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ENOTSOCK})


def _copy_file_range(source: int, target: int, length: int) -> int:
    if sys.platform != "linux":
        return 0
    return os.copy_file_range(source, target, length)


def _sendfile(source: int, target: int, length: int) -> int:
    if sys.platform != "linux":
        # elsewhere it knows sockets only
        return 0
    return os.sendfile(target, source, None, length)


def _read_and_write(source: int, target: int, length: int) -> int:
    chunk = os.read(source, min(length, _CHUNK))
    write_all(target, [chunk])
    return len(chunk)


Piece = bytes | memoryview
#: what is written at once: pieces, or a range of another file
PieceBatch = list[Piece] | FileRange


def joined(chunks: Iterable[Piece]) -> Iterator[bytes]:
    """Yield ``chunks`` with the short ones joined to their neighbours; long ones are not copied."""
    pending: list[Piece] = []
    size = 0
    for chunk in chunks:
        if len(chunk) >= WORTH_A_CALL and isinstance(chunk, bytes):
            if pending:
                yield b"".join(pending)
                pending, size = [], 0
            yield chunk
            continue
        pending.append(chunk)
        size += len(chunk)
        if size >= _CHUNK:
            yield b"".join(pending)
            pending, size = [], 0
    if pending:
        yield b"".join(pending)


def write_all(handle: int, pieces: list[Piece]) -> None:
    """Write ``pieces`` without joining them first; a system call may take only a part of them."""
    for start in range(0, len(pieces), _MOST_PIECES):
        batch = pieces[start : start + _MOST_PIECES]
        written = os.writev(handle, batch)
        if written < (size := sum(map(len, batch))):
            rest = memoryview(b"".join(batch))
            while written < size:
                written += os.write(handle, rest[written:])


def write_batches(handle: int, batches: Iterable[PieceBatch]) -> None:
    """Write batches, small ones together."""
    pending: list[Piece] = []
    size = 0
    for batch in batches:
        if isinstance(batch, FileRange):
            write_all(handle, pending)
            pending, size = [], 0
            batch.copy_to(handle)
            continue
        pending += batch
        size += sum(map(len, batch))
        if size >= _CHUNK:
            write_all(handle, pending)
            pending, size = [], 0
    write_all(handle, pending)
