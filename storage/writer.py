"""Writers of a run's objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Protocol, cast

from anonymizer.internals import ByteStream

from .durability import nothing_to_wait_for
from .locations import as_folder, join, scheme_of
from .objects import ExistingOutput, Written
from .protocols import ObjectWriter
from .registry import store_for
from .store import Entry, RemoteStore, StorageOptions
from .stores.local_writer import LocalWriter
from .stores.remote import crc32c_of


class RunWriter(ObjectWriter, Protocol):
    """An ObjectWriter that cleans up behind a run."""

    def clean(self) -> None:
        """Remove what the run left unfinished."""


class _RemoteWriter:
    def __init__(self, output: str, options: StorageOptions, metadata: dict[str, str] | None) -> None:
        self._output = output
        self._options = options
        self._metadata = metadata

    @property
    def _store(self) -> RemoteStore:
        return cast(RemoteStore, store_for(self._output, self._options))

    def write(self, name: str, chunks: Iterable[bytes | memoryview], source_id: str, *, instead_of: str | None = None) -> Written:
        """Implement ``ObjectWriter.write``."""
        metadata = {} if self._metadata is None else {**self._metadata, "source-id": source_id}
        return self._store.create(join(self._output, name), chunks, metadata, version=instead_of or "")

    def flush(self) -> Future[None]:
        """Implement ``ObjectWriter.flush``: what a store has taken stays."""
        return nothing_to_wait_for()

    def is_there(self, name: str, size: int) -> bool:
        """Implement ``ObjectWriter.is_there``."""
        return True

    def is_whole(self, name: str, written: Written, since: float) -> bool:
        """Implement ``Outputs.is_whole``."""
        return True

    @contextmanager
    def open(self, name: str) -> Iterator[ByteStream]:
        """Implement ``ObjectWriter.open``."""
        entry = self._entry(name)
        if entry is None:
            raise FileNotFoundError
        with self._store.open(entry, header=True) as stream:
            yield stream

    def namesake(self, name: str) -> str | None:
        """Implement ``ObjectWriter.namesake``."""
        if self._entry(name) is not None:
            return name
        study, _, instance = name.split("/")
        base = as_folder(self._output)
        names = (entry.uri.decode()[len(base) :] for entry in self._store.list(f"{base}{study}/"))
        return next((other for other in names if other.endswith(f"/{instance}")), None)

    def _entry(self, name: str) -> Entry | None:
        uri = join(self._output, name)
        entry = next(self._store.list(uri, limit=1), None)
        return entry if entry is not None and entry.uri == uri.encode() else None

    def found(self, name: str) -> ExistingOutput | None:
        """Implement ``ObjectWriter.found``."""
        entry = self._entry(name)
        if entry is None:
            return None
        return ExistingOutput(Written(entry.size, crc32c_of(self._store, entry)), entry.version)

    def clean(self) -> None:
        """Implement ``RunWriter.clean``: whatever isn't finished was never there."""


def writer_for(output: str, run_id: str, options: StorageOptions, metadata: dict[str, str] | None = None) -> RunWriter:
    """Return the writer of a run.

    Args:
        metadata: what object stores keep beside each object, with its source's id; None: nothing. A file system has no place
            for it.
    """
    if not scheme_of(output):
        return LocalWriter(output, run_id)
    return _RemoteWriter(output, options, metadata)
