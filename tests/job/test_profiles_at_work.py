"""The job with profiles, tables and words that its objects share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.objects import Element, read
from tests.support.runs import Run, ct_file, deidentify, run_command

DESCRIPTION, PHYSICIAN, PATIENT_ID, NAME = 0x00081030, 0x00080090, 0x00100020, 0x00100010


def archive(folder: Path, *objects: bytes) -> Path:
    """A folder with ``objects``."""
    folder.mkdir()
    for number, content in enumerate(objects):
        (folder / f"{number}.dcm").write_bytes(content)
    return folder


def descriptions(run: Run) -> list[str]:
    """StudyDescription of each written object, ordered by InstanceNumber."""
    datasets = sorted(map(read, run.objects().values()), key=lambda dataset: int(dataset.InstanceNumber))
    return [str(dataset.get("StudyDescription", "")) for dataset in datasets]


def scanned(number: int, study: str, text: str, *extra: Element, patient: str = "MRN-1", name: str = "Roe^Richard") -> bytes:
    """One object of a study with a description."""
    elements = [
        Element(DESCRIPTION, "LO", text),
        Element(PATIENT_ID, "LO", patient),
        Element(NAME, "PN", name),
        Element(0x00200013, "IS", str(number)),
    ]
    return ct_file(f"1.2.3.{number}", *elements, *extra, study=study)


def test_words_of_other_objects_of_the_patient_and_of_nobody_else_are_cleaned_away(tmp_path: Path, key_file: Path) -> None:
    objects = [
        scanned(1, "1.2.1", "MRI chest without contrast"),
        # the same patient's other studies: a physician and a maiden name that are clinical words
        scanned(2, "1.2.2", "MRI chest without contrast", Element(PHYSICIAN, "PN", "Chest^Anna")),
        scanned(3, "1.2.3", "MRI chest without contrast", name="Contrast^Jane"),
        # somebody else
        scanned(4, "1.2.4", "MRI chest without contrast", patient="MRN-2"),
        # no PatientID: joined by study only
        scanned(5, "1.2.5", "MRI chest without contrast", patient="", name="Contrast^Jane"),
        scanned(6, "1.2.5", "MRI chest without contrast", patient=""),
        scanned(7, "1.2.6", "MRI chest without contrast", patient=""),
    ]
    run = deidentify(archive(tmp_path / "in", *objects), tmp_path / "out", key_file, "--options", "CleanDesc")
    assert run.code == 0, run.log
    found = descriptions(run)
    assert [("chest" in text.lower(), "contrast" in text.lower()) for text in found] == [
        (False, False),
        (False, False),
        (False, False),
        (True, True),
        (True, False),
        (True, False),
        (True, True),
    ]
    assert all(text.startswith("MRI") for text in found)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "patients.csv"
    path.write_text("PatientID,NewPatientID\nMRN-1,CASE-1\n")
    return path


def test_patients_are_named_by_a_table_and_others_are_refused(tmp_path: Path, key_file: Path, table: Path) -> None:
    folder = archive(tmp_path / "in", scanned(1, "1.2.1", "x"), scanned(2, "1.2.2", "x", patient="MRN-2"))
    run = deidentify(folder, tmp_path / "out", key_file, "--patient-table", str(table))
    assert run.code == 3, run.log
    assert [read(content).PatientID for content in run.objects().values()] == ["CASE-1"]
    assert run.report["reasons"] == {"patient-not-in-table": 1}
    assert run.report["origin"]["patients"] == "table"
    # the output goes on with tables only
    again = deidentify(folder, tmp_path / "out", key_file)
    assert again.code == 2 and "patients" in again.log


def test_custom_rules_are_in_the_account(tmp_path: Path, key_file: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('[{"Tag": "StudyDescription", "Action": "K!"}, {"Tag": "Rows", "Action": "K"}]')
    folder = archive(tmp_path / "in", scanned(1, "1.2.1", "Doe"))
    run = deidentify(folder, tmp_path / "out", key_file, "--profile", str(rules))
    assert run.code == 0, run.log
    assert descriptions(run) == ["Doe"]
    kept, plain = run.report["settings"]["custom_rules"]
    assert (kept["pattern"], kept["actions"], kept["insists"]) == ("StudyDescription", {"BasicProfile": "K"}, True)
    assert (plain["pattern"], plain["insists"], run.report["settings"]["weakening_rules"]) == ("Rows", False, 1)
    kept = [action for action in run.table("instances-")[0]["actions"] if action["keyword"] == "StudyDescription"]
    assert [action["action"] for action in kept] == ["K"]


def test_dates_move_alike_in_every_study_and_run(tmp_path: Path, key_file: Path) -> None:
    days = [Element(0x00080020, "DA", "20200131")], [Element(0x00080020, "DA", "20200301")]
    folder = archive(tmp_path / "in", scanned(1, "1.2.1", "x", *days[0]), scanned(2, "1.2.2", "x", *days[1]))
    options = ("--options", "RetainLongModifDates", "--date-shift", "-70d..-7d/7d")
    first, second = (deidentify(folder, tmp_path / name, key_file, *options) for name in ("out", "again"))
    assert first.code == second.code == 0, first.log
    assert first.objects() == second.objects()
    dates = sorted(str(read(content).StudyDate) for content in first.objects().values())
    assert len(set(dates)) == 2 and "20200131" not in dates


@pytest.mark.parametrize("command", ["run", "file"])
def test_each_setting_of_a_profile_is_known_to_each_command(tmp_path: Path, key_file: Path, table: Path, command: str) -> None:
    more = tmp_path / "more.csv"
    more.write_text('private_creator,tag,vr\nACME,"(0029,xx01)",LO\n')
    extra = [Element(0x00101010, "AS", "095Y"), Element(0x00290010, "LO", "ACME"), Element(0x00291001, "LO", "kernel")]
    folder = archive(tmp_path / "in", scanned(1, "1.2.1", "x", *extra))
    arguments = ["--key", f"file:{key_file}", "--options", "RetainPatientChars,RetainSafePrivate", "--cap-ages"]
    arguments += ["--safe-private", str(more), "--patient-table", str(table)]
    if command == "run":
        done = run_command("run", "--input", str(folder), "--output", str(tmp_path / "out"), *arguments)
        (written,) = (tmp_path / "out").rglob("*.dcm")
    else:
        written = tmp_path / "out.dcm"
        done = run_command("file", str(folder / "0.dcm"), str(written), *arguments)
    assert done.returncode == 0, done.stderr
    dataset = read(written.read_bytes())
    assert (dataset.PatientID, dataset.PatientAge, dataset[0x00291001].value) == ("CASE-1", "090Y", "kernel")


def test_explain_compares_two_profiles(tmp_path: Path) -> None:
    rules = tmp_path / "rules.csv"
    rules.write_text("Tag;Action\nRows;X\n")
    shown = run_command("explain", "--profile", str(rules), "--csv").stdout
    assert "Rows,US,X,remove,rules.csv line 2: Rows;X" in shown
    differing = run_command("explain", "--profile", str(rules), "--diff", "basic", "--csv").stdout.splitlines()
    assert len(differing) == 2 and differing[1].startswith('"(0028,0010)",Rows,US,X,rules.csv line 2: Rows;X,K,')
    options = run_command("explain", "--diff-options", "RetainInstitutionIdent", "--csv").stdout
    assert "InstitutionName,LO,X/Z/D,E.1-1,K,RetainInstitutionIdent" in options


@pytest.mark.parametrize("text", ["PatientName;K\n", "NoSuchKeyword;X\n", "0010,0010;Q\n"])
def test_a_profile_that_cannot_be_used_is_told_with_file_line_and_rule(tmp_path: Path, text: str) -> None:
    rules = tmp_path / "rules.csv"
    rules.write_text(text)
    done = run_command("explain", "--profile", str(rules))
    assert done.returncode == 2 and "rules.csv line 1" in done.stderr and "Traceback" not in done.stderr
