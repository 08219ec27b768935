"""``run --print-patients``: a table of an archive's patients to fill in, which a run then takes as ``--patient-table``."""

from __future__ import annotations

import csv
import io
import json
import stat
import tarfile
import zipfile
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from anonymizer import PatientTable
from anonymizer.internals import Patient
from pipeline.safe_csv import write_csv
from tests.support.objects import Element, ct, part10, read
from tests.support.runs import ct_file, deidentify, run_command

#: what makes a difference to spreadsheets, to CSV and to the table
SIGNS = st.text(st.sampled_from("=+-@'\"`;|, a0é－\u200b\\"), max_size=8)
UTF_8 = Element(0x00080005, "CS", "ISO_IR 192")
HEADER = ["PatientID", "IssuerOfPatientID", "NewPatientID"]


def of_patient(number: int, patient_id: str, issuer: str | None = None, *extra: Element) -> bytes:
    """An object of its own study that names a patient."""
    more = [Element(0x00100021, "LO", issuer.encode())] if issuer is not None else []
    study = f"1.2.3.{number}"
    return ct_file(f"{study}.9", UTF_8, Element(0x00100020, "LO", patient_id.encode()), *more, *extra, study=study)


def print_patients(archive: Path | str, target: Path, *arguments: str) -> CompletedProcess[str]:
    return run_command("run", "--input", str(archive), "--print-patients", str(target), *arguments)


def rows_of(table: Path) -> list[list[str]]:
    with table.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


