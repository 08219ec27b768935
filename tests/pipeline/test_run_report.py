"""The account of a run doesn't believe itself."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import RunError
from pipeline.options import JobOptions
from pipeline.run_report import finish
from profiles import ConfidentialityProfile
from transforms import AuditRow, Status
from transforms.write_audit import INSTANCES_SCHEMA, UID_MAP_SCHEMA, instance_record


def audit(folder: Path, listed: int, sources: list[str], run_id: str = "r1") -> JobOptions:
    """The tables of a run in ``folder``."""
    rows = [instance_record(AuditRow(source, Status.WRITTEN, output_name="x", size=3), "", "", "") for source in sources]
    pq.write_table(pa.Table.from_pylist(rows, schema=INSTANCES_SCHEMA), folder / f"instances-{run_id}-00000-of-00001.parquet")
    pq.write_table(pa.Table.from_pylist([], schema=UID_MAP_SCHEMA), folder / f"uid_map-{run_id}-00000-of-00001.parquet")
    (folder / f"listing-{run_id}.json").write_text(json.dumps({"listed": listed}))
    return JobOptions((), str(folder), str(folder), ConfidentialityProfile(), "env:X")


def test_sums_that_hold_are_reported(tmp_path: Path) -> None:
    report = finish(audit(tmp_path, 2, ["a", "b"]), "r1", "key", "runner")
    assert (report.listed, report.counts["written"], report.bytes_written) == (2, 2, 6)
    assert {path.name for path in tmp_path.iterdir()} == {*report.tables, "run.json"}


def test_the_account_of_the_run_before_is_put_aside(tmp_path: Path) -> None:
    first = finish(audit(tmp_path, 2, ["a", "b"]), "r1", "key", "runner")
    (tmp_path / "instances-r2-00000-of-00001.parquet").write_bytes(b"of a run at work")
    second = finish(audit(tmp_path, 1, ["c"], run_id="r3"), "r3", "key", "runner")
    assert {path.name for path in (tmp_path / "earlier" / "r1").iterdir()} == {*first.tables, "run.json"}
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {*second.tables, "run.json", "earlier", "instances-r2-00000-of-00001.parquet"}


@pytest.mark.parametrize(
    ("listed", "sources"), [(3, ["a", "b"]), (1, ["a", "b"]), (2, ["a", "a"])], ids=["lost", "unlisted", "twice"]
)
def test_sums_that_do_not_hold_fail_the_run(tmp_path: Path, listed: int, sources: list[str]) -> None:
    with pytest.raises(RunError, match="objects were listed"):
        finish(audit(tmp_path, listed, sources), "r1", "key", "runner")
    assert not (tmp_path / "run.json").exists()
