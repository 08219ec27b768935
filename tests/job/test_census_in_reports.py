"""A report with the values of a census: they stand in its review edition alone."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from tests.support.objects import Element
from tests.support.reports import RELEASE, REVIEW, make_report, report_of, sections_of
from tests.support.runs import Run, ct_file, deidentify


@pytest.fixture(scope="module")
def seen_run(key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """A run whose values are counted: some of one patient."""
    folder = tmp_path_factory.mktemp("seen")
    archive = folder / "in"
    archive.mkdir()
    for number in range(6):
        extra = (
            Element(0x00081030, "LO", "Head CT Kestrel" if number < 2 else "Head CT"),
            Element(0x00100020, "LO", f"MRN-{number}"),
        )
        (archive / f"{number}").write_bytes(ct_file(f"1.2.3.{number}", *extra, study=f"1.2.{number}"))
    run = deidentify(archive, folder / "out", key_file, "--options=CleanDesc", f"--census={folder / 'census'}")
    assert run.code == 0, run.log
    return run, folder / "census"


def test_with_a_census_the_review_edition_lies_there_and_lists_the_values(seen_run: tuple[Run, Path]) -> None:
    run, census = seen_run
    review = census / f"report-review-{run.report['run_id']}.html"
    assert not (run.audit / REVIEW).exists() and "The review edition lies with the census" in run.log
    assert stat.S_IMODE(review.stat().st_mode) == 0o600
    values = sections_of(review.read_bytes())["values"]
    assert values.tables["StudyDescription (0008,1030) LO"][1] == ["Head CT", "Head CT Kestrel", "2", "2"]
    assert "does not have the values" not in values.text
    assert b"Kestrel" not in report_of(run)


def test_the_report_made_anew_lists_the_values(seen_run: tuple[Run, Path], key_file: Path, tmp_path: Path) -> None:
    run, census = seen_run
    code, log = make_report(run, key_file, tmp_path / "a", f"--census={census}")
    assert code == 0, log
    assert "Kestrel" in sections_of((tmp_path / "a" / REVIEW).read_bytes())["values"].text
    assert b"Kestrel" not in (tmp_path / "a" / RELEASE).read_bytes()
    # without it, it says that there is one
    assert make_report(run, key_file, tmp_path / "b")[0] == 0
    assert "A census was made" in sections_of((tmp_path / "b" / REVIEW).read_bytes())["values"].text
    copied = tmp_path / "copied"
    shutil.copytree(census, copied)
    next(copied.glob("census-counts-*")).rename(copied / "elsewhere")
    code, log = make_report(run, key_file, tmp_path / "c", f"--census={copied}")
    assert code == 2 and "no census" in log
    code, log = make_report(run, None, tmp_path / "d", f"--census={census}")
    assert code == 2 and "--census needs --key" in log


def test_a_census_that_lacks_objects_says_so(seen_run: tuple[Run, Path], key_file: Path, tmp_path: Path) -> None:
    run, _ = seen_run
    archive = run.output.parent / "in"
    census = tmp_path / "census"
    output = tmp_path / "out"
    assert deidentify(archive, output, key_file, "--options=CleanDesc").code == 0
    (archive / "new").write_bytes(ct_file("1.2.9.9", study="1.2.9"))
    later = deidentify(archive, output, key_file, "--options=CleanDesc", "--resume", f"--census={census}")
    assert later.code == 0, later.log
    review = census / f"report-review-{later.report['run_id']}.html"
    assert "does not have the values of 6 of 7 objects" in sections_of(review.read_bytes())["values"].text
