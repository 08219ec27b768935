"""How many processes a local run gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.runs.workload import Workload
from storage.archive import StoredArchive

KB, MB, GB = 1_000, 1_000_000, 1_000_000_000


@pytest.mark.parametrize(
    ("objects", "size", "cores", "processes"),
    [
        (0, 0, 2, 1),
        (1_000, 10 * KB, 2, 1),
        (5_000, 10 * KB, 2, 2),
        (5_000, 500 * KB, 2, 2),
        # enough for some, not for all
        (5_000, 10 * KB, 64, 3),
        (5_000, 500 * KB, 64, 6),
        (500, 500 * KB, 2, 1),
        (500, 10 * MB, 2, 2),
        # nobody can help with one object
        (1, 100 * GB, 2, 1),
        (3, 100 * GB, 64, 3),
        # sizes that aren't known
        (5_000, -1, 2, 2),
        # more than was looked at
        (10_000, 0, 64, 64),
        (10_000, 0, 1, 1),
    ],
)
def test_processes_have_enough_to_do(objects: int, size: int, cores: int, processes: int) -> None:
    workload = Workload()
    for _ in range(objects):
        workload.add(size, is_container=False)
    assert workload.processes(cores) == processes


def test_one_container_holds_many_objects() -> None:
    workload = Workload()
    workload.add(2 * GB, is_container=True)
    assert workload.processes(2) == 2


@pytest.mark.parametrize(
    ("known", "counted", "size", "processes"),
    [
        (50_000, 50_500, 0, 1),
        (50_000, 53_000, 0, 2),
        (50_000, 50_500, 10 * MB, 7),
        (50_000, 60_000, 0, 64),
        (600_000, 600_000, 0, 6),
        # some are gone, or in containers
        (50_000, 20_000, 10 * MB, 1),
        # fewer are known than there are
        (100, 3_100, 0, 2),
        # it couldn't be told how many there are
        (50_000, None, 0, 64),
    ],
)
def test_what_was_done_before_is_little_work(known: int, counted: int | None, size: int, processes: int) -> None:
    workload = Workload(known)
    for _ in range(1_000 if counted else 10_000):
        workload.add(size, is_container=False)
    workload.total = counted
    assert workload.processes(64) == processes


def test_members_may_be_new_in_containers_that_are_known() -> None:
    workload = Workload(known=10_000)
    workload.add(2 * GB, is_container=True)
    workload.total = 1
    assert workload.processes(2) == 2


def test_counting_says_how_many_are_listed(tmp_path: Path) -> None:
    for number in range(20):
        folder = tmp_path / "in" / str(number % 3)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.dcm").touch()
    (tmp_path / "in" / "link").symlink_to("0", target_is_directory=True)
    archive = StoredArchive()
    for name in (str(tmp_path / "in"), f"{tmp_path}/in/[01]/*.dcm", str(tmp_path / "in" / "0" / "0.dcm")):
        assert sum(1 for _ in archive.names((0, name))) == sum(1 for _ in archive.preview((0, name))) > 0
