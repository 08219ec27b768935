"""What is assumed of Beam's inside is looked at before anything depends on it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from apache_beam.runners.portability.fn_api_runner import worker_handlers
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer

from pipeline import beam_internals
from pipeline.beam_internals import OTHER_BEAM, check, private_servers
from pipeline.errors import RunError, UsageError
from pipeline.workers.socket_folder import make_socket_folder
from tests.support.runs import ROOT


def test_the_beam_that_is_here_is_known() -> None:
    check()


class OtherServer:
    """A server that wants to be told where it listens."""

    def __init__(self, state: object, provision_info: object, worker_manager: object, address: str) -> None:
        self.control_handler = self.data_plane_handler = None


def other_port(self: object, port: int, service: str) -> str:
    return ""


@pytest.mark.parametrize(
    ("owner", "name", "other"),
    [
        (worker_handlers, "GrpcServer", OtherServer),
        (worker_handlers.GrpcWorkerHandler, "port_from_worker", other_port),
        (worker_handlers.GrpcWorkerHandler, "data_api_service_descriptor", lambda self: "localhost:1"),
        (worker_handlers.WorkerHandlerManager, "get_worker_handlers", lambda self, environment_id, num_workers: []),
        (BeamFnExternalWorkerPoolServicer, "start", classmethod(lambda cls, address: (address, None))),
        (beam_internals, "SdkHarness", OtherServer),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_beam_that_works_in_another_way_is_refused(
    owner: Any, name: str, other: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, other)
    with pytest.raises(UsageError, match=r"2\.75 to 2\.77"):
        check()


def test_a_beam_without_these_parts_is_refused() -> None:
    code = (
        "import sys; sys.modules['apache_beam.runners.worker.worker_pool_main'] = None\n"
        "from pipeline.cli import main; main(['run', '--input', 'x', '--output', 'y', '--key', 'env:KEY'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert OTHER_BEAM in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_no_server_of_beams_comes_up_where_no_folder_is() -> None:
    beams = worker_handlers.GrpcServer
    with private_servers(None), pytest.raises(RunError):
        worker_handlers.GrpcServer(None, None, None)
    assert worker_handlers.GrpcServer is beams


def test_beam_is_as_it_was_afterwards(tmp_path: Path) -> None:
    before = (
        worker_handlers.GrpcServer,
        worker_handlers.GrpcWorkerHandler.port_from_worker,
        BeamFnExternalWorkerPoolServicer.start,
    )
    with private_servers(tmp_path, embedded=True):
        pass
    after = (
        worker_handlers.GrpcServer,
        worker_handlers.GrpcWorkerHandler.port_from_worker,
        BeamFnExternalWorkerPoolServicer.start,
    )
    assert after == before


def test_only_one_module_knows_beams_inside() -> None:
    inside = (".runners.portability", ".runners.worker", ".runners.direct", ".internal", "create_runner", "_add_argparse_args")
    for path in [*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "transforms").rglob("*.py"), *(ROOT / "deploy").rglob("*.py")]:
        if path.name != "beam_internals.py":
            found = [line for line in path.read_text().splitlines() if "import" in line and "apache_beam" in line]
            assert not [line for line in found if any(part in line for part in inside)], path.name


def short_folder(monkeypatch: pytest.MonkeyPatch, *unset: str) -> None:
    for name in ("TMPDIR", "TEMP", "TMP", "XDG_RUNTIME_DIR", *unset):
        monkeypatch.delenv(name, raising=False)


def test_the_folder_of_sockets_is_its_owners(monkeypatch: pytest.MonkeyPatch) -> None:
    short_folder(monkeypatch)
    before = os.umask(0)
    try:
        folder = make_socket_folder()
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.parent == Path("/tmp")
    assert list(folder.iterdir()) == []
    folder.rmdir()


def test_where_no_place_is_left_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "pipeline.workers.socket_folder._candidates", lambda: iter([str(tmp_path / ("x" * 150)), str(tmp_path / "gone"), ""])
    )
    (tmp_path / ("x" * 150)).mkdir()
    with pytest.raises(UsageError, match="set TMPDIR to a folder of your own") as refused:
        make_socket_folder()
    assert str(tmp_path) not in str(refused.value)
    assert list((tmp_path / ("x" * 150)).iterdir()) == []
