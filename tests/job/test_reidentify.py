"""``dicom-deid reidentify``: the real command reads what real runs wrote."""

from __future__ import annotations

import csv
import os
import subprocess
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from tests.support.certificates import KeyPair, key_pair
from tests.support.keys import OTHER_KEY, write_key
from tests.support.objects import Element, read
from tests.support.processes import need
from tests.support.runs import Run, ct_file, deidentify, run_command

PATIENTS = ("MRN-1", "MRN-1", "A\r\n[red]\"B,'")


@dataclass
class Made:
    """Two runs of three objects, the second into the crosswalk of the first."""

    crosswalk: Path
    runs: tuple[Run, Run]
    pair: KeyPair
    key: Path


@pytest.fixture(scope="module", params=["plain", "encrypted"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, key_file: Path) -> Made:
    folder = tmp_path_factory.mktemp("reidentify")
    pair = key_pair(folder, passphrase=b"open sesame")
    (folder / "in").mkdir()
    for number, patient in enumerate(PATIENTS):
        elements = [Element(0x00100020, "LO", patient), Element(0x00100010, "PN", b"\x1b[31mDoe^[bold]Jane")]
        elements += [Element(0x0020000E, "UI", "1.2.3.4"), Element(0x00100021, "LO", "=cmd|'/C calc'!A0")]
        name = (b"0.dcm", b"1.dcm", b"\xff2.dcm")[number]
        path = os.fsdecode(os.fsencode(folder / "in") + b"/" + name)
        Path(path).write_bytes(ct_file(f"1.2.3.9.{number}", *elements, study=f"1.2.3.{number // 2}"))
    options = ["--crosswalk", str(folder / "crosswalk")]
    if request.param == "encrypted":
        options += ["--crosswalk-certificate", str(pair.certificate)]
    first, second = (deidentify(folder / "in", folder / f"out{number}", key_file, *options) for number in (1, 2))
    assert (first.code, second.code) == (0, 0), first.log + second.log
    return Made(folder / "crosswalk", (first, second), pair, key_file)


def reidentify(
    made: Made, *arguments: str, env: dict[str, str] | None = None, checked: bool = True
) -> subprocess.CompletedProcess[str]:
    options = ["--crosswalk", str(made.crosswalk), *(["--key", f"file:{made.key}"] if checked else [])]
    if any(path.name.endswith(".p7m") for path in made.crosswalk.iterdir()):
        options += ["--private-key", str(made.pair.private_key), "--passphrase-from", "env:SESAME"]
    return run_command("reidentify", *options, *arguments, env={"SESAME": "open sesame", **(env or {})})


def rows_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(done.stdout, newline="")))


