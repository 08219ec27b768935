"""``dicom-deid explain`` as people read it: on terminals of several widths, in a pipe, one attribute."""

from __future__ import annotations

import csv
import os
import pty
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from profiles import ConfidentialityProfile, dictionary, tag_text
from tests.support.runs import ROOT, run_in_process

_BOXES = re.compile("[\u2500-\u257f\u2026]")
_LONGEST = "FrameOfReferenceToDisplayedCoordinateSystemTransformationMatrix"


def on_terminal(width: int, *arguments: str) -> list[str]:
    """The lines that the command prints on a terminal of that width."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": str(width), "TERM": "xterm"}
    command = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "explain", *arguments], stdout=theirs, stdin=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    printed = b""
    while True:
        try:
            printed += (part := os.read(ours, 1 << 16))
        except OSError:
            # Linux says so when nobody has the other end any more
            break
        if not part:
            break
    os.close(ours)
    assert command.wait(60) == 0, printed
    return printed.decode().replace("\r\n", "\n").splitlines()


def explained(*arguments: str) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(main, ["explain", *arguments])


@pytest.mark.parametrize("width", [80, 100, 200])
def test_a_terminal_shows_every_tag_and_keyword_whole_and_no_line_is_wider(width: int) -> None:
    lines = on_terminal(width)
    text = "\n".join(lines)
    assert not _BOXES.search(text)
    assert max(map(len, lines)) <= width
    words = set(re.findall(r"[^\s]+", text))
    for tag, entry in dictionary().items():
        assert {tag_text(tag), entry.keyword or tag_text(tag)} <= words
    assert re.search(r"^\(0010,0010\) Z +PatientName \(PN\) +empty; E\.1-1$", text, re.MULTILINE)
    assert "nobody has judged this class" in " ".join(text.split())


@pytest.mark.parametrize("columns", ["80", "20", "0"])
def test_a_pipe_gets_a_line_for_each_attribute_whatever_the_width(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = run_in_process("explain")
    lines = done.stdout.splitlines()
    assert not _BOXES.search(done.stdout)
    assert len(lines) == 1 + len(list(ConfidentialityProfile().explain_all()))
    (line,) = [line for line in lines if _LONGEST in line.split()]
    assert re.fullmatch(rf"\([0-9a-f,]+\)  {_LONGEST}  +\w\w  +K  +keep  +unlisted technical attribute", line)
    # columns begin where the head says
    column = lines[0].index("decided by")
    assert all(line[column - 1] == " " and line[column] != " " for line in lines)


def test_csv_has_all_attributes_too() -> None:
    rows = {row["tag"]: row for row in csv.DictReader(StringIO(run_in_process("explain", "--csv").stdout))}
    assert {tag_text(tag) for tag in dictionary()} <= set(rows)
    assert rows["(0028,0010)"]["decided by"] == "unlisted technical attribute"
    assert rows["(60xx,0010)"]["keyword"] == "OverlayRows"


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("StudyDate", "(0008,0020)"),
        ("studydate", "(0008,0020)"),
        ("(0008,0020)", "(0008,0020)"),
        ("0008,0020", "(0008,0020)"),
        ("00080020", "(0008,0020)"),
        ("60xx3000", "(60xx,3000)"),
        ("(60xx,3000)", "(60xx,3000)"),
        ("6002,3000", "(60xx,3000)"),
        ("OverlayRows", "(60xx,0010)"),
        ("50xx,xxxx", "(50xx,xxxx)"),
        ('(0019,"SIEMENS MR HEADER",0c)', '(0019,"SIEMENS MR HEADER",0c)'),
        ("0019{SIEMENS MR HEADER}0c", '(0019,"SIEMENS MR HEADER",0c)'),
    ],
)
def test_one_attribute_is_found_by_each_of_its_names(name: str, tag: str) -> None:
    done = explained("--attribute", name)
    assert done.exit_code == 0, done.output
    assert re.search(rf"^tag +{re.escape(tag)}$", done.stdout, re.MULTILINE)


def test_one_attribute_comes_with_what_each_option_makes_of_it() -> None:
    shown = explained("--attribute", "StudyDate", "--options", "RetainLongFullDates").stdout
    facts = {line[:27].strip(): line[27:].strip() for line in shown.splitlines()}
    assert facts["action"] == "K"
    assert facts["decided by"] == "RetainLongFullDates"
    assert facts["Basic Profile"] == "Z  empty; E.1-1"
    assert facts["with RetainLongFullDates"] == "K  keep; RetainLongFullDates"
    assert facts["with RetainLongModifDates"].startswith("C  shift by the patient's offset")
    assert not {"with RetainUIDs", "with CleanDesc"} & set(facts)
    safe = explained("--attribute", "0019{SIEMENS MR HEADER}0c").stdout
    assert re.search(r"^with RetainSafePrivate +K  keep; RetainSafePrivate \(E\.3\.10-1\)$", safe, re.MULTILINE)


def test_one_attribute_comes_with_the_rules_for_places(tmp_path: Path) -> None:
    rules = tmp_path / "rules.csv"
    rules.write_text("RequestAttributesSequence>Rows;X\nRows;Z\n0029{ACME}01;K!\n")
    shown = explained("--profile", str(rules), "--attribute", "Rows").stdout
    assert re.search(r"^action +Z$", shown, re.MULTILINE)
    assert re.search(r"^inside RequestAttributesSequence>Rows +X  remove; rules\.csv line 1", shown, re.MULTILINE)
    private = explained("--profile", str(rules), "--attribute", "0029{ACME}01", "--csv").stdout.splitlines()
    assert private[1].startswith('"(0029,""ACME"",01)",,,K,')
    text = explained("--options", "CleanGraph", "--attribute", "TextValue").stdout
    assert re.search(r"^inside GraphicAnnotationSequence +C  clean the text", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("PatinetName", "did you mean PatientName"),
        ("zzz", "give a keyword such as PatientName"),
        ("0010,xxxx", "x stands for digits that vary"),
        ("0010{ACME}01", "odd group"),
        ("", "there is no such attribute"),
    ],
)
def test_an_unknown_name_is_wrong_usage_that_names_near_ones(name: str, told: str) -> None:
    done = explained("--attribute", name)
    assert (done.exit_code, told in done.stderr) == (2, True), done.stderr
    assert done.stdout == ""


def test_one_attribute_and_a_comparison_exclude_each_other() -> None:
    assert explained("--attribute", "Rows", "--diff", "basic").exit_code == 2


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m pipeline explain | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.startswith("tag ")
    assert done.stderr == ""
