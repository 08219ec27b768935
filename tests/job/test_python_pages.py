"""The programs on the pages about Python run as they stand there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.runs import ROOT, ct_file

PAGES = {"run-from-python": "3 written, 1 quarantined", "many-files-in-parallel": "written archive/"}


def run_program(name: str, key_file: Path, tmp_path: Path) -> str:
    """What the program on a page prints."""
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "how-to" / f"{name}.md").read_text(), re.DOTALL)
    (tmp_path / "program.py").write_text(program)
    shutil.copy(key_file, tmp_path / "secret.key")
    (tmp_path / "archive").mkdir()
    for number in range(3):
        (tmp_path / "archive" / f"{number}.dcm").write_bytes(ct_file(f"1.2.3.{number}"))
    (tmp_path / "archive" / "broken.dcm").write_bytes(ct_file("1.2.3.9")[:400])
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(("name", "said"), PAGES.items())
def test_the_program_on_the_page(name: str, said: str, key_file: Path, tmp_path: Path) -> None:
    assert said in run_program(name, key_file, tmp_path)
    assert len(list((tmp_path / "released").rglob("*.dcm"))) == 3
    assert not list((tmp_path / "released").glob("*.unfinished"))


def test_the_program_on_the_page_about_plans(key_file: Path, tmp_path: Path) -> None:
    assert "True 3 would be written" in run_program("plan", key_file, tmp_path)
    assert not (tmp_path / "released").exists() and (tmp_path / "released-plan" / "plan.json").exists()
