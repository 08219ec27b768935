"""Runs under way: those that are through are accounted for, whatever became of the others."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.errors import RunError
from pipeline.options import JobOptions
from pipeline.pending import finish_pending, remember
from pipeline.run_origin import made_with, origin_of
from pipeline.storage import Folder
from profiles import ConfidentialityProfile
from transforms import AuditRow, Earlier, Status, sum_of_sources
from transforms.write_account import write_account
from transforms.write_audit import instances_table

SOURCES = ("0" * 31 + "1", "0" * 31 + "2")


def submitted(folder: Path, run_id: str, written: tuple[str, ...] | None) -> Folder:
    """An audit with the note of a run that listed SOURCES; None for rows: it is still at work."""
    audit = Folder(str(folder))
    options = JobOptions((), "", "", ConfidentialityProfile(), "env:X")
    remember(audit, run_id, origin_of(options, made_with(options, "key"), "SomeRunner", "making", Earlier()))
    if written is not None:
        rows = [AuditRow(source, Status.FILTERED) for source in written]
        name = f"instances-{run_id}-1.parquet"
        pq.write_table(instances_table(rows, "", "", ""), folder / name)
        write_account(audit, f"account-{run_id}.json", sum_of_sources(SOURCES), [(name, len(rows))])
    return audit


def test_a_run_that_failed_holds_up_no_other(tmp_path: Path) -> None:
    submitted(tmp_path, "00000000", None)
    audit = submitted(tmp_path, "11111111", SOURCES)
    reports, without_account = finish_pending(audit)
    assert [report.run_id for report in reports] == ["11111111"]
    assert reports[0].origin["runner"] == "SomeRunner"
    assert without_account == ["00000000"]
    assert finish_pending(audit) == ([], ["00000000"])


def test_lost_rows_fail_the_run_and_its_note_stays(tmp_path: Path) -> None:
    audit = submitted(tmp_path, "11111111", SOURCES[:1])
    for _ in range(2):
        with pytest.raises(RunError, match="don't account for each"):
            finish_pending(audit)
    assert not (tmp_path / "run.json").exists()
