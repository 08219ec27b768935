"""``dicom-deid pixels propose-rules``: what recurs becomes a draft, and nothing acts before somebody has reviewed it."""

from __future__ import annotations

import csv
import io
import stat
from pathlib import Path

import pytest

from anonymizer import Key
from anonymizer.internals import KeyedUids
from tests.support.labelled_pixels import Kind
from tests.support.objects import Element
from tests.support.pixel_archive import image
from tests.support.runs import Run, audit_of, deidentify, run_command

CLEAN = "--options=CleanPixelData"
KIND = Kind("MONOCHROME2", rows=96, columns=160)
#: text at the top of all, and something elsewhere in one; another device has few objects
BOXES = {number: f"3,2,{50 + 4 * number},10" for number in range(6)}


def blob(number: int, model: str = 'Sono "9", ö') -> bytes:
    charset = Element(0x00080005, "CS", "ISO_IR 192")
    return image(KIND, number, charset, Element(0x00081090, "LO", model.encode())).blob


@pytest.fixture(scope="module")
def run(key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("proposals")
    archive = folder / "in"
    archive.mkdir()
    hash_of = KeyedUids(Key(key_file.read_bytes())).hash
    lines = ["instance_hash,rows,columns,blank,outcome,reviewer"]
    for number in range(8):
        (archive / f"{number}.dcm").write_bytes(blob(number) if number < 6 else blob(number, "Other"))
        box = BOXES.get(number, "0,0,160,20") + (";100,80,150,90" if number == 2 else "")
        lines.append(f'{hash_of(f"1.2.826.0.1.3680043.9.{number}.24".encode()).hex()},96,160,"{box}",clean,Doe')
    reviewed = folder / "reviewed.csv"
    reviewed.write_text("\n".join(lines) + "\n")
    done = deidentify(archive, folder / "out", key_file, CLEAN, f"--rectangles={reviewed}")
    assert done.code == 0, done.log
    return done


def command(run: Run, key_file: Path, draft: Path, *flags: str) -> list[str]:
    inputs = ["--input", str(run.output.parent / "in"), "--audit", str(audit_of(run.output)), "--key", f"file:{key_file}"]
    return ["pixels", "propose-rules", str(draft), *inputs, *flags]


@pytest.fixture(scope="module")
def draft(run: Run, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("draft") / "draft.csv"
    done = run_command(*command(run, key_file, path))
    assert done.returncode == 0 and "1 rules" in done.stdout, done.stderr
    assert done.stderr == "Devices and sizes with fewer than 5 objects: 1\n"
    return path


def test_what_recurs_is_a_rule_for_the_device_and_size(draft: Path, run: Run) -> None:
    assert stat.S_IMODE(draft.stat().st_mode) == 0o600
    (rule,) = csv.DictReader(io.StringIO(draft.read_text()))
    assert rule["condition"] == (
        'Modality = "US" and Manufacturer = exactly "ACME" and ManufacturerModelName = exactly "Sono ""9"", ö"'
    )
    assert (rule["rows"], rule["columns"], rule["outcome"], rule["blank"]) == ("96", "160", "clean", "0,0,80,16")
    assert rule["provenance"].startswith(
        f"UNREVIEWED proposal from run {run.report['run_id']}: 0,0,80,16 in 6 of 6 objects (file 6)"
    )


def test_no_run_takes_a_draft_before_somebody_has_reviewed_it(draft: Path, run: Run, key_file: Path, tmp_path: Path) -> None:
    archive = run.output.parent / "in"
    refused = deidentify(archive, tmp_path / "refused", key_file, CLEAN, f"--pixel-rules={draft}")
    assert refused.code == 2 and "unreviewed" in refused.log and not (tmp_path / "refused").exists()
    tried = run_command("pixels", "check", str(draft), str(archive / "1.dcm"), "--accept-rule", "proposed-0001")
    assert tried.returncode == 0 and "Blanked: 0,0,80,16" in tried.stdout
    reviewed = tmp_path / "reviewed.csv"
    reviewed.write_text(draft.read_text().replace("UNREVIEWED proposal", "A. Reviewer, 6 images, proposal"))
    checked = run_command("pixels", "check", str(reviewed), str(archive / "1.dcm"))
    assert checked.returncode == 0 and "Rule proposed-0001: clean 0,0,80,16" in checked.stdout and "Lint" not in checked.stdout
    done = deidentify(archive, tmp_path / "done", key_file, CLEAN, f"--pixel-rules={reviewed}")
    assert done.report["counts"]["written"] == 6 and done.report["reasons"] == {"pixel-no-rule": 2}


def test_numbers_may_be_chosen(run: Run, key_file: Path, tmp_path: Path) -> None:
    done = run_command(*command(run, key_file, tmp_path / "a.csv", "--least=2", "--share=10"))
    assert done.returncode == 0 and done.stderr == ""
    rules = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert [rule["blank"] for rule in rules] == ["0,0,80,16;96,80,160,96", "0,0,160,32"]


def test_nothing_is_overwritten_and_nothing_is_written_for_nothing(draft: Path, run: Run, key_file: Path, tmp_path: Path) -> None:
    before = draft.read_bytes()
    again = run_command(*command(run, key_file, draft))
    assert again.returncode == 2 and "is not overwritten" in again.stderr and draft.read_bytes() == before
    none = run_command(*command(run, key_file, tmp_path / "none.csv", "--least=100"))
    assert none.returncode == 0 and "no file was written" in none.stdout and not (tmp_path / "none.csv").exists()
    wrong = run_command(*command(run, key_file, tmp_path / "none.txt"))
    assert wrong.returncode == 2 and "must end in .csv" in wrong.stderr


def test_objects_that_are_gone_are_told(run: Run, key_file: Path, tmp_path: Path) -> None:
    gone = run.output.parent / "in" / "5.dcm"
    content = gone.read_bytes()
    gone.unlink()
    try:
        done = run_command(*command(run, key_file, tmp_path / "a.csv"))
    finally:
        gone.write_bytes(content)
    assert done.returncode == 3 and "1 of 8 objects were not found" in done.stderr
    assert "in 5 of 5 objects" in (tmp_path / "a.csv").read_text()
