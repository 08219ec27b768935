"""Ctrl-C, SIGTERM and SIGHUP at any moment: one sentence, its exit code, nothing left behind, and the next run goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage import TEMPORARY
from tests.engine.test_killed_workers import LOCAL, AtWork, all_gone, at_work, below, engine_that_may_die, finished_again
from tests.support.depth import DEEP
from tests.support.forked import SIGNALS
from tests.support.objects import Element
from tests.support.runs import ROOT, Run, audit_of, deidentify, write_studies

MANY = 600
#: in which a command must have ended after a signal
BOUND = 10
ONE = "Interrupted: the objects written so far are complete; start the same command again.\n"
pytestmark = pytest.mark.usefixtures("heard")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("SECRETNAME")
    write_studies(
        folder, (f"SECRETNAME-{number}" for number in range(MANY)), lambda number: [Element(0x7FE00010, "OW", bytes(20_000))]
    )
    return folder


@pytest.fixture(scope="module")
def undisturbed(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return deidentify(archive, tmp_path_factory.mktemp("undisturbed") / "output", key_file)


def interrupt(run: AtWork, number: int, *, group: bool = False) -> str:
    """What the command says once it got a signal; and all that it must have cleared away is gone."""
    processes = [run.process.pid, *below(run.process.pid)]
    since = time.monotonic()
    for pid in processes if group else processes[:1]:
        os.kill(pid, number)
    _, log = run.process.communicate(timeout=BOUND * 3)
    assert time.monotonic() - since < BOUND
    assert run.process.returncode == 128 + number, log
    assert log.endswith(ONE) and "Traceback" not in log and "SECRETNAME" not in log, log
    assert all_gone(processes, 0.5)
    assert_clean(run)
    return log


def wait_until_heard(pid: int) -> None:
    """Return when a process has handlers for signals."""
    while True:
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        if int(status["SigCgt"], 16) >> (signal.SIGHUP - 1) & 1:
            return
        time.sleep(0.001)


def assert_clean(run: AtWork) -> None:
    assert list(run.temporary.iterdir()) == []
    assert not (run.output / TEMPORARY).exists()
    audit = audit_of(run.output)
    names = {path.name.split("-")[0] for path in audit.iterdir()} if audit.exists() else set()
    assert names <= {"ledger", "output.json", ".lock"}, names


@pytest.mark.parametrize("flags", [(), LOCAL], ids=["one process", "two"])
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_objects_are_written(
    number: signal.Signals, flags: tuple[str, ...], archive: Path, undisturbed: Run, key_file: Path, tmp_path: Path
) -> None:
    with at_work(archive, tmp_path, key_file, *flags) as run:
        run.wait_for("finished", 100)
        # as a terminal or a supervisor does: to all processes at once
        interrupt(run, number, group=True)
        assert any(path.name.startswith("ledger-") for path in audit_of(run.output).iterdir())
        assert Run(run.output, 1, "").objects().items() <= undisturbed.objects().items()
        assert finished_again(run, archive, key_file, undisturbed, *flags)


@pytest.mark.parametrize("seed", range(12 * DEEP))
def test_a_signal_at_any_moment(seed: int, archive: Path, undisturbed: Run, key_file: Path, tmp_path: Path) -> None:
    moments = random.Random(seed)
    flags = LOCAL if seed % 2 else ()
    number = SIGNALS[seed % 3]
    stage = moments.choice(["", "", "listed", "scanned", "scanned", "finished"])
    with at_work(archive, tmp_path, key_file, *flags, starts=not stage) as run:
        if stage:
            run.wait_for(stage, moments.choice([1, MANY // 2, MANY]))
            time.sleep(moments.random() / 5)
        else:
            # while it starts; before that, Python itself does, and hears nothing
            wait_until_heard(run.process.pid)
            time.sleep(moments.random() * 2)
        if run.process.poll() is not None:
            # it was done before
            return
        os.kill(run.process.pid, number)
        _, log = run.process.communicate(timeout=BOUND)
        if run.process.returncode == 0:
            return
        assert run.process.returncode == 128 + number and log.endswith(ONE) and "Traceback" not in log, log
        assert list(run.temporary.iterdir()) == []
        assert not (run.output / TEMPORARY).exists()
    if not (audit_of(run.output) / "run.json").exists():
        assert_clean(run)
        assert finished_again(run, archive, key_file, undisturbed, *flags)


def test_many_signals_are_one(archive: Path, key_file: Path, tmp_path: Path) -> None:
    with at_work(archive, tmp_path, key_file, *LOCAL) as run:
        run.wait_for("finished", 100)
        os.kill(run.process.pid, signal.SIGINT)
        # of those that come before Python looks, it would hear the lower one first
        time.sleep(0.2)
        ends = time.monotonic() + BOUND
        while run.process.poll() is None and time.monotonic() < ends:
            run.process.send_signal(random.choice(SIGNALS))
            time.sleep(0.005)
        _, log = run.process.communicate(timeout=1)
        assert run.process.returncode == 130 and log.count(ONE) == 1 and "Traceback" not in log, log
        assert_clean(run)


@pytest.mark.parametrize("flags", [(), LOCAL], ids=["one process", "two"])
def test_a_huge_object_holds_nobody_up(flags: tuple[str, ...], key_file: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    # 3 GB that take no room here
    write_studies(archive, ["small", "huge"], lambda number: [Element(0x7FE00010, "OW", bytes(1_000_000))])
    content = (archive / "huge").read_bytes()
    at = content.index(b"\xe0\x7f\x10\x00OW") + 8
    size = 3_000_000_000
    with (archive / "huge").open("r+b") as file:
        file.seek(at)
        file.write(size.to_bytes(4, "little"))
        file.truncate(at + 4 + size)
    with at_work(archive, tmp_path, key_file, *flags) as run:
        ends = time.monotonic() + 60
        while not any(path.stat().st_size > 10_000_000 for path in run.output.glob(f"{TEMPORARY}/*/*")):
            assert run.process.poll() is None and time.monotonic() < ends
            time.sleep(0.01)
        interrupt(run, signal.SIGTERM)


@pytest.mark.parametrize("flags", [(), LOCAL], ids=["one process", "two"])
def test_nohup_stays_in_force(flags: tuple[str, ...], archive: Path, key_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipeline", "run", "--input", str(archive), "--output", str(tmp_path / "output")]
    process = subprocess.Popen(
        ["nohup", *command, "--key", f"file:{key_file}", *flags],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 60
    while process.poll() is None:
        assert time.monotonic() < deadline
        for pid in (process.pid, *below(process.pid)):
            try:
                os.kill(pid, signal.SIGHUP)
            except ProcessLookupError:
                continue
        time.sleep(0.2)
    assert process.returncode == 0, process.communicate()[0]


def test_a_terminal_that_is_gone(archive: Path, key_file: Path, tmp_path: Path) -> None:
    """Its SIGHUP comes, and whatever is said now fails."""
    master, terminal = os.openpty()
    command = [sys.executable, "-m", "pipeline", "run", "--input", str(archive), "--output", str(tmp_path / "output")]
    process = subprocess.Popen(
        [*command, "--key", f"file:{key_file}"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    run = AtWork(process, tmp_path, tmp_path / "output")  # type: ignore[arg-type]
    run.wait_for("finished", 50)
    os.close(master)
    os.kill(process.pid, signal.SIGHUP)
    assert process.wait(BOUND) == 129
    assert list(tmp_path.glob("dicom-deid-*")) == [] and not (run.output / TEMPORARY).exists()


_DEAF = """
import os, signal, sys, time
from pipeline.signals import signals_handled

