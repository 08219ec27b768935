"""The writer of a plan: it consumes objects, writes none, and answers as the writer of a run would."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

import google_crc32c

from anonymizer import DeidentificationError, Reason
from anonymizer.internals import ByteStream, joined

from .durability import nothing_to_wait_for
from .errors import ObjectConflictError
from .locations import as_folder, scheme_of
from .objects import ExistingOutput, Written
from .outages import cannot_write
from .protocols import ObjectWriter
from .registry import store_for
from .stopping import check_running
from .store import COUNTS, Entry, StorageOptions
from .stores.local_writer import check_folders
from .stores.remote import BytesReader, parts_of

#: outputs to be replaced that a process remembers: the objects that claim one name are in one work unit
_MOST_REPLACED = 65_536
#: those of which it remembers the beginning, and bytes of that: enough to tell class and patient
_MOST_BEGINNINGS, _BEGINNING = 64, 64 << 10
#: version of an output that would be there by then
_PLANNED = "planned"


class _Replaced(NamedTuple):
    """An output in whose place another one would be written.

    Attributes:
        written: the other one.
        beginning: its first bytes; empty: they are forgotten.
    """

    written: Written
    beginning: bytes


class PlannedWriter:
    """A RunWriter that writes nothing, and no folder either.

    It answers by what lies in the output. Its look-ups aren't counted as operations, and the writes of a run are.
    """

    def __init__(self, writer: ObjectWriter, output: str, run_id: str, options: StorageOptions) -> None:
        """
        Args:
            writer: the writer of a run, of which only what reads is called.
        """
        self._arguments = (writer, output, run_id, options)
        self._writer = writer
        self._output = output
        self._scheme = scheme_of(output)
        self._lock = Lock()
        self._replaced: OrderedDict[bytes, _Replaced] = OrderedDict()

    def __reduce__(self) -> tuple[type[PlannedWriter], tuple[ObjectWriter, str, str, StorageOptions]]:
        return type(self), self._arguments

    def write(self, name: str, chunks: Iterable[bytes | memoryview], source_id: str, *, instead_of: str | None = None) -> Written:
        """Consume ``chunks``, and return or raise what ``ObjectWriter.write`` would.

        Raises:
            ObjectConflictError: ``name`` exists with other content.
            DeidentificationError: nothing can be written under that name.
            StorageUnavailableError: the output can't be read.
        """
        has_objects = not _is_empty(*self._arguments[1:])
        size, crc, beginning = 0, 0, b""
        for content in joined(chunks):
            check_running()
            size += len(content)
            crc = google_crc32c.extend(crc, content)
            if has_objects and len(beginning) < _BEGINNING:
                beginning += content[: _BEGINNING - len(beginning)]
        written = Written(size, crc)
        existing = self._existing(name) if has_objects else None
        is_same = existing is not None and existing.written == written
        is_replaced = existing is not None and not is_same and existing.version == instead_of
        is_refused = existing is not None and not is_same and not is_replaced
        if self._scheme:
            # those of a run: where a name is taken, the store says so, and is asked by what
            COUNTS.add(
                writes=write_requests(self._scheme, size),
                reads=int(is_same or is_refused),
                bytes_written=0 if is_same or is_refused else size,
            )
        if is_refused:
            raise ObjectConflictError
        if is_replaced:
            self._remember(name, _Replaced(written, beginning))
        return written

    def _existing(self, name: str) -> ExistingOutput | None:
        if not self._scheme:
            try:
                check_folders(os.path.join(self._output, name))
            except OSError as error:
                raise cannot_write(error) or DeidentificationError(Reason.OUTPUT_UNWRITABLE) from None
        with COUNTS.paused():
            return self.found(name)

    def _remember(self, name: str, replaced: _Replaced) -> None:
        with self._lock:
            self._replaced[_key(name)] = replaced
            if len(self._replaced) > _MOST_REPLACED:
                self._replaced.popitem(last=False)
            if len(self._replaced) > _MOST_BEGINNINGS:
                forgotten = list(reversed(self._replaced))[_MOST_BEGINNINGS]
                self._replaced[forgotten] = self._replaced[forgotten]._replace(beginning=b"")

    def _planned(self, name: str) -> _Replaced | None:
        # nearly always there is none
        return self._replaced.get(_key(name)) if self._replaced else None

    def flush(self) -> Future[None]:
        """Implement ``ObjectWriter.flush``: there is nothing to wait for."""
        return nothing_to_wait_for()

    def clean(self) -> None:
        """Implement ``RunWriter.clean``: nothing was left unfinished."""

    def is_there(self, name: str, size: int) -> bool:
        """Implement ``Outputs.is_there``."""
        return self._writer.is_there(name, size)

    def is_whole(self, name: str, written: Written, since: float) -> bool:
        """Implement ``Outputs.is_whole``."""
        return self._writer.is_whole(name, written, since)

    @contextmanager
    def open(self, name: str) -> Iterator[ByteStream]:
        """Implement ``ObjectWriter.open``."""
        planned = self._planned(name)
        if planned is not None and planned.beginning:
            yield BytesReader(planned.beginning, Entry(b"", planned.written.size))
            return
        with self._writer.open(name) as stream:
            yield stream

    def namesake(self, name: str) -> str | None:
        """Implement ``ObjectWriter.namesake``."""
        return self._writer.namesake(name)

    def found(self, name: str) -> ExistingOutput | None:
        """Implement ``ObjectWriter.found``."""
        planned = self._planned(name)
        return self._writer.found(name) if planned is None else ExistingOutput(planned.written, _PLANNED)


def write_requests(scheme: str, size: int) -> int:
    """Return the number of requests by which a store takes an object, in the class of writes.

    Args:
        scheme: of the store's URIs.
        size: of the object, in bytes.
    """
    parts = parts_of(size)
    match scheme:
        case "hdfs":
            # under a temporary name, then renamed
            return 2
        case "s3" if parts:
            return parts + 2
        case "azfs" if parts:
            return parts + 1
    # the pieces of a resumable upload belong to the operation that began it
    return 1


def _key(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=16).digest()


@lru_cache(maxsize=8)
def _is_empty(output: str, run_id: str, options: StorageOptions) -> bool:
    """Return whether nothing lay in the output when this process first asked, for this plan.

    Raises:
        StorageError: it can't be listed.
    """
    if scheme_of(output):
        with COUNTS.paused():
            return next(store_for(output, options).list(as_folder(output), limit=1), None) is None
    try:
        with os.scandir(output) as entries:
            return next(entries, None) is None
    except FileNotFoundError:
        return True
    except OSError as error:
        raise cannot_write(error) or DeidentificationError(Reason.OUTPUT_UNWRITABLE) from None
