"""The writer of a run's objects on this machine: they are whole under their names, or not there at all."""

import contextlib
import io
import os
import secrets
import shutil
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import Future

import google_crc32c

from anonymizer import DeidentificationError, Reason
from anonymizer.internals import joined, write_all

from ..durability import Syncer, nothing_to_wait_for, sync_content
from ..errors import ObjectConflictError
from ..objects import ExistingOutput, Written
from ..outages import cannot_write
from ..stopping import check_running
from ..store import StorageError

#: unfinished objects wait here, in a folder for each run on the output's own file system, until they get their names
TEMPORARY = ".dicom-deid-tmp"
_CHUNK = 1 << 20


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
    """A writer of objects below a folder: under a temporary name first, then linked to their own."""

    def __init__(self, output: str, run_id: str) -> None:
        self._output = output
        self._run_id = run_id
        self._temporary = os.path.join(output, TEMPORARY, run_id)
        self._begun = threading.Lock()
        self._syncer: Syncer | None = None

    def __reduce__(self) -> tuple[type["LocalWriter"], tuple[str, str]]:
        # each process has a thread of its own that syncs
        return type(self), (self._output, self._run_id)

    def clean(self) -> None:
        """Remove what the run left unfinished; another run's is none of its business."""
        clear_temporary(self._output, self._run_id)

    def write(self, name: str, chunks: Iterable[bytes | memoryview], source_id: str, *, instead_of: str | None = None) -> Written:
        """Write ``chunks`` under ``name``; nothing is visible there before the last one came.

        Raises:
            ObjectConflictError: ``name`` exists with other content.
            DeidentificationError: it can't be written.
            StorageUnavailableError: nothing can be written there.
        """
        target = os.path.join(self._output, name)
        temporary = os.path.join(self._temporary, secrets.token_hex(16))
        try:
            written = self._write_temporary(temporary, chunks)
            try:
                _link(temporary, target)
            except FileExistsError:
                if not _same_content(temporary, target):
                    if instead_of is None or _version(target) != instead_of:
                        raise ObjectConflictError from None
                    # what is there is gone then: a power cut must find the one or the other
                    sync_content(temporary)
                    os.replace(temporary, target)
            # also what was there: who wrote it may have been ended before it was on the disk
            self._added(target)
        except OSError as error:
            raise cannot_write(error) or DeidentificationError(Reason.OUTPUT_UNWRITABLE) from None
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        return written

    def _added(self, target: str) -> None:
        if self._syncer is None:
            with self._begun:
                self._syncer = self._syncer or Syncer(self._output)
        self._syncer.add(target)

    def flush(self) -> "Future[None]":
        """Implement ``ObjectWriter.flush``."""
        return nothing_to_wait_for() if self._syncer is None else self._syncer.flush()

    def is_there(self, name: str, size: int) -> bool:
        """Implement ``ObjectWriter.is_there``."""
        try:
            return os.stat(f"{self._output}/{name}").st_size == size
        except OSError:
            return False

    def is_whole(self, name: str, written: Written, since: float) -> bool:
        """Implement ``Outputs.is_whole``."""
        try:
            status = os.stat(f"{self._output}/{name}")
            if status.st_size != written.size:
                return False
            return (since and status.st_mtime <= since) or _written(f"{self._output}/{name}") == written
        except OSError:
            return False

    def open(self, name: str) -> io.FileIO:
        """Implement ``ObjectWriter.open``."""
        return _opened(f"{self._output}/{name}")

    def namesake(self, name: str) -> str | None:
        """Implement ``ObjectWriter.namesake``."""
        study, _, instance = name.split("/")
        if os.path.lexists(f"{self._output}/{name}"):
            return name
        try:
            series = sorted(os.listdir(f"{self._output}/{study}"))
        except FileNotFoundError:
            return None
        except OSError:
            raise DeidentificationError(Reason.OUTPUT_UNWRITABLE) from None
        names = (f"{study}/{one}/{instance}" for one in series)
        return next((other for other in names if os.path.lexists(f"{self._output}/{other}")), None)

    def found(self, name: str) -> ExistingOutput | None:
        """Implement ``ObjectWriter.found``."""
        target = f"{self._output}/{name}"
        try:
            version = _version(target)
            return ExistingOutput(_written(target), version)
        except FileNotFoundError:
            return None
        except OSError:
            raise DeidentificationError(Reason.OUTPUT_UNWRITABLE) from None

    def _write_temporary(self, temporary: str, chunks: Iterable[bytes | memoryview]) -> Written:
        size, crc = 0, 0
        handle = _create(temporary)
        try:
            for content in joined(chunks):
                check_running()
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
        # a run that is over has removed the folder
        check_running()
        folder = os.path.dirname(path)
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        # nobody else gets at what is on its way
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        if os.path.islink(folder) or os.path.islink(os.path.dirname(folder)):
            raise OSError("a link in the place of a folder") from None
        return os.open(path, flags, 0o666)


def check_folders(target: str) -> None:
    """Refuse an object's place if a link leads to it: who can write to the output must not choose another place.

    Raises:
        OSError: its series or study is a link.
    """
    series = os.path.dirname(target)
    if os.path.islink(series) or os.path.islink(os.path.dirname(series)):
        raise OSError("a link in the place of a folder")


def _link(temporary: str, target: str) -> None:
    """Give the finished object its name, unless that is taken.

    Raises:
        FileExistsError: the name is taken.
        OSError: it can't be given.
    """
    series = os.path.dirname(target)
    check_folders(target)
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


def _version(path: str) -> str:
    status = os.stat(path, follow_symlinks=False)
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"


def _opened(path: str) -> io.FileIO:
    # no link, and nothing that would be waited for
    return open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0)


def _written(path: str) -> Written:
    """Return the size and checksum of a file."""
    size, crc = 0, 0
    with _opened(path) as file:
        while chunk := file.read(_CHUNK):
            size, crc = size + len(chunk), google_crc32c.extend(crc, chunk)
    return Written(size, crc)


def _same_content(one: str, other: str) -> bool:
    with open(one, "rb") as left, open(other, "rb") as right:
        while True:
            chunk = left.read(_CHUNK)
            if chunk != right.read(_CHUNK):
                return False
            if not chunk:
                return True
