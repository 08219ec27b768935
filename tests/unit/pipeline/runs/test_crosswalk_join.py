"""Rows of a crosswalk as they are shown: who an object is, joined with what the newest run says that became of it."""

from __future__ import annotations

import secrets
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import RunError
from pipeline.runs.crosswalk import COLUMNS, Crosswalk
from storage import Folder
from transforms.crosswalk.crosswalk import CrosswalkRow, crosswalk_table, outcome_of

FIRST, SECOND, THIRD = "20261128010000ffffffff", "20261129010000aaaaaaaa", "2026112901000100000000"
OLD, OLDER = "ffffffff", "00000000"
A, B = "a" * 32, "b" * 32
RISK = ("quarantined", "burned-in-annotation", "(0028,0301)")
TEXT = ("filtered", "not-dicom", None)
WRITTEN = ("written", None, None)


def who(source_id: str, name: str = "", instance: str = "1.3") -> CrosswalkRow:
    """That an object was read."""
    source = name or f"{source_id[0]}.dcm"
    return CrosswalkRow(source_id, source, None, "1.1", "1.2", instance, "MRN", "", "Doe", "2.1", "2.2", f"2.{instance}", "NEW")


def became(source_id: str, outcome: tuple[str, str | None, str | None]) -> CrosswalkRow:
    return outcome_of(source_id, outcome[0], outcome[1], outcome[2])


def unread(source_id: str, outcome: tuple[str, str | None, str | None] = TEXT) -> CrosswalkRow:
    """That one couldn't be read: all in one row."""
    return became(source_id, outcome)._replace(source=f"{source_id[0]}.dcm")


