"""SIGKILL in the middle of a run, as the system does when memory runs out: the run ends, says so, and can be started again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from storage import TEMPORARY
from tests.server.test_object_storage import same
from tests.support.engines import engine
from tests.support.forked import FORKED, Logged
from tests.support.listening import listeners
from tests.support.objects import Element
from tests.support.runs import ROOT, Run, audit_of, deidentify, write_studies
from tests.support.servers import GcsServer
from tests.support.stores import new_bucket

T = TypeVar("T")

MANY = 800
#: a forked worker has the command's own line; one that starts anew has Python's
WORKER, NEW_WORKER, POOL_WORKER, PRISM = "pipeline run", "multiprocessing-fork", "sdk_worker import SdkHarness", "prism"
WORKERS = (WORKER, FORKED, NEW_WORKER)
#: seconds in which a run must have ended after the kill; a loaded machine needs some of them
BOUND = 50


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Objects of 16 studies; a pass over them takes far longer than to find a process and kill it."""
    folder = tmp_path_factory.mktemp("SECRETNAME")
    names = (f"SECRETNAME-{number}" for number in range(MANY))
    write_studies(folder, names, lambda number: [Element(0x7FE00010, "OW", bytes(20_000))])
    return folder


@pytest.fixture(scope="module")
def undisturbed(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return deidentify(archive, tmp_path_factory.mktemp("undisturbed") / "output", key_file)


def processes() -> dict[int, tuple[int, str]]:
    """Living processes: their parents and commands."""
    done = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True)
    rows = (line.split(None, 3) for line in done.stdout.splitlines())
    return {int(row[0]): (int(row[1]), row[3]) for row in rows if len(row) == 4 and not row[2].startswith("Z")}


def below(root: int) -> dict[int, str]:
    """The processes that come from one, and their commands."""
    alive = processes()
    found, todo = {}, [root]
    while todo:
        parent = todo.pop()
        children = [pid for pid, (above, _) in alive.items() if above == parent]
        found.update({pid: alive[pid][1] for pid in children})
        todo += children
    return found


@dataclass
class AtWork:
    """A command at work, with a folder of its own for temporary files."""

    process: subprocess.Popen[str] | Logged
    temporary: Path
    output: Path
    seen: list[int] = field(default_factory=list)

    def passed(self, stage: str) -> int:
        """Objects that went through a stage of the run."""
        return sum(file.stat().st_size for file in self.temporary.glob(f"dicom-deid-*/{stage}"))

    def wait_for(self, stage: str, count: int) -> None:
        self._poll(lambda: self.passed(stage) >= count, "the run never came so far")

    def workers(self, name: str = WORKER) -> list[int]:
        """Its two worker processes."""
        self.seen = self.wait_for_process(name, self.process.pid, 2)
        return self.seen

    def wait_for_process(self, name: str, root: int, count: int = 1) -> list[int]:
        def found() -> list[int]:
            names = (WORKER, FORKED) if name == WORKER else (name,)
            return [pid for pid, line in below(root).items() if pid != self.process.pid and any(name in line for name in names)]

        return self._poll(lambda: seen if len(seen := found()) >= count else [], "the processes never came")

    def _poll(self, look: Callable[[], T], otherwise: str) -> T:
        """What ``look`` finds, once it does, in a run that is at work."""
        ends = time.monotonic() + BOUND
        while not (found := look()):
            assert self.process.poll() is None and time.monotonic() < ends, otherwise
            time.sleep(0.01)
        return found

    def ends(self) -> str:
        """What it said, once it has failed."""
        _, log = self.process.communicate(timeout=BOUND)
        assert self.process.returncode == 4, log
        assert not (audit_of(self.output) / "run.json").exists()
        assert "SECRETNAME" not in log and "Traceback" not in log
        return log


@contextlib.contextmanager
def at_work(archive: Path | str, folder: Path, key: Path, *flags: str, starts: bool = False) -> Iterator[AtWork]:
    """A run at work.

    Args:
        starts: its start matters, too: Python's, and what it imports.
    """
    output, temporary = folder / "output", folder / "temporary"
    temporary.mkdir()
    arguments = ["run", "--input", str(archive), "--output", str(output), "--key", f"file:{key}", *flags]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    process: subprocess.Popen[str] | Logged
    if starts:
        command = [sys.executable, "-m", "pipeline", *arguments]
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    else:
        process = Logged(*arguments, env=env)
    run = AtWork(process, temporary, output)
    try:
        yield run
    finally:
        # orphans, too
        left = [pid for pid, (_, command) in processes().items() if pid in run.seen and any(name in command for name in WORKERS)]
        for pid in [process.pid, *left]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate()