def read_exactly(made: Made, *arguments: str) -> list[dict[str, str]]:
    """As ``rows_of``: but text mode makes one line end of all."""
    done = reidentify(made, "--csv", *arguments, env={"PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 0, done.stderr
    return rows_of(done)


def test_all_objects_of_all_runs_appear_once(made: Made) -> None:
    rows = read_exactly(made)
    assert len(rows) == 3
    rows.sort(key=lambda row: row["sop_instance_uid"])
    assert [row["sop_instance_uid"] for row in rows] == ["1.2.3.9.0", "1.2.3.9.1", "1.2.3.9.2"]
    # the pipe's text mode reads \\r\\n as \\n
    assert [row["patient_id"].replace("\r\n", "\n") for row in rows] == [patient.replace("\r\n", "\n") for patient in PATIENTS]
    assert {row["patient_name"] for row in rows} == {"\x1b[31mDoe^[bold]Jane"}
    # spreadsheets run formulas
    assert {row["issuer_of_patient_id"] for row in rows} == {"'=cmd|'/C calc'!A0"}
    assert [(row["source"], row["source_hex"]) for row in rows] == [
        ("0.dcm", ""),
        ("1.dcm", ""),
        ("\\xff2.dcm", b"\xff2.dcm".hex()),
    ]
    written = {read(content).SOPInstanceUID for content in made.runs[0].objects().values()}
    assert {row["new_sop_instance_uid"] for row in rows} == written
    assert {row["key_id"] for row in rows} == {made.runs[0].report["key_id"]}


def test_whatever_names_an_object_finds_it(made: Made) -> None:
    run = made.runs[0]
    by_instance = {row["new_sop_instance_uid"]: row for row in read_exactly(made)}
    name, content = sorted(run.objects().items())[0]
    dataset = read(content)
    expected = by_instance[dataset.SOPInstanceUID]
    audited = next(row for row in run.table("instances") if row["sop_instance_uid"] == dataset.SOPInstanceUID)
    copied = run.output.parent / "renamed"
    copied.write_bytes(content)
    for named in (name, f"gs://research/out/{name}", str(run.output / name), str(copied), audited["source_id"]):
        assert read_exactly(made, named) == [expected], named
    for named in (dataset.StudyInstanceUID, dataset.PatientID):
        assert expected in read_exactly(made, named)
    first, second = (row["new_sop_instance_uid"] for row in list(by_instance.values())[:2])
    assert len(read_exactly(made, first, second, first)) == 2


def test_a_table_shows_identifiers_and_obeys_none(made: Made) -> None:
    done = reidentify(made)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    # not on a terminal: a line for each
    assert "│" not in done.stdout and len(done.stdout.splitlines()) == 1 + len(read_exactly(made))
    shown = done.stdout.replace(" ", "")
    for expected in ("MRN-1", "\\x1b[31mDoe^[bold]Jane", "A\\r\\n[red]\"B,'", "1.2.3.9.2", "0.dcm"):
        assert expected in shown, expected


def test_names_that_are_not_there_are_counted_and_not_repeated(made: Made) -> None:
    there = read_exactly(made)[0]["new_sop_instance_uid"]
    done = reidentify(made, "--csv", there, "2.25.1", "QX000001ZK")
    assert done.returncode == 3
    assert "2 of 3 names are not in the crosswalk" in done.stderr and "QX000001ZK" not in done.stderr
    assert len(rows_of(done)) == 1
    # the way leads back only: an original name is none that this command knows
    assert reidentify(made, "1.2.3.9.0").returncode == 3
    done = reidentify(made, os.fsdecode(b"caf\xe9"))
    assert (done.returncode, "Traceback" in done.stderr) == (3, False), done.stderr


def test_what_is_wrong_is_said(made: Made, tmp_path: Path) -> None:
    if any(path.name.endswith(".p7m") for path in made.crosswalk.iterdir()):
        pytest.skip("whether it is encrypted plays no part")
    (tmp_path / "file").write_bytes(b"no DICOM object")
    (tmp_path / "empty").mkdir()
    crosswalk, key = str(made.crosswalk), str(made.pair.private_key)
    for arguments, code, message in (
        (["--crosswalk", str(tmp_path / "empty")], 2, "the folder has no crosswalk"),
        (["--crosswalk", str(tmp_path / "none")], 2, "the folder has no crosswalk"),
        (["--crosswalk", str(tmp_path / "file")], 1, "can't be read"),
        (["--crosswalk", "gopher://x"], 1, "gopher:// is not known"),
        (["--crosswalk", crosswalk, "--private-key", str(tmp_path / "none")], 2, "--private-key can't be read"),
        (["--crosswalk", crosswalk, "--private-key", key], 2, "no passphrase was given"),
        (["--crosswalk", crosswalk, "--private-key", key, "--passphrase-from", "secret"], 2, "env:NAME or file:PATH"),
        (["--crosswalk", crosswalk, "--private-key", key, "--passphrase-from", "env:NOT_SET_HERE"], 2, "is not set"),
        (["--crosswalk", crosswalk, str(tmp_path / "file")], 2, "NAME number 1 is a file without a SOPInstanceUID"),
        (["--crosswalk", crosswalk, "2.25.1", "--no-such-option"], 2, "unknown option --no-such-option"),
    ):
        done = run_command("reidentify", "--key", f"file:{made.key}", *arguments)
        assert (done.returncode, message in done.stderr) == (code, True), (arguments, done.stderr)
        assert "Traceback" not in done.stderr and done.stdout == ""


def test_the_runs_key_is_needed_or_not_to_check(made: Made, tmp_path: Path) -> None:
    options = ["--crosswalk", str(made.crosswalk), "--csv"]
    if any(path.name.endswith(".p7m") for path in made.crosswalk.iterdir()):
        options += ["--private-key", str(made.pair.private_key), "--passphrase-from", "env:SESAME"]
    other = write_key(tmp_path / "other", OTHER_KEY)
    for arguments, code, message in (
        ([], 2, "--key is needed"),
        (["--key", "file:nowhere"], 2, "can't be read"),
        (["--key", f"file:{other}"], 1, "not written by a run with this key"),
        (["--key", f"file:{made.key}", "--scope", "another"], 1, "not written by a run with this key"),
    ):
        done = run_command("reidentify", *options, *arguments, env={"SESAME": "open sesame"})
        assert (done.returncode, message in done.stderr) == (code, True), (arguments, done.stderr)
        assert "Traceback" not in done.stderr and rows_of(done) == []
    # any of several keys
    expected = read_exactly(made)
    both = [*options, "--key", f"file:{other}", "--key", f"file:{made.key}"]
    for arguments in (both, [*options, "--unchecked"]):
        done = run_command("reidentify", *arguments, env={"SESAME": "open sesame", "PYTHONIOENCODING": "latin-1"})
        assert (done.returncode, rows_of(done)) == (0, expected), done.stderr


@pytest.fixture
def encrypted(made: Made) -> Made:
    if not any(path.name.endswith(".p7m") for path in made.crosswalk.iterdir()):
        pytest.skip("this one is not encrypted")
    return made


def test_the_right_key_is_needed(encrypted: Made, tmp_path: Path) -> None:
    other = key_pair(tmp_path, "other")
    crosswalk = ["--crosswalk", str(encrypted.crosswalk), "--key", f"file:{encrypted.key}"]
    assert "--private-key is needed" in run_command("reidentify", *crosswalk).stderr
    wrong = run_command("reidentify", *crosswalk, "--private-key", str(other.private_key))
    assert wrong.returncode == 1
    assert "Failed: crosswalk-" in wrong.stderr and "another certificate" in wrong.stderr and "Traceback" not in wrong.stderr
    # a certificate is renewed, and the keys of both open what is there
    keys = ["--private-key", str(other.private_key), "--private-key", str(tmp_path / "opened.key")]
    opened = [need("openssl"), "pkey", "-in", str(encrypted.pair.private_key), "-passin", "pass:open sesame", "-out", keys[-1]]
    subprocess.run(opened, check=True, capture_output=True)
    assert run_command("reidentify", *crosswalk, *keys).returncode == 0
    (tmp_path / "passphrase").write_text("open sesame\n")
    locked = ["--private-key", str(encrypted.pair.private_key), "--passphrase-from", f"file:{tmp_path / 'passphrase'}"]
    assert run_command("reidentify", *crosswalk, *locked).returncode == 0


def test_a_damaged_file_is_named(made: Made, tmp_path: Path) -> None:
    for path in made.crosswalk.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    victim = sorted(tmp_path.iterdir())[-1]
    content = victim.read_bytes()
    for broken in (content[:-1], content[: len(content) // 2], b"", content[:-9] + bytes(9)):
        victim.write_bytes(broken)
        damaged = Made(tmp_path, made.runs, made.pair, made.key)
        done = reidentify(damaged)
        assert done.returncode == 1, (len(broken), done.stdout)
        assert "a file of the crosswalk" in done.stderr and "Traceback" not in done.stderr
        # who doesn't ask for the check comes upon the damage itself
        done = reidentify(damaged, "--unchecked", checked=False)
        assert done.returncode == 1, (len(broken), done.stdout)
        assert f"Failed: {victim.name}" in done.stderr and "Traceback" not in done.stderr
    # what another program, or a run that was killed, left there is no part of it
    victim.write_bytes(content)
    (tmp_path / ".dicom-deid-0123").write_bytes(b"half")
    (tmp_path / "notes.txt").write_bytes(b"half")
    assert reidentify(Made(tmp_path, made.runs, made.pair, made.key)).returncode == 0
