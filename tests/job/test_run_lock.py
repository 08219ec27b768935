"""What a dead run left is cleared away; what a live one is at is not touched."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anonymizer.internals import UNFINISHED
from pipeline.runs.lock import RunLock
from storage import TEMPORARY, Folder
from tests.support.forked import Logged
from tests.support.runs import ROOT, ct_file, deidentify

MANY = 600
OTHER, MINE, NEXT = "0123abc1", "0123abc2", "0123abc3"
HOLD = """
import sys, time
from pipeline.runs.lock import RunLock
from storage import Folder
with RunLock(Folder(sys.argv[1]), sys.argv[2], sys.argv[3]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A live process that holds the lock of the run OTHER, whose unfinished work lies about."""
    (tmp_path / "audit").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "audit"), str(tmp_path), OTHER], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    (tmp_path / "audit" / f"uid_map-{OTHER}-{1:016x}.parquet").touch()
    (tmp_path / "audit" / f"instances-{OTHER}-rejected-{1:016x}.parquet").touch()
    (tmp_path / TEMPORARY / OTHER).mkdir(parents=True)
    (tmp_path / TEMPORARY / OTHER / "half").touch()
    yield process
    process.kill()
    process.wait()


def leftovers(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob(f"*{OTHER}*")}


def test_a_live_runs_work_is_left_alone(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    before = leftovers(tmp_path)
    assert len(before) == 4
    with RunLock(Folder(str(tmp_path / "audit")), str(tmp_path), MINE):
        assert leftovers(tmp_path) == before
    assert leftovers(tmp_path) == before


def test_a_killed_runs_work_is_cleared_away(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.send_signal(signal.SIGKILL)
    other.wait()
    with RunLock(Folder(str(tmp_path / "audit")), str(tmp_path), MINE):
        assert leftovers(tmp_path) == set()
        assert [path.name for path in (tmp_path / "audit").iterdir()] == [f".lock-{MINE}"]
    assert list((tmp_path / "audit").iterdir()) == []


def test_a_failed_runs_tables_do_not_stay(tmp_path: Path) -> None:
    def fail() -> None:
        with RunLock(Folder(str(tmp_path)), str(tmp_path), MINE):
            (tmp_path / f"instances-{MINE}-{1:016x}.parquet").touch()
            raise ValueError("the run failed")

    with pytest.raises(ValueError, match="the run failed"):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == [f".lock-{MINE}"]
    # a worker of an engine hears of it later
    (tmp_path / f"instances-{MINE}-{2:016x}.parquet").touch()
    (tmp_path / TEMPORARY / MINE).mkdir(parents=True)
    with RunLock(Folder(str(tmp_path)), str(tmp_path), NEXT):
        assert [path.name for path in tmp_path.iterdir()] == [f".lock-{NEXT}"]


def test_files_that_a_dead_run_was_writing_go(tmp_path: Path) -> None:
    (tmp_path / "earlier" / "0123abc0").mkdir(parents=True)
    unfinished = [tmp_path / f"{UNFINISHED}01", tmp_path / "earlier" / "0123abc0" / f"{UNFINISHED}02"]
    for path in unfinished:
        path.touch()
    # where the audit is the output
    (tmp_path / TEMPORARY / OTHER).mkdir(parents=True)
    with RunLock(Folder(str(tmp_path)), str(tmp_path), MINE):
        assert not any(path.exists() for path in unfinished)
        assert (tmp_path / TEMPORARY).is_dir()


def test_a_live_runs_unfinished_files_stay(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    path = tmp_path / "audit" / f"{UNFINISHED}01"
    path.touch()
    with RunLock(Folder(str(tmp_path / "audit")), str(tmp_path), MINE):
        assert path.exists()


def test_a_killed_run_can_be_started_again(tmp_path: Path, key_file: Path) -> None:
    archive, output = tmp_path / "in", tmp_path / "out"
    archive.mkdir()
    for number in range(MANY):
        (archive / f"{number}").write_bytes(ct_file(f"1.2.3.{number}"))
    process = Logged("run", "--input", str(archive), "--output", str(output), "--key", f"file:{key_file}")
    deadline = time.monotonic() + 60
    while not next(output.glob("2.25.*/*/*.dcm"), None) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert 0 < len(list(output.rglob("*.dcm"))) < MANY
    run = deidentify(archive, output, key_file)
    assert run.code == 0, run.log
    assert run.report["counts"]["written"] == len(run.objects()) == MANY
    assert not (output / TEMPORARY).exists()
    assert {path.name for path in run.audit.iterdir()} == {
        *run.report["tables"],
        "run.json",
        "run-restricted.json",
        "output.json",
        *("report.html", "report-review.html"),
    }
