"""Runs over members of zips and tars that a manifest names, and runs that go on with them."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from pipeline.options import EngineOptions, JobOptions
from pipeline.runs.workload import survey_inputs
from profiles import ConfidentialityProfile
from storage.archive import StoredArchive
from tests.support.runs import Run, ct_file, deidentify, run_command

COUNT = 6


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    write_zip(tmp_path / "a.zip", range(COUNT))
    return tmp_path


def write_zip(path: Path, numbers: Iterable[int]) -> None:
    with zipfile.ZipFile(path, "w") as target:
        for number in numbers:
            target.writestr(f"s/{number}.dcm", ct_file(f"1.2.3.{number}"))


def name(folder: Path, *members: object) -> Path:
    """A manifest of these members of the zip; "" for the whole."""
    rows = [f"a.zip,s/{member}.dcm" if member != "" else "a.zip," for member in members]
    (folder / "m.csv").write_text("\n".join(["name,member", *rows]) + "\n")
    return folder / "m.csv"


def outcome(run: Run) -> dict[str, int]:
    assert run.code in (0, 3), run.log
    return {status: count for status, count in run.report["counts"].items() if count}


def test_just_the_named_members_are_written(packed: Path, key_file: Path) -> None:
    whole = deidentify(packed / "a.zip", packed / "whole", key_file)
    run = deidentify(name(packed, 1, 4, "gone"), packed / "out", key_file)
    assert outcome(run) == {"written": 2, "quarantined": 1}
    assert run.report["reasons"] == {"unreadable": 1} and run.report["listed"] == 3
    assert run.objects().items() <= whole.objects().items()
    # what lies in the zip has the names that it has anyway
    ids = {row["source_id"] for row in run.table("instances") if row["status"] == "written"}
    assert ids <= {row["source_id"] for row in whole.table("instances")}


def test_rows_apart_are_readings_of_their_own(packed: Path, key_file: Path) -> None:
    write_zip(packed / "b.zip", [9])
    (packed / "m.csv").write_text("name,member\na.zip,s/1.dcm\nb.zip,\na.zip,s/2.dcm\na.zip,s/1.dcm\n")
    run = deidentify(packed / "m.csv", packed / "out", key_file)
    assert outcome(run) == {"written": 3, "duplicate": 1}


def test_a_run_that_goes_on_does_what_is_new(packed: Path, key_file: Path) -> None:
    def again(*members: object) -> Run:
        return deidentify(name(packed, *members), packed / "out", key_file, "--resume", "--max-gone", "100")

    assert outcome(again(1, 2)) == {"written": 2}
    assert outcome(again(1, 2)) == {"skipped": 2}
    # another member is opened for, and those that are known are still skipped
    assert outcome(again(1, 2, 3)) == {"skipped": 2, "written": 1}
    # only those that aren't named any more are gone
    run = again(3, 1)
    assert outcome(run) == {"skipped": 2} and len(run.table("gone")) == 1
    # a zip of which some members are known is not known as a whole
    run = again("")
    assert run.report["listed"] == COUNT and run.report["counts"]["quarantined"] == 0
    assert len(run.objects()) == COUNT
    assert outcome(again("")) == {"skipped": COUNT}


def test_readings_of_one_zip_share_what_is_known(packed: Path, key_file: Path) -> None:
    write_zip(packed / "b.zip", [9])
    (packed / "m.csv").write_text("name,member\na.zip,s/1.dcm\nb.zip,\na.zip,s/2.dcm\n")
    for expected in ({"written": 3}, {"skipped": 3}):
        run = deidentify(packed / "m.csv", packed / "out", key_file, "--resume")
        assert outcome(run) == expected and run.table("gone") == []


def test_a_changed_zip_is_read_again(packed: Path, key_file: Path) -> None:
    outcome(deidentify(name(packed, 1, 2), packed / "out", key_file))
    write_zip(packed / "a.zip", range(2))
    run = deidentify(packed / "m.csv", packed / "out", key_file, "--resume")
    counts = Counter(row["status"] for row in run.table("instances"))
    assert run.report["listed"] == 2 and counts["quarantined"] == 1 and run.report["reasons"] == {"unreadable": 1}


def test_members_count_as_objects_before_the_run(packed: Path, tmp_path: Path) -> None:
    options = JobOptions(
        inputs=(str(name(packed, 1, 2)),),
        output=str(tmp_path / "out"),
        audit=str(tmp_path / "audit"),
        profile=ConfidentialityProfile.default(),
        engine=EngineOptions("file:none"),
    )
    archive, workload = survey_inputs(options)
    assert isinstance(archive, StoredArchive) and (workload.objects, workload.packed) == (2, 0)


def test_an_estimate_looks_at_these_members_only(packed: Path) -> None:
    done = run_command("estimate", "--input", str(name(packed, 1, 2)))
    assert done.returncode == 0, done.stderr
    assert "2 instances looked at in 1 of them; a run would write 2" in done.stdout
