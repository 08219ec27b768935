from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from transforms.group_work_units import split_study
from transforms.records import InstanceHeader

STUDY = b"s" * 32


def header(number: int, instance: int) -> tuple[Any, ...]:
    """A header record as it comes out of a shuffle."""
    ref = (b"name", b"source", 1, "v")
    return tuple(InstanceHeader(ref, f"source{number:04d}", STUDY, instance.to_bytes(32, "big"), ()))


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 9), st.randoms(use_true_random=False))
def test_units_depend_on_the_study_and_not_on_the_order_of_arrival(
    instances: list[int], size: int, shuffling: random.Random
) -> None:
    headers = [header(number, instance) for number, instance in enumerate(instances)]
    units = list(split_study(STUDY, headers, size))
    shuffling.shuffle(headers)
    assert list(split_study(STUDY, headers, size)) == units
    assert sorted(fields for _, unit in units for fields in unit) == sorted(headers)
    assert len({unit_id for unit_id, _ in units}) == len(units)


@given(st.lists(st.integers(0, 10), min_size=1, max_size=60), st.integers(1, 9))
def test_objects_of_one_instance_stay_together(instances: list[int], size: int) -> None:
    units = [unit for _, unit in split_study(STUDY, [header(*pair) for pair in enumerate(instances)], size)]
    seen = [{fields[3] for fields in unit} for unit in units]
    assert all(one.isdisjoint(other) for one, other in pairwise(seen))
    # a unit is only longer than it should be while one instance goes on
    assert all(len(unit) < size + max(map(instances.count, instances)) for unit in units)
