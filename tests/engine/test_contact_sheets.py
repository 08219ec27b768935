"""Contact sheets through each engine that is here: the same pages, however the work is divided, done again, or spread."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.engines import ENGINES, engine
from tests.support.pixel_archive import KINDS, RULES, fill, image
from tests.support.runs import Run, deidentify
from tests.support.sheets import sheets_of


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheets") / "in"
    fill(folder)
    for number in range(100, 130):
        (folder / f"{number}.dcm").write_bytes(image(KINDS[0], number).blob)
    (folder.parent / "rules.csv").write_text(RULES)
    return folder


def drawn(archive: Path, folder: Path, key_file: Path, *flags: str) -> tuple[Run, dict[str, str]]:
    rules = f"--pixel-rules={archive.parent / 'rules.csv'}"
    run = deidentify(
        archive, folder / "out", key_file, "--options=CleanPixelData", rules, f"--contact-sheets={folder / 'in'}", *flags
    )
    assert run.code == 0, run.log
    run_id = run.report["run_id"]
    files = [path for path in sheets_of(folder / "in").iterdir() if not path.name.startswith("report-")]
    pages = {path.name: re.sub(run_id, "RUN", path.read_text()) for path in files}
    return run, pages


@pytest.fixture(scope="module")
def plain(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, dict[str, str]]:
    return drawn(archive, tmp_path_factory.mktemp("plain"), key_file)


@pytest.mark.parametrize("name", ENGINES)
def test_the_pages_are_the_same_on_each_engine(
    name: str, archive: Path, plain: tuple[Run, dict[str, str]], key_file: Path, tmp_path: Path
) -> None:
    with engine(name) as flags:
        run, pages = drawn(archive, tmp_path, key_file, *flags)
    counts = run.report["contact_sheets"]
    assert counts == plain[0].report["contact_sheets"] and (counts["pages"], counts["objects"]) == (2, 13)
    assert pages == plain[1]
