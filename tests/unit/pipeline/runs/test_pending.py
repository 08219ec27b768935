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

from anonymizer import Key
from anonymizer.internals import Seal
from pipeline.errors import RunError
from pipeline.options import JobOptions
from pipeline.runs.audit import Audit
from pipeline.runs.pending import Finished, finish_pending, write_note
from storage import Folder
from tests.support.accounts import CONSTANTS, origin
from tests.support.keys import KEY, OTHER_KEY
from tests.support.sealed import reseal
from transforms import AuditRow, Status, TableFile, sum_of_sources
from transforms.audit.audit_tables import instances_table
from transforms.audit.write_account import write_account

SOURCES = ("0" * 31 + "1", "0" * 31 + "2")
SEAL = Seal(Key(KEY))


def submitted(folder: Path, run_id: str, written: tuple[str, ...] | None) -> Audit:
    """An audit with the note of a run that listed SOURCES; None for rows: it is still at work."""
    audit = Audit(Folder(str(folder)), (SEAL,))
    options = JobOptions((), "")
    write_note(audit, run_id, origin(options, "SomeRunner"))
    if written is not None:
        rows = [AuditRow(source, Status.FILTERED) for source in written]
        name = f"instances-{run_id}-{1:016x}.parquet"
        content = io.BytesIO()
        pq.write_table(instances_table(rows, CONSTANTS), content)
        (folder / name).write_bytes(content.getvalue())
        digest = hashlib.sha256(content.getvalue()).hexdigest()
        write_account(audit.folder, f"account-{run_id}.json", sum_of_sources(SOURCES), [TableFile(name, len(rows), digest)], SEAL)
    return audit


def test_a_run_that_failed_holds_up_no_other(tmp_path: Path) -> None:
    submitted(tmp_path, "00000000", None)
    audit = submitted(tmp_path, "11111111", SOURCES)
    finished = finish_pending(audit)
    assert [report.run_id for report in finished.reports] == ["11111111"]
    assert finished.reports[0].origin["runner"] == "SomeRunner"
    assert (finished.without_account, finished.refused) == (["00000000"], {})
    assert finish_pending(audit) == Finished([], ["00000000"], {})


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


@pytest.fixture(
    params=[lambda said: said.pop("mac"), lambda said: said.update(more=1), lambda said: said.update(mac={})],
    ids=["no code", "changed", "empty"],
)
def change(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_note_that_another_wrote_is_not_accounted_for_and_holds_up_no_run(
    change: Callable[[dict[str, Any]], Any], tmp_path: Path
) -> None:
    submitted(tmp_path, "11111111", SOURCES)
    audit = submitted(tmp_path, "22222222", SOURCES)
    note = tmp_path / "pending-11111111.json"
    edit(note, change)
    finished = finish_pending(audit)
    assert [report.run_id for report in finished.reports] == ["22222222"]
    assert list(finished.refused) == ["11111111"] and note.name in finished.refused["11111111"]
    assert json.loads((tmp_path / "run.json").read_text())["run_id"] == "22222222"
    # it was that, and nothing else
    reseal(note, SEAL)
    assert [report.run_id for report in finish_pending(audit).reports] == ["11111111"]


def test_an_account_that_another_wrote_fails_the_run(change: Callable[[dict[str, Any]], Any], tmp_path: Path) -> None:
    audit = submitted(tmp_path, "11111111", SOURCES)
    account = tmp_path / "account-11111111.json"
    edit(account, change)
    with pytest.raises(RunError, match=account.name):
        finish_pending(audit)
    assert not (tmp_path / "run.json").exists()
    reseal(account, SEAL)
    assert len(finish_pending(audit).reports) == 1


def test_a_note_of_a_run_with_another_key_is_refused(tmp_path: Path) -> None:
    submitted(tmp_path, "11111111", SOURCES)
    finished = finish_pending(Audit(Folder(str(tmp_path)), (Seal(Key(OTHER_KEY)),)))
    assert not finished.reports and "another key" in finished.refused["11111111"]
    assert not (tmp_path / "run.json").exists()


def test_a_note_under_another_runs_name_is_none_of_it(tmp_path: Path) -> None:
    audit = submitted(tmp_path, "11111111", SOURCES)
    (tmp_path / "pending-11111111.json").rename(tmp_path / "pending-22222222.json")
    finished = finish_pending(audit)
    assert not finished.reports and "was changed" in finished.refused["22222222"]
    assert not (tmp_path / "run.json").exists()


def test_a_table_that_changed_since_the_job_wrote_it_fails_the_run(tmp_path: Path) -> None:
    audit = submitted(tmp_path, "11111111", SOURCES)
    (path,) = tmp_path.glob("instances-*")
    rows = [AuditRow(source, Status.QUARANTINED) for source in SOURCES]
    pq.write_table(instances_table(rows, CONSTANTS), path)
    with pytest.raises(RunError, match="a table of the audit was changed"):
        finish_pending(audit)
    assert not (tmp_path / "run.json").exists()


@pytest.mark.parametrize("name", ["pending-...json", "pending-.json", "pending-run.json", "pending-0123ABCD.json"])
def test_notes_by_names_that_no_run_gives_are_none(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("no JSON")
    assert finish_pending(Audit(Folder(str(tmp_path)), (SEAL,))) == Finished([], [], {})
