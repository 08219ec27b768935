"""Runs under way: those that are through are accounted for, whatever became of the others."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from anonymizer import Key, Seal
from pipeline.audit import Audit
from pipeline.errors import RunError
from pipeline.options import JobOptions
from pipeline.pending import finish_pending, remember
from pipeline.run_origin import made_with, origin_of
from pipeline.storage import Folder
from profiles import ConfidentialityProfile
from tests.support.keys import KEY, OTHER_KEY
from tests.support.sealed import reseal
from transforms import AuditRow, Earlier, Status, sum_of_sources
from transforms.write_account import write_account
from transforms.write_audit import instances_table

SOURCES = ("0" * 31 + "1", "0" * 31 + "2")
SEAL = Seal(Key(KEY))


def submitted(folder: Path, run_id: str, written: tuple[str, ...] | None) -> Audit:
    """An audit with the note of a run that listed SOURCES; None for rows: it is still at work."""
    audit = Audit(Folder(str(folder)), (SEAL,))
    options = JobOptions((), "", "", ConfidentialityProfile(), "env:X")
    remember(audit, run_id, origin_of(options, made_with(options, "key"), "SomeRunner", "making", Earlier(), Key(KEY)))
    if written is not None:
        rows = [AuditRow(source, Status.FILTERED) for source in written]
        name = f"instances-{run_id}-{1:016x}.parquet"
        content = io.BytesIO()
        pq.write_table(instances_table(rows, "", "", ""), content)
        (folder / name).write_bytes(content.getvalue())
        digest = hashlib.sha256(content.getvalue()).hexdigest()
        write_account(audit.folder, f"account-{run_id}.json", sum_of_sources(SOURCES), [(name, len(rows), digest)], SEAL)
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


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("name", ["pending-11111111.json", "account-11111111.json"])
@pytest.mark.parametrize(
    "change", [lambda said: said.pop("mac"), lambda said: said.update(more=1), lambda said: said.update(mac={})]
)
def test_what_another_wrote_is_not_accounted_for(name: str, change: Callable[[dict[str, Any]], Any], tmp_path: Path) -> None:
    audit = submitted(tmp_path, "11111111", SOURCES)
    edit(tmp_path / name, change)
    with pytest.raises(RunError, match=name):
        finish_pending(audit)
    assert not (tmp_path / "run.json").exists()
    # it was that, and nothing else
    reseal(tmp_path / name, SEAL)
    assert len(finish_pending(audit)[0]) == 1


def test_a_note_of_a_run_with_another_key_is_refused(tmp_path: Path) -> None:
    submitted(tmp_path, "11111111", SOURCES)
    with pytest.raises(RunError, match="another key"):
        finish_pending(Audit(Folder(str(tmp_path)), (Seal(Key(OTHER_KEY)),)))
    assert not (tmp_path / "run.json").exists()


def test_a_note_under_another_runs_name_is_none_of_it(tmp_path: Path) -> None:
    audit = submitted(tmp_path, "11111111", SOURCES)
    (tmp_path / "pending-11111111.json").rename(tmp_path / "pending-22222222.json")
    with pytest.raises(RunError, match="was changed"):
        finish_pending(audit)


def test_a_table_that_changed_since_the_job_wrote_it_fails_the_run(tmp_path: Path) -> None:
    audit = submitted(tmp_path, "11111111", SOURCES)
    (path,) = tmp_path.glob("instances-*")
    rows = [AuditRow(source, Status.QUARANTINED) for source in SOURCES]
    pq.write_table(instances_table(rows, "", "", ""), path)
    with pytest.raises(RunError, match="a table of the audit was changed"):
        finish_pending(audit)
    assert not (tmp_path / "run.json").exists()


@pytest.mark.parametrize("name", ["pending-...json", "pending-.json", "pending-run.json", "pending-0123ABCD.json"])
def test_notes_by_names_that_no_run_gives_are_none(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("no JSON")
    assert finish_pending(Audit(Folder(str(tmp_path)), (SEAL,))) == ([], [])
