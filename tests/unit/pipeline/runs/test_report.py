"""The account of a run doesn't believe itself."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymizer import Key
from anonymizer.internals import Seal
from pipeline.errors import RunError
from pipeline.options import JobOptions
from pipeline.runs.audit import Audit
from pipeline.runs.report import RunReport, finish
from storage import Folder
from tests.support.accounts import CONSTANTS, origin
from tests.support.keys import KEY
from transforms import AuditRow, Status, TableFile, sum_of_sources
from transforms.audit.audit_tables import instances_table
from transforms.audit.write_account import write_account
from transforms.tables.schemas import INSTANCES_SCHEMA, UID_MAP_SCHEMA

SEAL = Seal(Key(KEY))
REPORTS = ("report.html", "report-review.html")
FIRST, SECOND, THIRD = "0123abc1", "0123abc2", "0123abc3"


def audit(folder: Path, listed: list[str], sources: list[str], run_id: str = FIRST, *, lost: int = 0) -> RunReport:
    """What comes of a run whose tables in ``folder`` say this.

    Args:
        lost: rows that the job counted, and that aren't in the file.
    """
    listed, sources = ([f"{ord(name):032x}" for name in names] for names in (listed, sources))
    rows = [AuditRow(source, Status.WRITTEN, output_name="x", size=3) for source in sources]
    files = []
    tables = {"instances": instances_table(rows, CONSTANTS), "uid_map": pa.Table.from_pylist([], schema=UID_MAP_SCHEMA)}
    for number, (kind, table) in enumerate(tables.items()):
        name, content = f"{kind}-{run_id}-{number:016x}.parquet", io.BytesIO()
        pq.write_table(table.slice(lost), content)
        (folder / name).write_bytes(content.getvalue())
        files.append(TableFile(name, table.num_rows, hashlib.sha256(content.getvalue()).hexdigest()))
    found = Audit(Folder(str(folder)), (SEAL,))
    write_account(found.folder, f"account-{run_id}.json", sum_of_sources(listed), files, SEAL)
    options = JobOptions((), str(folder), str(folder))
    return finish(found, run_id, origin(options), {"reads": 4})


def test_sums_that_hold_are_reported(tmp_path: Path) -> None:
    report = audit(tmp_path, ["a", "b"], ["b", "a"])
    assert (report.listed, report.counts["written"], report.bytes_written, report.operations) == (2, 2, 6, {"reads": 4})
    assert {path.name for path in tmp_path.iterdir()} == {*report.tables, "run.json", *REPORTS}


def test_the_account_of_the_run_before_is_put_aside(tmp_path: Path) -> None:
    first = audit(tmp_path, ["a", "b"], ["a", "b"])
    (tmp_path / f"instances-{SECOND}-{7:016x}.parquet").write_bytes(b"of a run at work")
    second = audit(tmp_path, ["c"], ["c"], run_id=THIRD)
    assert {path.name for path in (tmp_path / "earlier" / FIRST).iterdir()} == {*first.tables, "run.json", *REPORTS}
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {*second.tables, "run.json", *REPORTS, "earlier", f"instances-{SECOND}-{7:016x}.parquet"}


def test_files_that_the_account_does_not_name_go(tmp_path: Path) -> None:
    (tmp_path / f"instances-{FIRST}-{7:016x}.parquet").write_bytes(b"not counted")
    report = audit(tmp_path, ["a"], ["a"])
    assert {path.name for path in tmp_path.iterdir()} == {*report.tables, "run.json", *REPORTS}


@pytest.mark.parametrize(
    ("listed", "sources"),
    [("abc", "ab"), ("a", "ab"), ("ab", "aa"), ("ab", "ac")],
    ids=["lost", "unlisted", "twice", "another"],
)
def test_sums_that_do_not_hold_fail_the_run(tmp_path: Path, listed: str, sources: str) -> None:
    with pytest.raises(RunError, match="objects were listed"):
        audit(tmp_path, list(listed), list(sources))
    assert not (tmp_path / "run.json").exists()


def test_a_table_that_lost_rows_fails_the_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="rows"):
        audit(tmp_path, ["a", "b"], ["a", "b"], lost=1)
    assert not (tmp_path / "run.json").exists()


def test_a_table_that_is_read_back_as_another_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([], schema=INSTANCES_SCHEMA), content)
    monkeypatch.setattr(Folder, "read", lambda self, name: content.getvalue())
    with pytest.raises(RunError, match="was changed since its run wrote it"):
        audit(tmp_path, ["a"], ["a"])
    assert not (tmp_path / "run.json").exists()


def test_two_runs_that_end_together_both_keep_their_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other: list[RunReport] = []
    write = Folder.write_json

    def meanwhile(self: Folder, name: str, content: Mapping[str, Any], *, version: str | None = None) -> None:
        if name == "run.json" and not other:
            other.append(None)  # type: ignore[arg-type]
            other[0] = audit(tmp_path, ["b"], ["b"], run_id=SECOND)
        write(self, name, content, version=version)

    monkeypatch.setattr(Folder, "write_json", meanwhile)
    report = audit(tmp_path, ["a"], ["a"])
    assert {path.name for path in tmp_path.iterdir()} == {*report.tables, "run.json", *REPORTS, "earlier"}
    assert {path.name for path in (tmp_path / "earlier" / SECOND).iterdir()} == {*other[0].tables, "run.json", *REPORTS}
