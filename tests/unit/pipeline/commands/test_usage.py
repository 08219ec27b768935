"""Mistakes on the command line are told before any work."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest

from tests.support.runs import ct_file, run_in_process

#: a table of no patients that matter
TABLE = Path(__file__).with_name("patients.csv")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(ct_file("1.2.3.1"))
    return folder


@pytest.mark.parametrize(
    ("flag", "nearest"),
    [("--profil", "--profile"), ("--outptu", "--output"), ("--option", "--options")],
)
def test_an_unknown_flag_is_an_error_that_suggests_the_nearest(archive: Path, tmp_path: Path, flag: str, nearest: str) -> None:
    done = run_in_process("run", "--input", str(archive), "--output", str(tmp_path / "out"), flag, "x")
    assert done.returncode == 2
    assert f"{nearest}" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--options", "RetainUID"], "did you mean RetainUIDs"),
        (["--options", "RetainLongFullDates,RetainLongModifDates"], "exclude each other"),
        (["--profile", "mine.csv"], "--profile must be basic, or a CSV, JSON or XML file"),
        (["--profile", __file__], "ends in .csv, .json or .xml"),
        (["--date-shift", "0d..0d"], "date shift"),
        (["--safe-private", "nowhere.csv", "--options", "RetainSafePrivate"], "nowhere.csv"),
        (["--patient-table", "nowhere.csv"], "--patient-table"),
        (["--patient-table", str(TABLE), "--patient-id", "X"], "exclude each other"),
        (["--key", "file:nowhere"], "key file can't be read"),
        (["--key", "env:NO_SUCH_VARIABLE"], "not set"),
        (["--key", "secret"], "file:PATH, env:NAME or gcp-secret:"),
        (["--uid-root", "1.02.3"], "no OID"),
        (["--uid-root", "1." + "2" * 40], "longer than"),
        (["--patient-id", "a\\b"], "patient_id"),
        (["--runner", "FlinkRunner"], "--key is needed"),
        (["--runner", "NoSuchRunner"], "no such runner"),
        (["--audit", __file__], "--audit is a file"),
        (["stray"], "unexpected argument"),
    ],
)
def test_wrong_usage_is_told_before_any_work(archive: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = run_in_process("run", "--input", str(archive), "--output", str(tmp_path / "out"), *arguments)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_misspelt_flag_explains_why_another_is_missing(tmp_path: Path) -> None:
    done = run_in_process("run", "--inptu", "x", "--output", str(tmp_path / "out"))
    assert (done.returncode, "did you mean --input?" in done.stderr) == (2, True), done.stderr
    for arguments, missing in ((["--output", "x"], "--input is missing"), (["--input", str(tmp_path)], "--output is missing")):
        done = run_in_process("run", *arguments)
        assert (done.returncode, missing in done.stderr) == (2, True), done.stderr


def test_output_and_input_must_be_apart(archive: Path, tmp_path: Path) -> None:
    for arguments in (
        ["--input", str(archive), "--output", str(archive / "out")],
        ["--input", str(archive), "--output", str(archive)],
        ["--input", str(archive), "--output", str(tmp_path)],
        ["--input", str(archive), "--output", str(tmp_path / "out"), "--audit", str(archive / "audit")],
        ["--input", str(archive / "nowhere"), "--output", str(tmp_path / "out")],
        ["--input", str(archive / "*.nothing"), "--output", str(tmp_path / "out")],
        ["--input", str(tmp_path / "**" / "*.dcm"), "--output", str(tmp_path / "out")],
    ):
        done = run_in_process("run", *arguments)
        assert done.returncode == 2, arguments
        assert str(archive) not in done.stderr, "folder names are identifiers too"


def test_an_output_folder_with_something_else_in_it_is_refused(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious.txt").write_text("mine")
    done = run_in_process("run", "--input", str(archive), "--output", str(tmp_path / "out"))
    assert done.returncode == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["precious.txt"]


def test_explain_shows_every_attribute_and_what_decided_it() -> None:
    done = run_in_process("explain", "--csv", "--options", "RetainUIDs")
    rows = {row["tag"]: row for row in csv.DictReader(StringIO(done.stdout))}
    assert rows["(0010,0010)"]["action"] == "Z"
    assert rows["(0008,0018)"] | {"action": "K", "decided by": "RetainUIDs"} == rows["(0008,0018)"]
    assert len([tag for tag in rows if tag]) > 657
    assert "PatientName" in run_in_process("explain").stdout
