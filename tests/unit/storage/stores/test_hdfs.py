"""File systems that only Beam knows: Beam's own HDFS, on a client that has a folder of this machine in HDFS's place."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, ClassVar

import google_crc32c
import pytest
from apache_beam.io import hadoopfilesystem
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from anonymizer import DeidentificationError, Reason
from storage import COUNTS, Entry, ObjectConflictError, Operations, StorageError, StorageOptions
from storage.stores import hdfs as module
from storage.stores.hdfs import BeamFilesStore
from storage.stores.remote import PART, SMALL
from tests.support.entries import content_of, only

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
        return [(name, self._status(at / name)) for name in os.listdir(at)]

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


def files(folder: Path) -> list[str]:
    """What is there when also the writers that nobody closed are gone."""
    gc.collect()
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_folders_are_listed_to_the_bottom_in_the_order_of_names(store: BeamFilesStore, folder: Path) -> None:
    names = ["a/é.dcm", "a/+ %#?*[x].dcm", "a.dcm", "a/b/c", "a0", "z/empty", "é", ".hidden"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"" if name == "z/empty" else name.encode())
    (folder / "no files").mkdir()
    expected = [ROOT + name for name in sorted(names)]
    entries = list(store.list(ROOT))
    assert [entry.uri.decode() for entry in entries] == expected
    for entry in entries:
        content = b"" if entry.uri.endswith(b"empty") else entry.uri[len(ROOT) :]
        assert entry.size == len(content)
        with store.open(entry) as stream:
            assert content_of(stream) == content
    for number, after in enumerate(expected):
        assert [entry.uri.decode() for entry in store.list(ROOT, after=after)] == expected[number + 1 :]
    assert [entry.uri.decode() for entry in store.list(ROOT, after=f"{ROOT}a/", limit=2)] == [
        f"{ROOT}a/+ %#?*[x].dcm",
        f"{ROOT}a/b/c",
    ]
    assert [entry.uri.decode() for entry in store.list(f"{ROOT}a.")] == [f"{ROOT}a.dcm"]
    assert list(store.list(f"{ROOT}nothing/")) == []
    assert list(store.names(ROOT, "a")) == ["a", "a.dcm", "a0"]
    assert list(store.names(f"{ROOT}nothing", "a")) == []


def test_a_folder_that_can_not_be_listed_is_listed_itself(store: BeamFilesStore, folder: Path) -> None:
    (folder / "a").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        listed = FolderClient.list
        patch.setattr(FolderClient, "list", lambda self, path, status: listed(self, path if path == "/data/" else "x", status))
        assert [entry.uri for entry in store.list(ROOT)] == [f"{ROOT}a".encode()]


@pytest.mark.parametrize("size", [0, 1000, 200_000, SMALL + 1000, PART + 5_000_000])
def test_an_object_is_written_and_read(store: BeamFilesStore, folder: Path, size: int) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    uri = f"{ROOT}study/series/x.dcm"
    written = store.create(uri, (content[at : at + 300_000] for at in range(0, size, 300_000)), {"source-id": "s"})
    assert written == (size, google_crc32c.value(content))
    assert COUNTS.take() == Operations(writes=2, bytes_written=size)
    assert files(folder) == ["study/series/x.dcm"]
    entry = only(store, uri)
    COUNTS.take()
    with store.open(entry, header=True) as stream:
        assert stream.read(1000) == content[:1000]
        assert stream.entry == entry
    # not what Beam's buffer would have held
    assert COUNTS.take().bytes_read <= 1 << 20
    for known in (entry, Entry(entry.uri)):
        with store.open(known) as stream:
            assert content_of(stream) == content
            assert stream.entry == entry
        with store.open(known, start=5, end=size - 5) as stream:
            assert content_of(stream) == content[5 : max(size - 5, 0)]


@pytest.mark.parametrize("size", [1000, SMALL + 1000])
def test_the_same_again_is_a_success_and_something_else_a_conflict(store: BeamFilesStore, folder: Path, size: int) -> None:
    uri = f"{ROOT}x.dcm"
    first = store.create(uri, [bytes(size)], {})
    written = (folder / "x.dcm").stat().st_mtime
    # a file that was read since it was written: to read it once more, to compare it, changes nothing then
    os.utime(folder / "x.dcm", (written + 3600, written))
    before = (folder / "x.dcm").stat()
    assert store.create(uri, [bytes(100), bytes(size - 100)], {}) == first
    for other in (b"1" + bytes(size - 1), bytes(size + 1)):
        with pytest.raises(ObjectConflictError):
            store.create(uri, [other], {})
    assert (folder / "x.dcm").stat() == before
    assert files(folder) == ["x.dcm"]


@pytest.mark.parametrize("size", [1000, SMALL + 1000])
def test_a_version_is_replaced_and_no_other(store: BeamFilesStore, folder: Path, size: int) -> None:
    uri = f"{ROOT}x.dcm"
    (folder / "x.dcm").write_bytes(b"1")
    (old,) = store.list(uri)
    with pytest.raises(ObjectConflictError):
        store.create(uri, [bytes(size)], {}, version=f"{old.version}1")
    for _ in range(2):
        # the second time the answer to the first may have got lost
        assert store.create(uri, [bytes(size)], {}, version=old.version).size == size
    assert (folder / "x.dcm").read_bytes() == bytes(size) and files(folder) == ["x.dcm"]


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


@pytest.mark.parametrize("size", [1000, SMALL + 20_000_000])
@pytest.mark.parametrize("error", [DeidentificationError(Reason.TRUNCATED), KeyboardInterrupt()])
def test_what_fails_halfway_leaves_nothing(store: BeamFilesStore, folder: Path, size: int, error: BaseException) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(0, size, 100_000):
            assert all(path.name.endswith(".dicom-deid-tmp") for path in folder.rglob("*") if path.is_file())
            yield bytes(100_000)
        raise error

    with pytest.raises(type(error)) as raised:
        store.create(f"{ROOT}s/x.dcm", chunks(), {})
    assert raised.value is error
    assert files(folder) == []


@pytest.mark.parametrize("operation", ["write", "data", "rename"])
@pytest.mark.parametrize("size", [1000, SMALL + 30_000_000])
def test_a_store_that_fails_is_asked_again_and_leaves_nothing(
    store: BeamFilesStore, folder: Path, operation: str, size: int
) -> None:
    if size <= SMALL:
        FolderClient.fail[operation] = 2
        assert store.create(f"{ROOT}x", [bytes(size)], {}).size == size
        assert files(folder) == ["x"]
        (folder / "x").unlink()
    FolderClient.fail[operation] = 1000
    with pytest.raises(DeidentificationError) as error:
        store.create(f"{ROOT}x", [bytes(size)], {})
    assert error.value.reason is Reason.OUTPUT_UNWRITABLE
    assert files(folder) == []


def test_what_a_killed_process_left_is_no_object(store: BeamFilesStore, folder: Path) -> None:
    with module._beside(module._system(ROOT), f"{ROOT}x.dcm") as temporary:
        (folder / temporary[len(ROOT) :]).write_bytes(b"half")
        assert files(folder) != []
        assert list(store.list(ROOT)) == []
        assert list(store.names(ROOT, "")) == []


@pytest.mark.parametrize("size", [1000, SMALL + 1000])
def test_another_version_is_not_read(store: BeamFilesStore, folder: Path, size: int) -> None:
    path = folder / "x"
    path.write_bytes(bytes(size))
    entry = only(store, f"{ROOT}x")
    path.write_bytes(b"1" + bytes(size - 1))
    os.utime(path, (1, 1))
    gone = entry._replace(uri=f"{ROOT}gone".encode())
    for refused in (entry, Entry(entry.uri, size + 1), gone):
        for header in (True, False):
            with pytest.raises(DeidentificationError) as error, store.open(refused, header=header) as stream:
                content_of(stream)
            assert error.value.reason is Reason.CHANGED_DURING_RUN
    with pytest.raises(DeidentificationError) as error, store.open(gone._replace(version="")) as stream:
        stream.read(10)
    assert error.value.reason is Reason.UNREADABLE


def test_a_change_while_it_is_read_is_noticed_at_the_end(store: BeamFilesStore, folder: Path) -> None:
    path = folder / "x"
    path.write_bytes(bytes(PART + 1000))
    entry = only(store, f"{ROOT}x")
    with store.open(entry) as stream:
        stream.read(10)
        os.utime(path, (1, 1))
        with pytest.raises(DeidentificationError) as error:
            content_of(stream)
    assert error.value.reason is Reason.CHANGED_DURING_RUN


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


def test_small_files_are_replaced_only_as_the_version_allows(store: BeamFilesStore, folder: Path) -> None:
    uri = f"{ROOT}audit/run.json"
    with pytest.raises(FileNotFoundError):
        store.get(uri)
    store.put(uri, b"1", version="")
    with pytest.raises(ObjectConflictError):
        store.put(uri, b"2", version="")
    content, version = store.get(uri)
    assert content == b"1"
    store.put(uri, b"2", version=version)
    with pytest.raises(ObjectConflictError):
        store.put(uri, b"3", version=version)
    store.put(uri, b"4")
    store.move(uri, f"{ROOT}audit/earlier/run.json")
    store.move(uri, f"{ROOT}audit/earlier/run.json")
    assert store.get(f"{ROOT}audit/earlier/run.json")[0] == b"4"
    assert list(store.names(f"{ROOT}audit/earlier", "run")) == ["run.json"]
    store.delete(f"{ROOT}audit/earlier/run.json")
    store.delete(f"{ROOT}audit/earlier/run.json")
    assert files(folder) == []


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
