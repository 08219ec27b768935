"""Where a run's objects go on this machine: whole under their names, or not there at all."""

import contextlib
import os
import secrets
import shutil
import sys
from collections.abc import Iterable

import google_crc32c

from anonymizer import DeidentificationError, Reason, joined, write_all
from transforms import ObjectConflictError, Written

from .store import StorageError

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
