"""A table of patients on object storage, where workers of an engine find it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.objects import Element, read
from tests.support.runs import ct_file, deidentify
from tests.support.servers import GcsServer
from tests.support.stores import new_bucket

TABLE = b"PatientID,NewPatientID\nMRN-1,CASE-1\n"


def test_the_table_is_read_from_a_bucket(
    gcs_server: GcsServer, tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.dcm").write_bytes(ct_file(f"1.2.3.{number}", Element(0x00100020, "LO", f"MRN-{number}")))
    tables = new_bucket(gcs_server, "tables")
    gcs_server.put(tables, "patients.csv", TABLE)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.url)
    run = deidentify(folder, tmp_path / "out", key_file, "--patient-table", f"gs://{tables}/patients.csv")
    missing = deidentify(folder, tmp_path / "other", key_file, "--patient-table", f"gs://{tables}/none.csv")
    assert run.code == 3, run.log
    assert [read(content).PatientID for content in run.objects().values()] == ["CASE-1"]
    assert run.report["reasons"] == {"patient-not-in-table": 1}
    assert missing.code == 2
    assert "--patient-table doesn't exist" in missing.log
