"""The account says how many objects lie in the output that it doesn't have, and the report says so first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.reports import RELEASE, REVIEW, report_of, sections_of
from tests.support.runs import Run, ct_file, deidentify


def objects(folder: Path, numbers: range) -> Path:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        (folder / f"{number}").write_bytes(ct_file(f"1.2.3.{number}", study=f"1.2.{number}"))
    return folder


def told(run: Run) -> tuple[int, bool]:
    """What the account tells, and that it isn't less than what lies there."""
    assert run.code == 0, run.log
    found = run.report["earlier_outputs"]
    counts = run.report["counts"]
    beside = len(run.objects()) - counts["written"] - counts["skipped"]
    assert beside == found["objects"] if found["exact"] else beside <= found["objects"]
    for edition in (RELEASE, REVIEW):
        sections = sections_of(report_of(run, edition))
        is_said = "that no table of this run has" in sections["deviations"].text
        assert is_said == bool(found["objects"])
        assert is_said == ("The objects of this release conform" not in sections["conformance"].text)
    return found["objects"], found["exact"]


def test_another_archive_in_the_same_output(key_file: Path, tmp_path: Path) -> None:
    one, two = objects(tmp_path / "one", range(30)), objects(tmp_path / "two", range(30, 40))
    assert told(deidentify(one, tmp_path / "out", key_file)) == (0, True)
    assert told(deidentify(two, tmp_path / "out", key_file)) == (30, False)
    # once both are listed and continued, all is in one account; what was left before is an upper bound
    both = deidentify(one, tmp_path / "out", key_file, f"--input={two}", "--resume")
    assert told(both) == (30, False) and len(both.objects()) == 40


def test_the_same_archive_again(key_file: Path, tmp_path: Path) -> None:
    archive = objects(tmp_path / "in", range(5))
    assert told(deidentify(archive, tmp_path / "out", key_file)) == (0, True)
    assert told(deidentify(archive, tmp_path / "out", key_file, "--resume")) == (0, True)
    assert told(deidentify(archive, tmp_path / "out", key_file)) == (5, False)


@pytest.mark.parametrize("is_planned", [False, True])
def test_sources_that_are_gone_moved_or_changed(is_planned: bool, key_file: Path, tmp_path: Path) -> None:
    archive = objects(tmp_path / "in", range(12))
    run = deidentify(archive, tmp_path / "out", key_file)
    assert told(run) == (0, True)
    (archive / "0").unlink()
    # its output is the same
    (archive / "1").rename(archive / "moved")
    if is_planned:
        plan = deidentify(archive, tmp_path / "out", key_file, "--resume", f"--plan={tmp_path / 'plan'}")
        assert plan.code == 0, plan.log
        planned = json.loads((tmp_path / "plan" / "plan.json").read_text())
        assert planned["earlier_outputs"] == {"objects": 1, "exact": True}
    run = deidentify(archive, tmp_path / "out", key_file, "--resume")
    assert told(run) == (1, True) and len(run.objects()) == 12
    # another object under a known name
    (archive / "2").write_bytes(ct_file("1.2.3.99", study="1.2.99"))
    run = deidentify(archive, tmp_path / "out", key_file, "--resume")
    assert told(run) == (2, False) and len(run.objects()) == 13
    (row,) = [row for row in run.table("instances") if "earlier-output-left" in row["notes"]]
    assert row["status"] == "written"
    # a copy of what is known, under a known name
    (archive / "3").write_bytes((archive / "4").read_bytes())
    run = deidentify(archive, tmp_path / "out", key_file, "--resume")
    assert told(run)[0] == 3 and len(run.objects()) == 13
    noted = [row["status"] for row in run.table("instances") if row["notes"] == ["earlier-output-left"]]
    assert sorted(noted) == ["duplicate", "skipped"]
    # nothing more is left
    assert told(deidentify(archive, tmp_path / "out", key_file, "--resume")) == (3, False)
