"""Local folders: what every store promises, and what is the file system's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from anonymizer import DeidentificationError, Key, Reason
from anonymizer.internals import Engine
from profiles import ConfidentialityProfile
from storage import TEMPORARY, LocalStore, LocalWriter, ObjectConflictError, StorageError
from storage.archive import StoredArchive
from tests.support.keys import KEY
from tests.support.places import LocalPlace
from tests.support.runs import ct_file
from tests.support.store_contract import StoreContract


class TestLocal(StoreContract):
    more_names = ("a/z\nx", "a/\x01")
    versions = r"\d+"
    # folders and patterns, in the order in which the file system has them: an archive here is walked, not divided
    lists_prefixes = False
    has_folders = True
    missing_is_os_error = True
    # FIXME: a file is looked at when it is opened, and may be written over while it is read
    pins_versions = False

    @pytest.fixture
    def place(self, tmp_path: Path) -> LocalPlace:
        folder = tmp_path / "place"
        folder.mkdir()
        return LocalPlace(folder, LocalStore())

    def writes_of(self, size: int) -> int:
        # nobody is billed for files
        return 0

    def reads_of(self, size: int) -> int:
        return 0


# -- names -------------------------------------------------------------------------------------------------------------------


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


# -- reading -----------------------------------------------------------------------------------------------------------------


def test_a_pipe_does_not_hold_the_run_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (entry,) = LocalStore().list(str(tmp_path))
    with pytest.raises(DeidentificationError) as error, LocalStore().open(entry):
        pass
    assert error.value.reason is Reason.UNREADABLE


# -- writing -----------------------------------------------------------------------------------------------------------------


def test_what_a_run_left_unfinished_is_removed_and_nobody_elses(tmp_path: Path) -> None:
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


def test_a_small_file_below_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        LocalStore().put(str(tmp_path / "file" / "a"), b"1")
