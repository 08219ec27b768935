"""The writer of a plan answers as a run's writer does, and writes nothing."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import pytest

from anonymizer import DeidentificationError, Reason
from storage import ObjectConflictError, PlannedWriter, StorageOptions, Written
from storage.planned_writer import write_requests
from storage.stores.local_writer import LocalWriter
from storage.stores.remote import PART, SMALL, Parts, head_of, parts_of
from tests.support.plans import snapshot

NAME = "1.2/3.4/5.6.dcm"


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Path]:
    """A folder with one output, which is the same at the end."""
    place = tmp_path / "out" / NAME
    place.parent.mkdir(parents=True)
    place.write_bytes(b"before")
    before = snapshot(tmp_path / "out")
    yield tmp_path / "out"
    assert snapshot(tmp_path / "out") == before


def writer(output: Path, run_id: str = "0123abcd") -> PlannedWriter:
    made = PlannedWriter(LocalWriter(str(output), run_id), str(output), run_id, StorageOptions())
    found: PlannedWriter = pickle.loads(pickle.dumps(made))
    return found


def of(content: bytes) -> Written:
    return Written(len(content), google_crc32c.value(content))


def test_in_an_output_that_is_not_there_all_is_written_and_nothing_is_made(tmp_path: Path) -> None:
    made = writer(tmp_path / "none")
    assert made.write(NAME, [b"DI", memoryview(b"CM")], "0") == of(b"DICM")
    made.flush().result(0)
    made.clean()
    assert list(tmp_path.iterdir()) == []


def test_in_an_empty_output_nothing_is_asked_for_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = writer(tmp_path, "0123abce")
    made.write(NAME, [b"DICM"], "0")
    for name in ("stat", "lstat", "open", "scandir"):
        monkeypatch.setattr(os, name, lambda *_, **__: pytest.fail("asked"))
    assert made.write(NAME, [b"other"], "0") == of(b"other")


def test_the_same_content_is_a_success_and_other_content_is_a_conflict(output: Path) -> None:
    made = writer(output)
    assert made.write(NAME, [b"before"], "0") == of(b"before")
    with pytest.raises(ObjectConflictError):
        made.write(NAME, [b"now"], "0")
    with pytest.raises(ObjectConflictError):
        made.write(NAME, [b"now"], "0", instead_of="1 2 3")
    assert made.write("1.2/3.4/7.dcm", [b"new"], "0") == of(b"new")


def test_a_replaced_output_is_the_planned_one_from_then_on(output: Path) -> None:
    made = writer(output)
    found = made.found(NAME)
    assert found is not None and found.written == of(b"before")
    assert made.write(NAME, [b"now"], "0", instead_of=found.version) == of(b"now")
    assert made.write(NAME, [b"now"], "0") == of(b"now")
    with pytest.raises(ObjectConflictError):
        made.write(NAME, [b"before"], "0")
    planned = made.found(NAME)
    assert planned is not None and planned.written == of(b"now")
    with made.open(NAME) as stream:
        assert stream.read(100) == b"now"
    assert made.write(NAME, [b"later"], "0", instead_of=planned.version) == of(b"later")
    # of another process
    with writer(output).open(NAME) as stream:
        assert stream.read(100) == b"before"


def test_what_can_not_be_written_is_refused_as_by_a_run(output: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "1.2").symlink_to(elsewhere)
    (linked / "3" / "4" / "5.dcm").mkdir(parents=True)
    (linked / "6").write_bytes(b"a file")
    for name in ("1.2/3/4.dcm", "1.2/3.dcm", "3/4/5.dcm", "6/7/8.dcm"):
        for one in (writer(linked), LocalWriter(str(linked), "0123abcd")):
            with pytest.raises(DeidentificationError) as caught:
                one.write(name, [b"x"], "0")
            assert caught.value.reason is Reason.OUTPUT_UNWRITABLE, name
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, PART, PART + 1, 5 * PART, 5 * PART + 7])
def test_parts_are_counted_as_they_are_made(size: int) -> None:
    head, rest = head_of(bytes(min(1 << 20, size - start)) for start in range(0, size, 1 << 20))
    made = 0 if rest is None else sum(1 for _ in Parts(head, rest))
    assert parts_of(size) == made
    assert write_requests("gs", size) == 1 and write_requests("hdfs", size) == 2
    assert write_requests("s3", size) == (made + 2 if made else 1)
    assert write_requests("azfs", size) == (made + 1 if made else 1)
