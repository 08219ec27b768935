"""File systems that only Beam knows: what every store promises, and what is theirs.

Beam's own HDFS, on a client that has a folder of this machine in HDFS's place.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, ClassVar

import pytest
from apache_beam.io import hadoopfilesystem
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from anonymizer import DeidentificationError, Reason
from storage import COUNTS, ObjectConflictError, StorageError, StorageOptions
from storage.stores import hdfs as module
from storage.stores.hdfs import BeamFilesStore
from storage.stores.remote import SMALL
from tests.support.entries import content_of, only
from tests.support.places import FolderPlace, left
from tests.support.store_contract import StoreContract

ROOT = "hdfs://data/"


class HdfsError(Exception):
    """As the package ``hdfs`` has it; its texts name paths."""


class FolderClient:
    """What Beam uses of ``hdfs.InsecureClient``, with the rules of WebHDFS: no renaming onto a file or into no folder."""

    root = Path()
    fail: ClassVar[dict[str, int]] = {}

    def __init__(self, url: str, user: str) -> None:
        self.url, self.user = url, user

    def _at(self, operation: str, path: str) -> Path:
        if self.fail.get(operation, 0):
            self.fail[operation] -= 1
            raise HdfsError(f"{operation} {path}")
        return self.root / path.lstrip("/")

    def status(self, path: str, strict: bool = True) -> dict[str, Any] | None:
        at = self._at("status", path)
        if not at.exists():
            if strict:
                raise HdfsError(path)
            return None
        return self._status(at)

    def _status(self, at: Path) -> dict[str, Any]:
        found = at.stat()
        is_folder = at.is_dir()
        return {
            "length": 0 if is_folder else found.st_size,
            "modificationTime": found.st_mtime_ns // 10**6,
            "type": "DIRECTORY" if is_folder else "FILE",
        }

    def list(self, path: str, status: bool = False) -> list[Any]:
        at = self._at("list", path)
        if not at.is_dir():
            raise HdfsError(f"{path} is not a directory")
        found = []
        for name in os.listdir(at):
            # HDFS lists a folder as it is at one moment: what gets another name meanwhile is there or isn't
            with contextlib.suppress(FileNotFoundError):
                found.append((name, self._status(at / name)))
        return found

    @contextlib.contextmanager
    def read(self, path: str, offset: int, length: int) -> Iterator[BinaryIO]:
        with self._at("read", path).open("rb") as file:
            file.seek(offset)
            yield SimpleNamespace(read=lambda: file.read(length))  # type: ignore[misc]

    def write(self, path: str) -> _Writer:
        at = self._at("write", path)
        at.parent.mkdir(parents=True, exist_ok=True)
        return _Writer(self, path, at)

    def rename(self, source: str, target: str) -> None:
        at = self._at("rename", target)
        if at.exists() or not at.parent.is_dir():
            raise HdfsError(f"{source} {target}")
        (self.root / source.lstrip("/")).rename(at)

    def makedirs(self, path: str) -> None:
        self._at("makedirs", path).mkdir(parents=True, exist_ok=True)

    def delete(self, path: str, recursive: bool) -> None:
        at = self._at("delete", path)
        if at.exists():
            at.unlink()


class _Writer:
    """What was written is there for all to see, whole or not; Beam enters it and ends it by its ``__exit__``."""

    def __init__(self, client: FolderClient, path: str, at: Path) -> None:
        self._client, self._path = client, path
        self._file = at.open("wb")

    def write(self, data: bytes) -> None:
        self._client._at("data", self._path)
        self._file.write(data)
        self._file.flush()

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(hadoopfilesystem, "hdfs", SimpleNamespace(InsecureClient=FolderClient, HdfsError=HdfsError))
    monkeypatch.setattr(FolderClient, "root", tmp_path)
    monkeypatch.setattr(FolderClient, "fail", {})
    monkeypatch.setattr(module, "PAUSES", (0.0,) * 3)
    options = PipelineOptions(["--hdfs_host=h", "--hdfs_port=1", "--hdfs_user=u"])
    monkeypatch.setattr(FileSystems, "_pipeline_options", options)
    found = tmp_path / "data"
    found.mkdir()
    return found


@pytest.fixture
def store(folder: Path) -> BeamFilesStore:
    COUNTS.take()
    return BeamFilesStore(StorageOptions())


class HdfsPlace(FolderPlace):
    def unfinished(self) -> list[str]:
        # Beam's writers that nobody closed write when they are collected
        gc.collect()
        return super().unfinished()


@pytest.fixture
def place(store: BeamFilesStore, folder: Path) -> HdfsPlace:
    return HdfsPlace(folder, ROOT, store)


class TestHdfs(StoreContract):
    versions = r"\d+(\.\d+)?"
    has_folders = True

    @pytest.fixture
    def place(self, store: BeamFilesStore, folder: Path) -> HdfsPlace:
        return HdfsPlace(folder, ROOT, store)

    def writes_of(self, size: int) -> int:
        # under a name of its own, and by a rename
        return 2

    def reads_of(self, size: int) -> int:
        # a file that is opened, whatever is read of it
        return 1


def test_folders_are_named_and_are_no_objects(store: BeamFilesStore, folder: Path) -> None:
    for name in ("a/b", "a.dcm", "a0"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"1")
    (folder / "no files").mkdir()
    assert [entry.uri.decode() for entry in store.list(ROOT)] == [ROOT + name for name in ("a.dcm", "a/b", "a0")]
    assert list(store.names(ROOT, "a")) == ["a", "a.dcm", "a0"]


def test_a_folder_that_can_not_be_listed_is_listed_itself(store: BeamFilesStore, folder: Path) -> None:
    (folder / "a").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        listed = FolderClient.list
        patch.setattr(FolderClient, "list", lambda self, path, status: listed(self, path if path == "/data/" else "x", status))
        assert [entry.uri for entry in store.list(ROOT)] == [f"{ROOT}a".encode()]


def test_who_was_faster_is_found_when_the_name_is_taken(
    store: BeamFilesStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = FolderClient.rename

    def slower(self: FolderClient, source: str, target: str) -> None:
        (self.root / target.lstrip("/")).write_bytes(b"1")
        rename(self, source, target)

    monkeypatch.setattr(FolderClient, "rename", slower)
    assert store.create(f"{ROOT}x", [b"1"], {}).size == 1
    with pytest.raises(ObjectConflictError):
        store.create(f"{ROOT}y", [b"2"], {})
    assert (folder / "y").read_bytes() == b"1"


@pytest.mark.parametrize("operation", ["write", "data", "rename"])
@pytest.mark.parametrize("size", [1000, SMALL + 30_000_000])
def test_a_store_that_fails_is_asked_again_and_leaves_nothing(place: HdfsPlace, operation: str, size: int) -> None:
    if size <= SMALL:
        FolderClient.fail[operation] = 2
        assert place.write("x", [bytes(size)]).size == size
        assert left(place) == (["x"], [])
        (place.folder / "x").unlink()
    FolderClient.fail[operation] = 1000
    with pytest.raises(DeidentificationError) as error:
        place.write("x", [bytes(size)])
    assert error.value.reason is Reason.OUTPUT_UNWRITABLE
    assert left(place) == ([], [])


def test_what_a_killed_process_left_is_no_object(place: HdfsPlace) -> None:
    with module._beside(module._system(ROOT), f"{ROOT}x.dcm") as temporary:
        (place.folder / temporary[len(ROOT) :]).write_bytes(b"half")
        assert place.unfinished() != []
        assert list(place.store.list(ROOT)) == []
        assert list(place.store.names(ROOT, "")) == []


def test_reading_is_tried_again(store: BeamFilesStore, folder: Path) -> None:
    (folder / "x").write_bytes(b"1")
    entry = only(store, f"{ROOT}x")
    FolderClient.fail["read"] = 2
    with store.open(entry) as stream:
        assert content_of(stream) == b"1"
    FolderClient.fail["read"] = 1000
    with pytest.raises(DeidentificationError) as error, store.open(entry) as stream:
        content_of(stream)
    assert error.value.reason is Reason.UNREADABLE


def test_what_is_wrong_is_said_without_names(store: BeamFilesStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"{ROOT}Doe/x.json"
    store.put(uri, b"1")
    for name in ("status", "list", "read", "write", "delete", "rename"):
        FolderClient.fail[name] = 10**6
    for attempt in (
        lambda: list(store.list(uri)),
        lambda: store.names(uri, ""),
        lambda: store.get(uri),
        lambda: store.put(uri, b"2"),
        lambda: store.move(uri, f"{uri}2"),
        lambda: store.delete(uri),
    ):
        with pytest.raises(StorageError, match="--hdfs_host") as error:
            attempt()
        assert "Doe" not in str(error.value)
    monkeypatch.setattr(FileSystems, "_pipeline_options", PipelineOptions([]))
    with pytest.raises(StorageError, match="--hdfs_host"):
        list(store.list(uri))


def test_object_stores_are_refused(store: BeamFilesStore) -> None:
    with pytest.raises(StorageError, match="safely"):
        list(store.list("azfs://account/container/"))
    with pytest.raises(StorageError, match="can't be used"):
        list(store.list("ftp://host/"))
