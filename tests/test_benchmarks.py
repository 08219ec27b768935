"""The measurements behind the pages in docs/ run, and their archives are what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.archives import Shape, write
from benchmarks.shuffle import CLEANING, Case, measure
from tests.support.objects import read


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.dcm")}


def test_an_archive_is_the_same_for_a_seed(tmp_path: Path) -> None:
    shape = Shape(studies=2, series=(2, 3))
    lengths = {write(tmp_path / name, shape, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))}
    assert all(60 <= length <= 80 for length in lengths)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")
    datasets = [read(content) for content in contents(tmp_path / "a").values()]
    assert len({dataset.SOPInstanceUID for dataset in datasets}) == shape.instances == 10
    assert len({dataset.SeriesInstanceUID for dataset in datasets}) == 4
    assert len({dataset.StudyInstanceUID for dataset in datasets}) == 2


@pytest.mark.parametrize("flags", [(), (CLEANING,)])
def test_what_shuffles_get_is_counted(flags: tuple[str, ...]) -> None:
    found = measure(Case(Shape(studies=3, series=(4,)), flags))
    assert found.instances == 12
    assert found.shuffled["GroupIntoWorkUnits/Size/Group"][0] == 3
    assert found.shuffled["GroupIntoWorkUnits/ByKey"][0] == 1
    assert 12 * 100 < found.shuffled["GroupIntoWorkUnits/ByKey"][1] < 12 * 1000
    assert ("ShareWords/ByStudy/Group" in found.shuffled) is bool(flags)
    assert all(size > 10 * rows for rows, size in found.shuffled.values())
