"""Empty places of stores, and what lies there as other programs than this project's see it: for the contract of all stores."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, cast

from storage import TEMPORARY, Entry, LocalWriter, ObjectStore
from storage.objects import Written
from storage.store import RemoteStore
from tests.support.entries import only

#: what a run writes, by pieces
Chunks = Iterable[bytes | memoryview]


class Place(Protocol):
    """A place that was empty when a test got it.

    ``store`` and ``write`` are the project's; all else goes past it.

    Attributes:
        root: the URI or path that names begin with, with a slash at its end.
    """

    root: str

    @property
    def store(self) -> ObjectStore: ...

    def write(self, name: str, chunks: Chunks, *, instead_of: str = "", run: str = "1") -> Written:
        """Write an object as a run does; ``run`` is its metadata where a store keeps any."""

    def version(self, name: str) -> str:
        """What ``instead_of`` takes."""

    def put(self, name: str, content: bytes) -> None:
        """Write or replace an object as another program does."""

    def put_all(self, contents: dict[str, bytes]) -> None:
        """Write objects, in any order."""

    def get(self, name: str) -> bytes: ...

    def names(self) -> list[str]:
        """What readers see, in order."""

    def unfinished(self) -> list[str]:
        """What is there and no reader sees."""

    def stamp(self, name: str) -> object:
        """What is another one when an object was written anew, be it with the same bytes."""

    def entry(self, name: str) -> Entry:
        """The object as the project lists it."""


def left(place: Place) -> tuple[list[str], list[str]]:
    """What readers see, and what lies there besides; what is still to be cleaned up by then is looked for first."""
    unfinished = place.unfinished()
    return place.names(), unfinished


class _Written:
    root: str
    store: ObjectStore

    def write(self, name: str, chunks: Chunks, *, instead_of: str = "", run: str = "1") -> Written:
        store = cast(RemoteStore, self.store)
        return store.create(self.root + name, chunks, {"run-id": run, "source-id": "s"}, version=instead_of)

    def version(self, name: str) -> str:
        return self.entry(name).version

    def entry(self, name: str) -> Entry:
        return only(self.store, self.root + name)


class BucketPlace(_Written):
    """A bucket of one of the servers of tests/support/servers.py."""

    def __init__(self, server: Any, bucket: str, root: str, store: RemoteStore) -> None:
        self.server, self.bucket, self.root, self.store = server, bucket, root, store

    def put(self, name: str, content: bytes) -> None:
        self.server.put(self.bucket, name, content)

    def put_all(self, contents: dict[str, bytes]) -> None:
        self.server.put_all(self.bucket, contents)

    def get(self, name: str) -> bytes:
        content: bytes = self.server.get(self.bucket, name)
        return content

    def names(self) -> list[str]:
        return sorted(self.server.names(self.bucket))

    def unfinished(self) -> list[str]:
        return []

    def metadata(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.server.metadata(self.bucket, name)
        return found

    def stamp(self, name: str) -> object:
        # an entity tag of S3 is the same for the same bytes
        found = self.metadata(name)
        return [str(found.get(field)) for field in ("generation", "etag", "LastModified", "Metadata", "metadata")]


class FolderPlace(_Written):
    """A folder of this machine, whatever the URIs are that lead there."""

    def __init__(self, folder: Path, root: str, store: ObjectStore) -> None:
        self.folder, self.root, self.store = folder, root, store

    def put(self, name: str, content: bytes) -> None:
        path = self.folder / name
        before = path.stat().st_mtime_ns if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if before is not None:
            # the clocks of some file systems are slow
            os.utime(path, ns=(before, before + 10**9))

    def put_all(self, contents: dict[str, bytes]) -> None:
        for name, content in contents.items():
            self.put(name, content)

    def get(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def _files(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())

    def names(self) -> list[str]:
        return [name for name in self._files() if TEMPORARY not in name]

    def unfinished(self) -> list[str]:
        return [name for name in self._files() if TEMPORARY in name]

    def stamp(self, name: str) -> object:
        status = (self.folder / name).stat()
        return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class LocalPlace(FolderPlace):
    """A folder that runs write to by itself, and not by a store."""

    def __init__(self, folder: Path, store: ObjectStore) -> None:
        super().__init__(folder, f"{folder}/", store)
        self._writer = LocalWriter(str(folder), "run")

    def write(self, name: str, chunks: Chunks, *, instead_of: str = "", run: str = "1") -> Written:
        return self._writer.write(name, chunks, "id", instead_of=instead_of or None)

    def version(self, name: str) -> str:
        found = self._writer.found(name)
        assert found is not None
        return found.version
