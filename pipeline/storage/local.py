"""Objects in folders of this machine."""

import contextlib
import fcntl
import glob
import hashlib
import io
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import google_crc32c

from anonymizer import DeidentificationError, Reason, joined, write_all, write_atomically
from transforms import ObjectConflictError, Written

from .locations import glob_regex
from .store import Entry, OddFileError, OpenEntry, StorageError

#: unfinished objects wait here, in a folder for each run on the output's own file system, until they get their names
TEMPORARY = ".dicom-deid-tmp"
_CHUNK = 1 << 20
#: bytes of a small file: tables have 32 MiB and a group of rows
_LARGEST = 1 << 30
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()


class LocalStore:
    """Paths of this machine."""

    def divides(self, prefix: str) -> bool:
        """As ``ObjectStore.divides``."""
        return False

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Entry]:
        """Every file below a folder (each once, whatever links there are), one file, or what a glob matches, folders whole.

        In the order in which the file system has them; ``after`` and ``limit`` are of no use here.
        """
        for file in self.files(prefix):
            # os.fsencode, without its calls
            yield self.look(file.encode(_ENCODING, _ERRORS))

    @staticmethod
    def look(path: bytes) -> Entry:
        """One file; where there is none, it is listed all the same: reading it will fail, and that is what the audit says."""
        try:
            status = os.stat(path)
        except OSError:
            return Entry(path)
        return Entry(path, status.st_size, str(status.st_mtime_ns))

    @staticmethod
    def files(name: str) -> Iterator[str]:
        """The paths of what ``list`` lists, at a fifth of its cost."""
        if Path(name).is_dir():
            return _walk(name)
        if Path(name).exists() or not glob.has_magic(name):
            return iter([name])
        return _matches(name)

    @contextlib.contextmanager
    def open(self, entry: Entry, *, start: int = 0, end: int | None = None, header: bool = False) -> Iterator[OpenEntry]:
        """As ``ObjectStore.open``.

        Raises:
            OSError: it can't be read.
            DeidentificationError: it changed since it was listed, or is no regular file.
        """
        # O_NONBLOCK: a named pipe must not hold the run up
        handle = os.open(entry.uri, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb", buffering=0) as stream:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise DeidentificationError(Reason.UNREADABLE)
            now = Entry(entry.uri, status.st_size, str(status.st_mtime_ns))
            if entry.version not in ("", now.version) or entry.size not in (-1, now.size):
                raise DeidentificationError(Reason.CHANGED_DURING_RUN)
            if start:
                stream.seek(start)
            yield _OpenFile(stream, now, None if end is None else max(0, end - start))

    def names(self, folder: str, beginning: str) -> Sequence[str]:
        """As ``ObjectStore.names``."""
        try:
            return sorted(name for name in os.listdir(folder) if name.startswith(beginning))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"can't be read: {error.strerror}") from None

    def get(self, uri: str) -> tuple[bytes, str]:
        """As ``ObjectStore.get``; the version is a digest of the content."""
        try:
            # as in ``open``
            with open(os.open(uri, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
                    raise OddFileError("can't be read: it has something in it that is no file of a run")
                content = file.read()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(f"can't be read: {error.strerror}") from None
        return content, hashlib.sha256(content).hexdigest()

    def put(self, uri: str, content: bytes, *, version: str | None = None) -> None:
        """As ``ObjectStore.put``: readable by its owner only from its creation on (0600), and so is a folder that comes into
        being (0700).
        """
        path = Path(uri)
        try:
            make_private(path.parent)
            with _locked(path.parent):
                if version is not None and version != self._version(uri):
                    raise ObjectConflictError
                write_atomically([[content]], uri, private=True)
        except OSError as error:
            raise StorageError(f"can't be written: {error.strerror}") from None

    def _version(self, uri: str) -> str:
        try:
            return self.get(uri)[1]
        except FileNotFoundError:
            return ""

    def move(self, source: str, target: str) -> None:
        """As ``ObjectStore.move``."""
        try:
            make_private(Path(target).parent)
            os.replace(source, target)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"can't be moved: {error.strerror}") from None

    def delete(self, uri: str) -> None:
        """As ``ObjectStore.delete``."""
        try:
            os.unlink(uri)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"can't be removed: {error.strerror}") from None


class _OpenFile:
    """A part of an open file, or all of it."""

    def __init__(self, stream: io.FileIO, entry: Entry, length: int | None) -> None:
        self.entry = entry
        self._stream = stream
        self._left = length
        if length is None:
            # no layer between the engine and the file
            self.read = stream.read  # type: ignore[method-assign]

    def read(self, size: int, /) -> bytes:
        """As ``OpenEntry.read``."""
        assert self._left is not None
        piece = self._stream.read(min(size, self._left))
        self._left -= len(piece)
        return piece


