"""The README is short, and its commands, Python and picture are what the program does."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from anonymizer import Reason
from tests.support.before_and_after import PICTURE, SHOWN, rows
from tests.support.keys import write_key
from tests.support.pages import fences, page

README = page("README.md")
RUNS_THE_JOB = "python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/python -m pipeline.demo"
PASSES_THE_TESTS = (
    "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/python -m pytest -q -n 3 --dist worksteal"
)


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 150


def test_it_begins_with_the_two_commands() -> None:
    assert [block.strip() for block in fences(README, "sh")[:2]] == [RUNS_THE_JOB, PASSES_THE_TESTS]


def test_ci_runs_the_two_commands() -> None:
    script = page(".ci/run")
    for pattern, command in re.findall(r"grep -m1 \'([^\']+)\' (README\.md)", script):
        assert command == "README.md" and re.search(pattern, README, re.M)
    assert next(line for line in README.splitlines() if re.search("pipeline.demo$", line)) == RUNS_THE_JOB
    assert next(line for line in README.splitlines() if "pytest -q" in line) == PASSES_THE_TESTS


def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = fences(README, "python")
    assert len(code.splitlines()) <= 10
    monkeypatch.chdir(tmp_path)
    write_key(tmp_path / "key")
    sample = str(get_testdata_file("CT_small.dcm"))
    shutil.copy(sample, "in.dcm")
    found: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), found)
    before, after = dcmread(sample), dcmread("out.dcm")
    assert found["dataset"] == after
    assert (after.PatientName, after.PatientSex) == ("Case^One", before.PatientSex)
    assert after.PatientID not in ("", before.PatientID) and after.SOPInstanceUID != before.SOPInstanceUID
    # what is refused says so
    Path("in.dcm").write_bytes(Path(sample).read_bytes()[:20_000])
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip() == Reason.TRUNCATED.value


def test_its_picture_shows_what_the_engine_does() -> None:
    assert "](docs/before-and-after.svg)" in README
    svg = PICTURE.read_text()
    shown = " ".join(" ".join(ElementTree.fromstring(svg).itertext()).replace("\xa0", " ").split())
    assert len(rows()) == len(SHOWN) + 2
    for row in rows():
        assert " ".join(row) in shown


def test_its_picture_is_small_and_needs_no_network() -> None:
    svg = PICTURE.read_text()
    assert len(svg) < 100_000
    assert re.findall(r"[a-z]+://[^\"'\s]+", svg) == ["http://www.w3.org/2000/svg"]
    assert "@font-face" not in svg and "@import" not in svg
