"""A local run listens on nothing that another user can reach: only on Unix sockets, in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from apache_beam.portability.api import (
    beam_artifact_api_pb2,
    beam_artifact_api_pb2_grpc,
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
)

from tests.support.engines import engine, prism_server
from tests.support.forked import Forked
from tests.support.listening import Listener, listeners, process_tree
from tests.support.objects import Element
from tests.support.processes import need
from tests.support.runs import ROOT, run_command, write_studies

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"), pytest.mark.usefixtures("heard")]

#: a loaded machine needs some of them
SECONDS = 120
TWO = "--direct_num_workers=2"
PROCESSES = ("--direct_running_mode=multi_processing", TWO)
THREADS = ("--direct_running_mode=multi_threading", TWO)
IN_PROCESS = [
    (),
    ("--runner=direct",),
    ("--direct_running_mode=in_memory", TWO),
]
IN_PROCESSES = [
    PROCESSES,
    (TWO,),
    THREADS,
    ("--runner=DirectRunner", *PROCESSES),
    ("--runner=BundleBasedDirectRunner", *PROCESSES),
    ("--runner=apache_beam.runners.direct.direct_runner.SwitchingDirectRunner", *THREADS),
]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive_of(300, tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="module")
def long_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than a run is through with before it is noticed at work, however loaded the machine is."""
    return archive_of(5000, tmp_path_factory.mktemp("long"))


def archive_of(count: int, folder: Path) -> Path:
    write_studies(folder, (f"{number}.dcm" for number in range(count)), lambda number: [Element(0x7FE00010, "OW", bytes(2000))])
    return folder


@dataclass
class Watched:
    """A run that is looked at from outside while it works.

    Attributes:
        seen: all that it ever listened on.
        modes: of the folders in which its Unix sockets lay.
        processes: how many it had at most.
    """

    process: subprocess.Popen[bytes] | Forked
    output: Path
    seen: set[Listener] = field(default_factory=set)
    modes: set[int] = field(default_factory=set)
    processes: int = 0

    @property
    def log(self) -> str:
        return self.output.with_name("log").read_text()

    @property
    def folders(self) -> set[Path]:
        return {Path(listener.address).parent for listener in self.seen if listener.kind == "unix"}

    def look(self) -> None:
        now = listeners(self.process.pid)
        self.seen |= now
        self.processes = max(self.processes, len(process_tree(self.process.pid)))
        for listener in now:
            if listener.address.startswith("/"):
                with contextlib.suppress(FileNotFoundError):
                    self.modes.add(Path(listener.address).parent.stat().st_mode & 0o7777)

    def until_it_ends(self) -> Watched:
        ends = time.monotonic() + SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < ends, "the run never ended"
            self.look()
            time.sleep(0.02)
        return self

    def until_it_has(self, socket: str) -> str:
        """Where a socket of that name is, once it is there."""
        ends = time.monotonic() + SECONDS
        while not (found := [listener.address for listener in self.seen if listener.address.endswith(f"/{socket}")]):
            assert self.process.poll() is None and time.monotonic() < ends, self.log
            self.look()
            time.sleep(0.02)
        return found[0]

    def was_closed_to_others(self) -> bool:
        return (
            {listener.kind for listener in self.seen} == {"unix"}
            and all(listener.address.startswith("/") for listener in self.seen)
            and self.modes == {0o700}
            and not any(folder.exists() for folder in self.folders)
        )


@contextlib.contextmanager
def watched(archive: Path, folder: Path, key: Path, *flags: str, real: bool = False, **environment: str) -> Iterator[Watched]:
    """A run that is looked at.

    Args:
        real: started as a shell does, and not forked.
    """
    output = folder / "out"
    arguments = ["run", "--input", str(archive), "--output", str(output), "--key", f"file:{key}", *flags]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    process: subprocess.Popen[bytes] | Forked
    with (folder / "log").open("wb") as log, open(os.devnull, "r+b") as nothing:
        if real:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline", *arguments], cwd=ROOT, env=env, stdin=nothing, stdout=nothing, stderr=log
            )
        else:
            process = Forked(*arguments, env=env, streams=(nothing.fileno(), nothing.fileno(), log.fileno()))
        try:
            yield Watched(process, output)
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("flags", IN_PROCESS, ids=" ".join)
def test_a_run_of_one_process_listens_on_nothing(flags: tuple[str, ...], archive: Path, key_file: Path, tmp_path: Path) -> None:
    with watched(archive, tmp_path, key_file, *flags, real=flags == IN_PROCESS[0]) as run:
        run.until_it_ends()
    assert run.process.returncode == 0, run.log
    assert run.seen == set()


@pytest.mark.parametrize("flags", IN_PROCESSES, ids=" ".join)
def test_a_run_of_several_listens_where_nobody_else_can_go(
    flags: tuple[str, ...], archive: Path, key_file: Path, tmp_path: Path
) -> None:
    with watched(archive, tmp_path, key_file, *flags, real=flags == IN_PROCESSES[0]) as run:
        run.until_it_ends()
    assert run.process.returncode == 0, run.log
    assert run.processes >= 3
    assert run.was_closed_to_others(), run.seen


