"""The account of a run doesn't believe itself."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import RunError
from pipeline.options import JobOptions
from pipeline.run_origin import made_with, origin_of
from pipeline.run_report import RunReport, finish
from pipeline.storage import Folder
from profiles import ConfidentialityProfile
from transforms import AuditRow, Earlier, Status, sum_of_sources
from transforms.write_account import write_account
from transforms.write_audit import INSTANCES_SCHEMA, UID_MAP_SCHEMA, instances_table


def audit(folder: Path, listed: list[str], sources: list[str], run_id: str = "r1") -> RunReport:
    """What comes of a run whose tables in ``folder`` say this."""
    listed, sources = ([f"{ord(name):032x}" for name in names] for names in (listed, sources))
    rows = [AuditRow(source, Status.WRITTEN, output_name="x", size=3) for source in sources]
    tables = {f"instances-{run_id}-1.parquet": len(rows), f"uid_map-{run_id}-2.parquet": 0}
    pq.write_table(instances_table(rows, "", "", ""), folder / f"instances-{run_id}-1.parquet")
    pq.write_table(pa.Table.from_pylist([], schema=UID_MAP_SCHEMA), folder / f"uid_map-{run_id}-2.parquet")
    write_account(Folder(str(folder)), f"account-{run_id}.json", sum_of_sources(listed), tables.items())
    options = JobOptions((), str(folder), str(folder), ConfidentialityProfile(), "env:X")
    return finish(
        Folder(str(folder)), run_id, origin_of(options, made_with(options, "key"), "runner", "making", Earlier()), {"reads": 4}
    )


def test_sums_that_hold_are_reported(tmp_path: Path) -> None:
    report = audit(tmp_path, ["a", "b"], ["b", "a"])
    assert (report.listed, report.counts["written"], report.bytes_written, report.operations) == (2, 2, 6, {"reads": 4})
    assert {path.name for path in tmp_path.iterdir()} == {*report.tables, "run.json"}


def test_the_account_of_the_run_before_is_put_aside(tmp_path: Path) -> None:
    first = audit(tmp_path, ["a", "b"], ["a", "b"])
    (tmp_path / "instances-r2-00000-of-00001.parquet").write_bytes(b"of a run at work")
    second = audit(tmp_path, ["c"], ["c"], run_id="r3")
    assert {path.name for path in (tmp_path / "earlier" / "r1").iterdir()} == {*first.tables, "run.json"}
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {*second.tables, "run.json", "earlier", "instances-r2-00000-of-00001.parquet"}


def test_files_that_the_account_does_not_name_go(tmp_path: Path) -> None:
    (tmp_path / "instances-r1-of-a-bundle-that-ran-twice.parquet").write_bytes(b"not counted")
    report = audit(tmp_path, ["a"], ["a"])
    assert {path.name for path in tmp_path.iterdir()} == {*report.tables, "run.json"}


@pytest.mark.parametrize(
    ("listed", "sources"),
    [("abc", "ab"), ("a", "ab"), ("ab", "aa"), ("ab", "ac")],
    ids=["lost", "unlisted", "twice", "another"],
)
def test_sums_that_do_not_hold_fail_the_run(tmp_path: Path, listed: str, sources: str) -> None:
    with pytest.raises(RunError, match="objects were listed"):
        audit(tmp_path, list(listed), list(sources))
    assert not (tmp_path / "run.json").exists()


def test_a_table_that_lost_rows_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([], schema=INSTANCES_SCHEMA), content)
    monkeypatch.setattr(Folder, "read", lambda self, name: content.getvalue())
    with pytest.raises(RunError, match="rows"):
        audit(tmp_path, ["a"], ["a"])


def test_two_runs_that_end_together_both_keep_their_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other: list[RunReport] = []
    write = Folder.write_json

    def meanwhile(self: Folder, name: str, content: Mapping[str, Any], *, version: str | None = None) -> None:
        if name == "run.json" and not other:
            other.append(None)  # type: ignore[arg-type]
            other[0] = audit(tmp_path, ["b"], ["b"], run_id="r2")
        write(self, name, content, version=version)

    monkeypatch.setattr(Folder, "write_json", meanwhile)
    report = audit(tmp_path, ["a"], ["a"])
    assert {path.name for path in tmp_path.iterdir()} == {*report.tables, "run.json", "earlier"}
    assert {path.name for path in (tmp_path / "earlier" / "r2").iterdir()} == {*other[0].tables, "run.json"}