def all_gone(pids: list[int], seconds: float = 5) -> bool:
    ends = time.monotonic() + seconds
    while set(pids) & processes().keys():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def finished_again(run: AtWork, archive: Path, key: Path, undisturbed: Run, *flags: str) -> bool:
    """Whether the same command finishes now, with the result of an undisturbed run and nothing beside it."""
    again = deidentify(archive, run.output, key, *flags)
    assert again.code == undisturbed.code, again.log
    assert same(again, undisturbed)
    assert not (run.output / TEMPORARY).exists()
    account = {"run.json", "run-restricted.json", "output.json", "report.html", "report-review.html"}
    return {path.name for path in again.audit.iterdir()} == {*again.report["tables"], *account}


LOCAL = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")


@pytest.mark.parametrize(
    ("stage", "count"), [("listed", 0), ("scanned", 1), ("scanned", MANY), ("finished", 100), ("finished", MANY)]
)
def test_a_worker_dies_on_this_machine(
    stage: str, count: int, archive: Path, undisturbed: Run, key_file: Path, tmp_path: Path
) -> None:
    with at_work(archive, tmp_path, key_file, *LOCAL) as run:
        workers = run.workers()
        # with 0: while it starts
        run.wait_for(stage, count)
        os.kill(workers[0], signal.SIGKILL)
        if (stage, count) == ("finished", MANY):
            # it may have had no more to do
            _, log = run.process.communicate(timeout=BOUND)
            assert run.process.returncode in (0, 4), log
            assert (audit_of(run.output) / "run.json").exists() == (run.process.returncode == 0)
        else:
            assert "a worker process was killed by signal 9" in run.ends()
        # the others went with it, before the command ended
        assert all_gone(workers, 0)
        assert list(run.output.glob(f"{TEMPORARY}/*/*")) == []
        assert list(run.temporary.glob("dicom-deid-*")) == []
        if count == 100:
            assert finished_again(run, archive, key_file, undisturbed, *LOCAL)


@pytest.mark.parametrize("count", [0, 100])
def test_the_command_dies_and_no_worker_stays(
    count: int, archive: Path, undisturbed: Run, key_file: Path, tmp_path: Path
) -> None:
    with at_work(archive, tmp_path, key_file, *LOCAL) as run:
        workers = run.workers()
        run.wait_for("finished", count)
        sockets = {Path(found.address) for found in listeners(run.process.pid)}
        # before there is work, there may be none yet
        assert not count or {path.name for path in sockets} == {"control", "data", "state", "logging"}
        run.process.kill()
        run.process.wait()
        assert all_gone(workers)
        # they took the sockets along
        assert not any(path.exists() for path in sockets)
        if count:
            assert 0 < len(list(run.output.rglob("*.dcm"))) < MANY
            assert finished_again(run, archive, key_file, undisturbed)


@pytest.fixture(scope="module")
def hospital(gcs_server: GcsServer, archive: Path) -> str:
    """A bucket of the archive: to look at it is to be connected, and then workers aren't forked."""
    bucket = new_bucket(gcs_server, "hospital")
    gcs_server.put_all(bucket, {path.name: path.read_bytes() for path in archive.iterdir()})
    return bucket


@pytest.mark.parametrize("victim", ["a worker", "the command"])
def test_one_of_those_dies_that_start_anew(
    victim: str, hospital: str, gcs_server: GcsServer, key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.url)
    with at_work(f"gs://{hospital}", tmp_path, key_file, *LOCAL) as run:
        workers = run.workers(NEW_WORKER)
        run.wait_for("scanned", 1)
        children = list(below(run.process.pid))
        os.kill(workers[0] if victim == "a worker" else run.process.pid, signal.SIGKILL)
        if victim == "a worker":
            assert "a worker process was killed by signal 9" in run.ends()
            assert all_gone(workers, 0)
        else:
            run.process.wait()
        # Python's own helper among them
        assert all_gone(children)


@pytest.mark.parametrize("victim", [POOL_WORKER, PRISM])
def test_a_worker_or_the_server_of_an_engine_dies(
    victim: str, archive: Path, undisturbed: Run, key_file: Path, tmp_path: Path
) -> None:
    with engine_that_may_die() as flags, at_work(archive, tmp_path, key_file, *flags) as run:
        workers = run.wait_for_process(POOL_WORKER, os.getpid())
        run.wait_for("finished", 100)
        for pid in workers if victim == POOL_WORKER else [prism_of(flags)]:
            os.kill(pid, signal.SIGKILL)
        said = run.ends()
        if victim == POOL_WORKER:
            # Prism's last message, which names the worker, may not arrive
            assert "the engine lost a worker" in said or "the engine ended the job" in said
        else:
            assert "the engine stopped answering" in said
        assert all_gone(workers, 20)
        assert finished_again(run, archive, key_file, undisturbed)


def prism_of(flags: tuple[str, ...]) -> int:
    port = next(flag for flag in flags if flag.startswith("--job_endpoint")).rsplit(":", 1)[1]
    return next(pid for pid, command in below(os.getpid()).items() if f"-job_port {port}" in command)


@contextlib.contextmanager
def engine_that_may_die() -> Iterator[tuple[str, ...]]:
    with contextlib.suppress(RuntimeError), engine("Prism server, worker pool") as flags:
        yield flags
