"""The census through each engine that is here: the same values and counts, however the work is divided, done again, or spread."""

from __future__ import annotations

from pathlib import Path

import pytest

from anonymizer import Key
from anonymizer.internals import Seal
from pipeline.reports.content import KeptValue
from pipeline.runs.census import CensusFolder
from storage import Folder
from tests.support.engines import ENGINES, engine
from tests.support.objects import Element
from tests.support.runs import ct_file, deidentify


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("census") / "in"
    folder.mkdir()
    for number in range(120):
        extra = (
            Element(0x00081030, "LO", f"Head CT ward {number % 7}"),
            Element(0x00081090, "LO", f"Model {number % 30}"),
            Element(0x00100020, "LO", f"MRN-{number // 10}"),
        )
        (folder / f"{number}.dcm").write_bytes(ct_file(f"1.2.3.{number}", *extra, study=f"1.2.{number // 5}"))
    return folder


def counted(archive: Path, folder: Path, key_file: Path, *flags: str) -> tuple[list[KeptValue], dict[str, int]]:
    run = deidentify(archive, folder / "out", key_file, "--options=CleanDesc", f"--census={folder / 'census'}", *flags)
    assert run.code == 0, run.log
    census = CensusFolder(Folder(str(folder / "census")), [Seal(Key.load(f"file:{key_file}"))])
    return census.read(run.report["run_id"], []).lines, run.report["census"]


@pytest.fixture(scope="module")
def plain(archive: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[KeptValue], dict[str, int]]:
    return counted(archive, tmp_path_factory.mktemp("plain"), key_file)


@pytest.mark.parametrize("name", ENGINES)
def test_the_census_is_the_same_on_each_engine(
    name: str, archive: Path, plain: tuple[list[KeptValue], dict[str, int]], key_file: Path, tmp_path: Path
) -> None:
    with engine(name) as flags:
        lines, totals = counted(archive, tmp_path, key_file, *flags)
    assert totals == plain[1] and totals["objects"] == 120
    assert lines == plain[0] and sum(line.keyword == "ManufacturerModelName" for line in lines) == 30
