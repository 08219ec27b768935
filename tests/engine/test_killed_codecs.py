"""Decoders are killed in the midst of a run: it costs their objects, and nothing else; with the run they end, too."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from tests.engine.test_killed_workers import all_gone, at_work, below, processes
from tests.server.test_restart import kill_all
from tests.support.compressed_pixels import Kind, labelled
from tests.support.runs import Run

#: its command line has this
TEMPLATE = '.template").serve'
#: takes seconds to decode; the others take none
SLOW = Kind("90", "RGB", 16, size=(2400, 2000))
FAST = (Kind("50"), Kind("70", bits=12), Kind("80"), Kind("90"), Kind("201"))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, kind in enumerate((SLOW, *FAST)):
        (folder / f"{number}.dcm").write_bytes(labelled(kind, number + 1).blob)
    return folder


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "rules.csv"
    path.write_text("name,condition,outcome,blank,provenance\nall,Manufacturer = ACME,clean,all,the tests\n")
    return f"--pixel-rules={path}"


def seconds_of(pid: int) -> float:
    """Seconds of CPU that a process took."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def decoders(run: int) -> list[int]:
    """The processes below a run that decode or encode: children of a template."""
    found = below(run)
    templates = {pid for pid, command in found.items() if TEMPLATE in command}
    return [pid for pid in templates if processes().get(pid, (0, ""))[0] in templates]


def test_a_decoder_that_is_killed_costs_its_object(archive: Path, rules: str, key_file: Path, tmp_path: Path) -> None:
    killed = set()
    with at_work(archive, tmp_path, key_file, "--options=CleanPixelData", rules) as run:
        while run.process.poll() is None:
            for pid in decoders(run.process.pid):
                with contextlib.suppress(OSError):
                    if seconds_of(pid) > 0.5:
                        os.kill(pid, signal.SIGKILL)
                        killed.add(pid)
            time.sleep(0.02)
        done = Run(run.output, run.process.returncode, "")
    assert killed and done.code == 3
    reasons = [row["reason"] for row in done.table("instances")]
    assert sorted(reasons, key=str) == [None] * len(FAST) + ["pixel-codec-failed"]
    assert len(done.objects()) == len(FAST)


def test_with_the_run_its_decoders_end(archive: Path, rules: str, key_file: Path, tmp_path: Path) -> None:
    with at_work(archive, tmp_path, key_file, "--options=CleanPixelData", rules) as run:
        while not (found := decoders(run.process.pid)):
            assert run.process.poll() is None
            time.sleep(0.01)
        templates = [pid for pid, command in below(run.process.pid).items() if TEMPLATE in command]
        os.kill(run.process.pid, signal.SIGKILL)
        kill_all(run)
        assert all_gone([*found, *templates])
