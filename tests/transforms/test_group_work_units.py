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
from transforms.group_work_units import key_of_instance, split_key, study_id
from transforms.records import InstanceHeader, Member, Packing

STUDY = b"s" * 32


KEY = b"key"


def header(number: int, instance: int, study: bytes = STUDY, size: int = 1, member: Any = None) -> tuple[Any, ...]:
    """A header record as it comes out of a shuffle."""
    ref = (b"name", b"source", size, "v", member)
    return tuple(InstanceHeader(ref, f"source{number:04d}", study, instance.to_bytes(32, "big"), ()))


def units_of(headers: list[tuple[Any, ...]], size: int = 256, most_bytes: int = 1 << 30) -> list[list[tuple[Any, ...]]]:
    return [unit for _, unit in split_key(KEY, headers, size, most_bytes)]


STUDIES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12), st.integers(0, 9)), max_size=60)


@given(STUDIES, st.integers(1, 9), st.integers(1, 40), st.randoms(use_true_random=False))
def test_units_depend_on_what_the_key_holds_and_not_on_the_order_of_arrival(
    instances: list[tuple[int, int, int]], size: int, most_bytes: int, shuffling: random.Random
) -> None:
    headers = [header(number, of, bytes([study]) * 32, length) for number, (study, of, length) in enumerate(instances)]
    units = list(split_key(KEY, headers, size, most_bytes))
    shuffling.shuffle(headers)
    assert list(split_key(KEY, headers, size, most_bytes)) == units
    assert sorted(fields for _, unit in units for fields in unit) == sorted(headers)
    assert len({unit_id for unit_id, _ in units}) == len(units)


@given(STUDIES, st.integers(1, 9), st.integers(1, 40))
def test_what_a_unit_has_of_a_study_does_not_depend_on_other_studies(
    instances: list[tuple[int, int, int]], size: int, most_bytes: int
) -> None:
    headers = [header(number, of, bytes([study]) * 32, length) for number, (study, of, length) in enumerate(instances)]
    together = [
        [tuple(fields) for fields in unit if fields[2] == bytes([study]) * 32]
        for study in range(6)
        for unit in units_of(headers, size, most_bytes)
    ]
    alone = [
        unit
        for study in range(6)
        for unit in units_of([fields for fields in headers if fields[2] == bytes([study]) * 32], size, most_bytes)
    ]
    assert [unit for unit in together if unit] == alone


@given(st.lists(st.integers(0, 10), min_size=1, max_size=60), st.integers(1, 9))
def test_objects_of_one_instance_stay_together(instances: list[int], size: int) -> None:
    units = units_of([header(*pair) for pair in enumerate(instances)], size)
    seen = [{fields[3] for fields in unit} for unit in units]
    assert all(one.isdisjoint(other) for one, other in pairwise(seen))
    # a unit is only longer than it should be where it has one instance
    assert all(len(unit) <= size or len({fields[3] for fields in unit}) == 1 for unit in units)


def test_small_studies_share_units_and_large_ones_are_split() -> None:
    headers = [header(number, number, bytes([number]) * 32) for number in range(200)]
    headers += [header(number, number, b"\xff" * 32) for number in range(600)]
    assert list(map(len, units_of(headers))) == [200, 256, 256, 88]


def test_large_objects_have_units_of_their_own_unless_they_lie_in_a_stream() -> None:
    large = [header(number, number, size=100) for number in range(4)]
    assert list(map(len, units_of(large, most_bytes=250))) == [2, 2]
    assert list(map(len, units_of(large, most_bytes=99))) == [1, 1, 1, 1]
    streamed = [header(number, number, size=100, member=tuple(Member(Packing.TAR_STREAM.value, 0, 100))) for number in range(4)]
    assert list(map(len, units_of(streamed, most_bytes=99))) == [4]


def test_a_study_of_a_million_instances_spreads_over_many_keys() -> None:
    large = {STUDY: 1_000_000}
    sizes: dict[bytes, int] = {}
    for number in range(100_000):
        instance = hashlib.sha256(number.to_bytes(4, "big")).digest()
        key = key_of_instance(STUDY, instance, large, 7)
        assert key == key_of_instance(STUDY, instance, large, 7)
        sizes[key] = sizes.get(key, 0) + 1
    assert len(sizes) == 245
    # a tenth of the study: some 410 in each
    assert max(sizes.values()) < 520
    assert len({key_of_instance(STUDY, bytes([number]) * 32, {}, 7) for number in range(256)}) == 1


def test_many_small_studies_spread_over_the_shared_keys() -> None:
    studies = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(50_000)]
    counts: dict[bytes, int] = {}
    for study in studies:
        key = key_of_instance(study, study, {}, 49)
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 49
    assert max(counts.values()) < 1200


def test_studies_are_grouped_by_their_size() -> None:
    sizes = {b"a" * 32: 1000, **{bytes([number]) * 32: 3 for number in range(40)}}
    headers = []
    for study, size in sizes.items():
        for number in range(size):
            instance = hashlib.sha256(study + b"%d" % number).digest()
            headers.append(tuple(InstanceHeader((b"name", b"source", 1, "v"), f"{study.hex()}{number}", study, instance, ())))

    def check(units: list[tuple[bytes, list[Any]]]) -> None:
        assert sorted(fields for _, unit in units for fields in unit) == sorted(headers)
        studies = [sorted({study_id(InstanceHeader(*fields)) for fields in unit}) for _, unit in units]
        assert studies.count([b"a" * 16]) == 10
        shared = [of_unit for of_unit in studies if of_unit != [b"a" * 16]]
        # 1,120 instances and 100 to a key: twelve keys for 40 studies, each whole in one of them
        assert 2 <= len(shared) <= 12
        assert sorted(study for of_unit in shared for study in of_unit) == [bytes([number]) * 16 for number in range(40)]

    with BeamPipeline(runner="FnApiRunner") as pipeline:
        created = pipeline | beam.Create(headers).with_output_types(tuple[Any, ...])
        assert_that(created | GroupIntoWorkUnits(part_size=100, shared_size=100), check)
