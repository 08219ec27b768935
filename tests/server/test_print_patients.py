"""``run --print-patients`` where the archive lies in a bucket."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.job.test_print_patients import of_patient, print_patients, rows_of
from tests.support.servers import GcsServer
from tests.support.stores import new_bucket


def test_a_bucket_is_read_by_several_threads(gcs_server: GcsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, archive = tmp_path / "patients.csv", new_bucket(gcs_server, "archive")
    gcs_server.put_all(archive, {f"in/{number}": of_patient(number, f"P-{number % 7}") for number in range(40)})
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.url)
    done = print_patients(f"gs://{archive}/in", table)
    assert done.returncode == 0, done.stderr
    assert [row[0] for row in rows_of(table)[1:]] == [f"P-{number}" for number in range(7)]
    assert "40 objects" in done.stdout
