"""Requests are counted and spoilt on their way: the job gets through, and its outputs are those of an undisturbed run."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.server.test_object_storage import BucketRun, same, written_to
from tests.support.fault_proxy import FaultPlan, FaultProxy, fault_proxy
from tests.support.objects import Element
from tests.support.runs import Run, ct_file, deidentify, run_command, write_studies
from tests.support.servers import GcsServer, S3Server, fake_gcs_server, moto_server

# Servers of their own: each is behind a proxy of its own, whose luck goes by the names of buckets.

MANY = 400


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Objects of 8 studies, small ones for the most part; some are larger than a first range, one than one request."""
    folder = tmp_path_factory.mktemp("many")

    def elements(number: int) -> list[Element]:
        size = 9_000_000 if number == 7 else 300_000 if number % 100 == 0 else 600
        return [
            Element(0x00100020, "LO", f"MRN-{number // 100}"),
            Element(0x7FE00010, "OW", bytes(range(200)) * (size // 200)),
        ]

    write_studies(folder, (f"{number}.dcm" for number in range(MANY)), elements)
    return folder


@pytest.fixture(scope="module")
def undisturbed(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return deidentify(archive, tmp_path_factory.mktemp("undisturbed") / "out", key_file)


def run_through(
    proxy: FaultProxy, scheme: str, server: GcsServer | S3Server, archive: Path, key_file: Path
) -> tuple[int, str, BucketRun]:
    """Bucket to bucket, past ``proxy``; the buckets are filled behind its back."""
    proxy.upstream = server.url
    server.create_bucket("hospital")
    server.create_bucket("research")
    server.put_all("hospital", {f"a/{path.name}": path.read_bytes() for path in archive.iterdir()})
    proxy.reset()
    env = {
        "STORAGE_EMULATOR_HOST": proxy.url,
        "AWS_ENDPOINT_URL": proxy.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = run_command(
        *("run", "--input", f"{scheme}://hospital/a", "--output", f"{scheme}://research/out"),
        *("--key", f"file:{key_file}", "--io-threads", "32"),
        env=env,
    )
    return done.returncode, done.stderr, written_to(server, "research", "out")


def test_requests_at_the_server_are_two_reads_and_a_write(archive: Path, undisturbed: Run, key_file: Path) -> None:
    with fault_proxy() as proxy, fake_gcs_server(external_url=proxy.url) as server:
        code, log, run = run_through(proxy, "gs", server, archive, key_file)
        assert code == 0, log
        assert same(run, undisturbed)
        counts = proxy.counts()
    tables = len(run.report["tables"])
    operations = run.report["operations"]
    # one object is larger than a request takes
    assert counts["media"] <= 2 * MANY + 2 * tables + 6
    # and a file of the ledger for 128 objects in each pass
    assert counts["insert"] + counts["start"] <= MANY + tables + 5 + 2 * (MANY // 128 + 2)
    assert counts["start"] == 1
    assert counts["list"] <= 20
    assert set(counts) <= {"media", "insert", "start", "part", "list", "delete"}
    # what the job says of itself is what the server saw; the account is read back behind it
    assert abs(operations["reads"] - counts["media"]) <= 2 * tables + 4
    assert abs(operations["writes"] - counts["insert"] - counts["start"]) <= 5


@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_faults_change_nothing(archive: Path, undisturbed: Run, key_file: Path, scheme: str) -> None:
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(fault_proxy(FaultPlan(seed=4, share=0.05, delay=(0.1, 0.5))))
        server = stack.enter_context(fake_gcs_server(external_url=proxy.url) if scheme == "gs" else moto_server())
        code, log, run = run_through(proxy, scheme, server, archive, key_file)
        faults = proxy.faults()
        assert code == 0, log
        assert same(run, undisturbed)
    assert sum(faults.values()) > MANY * 0.1
    assert {"cut-before", "cut-after", "429", "500", "503", "delay", "truncate", "short", "corrupt", "corrupt-hash"} <= set(
        faults
    )


def test_a_store_that_stays_broken_quarantines(tmp_path: Path, key_file: Path) -> None:
    """An object that never arrives as it is: nothing of it is written, and the rest is."""
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}").write_bytes(ct_file(f"1.2.3.{number}", Element(0x7FE00010, "OW", bytes(300_000))))
    plan = FaultPlan(seed=1, share=1.0, kinds=("corrupt",), only=r"media GET .*a%2F1\b", max_repeats=1000)
    with fault_proxy(plan) as proxy, fake_gcs_server(external_url=proxy.url) as server:
        code, log, run = run_through(proxy, "gs", server, tmp_path / "in", key_file)
    assert code == 3, log
    assert run.report["counts"]["written"] == len(run.objects()) == 2
    assert set(run.report["reasons"]) <= {"checksum-mismatch", "uid-not-in-map", "invalid-value", "invalid-length"}


@pytest.mark.parametrize("scheme", ["gs", "s3"])
@pytest.mark.parametrize(("repeats", "code"), [(2, 0), (1000, 1)])
def test_tables_that_arrive_broken_are_read_again(tmp_path: Path, key_file: Path, scheme: str, repeats: int, code: int) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(ct_file("1.2.3.4"))
    plan = FaultPlan(seed=1, share=1.0, kinds=("corrupt",), only=r"media GET .*out-audit(%2F|/)\w+-", max_repeats=repeats)
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(fault_proxy(plan))
        server = stack.enter_context(fake_gcs_server(external_url=proxy.url) if scheme == "gs" else moto_server())
        ended, log, _ = run_through(proxy, scheme, server, tmp_path / "in", key_file)
        assert proxy.faults()["corrupt"] >= 2
    assert ended == code, log
    assert ("bytes go wrong on their way" in log) is (code == 1)
