"""One archive through each engine that is here, from folders and from buckets: the same objects and the same tables."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from tests.server.test_object_storage import BucketRun, same, written_to
from tests.support.engines import ENGINES, engine
from tests.support.processes import PATIENCE
from tests.support.runs import KEEPING, PlantedArchive, Run, audit_of, deidentify, run_command
from tests.support.servers import GcsServer
from tests.support.stores import new_bucket


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
    return deidentify(bundled, tmp_path_factory.mktemp("bundled") / "output", key_file, KEEPING)


@pytest.fixture(scope="module")
def hospital(gcs_server: GcsServer, bundled: Path) -> str:
    """A bucket of them."""
    bucket = new_bucket(gcs_server, "hospital")
    files = (path for path in bundled.rglob("*") if path.is_file())
    gcs_server.put_all(bucket, {str(path.relative_to(bundled)): path.read_bytes() for path in files})
    return bucket


@pytest.mark.parametrize("name", ENGINES)
def test_real_files_from_bucket_to_bucket(
    name: str,
    bundled_run: Run,
    gcs_server: GcsServer,
    hospital: str,
    key_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = new_bucket(gcs_server, "research")
    # the workers of a pool inherit it, as those of a cluster have credentials of their own
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.url)
    with engine(name) as flags:
        places = ("--input", f"gs://{hospital}", "--output", f"gs://{bucket}/out")
        done = run_command("run", *places, "--key", f"file:{key_file}", KEEPING, *flags)
    assert done.returncode == bundled_run.code, done.stderr
    found: BucketRun = written_to(gcs_server, bucket, "out")
    assert len(found.objects()) > 100
    assert same(found, bundled_run)


def test_a_job_that_nobody_waits_for_is_accounted_for_afterwards(
    bundled: Path, bundled_run: Run, key_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    finish = ("finish", "--audit", str(audit_of(output)), "--key", f"file:{key_file}")
    with engine("Prism server, worker pool") as flags:
        submitted = deidentify(bundled, output, key_file, "--detach", KEEPING, *flags)
        assert submitted.code == 0, submitted.log
        assert "dicom-deid finish" in submitted.log
        assert len(list(audit_of(output).glob("pending-*.json"))) == 1
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
    assert "--detach needs a distributed --runner" in run.log
    assert not (tmp_path / "output").exists()
