"""The tutorials in ``docs/tutorials``, step by step."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from tests.support.pages import fences, page
from tests.support.runs import run_command

ARCHIVE = page("docs/tutorials/first-archive.md")
PYTHON = page("docs/tutorials/one-file-in-python.md")


def test_the_first_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (samples,) = [fence for fence in fences(ARCHIVE, "sh") if "mkdir archive" in fence]
    python = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["sh", "-euc", samples], check=True, env=python)
    assert len(list(Path("archive").iterdir())) == 3
    said = {}
    for line in (line for fence in fences(ARCHIVE, "sh") for line in fence.splitlines() if line.startswith("dicom-deid ")):
        done = run_command(*shlex.split(line)[1:])
        # the ultrasound is refused
        assert done.returncode == (3 if " run " in line else 0), done.stderr
        said[line.removeprefix("dicom-deid ").split(" --key")[0]] = done.stdout + done.stderr
    assert len(said) == 5  # run and run again have one name here
    assert "examples_ybr_color.dcm" in said["quarantined --input archive --audit research-audit"]
    assert "pixel-risk-ultrasound" in said["quarantined --input archive --audit research-audit"]
    assert "RetainLongModifDates" in said["explain --attribute StudyDate"]
    assert "skipped                          2" in said["run --input archive --output research"]
    assert len(list(Path("research").rglob("*.dcm"))) == 2


def test_one_file_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile("\n".join(fences(PYTHON, "python")), "one-file-in-python.md", "exec"), {})
    first, second, *files = capsys.readouterr().out.splitlines()
    assert first.endswith(" YES")
    name, sex, date = second.split()
    assert (name, sex) == ("Case^One", "O") and date < "20040119"
    assert files == ["CT_small.dcm written", "examples_ybr_color.dcm refused: pixel-risk-ultrasound"]


def test_one_file_from_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command("key", "new", "key").returncode == 0
    shutil.copy(str(get_testdata_file("CT_small.dcm")), "in.dcm")
    (fence,) = [fence for fence in fences(PYTHON, "sh") if "--in-place" in fence]
    lines = [line for line in fence.splitlines() if "<" not in line]
    assert len(lines) == 2
    for line in lines:
        assert run_command(*shlex.split(line)[1:]).returncode == 0
    assert Path("in.dcm").read_bytes() == Path("out.dcm").read_bytes()
