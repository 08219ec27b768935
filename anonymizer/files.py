"""Writing objects: few system calls, and never half of one under its name."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

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
#: pieces that one system call writes; IOV_MAX is 1024 on Linux and 16 at least anywhere
_MOST_PIECES = 1000
#: bytes from which on a chunk is worth a system call of its own
WORTH_A_CALL = 64 << 10
#: what the system is asked to copy at once: in between a signal can be heard
_COPIED_AT_ONCE = 64 << 20
#: what is joined, and copied at once where the system doesn't
_CHUNK = 1 << 20


class FileRange:
    """Bytes of an open file, from where it is read next: they pass as they are, and nobody has read them.

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
                    if copy is _read_and_write or error.errno not in _NOT_HERE:
                        raise
                    break
                if not count:
                    # the file's end, or one of the file systems that know of no other way to say no
                    break
                self.copied += count


#: how file systems say that they can't copy ranges: other devices, kinds of files, old kernels, sandboxes
_NOT_HERE = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ENOTSOCK})


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
Batch = list[Piece] | FileRange


def joined(chunks: Iterable[Piece]) -> Iterator[bytes]:
    """``chunks`` with the short ones joined to their neighbours; long ones are not copied."""
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


def _write_batches(handle: int, batches: Iterable[Batch]) -> None:
    """Write what comes, small batches together."""
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


def _replaced(path: str) -> tuple[str, int | None]:
    """The file that a file of that name would replace, and its permissions; None where there is none."""
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
        if error.errno not in _NOT_HERE:
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


def write_atomically(batches: Iterable[Batch], path: str, *, private: bool = False, durable: bool = False) -> None:
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
            _write_batches(handle, batches)
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