def fill_in(table: Path) -> dict[tuple[str, str], str]:
    """Give each patient a new ID, as somebody would; (ID, issuer) as printed -> the new one."""
    header, *rows = rows_of(table)
    new = {(patient_id, issuer): f"CASE-{number}" for number, (patient_id, issuer, _) in enumerate(rows)}
    with table.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([header, *([*patient, new_id] for patient, new_id in new.items())])
    return new


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Patients of all kinds; in folders, a zip and a tar; and what names none."""
    folder = tmp_path / "in"
    (folder / "Doe^John").mkdir(parents=True)
    objects = [
        of_patient(1, "00123"),
        of_patient(2, "123"),
        of_patient(3, "123", "Hôpital A"),
        of_patient(4, "123", 'B, "the" 2nd'),
        of_patient(5, "Müller;7"),
        of_patient(6, "=1+2"),
        of_patient(7, "患者"),
        of_patient(8, "00123", None, Element(0x00280301, "CS", "YES")),
    ]
    for number, content in enumerate(objects[:4]):
        (folder / "Doe^John" / f"{number}.dcm").write_bytes(content)
    with zipfile.ZipFile(folder / "some.zip", "w") as packed:
        packed.writestr("a", objects[4])
        packed.writestr("b", objects[5])
    with tarfile.open(folder / "some.tar.gz", "w:gz") as tar:
        for number, content in enumerate(objects[6:]):
            member = tarfile.TarInfo(str(number))
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    (folder / "notes.txt").write_text("no DICOM")
    return folder


def test_a_table_is_printed_filled_in_and_used(archive: Path, tmp_path: Path, key_file: Path) -> None:
    table = tmp_path / "patients.csv"
    done = print_patients(archive, table)
    assert done.returncode == 0, done.stderr
    assert "7 patients to fill in, of 8 objects" in done.stdout
    assert str(table) in done.stdout
    for name in ("00123", "Müller", "Hôpital", "患者", "Doe"):
        assert name not in done.stdout.replace(str(table), "") + done.stderr
    assert stat.S_IMODE(table.stat().st_mode) == 0o600
    header, *rows = rows_of(table)
    assert header == HEADER
    assert sorted(rows) == sorted(
        [
            *(["00123", "", ""], ["123", "", ""], ["123", "Hôpital A", ""], ["123", 'B, "the" 2nd', ""]),
            *(["Müller;7", "", ""], ["'=1+2", "", ""], ["患者", "", ""]),
        ]
    )
    # nothing else was written
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "patients.csv"]
    new = fill_in(table)
    run = deidentify(archive, tmp_path / "out", key_file, "--patient-table", str(table), "--pixels", "keep")
    assert run.code == 0, run.log
    written = {read(content).PatientID for content in run.objects().values()}
    assert written == set(new.values())
    assert run.report["counts"]["written"] == 8


def test_a_table_that_is_not_filled_in_says_so(archive: Path, tmp_path: Path, key_file: Path) -> None:
    table = tmp_path / "patients.csv"
    assert print_patients(archive, table).returncode == 0
    run = deidentify(archive, tmp_path / "out", key_file, "--patient-table", str(table))
    assert run.code == 2
    assert "row 2, column NewPatientID: it is empty: fill in a new ID for each patient" in run.log
    assert not (tmp_path / "out").exists()


def test_with_a_table_only_those_whom_it_lacks_are_printed(archive: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.csv"
    # whatever the issuer
    known.write_text("PatientID,NewPatientID\n123,A\n00123,B\n")
    table = tmp_path / "patients.csv"
    done = print_patients(archive, table, "--patient-table", str(known))
    assert done.returncode == 0, done.stderr
    assert [row[0] for row in rows_of(table)[1:]] == ["'=1+2", "Müller;7", "患者"]
    assert "3 patients" in done.stdout
    assert "4 others are in --patient-table" in done.stdout


def test_what_can_not_be_told_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "good").write_bytes(of_patient(1, "P-1"))
    (folder / "cut").write_bytes(of_patient(2, "P-2")[:301])
    (folder / "of nobody").write_bytes(of_patient(3, ""))
    (folder / "of two").write_bytes(of_patient(4, "P\\2"))
    (folder / "in no character set").write_bytes(
        ct_file("1.2.3.5.9", Element(0x00080005, "CS", "ISO_IR 192"), Element(0x00100020, "LO", b"P\xff5"))
    )
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 broken")
    # a run asks the table first: these patients belong into it
    for number, without in enumerate((0x00080016, 0x00080018)):
        (folder / f"without {without}").write_bytes(
            part10(ct(UTF_8, Element(0x00100020, "LO", f"W-{number}"), without=[without]))
        )
    (folder / "without an end").write_bytes(of_patient(7, "W-3")[:-5])
    (folder / "private").write_bytes(of_patient(6, "W-2", None, Element(0x00080016, "UI", "1.2.840.113619.4.2")))
    table = tmp_path / "patients.csv"
    done = print_patients(folder, table)
    assert done.returncode == 3, done.stderr
    assert [row[0] for row in rows_of(table)[1:]] == ["P-1", "W-0", "W-1", "W-2", "W-3"]
    assert "3 objects can't be read" in done.stderr
    assert "1 object without a PatientID" in done.stderr
    assert "1 patient with IDs that a table can't hold" in done.stderr


def test_nothing_is_overwritten_and_no_place_is_open_to_others(archive: Path, tmp_path: Path) -> None:
    table = tmp_path / "patients.csv"
    table.write_text("mine")
    (tmp_path / "out").mkdir()
    for target, message in (
        (str(table), "the file exists"),
        ("gs://bucket/patients.csv", "must be a file on this machine"),
        (str(tmp_path / "nowhere" / "patients.csv"), "the folder of the file doesn't exist"),
        (str(archive / "patients.csv"), "lies inside --input"),
        (str(tmp_path / "out" / "patients.csv"), "must not lie inside --output"),
    ):
        done = run_command("run", "--input", str(archive), "--output", str(tmp_path / "out"), "--print-patients", target)
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr
        assert target not in done.stderr
    assert table.read_text() == "mine"
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("arguments", [("--detach",), ("--metrics-file", "x.prom"), ("--crosswalk", "x"), ("--resume",)])
def test_what_only_a_run_can_do_is_refused(archive: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = print_patients(archive, tmp_path / "patients.csv", *arguments)
    assert (done.returncode, f"--print-patients starts no run: omit {arguments[0]}" in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "patients.csv").exists()


def test_events_name_nobody_and_no_place(archive: Path, tmp_path: Path) -> None:
    table = tmp_path / "patients.csv"
    done = print_patients(archive, table, "--log-format", "json")
    assert (done.returncode, done.stdout) == (0, "")
    (event,) = map(json.loads, done.stderr.splitlines())
    assert event | {"event": "patients-listed", "patients": 7, "objects": 8, "refused": 0, "exit_code": 0} == event
    assert str(tmp_path) not in done.stderr


@given(patient_id=SIGNS, issuer=SIGNS)
def test_what_spreadsheets_must_not_run_is_read_as_what_it_was(patient_id: str, issuer: str) -> None:
    patient = Patient.of(patient_id, issuer)
    assume(patient.patient_id and not {"\\", "\u200b"} & {*patient.patient_id, *patient.issuer})
    content = io.StringIO()
    write_csv(content, [HEADER, (*patient, "new")], quoted=True)
    found = PatientTable.load(content.getvalue().encode()).find(patient)
    assert found is not None
    assert found.patient_id == "new"
