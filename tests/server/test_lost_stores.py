"""Stores that are lost while a run is at work: it ends with code 4 and quarantines nothing, and the same command goes on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.test_object_storage import Server, same, written_to
from tests.support.fault_proxy import FaultPlan, FaultProxy, fault_proxy
from tests.support.forked import Logged
from tests.support.objects import Element
from tests.support.runs import Run, deidentify, write_studies
from tests.support.servers import AWS_KEYS, azurite, azurite_connection, fake_gcs_server, moto_server

MANY = 120
#: with these a store is given up after seconds and not minutes
_IMPATIENCE = {
    "gs": "from storage.stores import gcs_client as client; client.RETRY = client.RETRY.with_timeout(4.0)",
    "s3": "from storage.stores import s3_client as client; client._ATTEMPTS = 3",
    "azfs": "from storage.stores import azure_client as client; client._RETRIES = 1",
}
#: seconds for all of that, and for a machine that does other things, too
PATIENCE = 90


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    write_studies(folder, (f"SECRETNAME-{n}" for n in range(MANY)), lambda number: [Element(0x7FE00010, "OW", bytes(5_000))])
    return folder


@pytest.fixture(scope="module")
def undisturbed(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return deidentify(archive, tmp_path_factory.mktemp("undisturbed") / "out", key_file)


class Stores:
    """Buckets behind a proxy, and the command that goes from one to the other.

    The server is not the one that other tests use: what a client that was lost has begun there is still under way.
    """

    def __init__(self, scheme: str, server: Server, proxy: FaultProxy, key: Path) -> None:
        self.scheme, self.server, self.proxy = scheme, server, proxy
        account = "devstoreaccount1/" * (scheme == "azfs")
        self.arguments = ["run", "--input", f"{scheme}://{account}hospital/a", "--output", f"{scheme}://{account}research/out"]
        self.arguments += ["--key", f"file:{key}", "--io-threads", "16"]
        self.environment = {
            **AWS_KEYS,
            "STORAGE_EMULATOR_HOST": proxy.url,
            "AWS_ENDPOINT_URL": proxy.url,
            "AZURE_STORAGE_CONNECTION_STRING": azurite_connection(proxy.url),
        }

    def fill(self, archive: Path) -> None:
        for bucket in ("hospital", "research"):
            self.server.create_bucket(bucket)
        self.server.put_all("hospital", {f"a/{path.name}": path.read_bytes() for path in archive.iterdir()})

    def start(self) -> Logged:
        return Logged(*self.arguments, env=self.environment, before=_IMPATIENCE[self.scheme])

    def wait_for(self, operation: str, count: int, process: Logged) -> None:
        while self.proxy.counts()[operation] < count:
            assert process.poll() is None
            time.sleep(0.005)


@contextlib.contextmanager
def stores(scheme: str, key: Path) -> Iterator[Stores]:
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(fault_proxy())
        server: Server = (
            stack.enter_context(fake_gcs_server(external_url=proxy.url))
            if scheme == "gs"
            else stack.enter_context(moto_server() if scheme == "s3" else azurite())
        )
        proxy.upstream = server.url
        yield Stores(scheme, server, proxy, key)


@pytest.mark.parametrize(
    ("scheme", "stage", "kind", "words"),
    [
        ("gs", "media", "503", "can't be reached"),
        ("gs", "insert", "cut-before", "can't be reached"),
        ("gs", "insert", "429", "quota"),
        ("s3", "media", "cut-before", "can't be reached"),
        ("s3", "insert", "503", "quota"),
        ("azfs", "media", "cut-before", "can't be reached"),
        ("azfs", "insert", "503", "can't be reached"),
    ],
)
def test_a_store_that_is_lost(
    scheme: str, stage: str, kind: str, words: str, archive: Path, undisturbed: Run, key_file: Path
) -> None:
    with stores(scheme, key_file) as lost:
        lost.fill(archive)
        process = lost.start()
        lost.wait_for(stage, MANY // 3, process)
        lost.proxy.plan = FaultPlan(seed=1, share=1.0, kinds=(kind,), max_repeats=1 << 40)
        since = time.monotonic()
        _, log = process.communicate(timeout=PATIENCE * 2)
        assert time.monotonic() - since < PATIENCE
        lines = [line for line in log.splitlines() if line.startswith(("Failed:", "Error:"))]
        assert process.returncode == 4 and len(lines) == 1 and "Traceback" not in log, log
        assert f"{scheme}://" in lines[0] and words in lines[0] and "SECRETNAME" not in log
        assert len(lost.proxy.faults()) == 1
        print(f"{scheme} {stage} {kind}: {time.monotonic() - since:.1f} s, {sum(lost.proxy.faults().values())} requests")
        lost.proxy.plan = None
        again = lost.start()
        _, log = again.communicate(timeout=PATIENCE)
        assert again.returncode == 0, log
        assert same(written_to(lost.server, "research", "out"), undisturbed)


@pytest.mark.parametrize("scheme", ["gs", "s3", "azfs"])
def test_an_object_that_is_refused_alone(scheme: str, archive: Path, key_file: Path) -> None:
    """The store answers all else: the others are written."""
    with stores(scheme, key_file) as lost:
        lost.fill(archive)
        only = r"media GET .*SECRETNAME-7\b"
        lost.proxy.plan = FaultPlan(seed=1, share=1.0, kinds=("500",), only=only, max_repeats=1 << 40)
        process = lost.start()
        _, log = process.communicate(timeout=PATIENCE * 2)
        assert process.returncode == 3, log
        report = written_to(lost.server, "research", "out").report
        assert report["reasons"] == {"unreadable": 1}


@pytest.mark.parametrize("scheme", ["gs", "s3", "azfs"])
def test_a_store_that_is_not_there_at_the_start(scheme: str, key_file: Path) -> None:
    with stores(scheme, key_file) as lost:
        lost.proxy.plan = FaultPlan(seed=1, share=1.0, kinds=("cut-before",), max_repeats=1 << 40)
        process = lost.start()
        _, log = process.communicate(timeout=PATIENCE)
        assert process.returncode == 4 and log.count("\n") == 1 and "can't be reached" in log, log


@pytest.mark.parametrize("scheme", ["gs", "s3", "azfs"])
@pytest.mark.parametrize(("repeats", "code"), [(2, 0), (1 << 40, 2)])
def test_bytes_that_go_wrong_on_their_way_to_the_store(
    scheme: str, repeats: int, code: int, archive: Path, undisturbed: Run, key_file: Path
) -> None:
    """Objects, ledgers, tables and ``run.json``: each is sent anew; where nothing ever arrives, a run isn't begun."""
    with stores(scheme, key_file) as lost:
        lost.fill(archive)
        lost.proxy.plan = FaultPlan(seed=1, share=1.0, kinds=("corrupt-upload",), max_repeats=repeats)
        process = lost.start()
        _, log = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, log
        assert lost.proxy.faults()["corrupt-upload"] >= 2
        if code:
            assert "bytes go wrong on their way" in log and "SECRETNAME" not in log
        else:
            assert same(written_to(lost.server, "research", "out"), undisturbed)
