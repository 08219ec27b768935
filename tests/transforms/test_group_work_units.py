from __future__ import annotations

import hashlib
import random
from itertools import pairwise
from typing import Any

import apache_beam as beam
from apache_beam.testing.test_pipeline import TestPipeline as BeamPipeline
from apache_beam.testing.util import assert_that
from hypothesis import given
from hypothesis import strategies as st

from transforms import GroupIntoWorkUnits
from transforms.group_work_units import part_of_study, split_part, study_of
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
    units = list(split_part(STUDY, headers, size))
    shuffling.shuffle(headers)
    assert list(split_part(STUDY, headers, size)) == units
    assert sorted(fields for _, unit in units for fields in unit) == sorted(headers)
    assert len({unit_id for unit_id, _ in units}) == len(units)


@given(st.lists(st.integers(0, 10), min_size=1, max_size=60), st.integers(1, 9))
def test_objects_of_one_instance_stay_together(instances: list[int], size: int) -> None:
    units = [unit for _, unit in split_part(STUDY, [header(*pair) for pair in enumerate(instances)], size)]
    seen = [{fields[3] for fields in unit} for unit in units]
    assert all(one.isdisjoint(other) for one, other in pairwise(seen))
    # a unit is only longer than it should be while one instance goes on
    assert all(len(unit) < size + max(map(instances.count, instances)) for unit in units)


def test_a_study_of_a_million_instances_spreads_over_many_keys() -> None:
    large = {STUDY: 1_000_000}
    sizes: dict[bytes, int] = {}
    for number in range(100_000):
        instance = hashlib.sha256(number.to_bytes(4, "big")).digest()
        part = part_of_study(STUDY, instance, large)
        assert part == part_of_study(STUDY, instance, large)
        assert study_of(part) == STUDY[:16]
        sizes[part] = sizes.get(part, 0) + 1
    assert len(sizes) == 245
    # a tenth of the study: some 410 in each
    assert max(sizes.values()) < 520
    assert {part_of_study(STUDY, bytes([number]) * 32, {}) for number in range(256)} == {STUDY[:16] + bytes(4)}


def test_large_studies_are_split_by_their_size() -> None:
    headers = []
    for number in range(1050):
        study = STUDY if number < 1000 else b"t" * 32
        ref = (b"name", b"source", 1, "v")
        headers.append(tuple(InstanceHeader(ref, f"s{number}", study, hashlib.sha256(b"%d" % number).digest(), ())))

    def check(units: list[tuple[bytes, list[Any]]]) -> None:
        assert sorted(fields for _, unit in units for fields in unit) == sorted(headers)
        large = [len(unit) for unit_id, unit in units if study_of(unit_id) == STUDY[:16]]
        assert sum(large) == 1000
        assert len(large) == 10
        assert [len(unit) for unit_id, unit in units if study_of(unit_id) != STUDY[:16]] == [50]

    with BeamPipeline(runner="FnApiRunner") as pipeline:
        assert_that(pipeline | beam.Create(headers).with_output_types(tuple[Any, ...]) | GroupIntoWorkUnits(part_size=100), check)
