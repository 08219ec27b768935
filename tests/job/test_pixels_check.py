"""``dicom-deid pixels check``: it says of a file what a run with the same options would do, and why."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from anonymizer import Key
from anonymizer.internals import KeyedUids
from tests.job.test_clean_pixels import SLIDE, in_syntax, regions
from tests.support.keys import OTHER_KEY, write_key
from tests.support.objects import VIDEO, Element, read
from tests.support.pixel_archive import KINDS, RULES, image
from tests.support.runs import run_command

GREY = KINDS[0]
SCRIPT = '{Modality.equals("US")}(0,0,10,10)'
WHOLE = '"0,0,59,37"'


@pytest.fixture
def check(tmp_path: Path) -> Check:
    return Check(tmp_path)


class Check:
    """A folder with rules, in which files are checked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.write("rules.csv", RULES)

    def write(self, name: str, content: str | bytes) -> str:
        path = self._folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def __call__(self, content: bytes, *options: str, rules: str = "rules.csv") -> subprocess.CompletedProcess[str]:
        """Check an object; options that are names of files here are those."""
        self.write("a.dcm", content)
        named = [str(self._folder / option) if (self._folder / option).exists() else option for option in options]
        return run_command("pixels", "check", str(self._folder / rules), str(self._folder / "a.dcm"), *named)


def test_rules_of_further_files_and_reviewed_rectangles_add_as_in_a_run(check: Check) -> None:
    content = image(GREY, 1).blob
    done = check(content)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.endswith("Blanked: 0,0,59,10; 0,27,59,37\n")
    assert "Rule banner-58 is for images of 58 columns, 37 rows\n" in done.stdout
    head = "name,condition,rows,columns,outcome,blank,provenance\n"
    check.write("more.csv", head + 'more,Manufacturer = ACME,37,59,clean,"0,10,59,27",the tests\n')
    done = check(content, "--pixel-rules", "more.csv")
    assert (done.returncode, "Blanked: 0,0,59,37\n" in done.stdout) == (0, True), done.stderr
    uid = read(content).SOPInstanceUID
    check.write("reviewed.csv", f"sop_instance_uid,rows,columns,blank,reviewer\n{uid},37,59,{WHOLE},R. Viewer\n")
    done = check(content, "--rectangles", "reviewed.csv")
    assert "Rectangles: clean 0,0,59,37\nUltrasound regions: absent\nBlanked: 0,0,59,37\n" in done.stdout
    check.write("reviewed.csv", f"sop_instance_uid,rows,columns,blank,reviewer\n{uid},36,59,all,R. Viewer\n")
    done = check(content, "--rectangles", "reviewed.csv")
    assert done.returncode == 3 and "Rectangles: for another size\n" in done.stdout
    assert "Refused: pixel-size-mismatch" in done.stdout


def test_lines_by_the_hash_of_an_instance_need_the_key(check: Check, tmp_path: Path) -> None:
    content = image(GREY, 1, manufacturer="OTHER").blob
    key, other = write_key(tmp_path / "key"), write_key(tmp_path / "other", OTHER_KEY)
    known = KeyedUids(Key.load(f"file:{key}")).hash(str(read(content).SOPInstanceUID).encode()).hex()
    check.write("reviewed.csv", f"instance_hash,rows,columns,blank,reviewer\n{known},37,59,{WHOLE},R. Viewer\n")
    assert check(content, "--rectangles", "reviewed.csv", "--key", f"file:{key}").stdout.endswith("Blanked: 0,0,59,37\n")
    done = check(content, "--rectangles", "reviewed.csv", "--key", f"file:{other}")
    assert done.returncode == 3 and done.stderr.startswith("Nothing says what to blank: ")
    done = check(content, "--rectangles", "reviewed.csv")
    assert done.returncode == 3 and "instance_hash can't be found" in done.stderr


