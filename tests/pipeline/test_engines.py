"""One archive through each engine that is here, from folders and from buckets: the same objects and the same tables."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from tests.pipeline.conftest import ROOT, PlantedArchive, Run, deidentify, run_command
from tests.pipeline.test_object_storage import BucketRun, same, written_to
from tests.support.servers import PATIENCE, GcsServer, fake_gcs_server, free_port, need


@contextmanager
def worker_pool() -> Iterator[str]:
    """Beam's pool of external workers, as a node of a cluster has it: its address."""
    address = f"127.0.0.1:{free_port()}"
    module = "apache_beam.runners.worker.worker_pool_main"
    command = [sys.executable, "-m", module, f"--service_port={address.rpartition(':')[2]}"]
    # the pool starts "python", whichever comes first
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env) as pool:
        try:
            _await(address)
            yield address
        finally:
            pool.terminate()


@contextmanager
def prism_server() -> Iterator[str]:
    """Prism as a server of its own: the address for jobs."""
    port = free_port()
    ports = ("-job_port", str(port), "-web_port", str(free_port()))
    with subprocess.Popen([need("prism"), *ports], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _await(f"127.0.0.1:{port}")
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()


def _await(address: str) -> None:
    import grpc

    with grpc.insecure_channel(address) as channel:
        grpc.channel_ready_future(channel).result(timeout=PATIENCE)


@contextmanager
def engine(name: str) -> Iterator[tuple[str, ...]]:
    """The flags that lead a run to an engine."""
    if name == "two processes":
        yield "--direct_running_mode=multi_processing", "--direct_num_workers=2"
    elif name == "every bundle twice":
        yield ("--direct_runner_bundle_repeat=1",)
    elif name == "portable":
        yield "--runner=PortableRunner", "--job_endpoint=embed", "--environment_type=LOOPBACK"
    elif name == "Prism":
        yield "--runner=PrismRunner", f"--prism_location={need('prism')}", "--environment_type=LOOPBACK"
    else:
        assert name == "Prism server, worker pool"
        with prism_server() as jobs, worker_pool() as workers:
            yield (
                "--runner=PortableRunner",
                f"--job_endpoint={jobs}",
                "--environment_type=EXTERNAL",
                f"--environment_config={workers}",
            )


ENGINES = ("two processes", "every bundle twice", "portable", "Prism", "Prism server, worker pool")


@pytest.mark.parametrize("name", ENGINES)
def test_planted_identifiers_stay_away_and_the_result_is_the_same(
    name: str, planted_archive: PlantedArchive, planted_run: Run, tmp_path: Path
) -> None:
    with engine(name) as flags:
        run = deidentify(planted_archive.folder, tmp_path / "output", planted_archive.key, *flags)
    assert run.code == 3, run.log
    assert same(run, planted_run)
    assert planted_archive.tokens.found_in(run.log.encode()) == []
    assert not (run.output / ".dicom-deid-tmp").exists()


@pytest.fixture(scope="module")
def bundled() -> Path:
    """The folder of pydicom's bundled files: some 180, good and broken."""
    return Path(str(get_testdata_file("CT_small.dcm"))).parent


@pytest.fixture(scope="module")
def bundled_run(bundled: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return deidentify(bundled, tmp_path_factory.mktemp("bundled") / "output", key_file)


@pytest.fixture(scope="module")
def gcs(bundled: Path) -> Iterator[GcsServer]:
    with fake_gcs_server() as server:
        server.create_bucket("hospital")
        files = (path for path in bundled.rglob("*") if path.is_file())
        server.put_all("hospital", {str(path.relative_to(bundled)): path.read_bytes() for path in files})
        yield server


@pytest.mark.parametrize("name", ENGINES)
def test_real_files_from_bucket_to_bucket(
    name: str, bundled_run: Run, gcs: GcsServer, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = "".join(filter(str.isalnum, name.lower()))
    gcs.create_bucket(bucket)
    # the workers of a pool inherit it, as those of a cluster have credentials of their own
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
    with engine(name) as flags:
        done = run_command(
            *("run", "--input", "gs://hospital", "--output", f"gs://{bucket}/out", "--key", f"file:{key_file}"), *flags
        )
    assert done.returncode == bundled_run.code, done.stderr
    found: BucketRun = written_to(gcs, bucket, "out/")
    assert len(found.objects()) > 100
    assert same(found, bundled_run)


def test_a_job_that_nobody_waits_for_is_accounted_for_afterwards(
    bundled: Path, bundled_run: Run, key_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    finish = ("finish", "--audit", str(output / "_audit"))
    with engine("Prism server, worker pool") as flags:
        submitted = deidentify(bundled, output, key_file, "--detach", *flags)
        assert submitted.code == 0, submitted.log
        assert "dicom-deid finish" in submitted.log
        assert len(list((output / "_audit").glob("pending-*.json"))) == 1
        ends = time.monotonic() + PATIENCE
        while (done := run_command(*finish)).returncode == 1 and time.monotonic() < ends:
            assert "has no account yet" in done.stderr
            time.sleep(0.5)
    assert done.returncode == bundled_run.code, done.stderr
    assert same(Run(output, done.returncode, ""), bundled_run)
    again = run_command(*finish)
    assert again.returncode == 2
    assert "no run is pending" in again.stderr


def test_a_local_job_is_waited_for(bundled: Path, key_file: Path, tmp_path: Path) -> None:
    run = deidentify(bundled, tmp_path / "output", key_file, "--detach")
    assert run.code == 2
    assert "--detach needs a distributed runner" in run.log
    assert not (tmp_path / "output").exists()
