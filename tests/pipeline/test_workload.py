"""How many processes a local run gets."""

from __future__ import annotations

import pytest

from pipeline.workload import Workload

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
    assert workload.is_enough == (objects >= 10_000)


def test_one_container_holds_many_objects() -> None:
    workload = Workload()
    workload.add(2 * GB, is_container=True)
    assert workload.processes(2) == 2


def test_what_was_done_before_is_no_work() -> None:
    workload = Workload()
    for _ in range(8_000):
        workload.add(1_000_000, is_container=False)
    assert workload.processes(8) == 8
    workload.take_off(7_900)
    assert (workload.objects, workload.size) == (100, 100_000_000) and workload.processes(8) == 1
    many = Workload()
    for _ in range(10_000):
        many.add(1, is_container=False)
    # there may be any number behind those that were looked at
    many.take_off(9_999)
    assert many.processes(8) == 8