def test_risks_and_slide_labels_are_judged_as_in_a_run(check: Check) -> None:
    label = image(GREY, 1, Element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\LABEL\\NONE"), sop_class=SLIDE).blob
    done = check(label)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (3, "Left out: slide-label at (0008,0008)")
    assert check(label, "--slide-labels", "blank").stdout.endswith("Blanked: 0,0,59,37\n")
    says_no = image(GREY, 1, Element(0x00280301, "CS", "NO"), manufacturer="OTHER").blob
    assert check(says_no).returncode == 3
    assert check(says_no, "--trust-burned-in-no").stdout.startswith("Not at risk")
    check.write("risks.csv", "reason,sop_classes,condition,burned_in_no\npixel-risk-site,any,Manufacturer = OTHER,never\n")
    done = check(says_no, "--trust-burned-in-no", "--pixel-risk", "risks.csv")
    assert (done.returncode, "At risk: pixel-risk-site\n" in done.stdout) == (3, True), done.stderr


def test_causes_are_told(check: Check) -> None:
    done = check(image(GREY, 1, regions(0, 0, 500, 500), manufacturer="OTHER").blob)
    assert "Ultrasound regions: invalid: a region is not inside the image\n" in done.stdout
    done = check(in_syntax(image(KINDS[5], 1, manufacturer="OTHER").blob, VIDEO))
    # it wouldn't help to write a rule
    assert "No rule matches\n" in done.stdout and "Transfer syntax: MPEG2" in done.stdout
    assert "Transfer syntax" not in check(image(KINDS[5], 1).blob).stdout


def test_what_a_rule_drops_is_left_out_and_not_refused(check: Check, tmp_path: Path) -> None:
    check.write("drop.csv", "name,condition,outcome,provenance\nx,Manufacturer = ACME,drop,the tests\n")
    content = image(GREY, 1).blob
    done = check(content, rules="drop.csv")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (3, "Left out: pixel-rule-drop")
    options = ("--options", "CleanPixelData", "--pixel-rules", str(tmp_path / "drop.csv"))
    done = run_command("file", str(tmp_path / "a.dcm"), str(tmp_path / "out.dcm"), *options)
    assert (done.returncode, done.stderr.splitlines()[1:]) == (3, ["Left out, nothing written: pixel-rule-drop"])
    assert not (tmp_path / "out.dcm").exists()


def test_what_the_lint_finds_is_printed_once(check: Check) -> None:
    check.write("a.script", SCRIPT)
    check.write("b.script", SCRIPT)
    done = check(image(GREY, 1).blob, "--pixel-rules", "b.script", "--accept-rule", "ctp-0001", rules="a.script")
    assert done.returncode == 2
    assert [line.split(":")[2].strip() for line in done.stdout.splitlines()] == ["ctp-0001", "ctp2-0001"]
    assert done.stderr.count("\n") == 1 and "--accept-rule ctp2-0001" in done.stderr and "unguarded" not in done.stderr


def test_a_file_that_is_not_there_or_no_rules_is_told_without_its_name(check: Check, tmp_path: Path) -> None:
    rules, missing = str(tmp_path / "rules.csv"), str(tmp_path / "DOE.dcm")
    done = run_command("pixels", "check", rules, missing)
    assert (done.returncode, done.stderr) == (2, "Error: FILE doesn't exist\n")
    assert "FILE is no file" in run_command("pixels", "check", rules, str(tmp_path)).stderr
    named = check.write("DOE.dcm", image(GREY, 1).blob)
    done = run_command("pixels", "check", named, rules)
    assert done.returncode == 2 and "a DICOM object was given" in done.stderr and "DOE" not in done.stderr


def test_an_object_without_file_meta_is_drawn(check: Check, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    whole = image(GREY, 1).blob
    done = check(whole[144 + read(whole).file_meta.FileMetaInformationGroupLength :], "--draw", str(tmp_path / "x.png"))
    assert done.returncode == 0 and (tmp_path / "x.png").stat().st_mode & 0o777 == 0o600
