"""Objects in local folders."""

import contextlib
import glob
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import google_crc32c

from anonymizer import ByteStream, DeidentificationError, Reason, batches, write_all
from transforms import ObjectConflictError, ObjectRef, Written

from .options import input_base

#: unfinished objects wait here, in a folder for each run on the output's own file system, until they get their names
TEMPORARY = ".dicom-deid-tmp"
_CHUNK = 1 << 20


class LocalArchive:
    """Reads objects from folders, files and globs."""

    def list(self, location: tuple[int, str]) -> Iterator[ObjectRef]:
        """Every file below a folder (links to folders are followed once), one file, or what a glob matches, folders whole."""
        ordinal, name = location
        prefix = f"{ordinal}:" if ordinal else ""
        base = input_base(name)
        if Path(name).is_dir():
            files = _walk(name, set())
        elif Path(name).exists() or not glob.has_magic(name):
            files = iter([name])
        else:
            files = _matches(name)
        for file in files:
            path = os.fsencode(file)
            source = os.fsencode(prefix + os.path.relpath(file, base))
            try:
                status = os.stat(file)
            except OSError:
                # it is listed all the same: reading it will fail, and that is what the audit says
                yield ObjectRef(path, source, -1, "")
                continue
            yield ObjectRef(path, source, status.st_size, str(status.st_mtime_ns))

    @contextlib.contextmanager
    def open(self, ref: ObjectRef) -> Iterator[ByteStream]:
        """The file's bytes.

        Raises:
            OSError: it can't be read.
            DeidentificationError: it changed since it was listed, or is no regular file.
        """
        # O_NONBLOCK: a named pipe must not hold the run up
        handle = os.open(ref.name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb", buffering=0) as stream:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise DeidentificationError(Reason.UNREADABLE)
            if (status.st_size, str(status.st_mtime_ns)) != (ref.size, ref.version):
                raise DeidentificationError(Reason.CHANGED_DURING_RUN)
            yield stream


def _matches(pattern: str) -> Iterator[str]:
    for match in glob.iglob(pattern, recursive=True):
        if not os.path.isdir(match):
            yield match
        elif "**" not in pattern:
            # `**` comes to the folder's files by itself
            yield from _walk(match, set())


def _walk(folder: str, above: set[tuple[int, int]]) -> Iterator[str]:
    try:
        status = os.stat(folder)
        entries = list(os.scandir(folder))
    except OSError:
        # a folder that can't be listed is itself listed: opening it fails, and the audit shows that something is missing
        yield folder
        return
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        return
    for entry in entries:
        try:
            is_dir = entry.is_dir()
        except OSError:
            is_dir = False
        if is_dir:
            yield from _walk(entry.path, above | {identity})
        else:
            yield entry.path


class LocalWriter:
    """Writes objects below a folder: under a temporary name first, then linked to their own."""

    def __init__(self, output: str, run_id: str) -> None:
        self._output = output
        self._temporary = os.path.join(output, TEMPORARY, run_id)

    def clean(self) -> None:
        """Remove what the run left unfinished; another run's is none of its business."""
        shutil.rmtree(self._temporary, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(self._temporary))

    def write(self, name: str, chunks: Iterable[bytes | memoryview]) -> Written:
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

    def _write_temporary(self, temporary: str, chunks: Iterable[bytes | memoryview]) -> Written:
        size, crc = 0, 0
        handle = _create(temporary)
        try:
            for batch in batches(chunks):
                content = b"".join(batch)
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
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, flags, 0o666)


def _link(temporary: str, target: str) -> None:
    """Give the finished object its name, unless that is taken.

    Raises:
        FileExistsError: the name is taken.
        OSError: it can't be given.
    """
    try:
        _link_or_rename(temporary, target)
    except FileNotFoundError:
        # nearly always the folder is there: only the first object of a series pays for looking
        os.makedirs(os.path.dirname(target), exist_ok=True)
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
