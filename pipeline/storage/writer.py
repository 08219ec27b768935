"""Where a run's objects go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, cast

from transforms import ObjectWriter, Written

from .access import store_for
from .local_writer import LocalWriter
from .locations import join, scheme_of
from .store import RemoteStore, StorageOptions


class RunWriter(ObjectWriter, Protocol):
    """An ObjectWriter that cleans up behind a run."""

    def clean(self) -> None:
        """Remove what the run left unfinished."""


class _RemoteWriter:
    def __init__(self, output: str, options: StorageOptions, metadata: dict[str, str] | None) -> None:
        self._output = output
        self._options = options
        self._metadata = metadata

    def write(self, name: str, chunks: Iterable[bytes | memoryview], source_id: str) -> Written:
        """As ``ObjectWriter.write``."""
        store = cast(RemoteStore, store_for(self._output, self._options))
        metadata = {} if self._metadata is None else {**self._metadata, "source-id": source_id}
        return store.create(join(self._output, name), chunks, metadata)

    def is_there(self, name: str, size: int) -> bool:
        """As ``ObjectWriter.is_there``."""
        return True

    def clean(self) -> None:
        """As ``RunWriter.clean``: whatever isn't finished was never there."""


def writer_for(output: str, run_id: str, options: StorageOptions, metadata: dict[str, str] | None = None) -> RunWriter:
    """The writer of a run.

    Args:
        metadata: what object stores keep beside each object, with its source's id; None: nothing. A file system has no place
            for it.
    """
    if not scheme_of(output):
        return LocalWriter(output, run_id)
    return _RemoteWriter(output, options, metadata)
