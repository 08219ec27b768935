"""An audit that an earlier version of the program left is gone on with when that is asked for, and never unasked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from tests.support.runs import audit_of, ct_file, deidentify, run_command

#: settings of the pixels, which version 2 of the tables knew nothing of
NEW_SETTINGS = ("pixels", "trust_burned_in_no", "faces", "pixel_risk_digest")


def age(output: Path) -> None:
    """Make the audit what version 2 of the tables left: in the output, without codes, ``pixel_risks`` and settings of pixels."""
    audit = Path(shutil.move(audit_of(output), output / "_audit"))
    origin_file, run_file = audit / "output.json", audit / "run.json"
    origin, run = json.loads(origin_file.read_text()), json.loads(run_file.read_text())
    for settings in (origin, run["origin"]):
        settings["schema_version"] = 2
        for name in NEW_SETTINGS:
            del settings[name]
    for name in ("pixel_risks", "table_digests", "previous_run"):
        del run[name]
    for content in (origin, run):
        del content["mac"]
    origin_file.write_text(json.dumps(origin))
    run_file.write_text(json.dumps(run))
    for path in audit.glob("instances-*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["pixel_risks"]), path)


def test_an_audit_without_risks_of_pixels_is_gone_on_with_only_when_asked_for(tmp_path: Path, key_file: Path) -> None:
    archive, output = tmp_path / "archive", tmp_path / "out"
    archive.mkdir()
    (archive / "old.dcm").write_bytes(ct_file("1.2.3.1"))
    assert deidentify(archive, output, key_file).code == 0
    age(output)
    (archive / "new.dcm").write_bytes(ct_file("1.2.3.2"))
    refused = deidentify(archive, output, key_file, "--resume")
    assert refused.code == 2
    assert "convert it with `dicom-deid audit adopt`" in refused.log
    adopted = run_command("audit", "adopt", "--output", str(output), "--key", f"file:{key_file}")
    assert adopted.returncode == 0, adopted.stderr
    refused = deidentify(archive, output, key_file, "--resume")
    assert refused.code == 2
    assert "other settings (pixels" in refused.log
    goes_on = deidentify(archive, output, key_file, "--resume", "--mixed-output")
    assert goes_on.code == 0, goes_on.log
    assert goes_on.report["counts"] == {"written": 1, "skipped": 1, "duplicate": 0, "filtered": 0, "quarantined": 0}
    assert {row["status"]: row["pixel_risks"] for row in goes_on.table("instances")} == {"skipped": None, "written": []}