class Files:
    """A crosswalk's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, run_id: str, *rows: CrosswalkRow) -> None:
        self.put(run_id, crosswalk_table(list(rows), run_id, "key"))

    def write_old(self, run_id: str, *rows: CrosswalkRow) -> None:
        """As versions before did, which wrote but what they had read."""
        self.put(run_id, crosswalk_table(list(rows), run_id, "key").drop_columns(["status", "reason", "reason_tag"]))

    def put(self, run_id: str, table: pa.Table) -> None:
        pq.write_table(table, self.folder / f"crosswalk-{run_id}-{secrets.token_hex(16)}.parquet")

    def shown(self, *names: str) -> list[dict[str, Any]]:
        rows = list(Crosswalk(Folder(str(self.folder)), []).rows(names, []))
        assert all(tuple(row) == COLUMNS for row in rows)
        return sorted(rows, key=lambda row: (row["source_id"], row["sop_instance_uid"]))

    def outcomes(self, *names: str) -> list[tuple[str, ...]]:
        columns = ("source_id", "status", "reason", "reason_tag", "status_run_id")
        return [tuple(row[column] for column in columns) for row in self.shown(*names)]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_one_run_shows_an_object_once_with_what_became_of_it(files: Files) -> None:
    files.write(FIRST, who(A), unread(B))
    files.write(FIRST, became(A, RISK))
    assert files.outcomes() == [(A, *RISK, FIRST), (B, "filtered", "not-dicom", "", FIRST)]
    (found,) = files.shown(A)
    assert (found["source"], found["sop_instance_uid"], found["new_patient_id"]) == ("a.dcm", "1.3", "NEW")


def test_the_newest_run_that_says_one_counts_in_whatever_order_files_are(files: Files) -> None:
    files.write(SECOND, who(A), became(A, WRITTEN))
    files.write(FIRST, who(A), became(A, RISK))
    # it went on with the second, and skipped the object
    files.write(THIRD, who(B), became(B, TEXT))
    assert files.outcomes(A) == [(A, "written", "", "", SECOND)]
    assert files.outcomes() == [(A, "written", "", "", SECOND), (B, "filtered", "not-dicom", "", THIRD)]


def test_ids_of_versions_before_are_older_than_all(files: Files) -> None:
    files.write(OLD, who(A), became(A, RISK))
    files.write(FIRST, became(A, WRITTEN))
    files.write(OLDER, became(A, TEXT))
    assert files.outcomes() == files.outcomes(A) == [(A, "written", "", "", FIRST)]


def test_files_without_the_new_columns_are_read(files: Files) -> None:
    files.write_old(OLD, who(A), who(B))
    assert files.outcomes() == files.outcomes("NEW") == [(A, "", "", "", ""), (B, "", "", "", "")]
    files.write(FIRST, became(B, RISK))
    assert files.outcomes() == files.outcomes("NEW") == [(A, "", "", "", ""), (B, *RISK, FIRST)]


def test_files_of_another_version_are_not(files: Files) -> None:
    files.put(FIRST, crosswalk_table([who(A)], FIRST, "key").drop_columns(["reason"]))
    with pytest.raises(RunError, match="another version"):
        files.shown()


def test_attempts_of_one_run_that_differ_show_what_was_written(files: Files) -> None:
    """An engine may do a bundle twice: what one attempt wrote is there, whatever the other one found."""
    files.write(FIRST, who(A), became(A, ("duplicate", None, None)))
    files.write(FIRST, who(A), became(A, WRITTEN))
    files.write(FIRST, became(A, RISK))
    assert files.outcomes() == files.outcomes(A) == [(A, "written", "", "", FIRST)]


def test_who_somebody_was_is_not_lost_when_an_object_cant_be_read_any_more(files: Files) -> None:
    files.write(FIRST, who(A), became(A, WRITTEN))
    files.write(SECOND, unread(A))
    assert files.outcomes() == files.outcomes(A) == [(A, "filtered", "not-dicom", "", SECOND)]
    assert files.shown()[0]["sop_instance_uid"] == "1.3"
    # and the other way round: it can be read now
    files.write(FIRST, unread(B))
    files.write(SECOND, who(B), became(B, WRITTEN))
    assert files.outcomes(B) == [(B, "written", "", "", SECOND)] and files.shown(B)[0]["sop_instance_uid"] == "1.3"


def test_an_object_that_became_another_one_is_found_by_both(files: Files) -> None:
    files.write(FIRST, who(A, instance="1.3"), became(A, WRITTEN))
    files.write(SECOND, who(A, instance="1.4"), became(A, RISK))
    assert [row["sop_instance_uid"] for row in files.shown()] == ["1.3", "1.4"]
    assert [row["sop_instance_uid"] for row in files.shown("2.1.4")] == ["1.4"]
    assert files.outcomes("2.1.3") == [(A, *RISK, SECOND)]


def test_two_runs_that_could_not_read_an_object_show_it_once(files: Files) -> None:
    files.write(FIRST, unread(A))
    files.write(SECOND, unread(A, RISK))
    # taken up from the ledger of a run that was killed: without its name
    files.write(THIRD, became(A, RISK))
    assert files.outcomes() == files.outcomes(A) == [(A, *RISK, THIRD)]


def test_what_became_of_something_without_a_name_is_no_row(files: Files) -> None:
    files.write(FIRST, became(A, WRITTEN), who(B))
    assert files.outcomes() == [(B, "", "", "", "")]
    assert files.outcomes(A) == []


def _many(count: int) -> Iterable[CrosswalkRow]:
    for number in range(count):
        source_id = f"{number:032x}"
        yield who(source_id, f"{number}.dcm", f"1.3.{number}")
        yield became(source_id, WRITTEN)


def test_what_is_named_takes_memory_and_not_the_rest(files: Files) -> None:
    def peak() -> int:
        tracemalloc.start()
        assert len(files.shown("2.1.3.7")) == 1
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    files.write(FIRST, *_many(10_000))
    first = peak()
    for _ in range(5):
        files.write(FIRST, *_many(10_000))
    assert peak() < first * 1.2