@pytest.mark.parametrize(
    "name", ["x" * 150, "missing", "unwritable", "anyone's", "with a %20 space#?"], ids=lambda name: name[:9]
)
def test_whatever_tmpdir_is(name: str, archive: Path, key_file: Path, tmp_path: Path) -> None:
    temporary = tmp_path / name
    if name != "missing":
        temporary.mkdir()
    if name == "unwritable":
        # root may write anywhere but here
        temporary = Path("/proc/self")
    if name == "anyone's":
        temporary.chmod(0o777)
    with watched(archive, tmp_path, key_file, *PROCESSES, TMPDIR=str(temporary)) as run:
        run.until_it_ends()
    assert run.process.returncode == 0, run.log
    assert run.processes >= 3
    assert run.was_closed_to_others(), run.seen
    assert all(not folder.is_relative_to(tmp_path) for folder in run.folders)


def test_sockets_lie_in_tmpdir_where_they_can(archive: Path, key_file: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        with watched(archive, Path(folder), key_file, *PROCESSES, TMPDIR=folder) as run:
            run.until_it_ends()
        assert run.was_closed_to_others(), run.seen
        assert {place.parent for place in run.folders} == {Path(folder)}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_folder_stays_behind_whatever_ends_the_run(
    number: signal.Signals, long_archive: Path, key_file: Path, tmp_path: Path
) -> None:
    with watched(long_archive, tmp_path, key_file, *PROCESSES) as run:
        folder = Path(run.until_it_has("logging")).parent
        run.process.send_signal(number)
        assert run.process.wait(SECONDS) != 0
        # where the command can't do it any more its workers do
        ends = time.monotonic() + SECONDS
        while folder.exists():
            assert time.monotonic() < ends, "the folder is still there"
            time.sleep(0.05)


def test_no_service_hands_out_files(long_archive: Path, key_file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    wanted = beam_artifact_api_pb2.GetArtifactRequest()
    wanted.artifact.type_urn = "beam:artifact:type:file:v1"
    wanted.artifact.type_payload = b"\n" + bytes([len(str(secret))]) + str(secret).encode()
    with watched(long_archive, tmp_path, key_file, *PROCESSES) as run:
        # the last one that is made
        folder = Path(run.until_it_has("logging")).parent
        assert {path.name for path in folder.iterdir()} == {"control", "data", "state", "logging"}
        for path in folder.iterdir():
            with grpc.insecure_channel(f"unix:{path}") as channel:
                grpc.channel_ready_future(channel).result(timeout=SECONDS)
                artifacts = beam_artifact_api_pb2_grpc.ArtifactRetrievalServiceStub(channel)
                with pytest.raises(grpc.RpcError) as refused:
                    list(artifacts.GetArtifact(wanted, timeout=SECONDS))
                assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
                provision = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
                with pytest.raises(grpc.RpcError) as refused:
                    provision.GetProvisionInfo(beam_provision_api_pb2.GetProvisionInfoRequest(), timeout=SECONDS)
                assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
        run.until_it_ends()
    assert run.process.returncode == 0, run.log


def test_an_embedded_job_server_listens_where_nobody_else_can_go(archive: Path, key_file: Path, tmp_path: Path) -> None:
    with engine("portable") as flags, watched(archive, tmp_path, key_file, *flags) as run:
        run.until_it_ends()
    assert run.process.returncode == 0, run.log
    assert run.was_closed_to_others(), run.seen


def test_workers_of_the_command_listen_on_loopback(archive: Path, key_file: Path, tmp_path: Path) -> None:
    with prism_server() as jobs:
        flags = ("--runner=PrismRunner", f"--job_endpoint={jobs}", "--environment_type=LOOPBACK")
        with watched(archive, tmp_path, key_file, *flags) as run:
            run.until_it_ends()
    assert run.process.returncode == 0, run.log
    assert run.seen
    assert all(listener.kind.startswith("tcp") and listener.is_loopback for listener in run.seen), run.seen


@pytest.mark.parametrize("runner", ["PrismRunner", "prism", "apache_beam.runners.portability.prism_runner.PrismRunner"])
def test_no_prism_is_started_that_everybody_reaches(runner: str, archive: Path, key_file: Path, tmp_path: Path) -> None:
    places = ("--input", str(archive), "--output", str(tmp_path / "out"), "--key", f"file:{key_file}")
    done = run_command("run", *places, f"--runner={runner}", f"--prism_location={need('prism')}", "--environment_type=LOOPBACK")
    assert done.returncode == 2
    assert "whoever reaches it can run programs" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_prism_that_is_started_by_hand_listens_everywhere() -> None:
    # what docs/reference/network.md warns of: should this fail, a newer Prism does better, and need not be refused any more
    with prism_server():
        assert any(not listener.is_loopback for listener in listeners(os.getpid()) if listener.kind.startswith("tcp"))


@pytest.mark.parametrize("flags", [(), ("--environment_type=DOCKER",)], ids=" ".join)
def test_an_embedded_job_server_serves_no_containers(
    flags: tuple[str, ...], archive: Path, key_file: Path, tmp_path: Path
) -> None:
    places = ("--input", str(archive), "--output", str(tmp_path / "out"), "--key", f"file:{key_file}")
    done = run_command("run", *places, "--runner=PortableRunner", "--job_endpoint=embed", *flags)
    assert done.returncode == 2
    assert "--environment_type=LOOPBACK" in done.stderr