with signals_handled():
    os.kill(os.getpid(), signal.SIGINT) if sys.argv[1] == "0" else None
    for left in range(int(sys.argv[1]), 0, -1):
        try:
            print("ready", flush=True)
            time.sleep(60)
        except:
            # as finalizers and others' code do
            pass
    while True:
        time.sleep(0.1)
"""


@pytest.mark.parametrize(("times", "seconds"), [(0, 2), (1, 3), (1000, 11)])
def test_who_takes_any_error_for_nothing_does_not_keep_the_command(times: int, seconds: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _DEAF, str(times)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    if times:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
    since = time.monotonic()
    assert process.wait(20) == 130
    assert time.monotonic() - since < seconds + 2
    assert process.stderr.read() == ONE


def test_an_engine_that_goes_on(archive: Path, undisturbed: Run, key_file: Path, tmp_path: Path) -> None:
    with engine_that_may_die() as flags, at_work(archive, tmp_path, key_file, *flags) as run:
        run.wait_for("finished", 50)
        os.kill(run.process.pid, signal.SIGINT)
        _, log = run.process.communicate(timeout=BOUND)
        assert run.process.returncode == 130 and "Traceback" not in log, log
        assert log.splitlines()[-1].startswith("Interrupted: the engine may still be working"), log


def test_another_command(key_file: Path, tmp_path: Path) -> None:
    """What it was to write isn't there at all."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "file", "-", str(tmp_path / "out.dcm"), "--key", f"file:{key_file}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until_heard(process.pid)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(BOUND) == 130
    assert process.stderr is not None and process.stderr.read() == ONE
    assert list(tmp_path.iterdir()) == []
