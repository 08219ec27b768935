"""Local folders: what is listed, and that no half-written object is ever seen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from anonymizer import DeidentificationError, Engine, Key, Reason
from profiles import ConfidentialityProfile
from storage import TEMPORARY, Entry, LocalStore, LocalWriter, ObjectConflictError, StorageError
from storage.archive import StoredArchive
from tests.support.keys import KEY
from tests.support.runs import ct_file


def names(location: str, ordinal: int = 0) -> list[str]:
    archive = StoredArchive()
    return sorted(ref.source.decode() for part in archive.parts((ordinal, location)) for ref in archive.objects(part))


def test_folders_are_listed_to_the_bottom(tmp_path: Path) -> None:
    for name in ("a", ".hidden", "b/c", "b/d/e"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert names(str(tmp_path)) == [".hidden", "a", "b/c", "b/d/e"]
    assert names(str(tmp_path / "b" / "*")) == ["c", "d/e"]
    assert names(str(tmp_path / "?")) == ["a", "b/c", "b/d/e"]
    assert names(str(tmp_path / "**" / "e")) == ["b/d/e"]
    assert names(str(tmp_path / "b" / "c")) == ["c"]
    assert names(str(tmp_path), ordinal=2) == ["2:.hidden", "2:a", "2:b/c", "2:b/d/e"]


def test_links_that_lead_in_circles_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").touch()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    assert names(str(tmp_path)) == ["a/file", "broken"]


def test_a_file_that_changed_since_it_was_listed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    (entry,) = LocalStore().list(str(path))
    path.write_bytes(b"22")
    with pytest.raises(DeidentificationError) as error, LocalStore().open(entry):
        pass
    assert error.value.reason is Reason.CHANGED_DURING_RUN


def test_a_pipe_does_not_hold_the_run_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (entry,) = LocalStore().list(str(tmp_path))
    with pytest.raises(DeidentificationError) as error, LocalStore().open(entry):
        pass
    assert error.value.reason is Reason.UNREADABLE


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"), LocalStore().open(Entry(bytes(tmp_path / "gone"), 1, "1")):
        pass


def test_an_object_is_visible_whole_or_not_at_all(tmp_path: Path) -> None:
    writer = LocalWriter(str(tmp_path), "run")

    def chunks() -> Iterator[bytes]:
        yield b"x" * 3_000_000
        assert not (tmp_path / "s").exists()
        assert [path.stat().st_size for path in (tmp_path / TEMPORARY / "run").iterdir()] == [3_000_000]
        raise DeidentificationError(Reason.TRUNCATED)

    with pytest.raises(DeidentificationError):
        writer.write("s/1.dcm", chunks(), "id")
    other = tmp_path / TEMPORARY / "another run"
    other.mkdir()
    writer.clean()
    assert [path.name for path in tmp_path.rglob("*")] == [TEMPORARY, "another run"]
    other.rmdir()
    writer.clean()
    assert list(tmp_path.iterdir()) == []


def test_writing_the_same_again_is_a_success_and_something_else_a_conflict(tmp_path: Path) -> None:
    writer = LocalWriter(str(tmp_path), "run")
    first = writer.write("s/1.dcm", [b"123456789"], "id")
    assert (first.size, first.crc32c) == (9, 0xE3069283)
    inode = (tmp_path / "s/1.dcm").stat().st_ino
    assert writer.write("s/1.dcm", [memoryview(b"1234"), b"56789"], "id") == first
    assert (tmp_path / "s/1.dcm").stat().st_ino == inode
    with pytest.raises(ObjectConflictError):
        writer.write("s/1.dcm", [b"12345678"], "id")
    assert (tmp_path / "s/1.dcm").read_bytes() == b"123456789"
    assert list((tmp_path / TEMPORARY / "run").iterdir()) == []


def test_a_full_disk_or_a_read_only_output_is_a_reason_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(DeidentificationError) as error:
        LocalWriter(str(tmp_path / "out"), "run").write("s/1.dcm", [b"1"], "id")
    assert error.value.reason is Reason.OUTPUT_UNWRITABLE


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    writer = LocalWriter(str(tmp_path), "run")
    for _ in range(2):
        writer.write("study/series/1.dcm", [b"12"], "id")
    writer.write("study/series/2.dcm", [b"34"], "id")
    assert (tmp_path / "study/series/1.dcm").read_bytes() == b"12"
    with pytest.raises(ObjectConflictError):
        writer.write("study/series/1.dcm", [b"56"], "id")
    assert (tmp_path / "study/series/2.dcm").read_bytes() == b"34"


def test_a_source_that_fails_halfway_is_not_blamed_on_the_output(tmp_path: Path) -> None:
    class Failing(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError(5, "Input/output error")
            return super().read(100)

    chunks = Engine(ConfidentialityProfile(), Key(KEY)).deidentify(Failing(ct_file("1.2.3"))).chunks()
    with pytest.raises(DeidentificationError) as error:
        LocalWriter(str(tmp_path), "run").write("s/1.dcm", chunks, "id")
    assert error.value.reason is Reason.UNREADABLE


def test_a_part_of_a_file_is_read_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    (entry,) = LocalStore().list(str(tmp_path / "a"))
    with LocalStore().open(entry, start=3, end=7) as stream:
        assert stream.read(3) + stream.read(100) == b"3456"
    with LocalStore().open(Entry(entry.uri), start=8) as stream:
        assert stream.read(100) == b"89"
        assert stream.entry == entry


def test_small_files_are_replaced_only_as_the_version_allows(tmp_path: Path) -> None:
    store, path = LocalStore(), str(tmp_path / "folder" / "a.json")
    with pytest.raises(FileNotFoundError):
        store.get(path)
    store.put(path, b"1", version="")
    with pytest.raises(ObjectConflictError):
        store.put(path, b"2", version="")
    content, version = store.get(path)
    assert content == b"1"
    store.put(path, b"2", version=version)
    with pytest.raises(ObjectConflictError):
        store.put(path, b"3", version=version)
    store.put(path, b"4")
    store.move(path, str(tmp_path / "other" / "b.json"))
    store.move(path, str(tmp_path / "other" / "b.json"))
    assert store.names(str(tmp_path / "other"), "b") == ["b.json"]
    store.delete(str(tmp_path / "other" / "b.json"))
    store.delete(str(tmp_path / "other" / "b.json"))
    assert store.names(str(tmp_path / "other"), "") == store.names(str(tmp_path / "nowhere"), "") == []
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        store.put(str(tmp_path / "file" / "a"), b"1")