def make_private(folder: Path) -> None:
    """Make a folder that nobody but its owner may enter (0700), whatever the umask; one that is there stays as it is.

    Raises:
        OSError: it can't be made.
    """
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    # by its own mode and not by a change of it: there is no moment in which others could open it
    folder.mkdir(mode=0o700, exist_ok=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Nobody else who asks is in here for this folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _matches(pattern: str) -> Iterator[str]:
    if "**" in Path(pattern).parts:
        yield from _deep_matches(pattern)
        return
    for match in glob.iglob(pattern):
        if os.path.isdir(match):
            yield from _walk(match)
        else:
            yield match


def _deep_matches(pattern: str) -> Iterator[str]:
    """What a pattern with ``**`` matches; the module glob would follow links in circles there."""
    parts = Path(pattern).parts
    first = parts.index("**")
    base, rest = os.path.join("", *parts[:first]), "/".join(parts[first:])
    matches = re.compile(glob_regex(rest, hidden=False), re.DOTALL).fullmatch
    for folder in filter(os.path.isdir, glob.iglob(base) if glob.has_magic(base) else [base or os.curdir]):
        below = len(os.path.join(folder, ""))
        for file in _walk(folder):
            if matches(file[below:]):
                yield file if base else file[below:]


def _walk(folder: str) -> Iterator[str]:
    """Every file below ``folder``, whatever links there are and however deep it is: each folder once.

    What is below it is met by its own path. Links to folders that lie elsewhere are followed when all else is done, in the
    order of their names, so that the same files have the same names each time.
    """
    real = os.path.realpath(folder)
    trees, links, pending = {real}, list[str](), [(folder, real)]
    while pending or links:
        if not pending:
            links.sort(reverse=True)
            folder = links.pop()
            real = os.path.realpath(folder)
            if any(above in trees for above in (real, *_above(real))):
                continue
            trees.add(real)
            pending.append((folder, real))
        folder, real = pending.pop()
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError:
            # a folder that can't be listed is itself listed: opening it fails, and the audit shows that something is missing
            yield folder
            continue
        for entry in entries:
            try:
                is_dir = entry.is_dir()
            except OSError:
                is_dir = False
            if not is_dir:
                yield entry.path
            elif entry.is_symlink():
                links.append(entry.path)
            elif (inside := os.path.join(real, entry.name)) not in trees:
                pending.append((entry.path, inside))


def _above(path: str) -> Iterator[str]:
    while (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent


def check_temporary(output: str) -> None:
    """Refuse an output whose folder of unfinished objects is a link: what the job writes and removes there would be elsewhere.

    Raises:
        StorageError: it is one.
    """
    if os.path.islink(os.path.join(output, TEMPORARY)):
        raise StorageError(f"has a link in the place of {TEMPORARY}: remove the link")


def clear_temporary(output: str, run_id: str) -> None:
    """Remove a run's unfinished objects, as far as they lie in the output itself."""
    folder = os.path.join(output, TEMPORARY)
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if sys.version_info >= (3, 11):
            # below what was opened, whatever has its name by now
            shutil.rmtree(run_id, ignore_errors=True, dir_fd=handle)
        else:
            shutil.rmtree(os.path.join(folder, run_id), ignore_errors=True)
    finally:
        os.close(handle)
    with contextlib.suppress(OSError):
        os.rmdir(folder)


class LocalWriter:
    """Writes objects below a folder: under a temporary name first, then linked to their own."""

    def __init__(self, output: str, run_id: str) -> None:
        self._output = output
        self._temporary = os.path.join(output, TEMPORARY, run_id)

    def clean(self) -> None:
        """Remove what the run left unfinished; another run's is none of its business."""
        clear_temporary(self._output, os.path.basename(self._temporary))

    def write(self, name: str, chunks: Iterable[bytes | memoryview], source_id: str) -> Written:
        """Write ``chunks`` under ``name``; nothing is visible there before the last one came.

        Raises:
            ObjectConflictError: ``name`` exists with other content.
            DeidentificationError: it can't be written.
        """
        target = os.path.join(self._output, name)
        temporary = os.path.join(self._temporary, secrets.token_hex(16))
        try:
            written = self._write_temporary(temporary, chunks)
            try:
                _link(temporary, target)
            except FileExistsError:
                if not _same_content(temporary, target):
                    raise ObjectConflictError from None
        except OSError:
            raise DeidentificationError(Reason.OUTPUT_UNWRITABLE) from None
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        return written

    def is_there(self, name: str, size: int) -> bool:
        """As ``ObjectWriter.is_there``."""
        try:
            return os.stat(f"{self._output}/{name}").st_size == size
        except OSError:
            return False

    def _write_temporary(self, temporary: str, chunks: Iterable[bytes | memoryview]) -> Written:
        size, crc = 0, 0
        handle = _create(temporary)
        try:
            for content in joined(chunks):
                size += len(content)
                crc = google_crc32c.extend(crc, content)
                write_all(handle, [content])
        finally:
            os.close(handle)
        return Written(size, crc)


def _create(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        folder = os.path.dirname(path)
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        # nobody else gets at what is on its way
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        if os.path.islink(folder) or os.path.islink(os.path.dirname(folder)):
            raise OSError("a link in the place of a folder") from None
        return os.open(path, flags, 0o666)


def _link(temporary: str, target: str) -> None:
    """Give the finished object its name, unless that is taken.

    Raises:
        FileExistsError: the name is taken.
        OSError: it can't be given.
    """
    series = os.path.dirname(target)
    if os.path.islink(series) or os.path.islink(os.path.dirname(series)):
        # who can write to the output must not choose another place
        raise OSError("a link in the place of a folder")
    try:
        _link_or_rename(temporary, target)
    except FileNotFoundError:
        # nearly always the folder is there: only the first object of a series pays for looking
        os.makedirs(series, exist_ok=True)
        _link_or_rename(temporary, target)


def _link_or_rename(temporary: str, target: str) -> None:
    try:
        os.link(temporary, target)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:
        # a file system without hard links: another process may slip in between, but only with the same bytes
        if os.path.exists(target):
            raise FileExistsError from None
        os.rename(temporary, target)


def _same_content(one: str, other: str) -> bool:
    with open(one, "rb") as left, open(other, "rb") as right:
        while True:
            chunk = left.read(_CHUNK)
            if chunk != right.read(_CHUNK):
                return False
            if not chunk:
                return True
