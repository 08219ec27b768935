"""The command line as users meet it: help, mistakes, one file, explain."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import pytest

from anonymizer import Anonymizer
from tests.support.keys import OTHER_KEY, write_key
from tests.support.objects import Element, ct, part10
from tests.support.runs import ct_file, run_command, run_real_command

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
    done = run_command("run", "--input", str(archive), "--output", str(tmp_path / "out"), flag, "x")
    assert done.returncode == 2
    assert f"{nearest}" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--options", "RetainUID"], "did you mean RetainUIDs"),
        (["--options", "RetainLongFullDates,RetainLongModifDates"], "exclude each other"),
        (["--profile", "mine.csv"], "--profile: basic, or a CSV, JSON or XML file"),
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
    done = run_command("run", "--input", str(archive), "--output", str(tmp_path / "out"), *arguments)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_misspelt_flag_explains_why_another_is_missing(tmp_path: Path) -> None:
    done = run_command("run", "--inptu", "x", "--output", str(tmp_path / "out"))
    assert (done.returncode, "did you mean --input?" in done.stderr) == (2, True), done.stderr
    for arguments, missing in ((["--output", "x"], "--input is missing"), (["--input", str(tmp_path)], "--output is missing")):
        done = run_command("run", *arguments)
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
        done = run_command("run", *arguments)
        assert done.returncode == 2, arguments
        assert str(archive) not in done.stderr, "folder names are identifiers too"


def test_globs_and_files_beside_the_output_are_fine(archive: Path, tmp_path: Path, key_file: Path) -> None:
    glob = str(archive / "*.dcm")
    for number, location in enumerate((glob, str(archive / "a.dcm"))):
        output = archive / f"out{number}"
        done = run_command("run", "--input", location, "--output", str(output), "--key", f"file:{key_file}")
        assert done.returncode == 0, done.stderr
        assert len(list(output.rglob("*.dcm"))) == 1


def test_an_output_of_another_key_or_profile_is_refused(archive: Path, tmp_path: Path, key_file: Path) -> None:
    other = tmp_path / "other"
    write_key(other, OTHER_KEY)
    output = str(tmp_path / "out")
    assert run_command("run", "--input", str(archive), "--output", output, "--key", f"file:{key_file}").returncode == 0
    for arguments in (
        ["--key", f"file:{other}"],
        ["--key", f"file:{key_file}", "--scope", "other"],
        ["--key", f"file:{key_file}", "--options", "RetainUIDs"],
        ["--key", f"file:{key_file}", "--patient-name", "X"],
    ):
        done = run_command("run", "--input", str(archive), "--output", output, *arguments)
        assert done.returncode == 2
        assert "other settings" in done.stderr
    assert "--key is needed" in run_command("run", "--input", str(archive), "--output", output).stderr


def test_an_output_folder_with_something_else_in_it_is_refused(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious.txt").write_text("mine")
    done = run_command("run", "--input", str(archive), "--output", str(tmp_path / "out"))
    assert done.returncode == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["precious.txt"]


def test_without_a_key_a_run_makes_one_and_says_so(archive: Path, tmp_path: Path) -> None:
    names = set()
    for number in range(2):
        output = tmp_path / f"out{number}"
        done = run_command("run", "--input", str(archive), "--output", str(output))
        assert done.returncode == 0
        assert "no later run will repeat" in done.stderr
        names |= {path.name for path in output.rglob("*.dcm")}
    assert len(names) == 2


def test_several_inputs_and_an_audit_elsewhere(archive: Path, tmp_path: Path, key_file: Path) -> None:
    second = tmp_path / "in2"
    second.mkdir()
    (second / "a.dcm").write_bytes(ct_file("1.2.3.2"))
    done = run_command(
        *("run", "--input", str(archive), "--input", str(second), "--output", str(tmp_path / "out")),
        *("--audit", str(tmp_path / "audit"), "--key", f"file:{key_file}"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "audit" / "run.json").read_text())["counts"]["written"] == 2
    assert not (tmp_path / "out-audit").exists()


def test_one_file_gets_the_bytes_that_the_api_gives(archive: Path, tmp_path: Path, key_file: Path) -> None:
    out = tmp_path / "out.dcm"
    done = run_command("file", str(archive / "a.dcm"), str(out), "--key", f"file:{key_file}")
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == Anonymizer(key=f"file:{key_file}").anonymize((archive / "a.dcm").read_bytes())


def test_one_file_that_is_refused_leaves_nothing(tmp_path: Path, key_file: Path) -> None:
    source, out = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(part10(ct(Element(0x00280301, "CS", "YES"))))
    done = run_command("file", str(source), str(out), "--key", f"file:{key_file}")
    assert done.returncode == 3
    assert "burned-in-annotation" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.dcm"]
    assert run_command("file", str(source), str(out), "--key", f"file:{key_file}", "--burned-in", "keep").returncode == 0
    assert out.exists()


def test_explain_shows_every_attribute_and_what_decided_it() -> None:
    done = run_command("explain", "--csv", "--options", "RetainUIDs")
    rows = {row["tag"]: row for row in csv.DictReader(StringIO(done.stdout))}
    assert rows["(0010,0010)"]["action"] == "Z"
    assert rows["(0008,0018)"] | {"action": "K", "decided by": "RetainUIDs"} == rows["(0008,0018)"]
    assert len([tag for tag in rows if tag]) > 657
    assert "PatientName" in run_command("explain").stdout


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"], ["reidentify", "--help"], ["explain", "--csv"], ["file"]])
def test_only_a_run_imports_beam(command: list[str], archive: Path, tmp_path: Path) -> None:
    if command == ["file"]:
        command = ["file", str(archive / "a.dcm"), str(tmp_path / "out.dcm")]
    done = run_real_command(*command, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.returncode == 0
    modules = {line.split("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "pipeline.cli" in modules
    heavy = {"apache_beam", "pyarrow", "grpc", "google.cloud.storage"} | ({"pydicom"} if "--help" in command else set())
    assert heavy & modules == set()
