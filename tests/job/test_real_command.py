"""The real command, as a shell starts it: it does what the forked one of most tests does."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.runs import Run, ct_file, run_command, run_real_command

#: what two runs differ in: when, in which run, and where
CHANGES = re.compile(r"\d+:\d\d:\d\d|\d{14}[0-9a-f]{8}|out\d")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.dcm").write_bytes(ct_file(f"1.2.3.{number}"))
    (folder / "cut.dcm").write_bytes(ct_file("1.2.3.9")[:-5])
    return folder


def test_a_run_tells_and_writes_what_a_forked_one_does(archive: Path, tmp_path: Path, key_file: Path) -> None:
    told, runs = [], []
    for number, run in enumerate((run_real_command, run_command)):
        output = tmp_path / f"out{number}"
        done = run("run", "--input", str(archive), "--output", str(output), "--key", f"file:{key_file}")
        told.append((done.returncode, CHANGES.sub("", done.stdout), CHANGES.sub("", done.stderr)))
        runs.append(Run(output, done.returncode, done.stdout))
    assert told[0] == told[1]
    assert told[0][0] == 3
    real, forked = runs
    assert real.objects() == forked.objects()
    assert real.report["counts"] == forked.report["counts"]
    assert real.report["settings"] == forked.report["settings"]


def test_the_installed_command_works_from_any_folder(archive: Path, tmp_path: Path, key_file: Path) -> None:
    command = shutil.which("dicom-deid", path=Path(sys.executable).parent)
    assert command, "pip install -e '.[dev]' brings it"
    for arguments, code in (
        (["run", "--input", "in", "--output", "out", "--key", f"file:{key_file}"], 3),
        (["file", "in/0.dcm", "one.dcm", "--key", f"file:{key_file}"], 0),
        (["run", "--inptu", "in"], 2),
    ):
        done = subprocess.run([command, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
    (written,) = (path for path in (tmp_path / "out").rglob("*.dcm") if path.read_bytes() == (tmp_path / "one.dcm").read_bytes())
    assert written.is_file()
