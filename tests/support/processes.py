"""Programs that tests need: where they are, and how they run until a test is through with them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import grpc
import pytest
import urllib3

#: what to do when a server is missing
HOW = {
    "fake-gcs-server": "go install github.com/fsouza/fake-gcs-server@v1.56.1, or its path in FAKE_GCS_SERVER",
    "moto": "pip install -e '.[dev]'",
    "azurite": "npm install azurite, and the path of its azurite-blob in AZURITE_BLOB",
    "prism": "go install github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0, or its path in PRISM",
    "openssl": "apt-get install openssl",
    "strace": "apt-get install strace",
    "chromium": "apt-get install chromium",
    "flink": "deploy/flink/cluster install FOLDER, and that folder in FLINK_HOME_DIR",
}
#: seconds that a server may take to answer its first request; a loaded machine needs some
PATIENCE = 60


def need(server: str) -> str:
    """The path of a server's program (of the package, for moto), or the end of the test.

    A test without its server is skipped, but not where CI=true or DEID_REQUIRE_SERVERS=1: there it would never run, unseen.
    """
    found: str | None
    if server == "fake-gcs-server":
        found = os.environ.get("FAKE_GCS_SERVER") or shutil.which(server) or shutil.which(server, path=Path.home() / "go" / "bin")
    elif server == "azurite":
        found = os.environ.get("AZURITE_BLOB") or shutil.which("azurite-blob")
    elif server == "prism":
        found = os.environ.get("PRISM") or shutil.which("prism") or shutil.which("prism", path=Path.home() / "go" / "bin")
    elif server in ("openssl", "strace", "chromium"):
        found = shutil.which(server)
    elif server == "flink":
        found = os.environ.get("FLINK_HOME_DIR")
    elif server == "moto":
        # moto alone is not enough: its server is an extra that brings Flask
        parts = [importlib.util.find_spec(name) for name in ("moto", "flask", "flask_cors")]
        found = "moto.server" if all(parts) else None
    else:
        raise ValueError(server)
    if found:
        return found
    return _missing(f"{server} is not installed: {HOW[server]}")


def _missing(message: str) -> NoReturn:
    if os.environ.get("CI") == "true" or os.environ.get("DEID_REQUIRE_SERVERS") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: Callable[[int], list[str]],
    serves: Callable[[int], bool],
    folder: str | None = None,
    env: dict[str, str] | None = None,
) -> Iterator[int]:
    """Runs a server until the block ends.

    Args:
        command: for the port that it gets.
        serves: whether the server on that port serves by now.
        folder, env: where it runs, and with which environment.

    Yields:
        Its port, of 127.0.0.1.
    """
    with tempfile.TemporaryFile() as output:
        for attempt in range(3):
            port = free_port()
            process = subprocess.Popen(
                command(port), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=env
            )
            try:
                if _comes_up(process, partial(serves, port)):
                    yield port
                    if process.poll() is not None:
                        raise RuntimeError(f"{_name(process)} ended with {process.returncode} in use:\n{_tail(output)}")
                    return
                # between free_port and the server's bind another process may have taken the port: once more, on another one
                said = _tail(output)
                if attempt == 2 or "in use" not in said:
                    raise RuntimeError(f"{_name(process)} does not answer (ended with {process.poll()}):\n{said}")
            finally:
                process.kill()
                process.wait()


def answers_http(path: str) -> Callable[[int], bool]:
    """For ``running``: the server answers a request for ``path``, with whatever status."""
    pool = urllib3.PoolManager(retries=False, timeout=5)

    def serves(port: int) -> bool:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            pool.request("GET", f"http://127.0.0.1:{port}{path}")
            return True
        return False

    return serves


def answers_grpc(port: int) -> bool:
    """For ``running``: the server takes gRPC connections."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, contextlib.suppress(grpc.FutureTimeoutError):
        grpc.channel_ready_future(channel).result(timeout=1)
        return True
    return False


def _comes_up(process: subprocess.Popen[bytes], serves: Callable[[], bool]) -> bool:
    """Waits until the server serves; False if it ended, or does not after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        if serves():
            return process.poll() is None
        time.sleep(0.02)
    return False


def _name(process: subprocess.Popen[bytes]) -> str:
    arguments = process.args
    return " ".join(map(str, arguments[:3])) if isinstance(arguments, list) else str(arguments)


def _tail(output: Any, size: int = 4000) -> str:
    end = os.fstat(output.fileno()).st_size
    # pread: the server shares the file's position, and is still writing
    content = os.pread(output.fileno(), size, max(0, end - size))
    return content.decode(errors="replace")
