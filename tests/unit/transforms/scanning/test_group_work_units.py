from __future__ import annotations

import hashlib
import random
from itertools import pairwise, permutations

import apache_beam as beam
import pytest
from apache_beam.testing.test_pipeline import TestPipeline as BeamPipeline
from apache_beam.testing.util import assert_that
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.internals import FaceEvidence
from storage.objects import Member, ObjectRef, Packing
from transforms import GroupIntoWorkUnits
from transforms.records import HeaderGroup, HeaderGroups, InstanceHeader, SharedFindings, StudyPart, WorkUnit
from transforms.scanning import group_work_units
from transforms.scanning.group_work_units import KeyedHeaders, key_of_instance, split_key

STUDY = b"s" * 32


KEY = b"key"
SHARED = SharedFindings(((b"u" * 32, b"2.25.1", 1),), b"", b"")


def group(
    number: int,
    instance: int,
    study: bytes = STUDY,
    size: int = 1,
    member: Member | None = None,
    shared: SharedFindings = SHARED,
) -> HeaderGroup:
    """A header as it comes out of a shuffle, alone in its group."""
    ref = ObjectRef(b"name", b"source", size, "v", member)
    return HeaderGroup(study, shared, [InstanceHeader(ref, b"source%04d" % number, instance.to_bytes(32, "big"), b"new")])


def headers_of(parts: list[StudyPart]) -> list[InstanceHeader]:
    return [header for part in parts for header in part.headers]


def units_of(groups: list[HeaderGroup], size: int = 256, most_bytes: int = 1 << 30) -> list[list[StudyPart]]:
    return [unit.parts for unit in split_key(KEY, groups, size, most_bytes)]


STUDIES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12), st.integers(0, 9)), max_size=60)


@given(STUDIES, st.integers(1, 9), st.integers(1, 40), st.randoms(use_true_random=False))
def test_units_depend_on_what_the_key_holds_and_neither_on_groups_nor_on_the_order_of_arrival(
    instances: list[tuple[int, int, int]], size: int, most_bytes: int, shuffling: random.Random
) -> None:
    groups = [group(number, of, bytes([study]) * 32, length) for number, (study, of, length) in enumerate(instances)]
    units = list(split_key(KEY, groups, size, most_bytes))
    shuffling.shuffle(groups)
    joined: dict[bytes, list[InstanceHeader]] = {}
    for one in groups:
        joined.setdefault(one.study, []).extend(one.headers)
    for other in (groups, [HeaderGroup(study, SHARED, headers) for study, headers in joined.items()]):
        assert list(split_key(KEY, other, size, most_bytes)) == units
    assert sorted(header for unit in units for header in headers_of(unit.parts)) == sorted(one.headers[0] for one in groups)
    assert all(part.shared == [SHARED] for unit in units for part in unit.parts)
    assert len({unit.unit_id for unit in units}) == len(units)


@given(STUDIES, st.integers(1, 9), st.integers(1, 40))
def test_what_a_unit_has_of_a_study_does_not_depend_on_other_studies(
    instances: list[tuple[int, int, int]], size: int, most_bytes: int
) -> None:
    groups = [group(number, of, bytes([study]) * 32, length) for number, (study, of, length) in enumerate(instances)]
    together = [
        part for study in range(6) for unit in units_of(groups, size, most_bytes) for part in unit if part.study[0] == study
    ]
    alone = [
        part
        for study in range(6)
        for unit in units_of([one for one in groups if one.study[0] == study], size, most_bytes)
        for part in unit
    ]
    assert together == alone


@given(st.lists(st.integers(0, 10), min_size=1, max_size=60), st.integers(1, 9))
def test_objects_of_one_instance_stay_together(instances: list[int], size: int) -> None:
    units = [headers_of(unit) for unit in units_of([group(*pair) for pair in enumerate(instances)], size)]
    seen = [{header.instance for header in unit} for unit in units]
    assert all(one.isdisjoint(other) for one, other in pairwise(seen))
    # a unit is only longer than it should be where it has one instance
    assert all(len(unit) <= size or len({header.instance for header in unit}) == 1 for unit in units)


def test_a_unit_has_all_findings_of_its_headers_once() -> None:
    others = [SharedFindings(((bytes([number]) * 32, b"2.25.2", 1),), b"p", b"w" * 8) for number in range(3)]
    groups = [group(number, number, shared=others[number % 2]._replace(person=b"p")) for number in range(8)]
    groups += [group(8 + number, 100 + number, shared=others[2]) for number in range(8)]
    assert [part.shared for unit in units_of(groups, size=8) for part in unit] == [others[:2], others[2:]]


def test_findings_with_a_face_are_ordered_beside_those_without() -> None:
    faces = [None, FaceEvidence(b"s1", 1), FaceEvidence(b"s2", 0)]
    groups = [group(number, number, shared=SHARED._replace(face=face)) for number, face in enumerate(faces)]
    for order in permutations(groups):
        ((part,),) = units_of(list(order))
        assert [shared.face for shared in part.shared] == faces and part.places == [0, 1, 2]


def sizes_of(groups: list[HeaderGroup], size: int = 256, most_bytes: int = 1 << 30) -> list[int]:
    return [len(headers_of(unit)) for unit in units_of(groups, size, most_bytes)]


def test_small_studies_share_units_and_large_ones_are_split() -> None:
    groups = [group(number, number, bytes([number]) * 32) for number in range(200)]
    groups += [group(number, number, b"\xff" * 32) for number in range(600)]
    assert sizes_of(groups) == [200, 256, 256, 88]


def test_large_objects_have_units_of_their_own_unless_they_lie_in_a_stream() -> None:
    large = [group(number, number, size=100) for number in range(4)]
    assert sizes_of(large, most_bytes=250) == [2, 2]
    assert sizes_of(large, most_bytes=99) == [1, 1, 1, 1]
    streamed = [group(number, number, size=100, member=Member(Packing.TAR_STREAM.value, 0, 100)) for number in range(4)]
    assert sizes_of(streamed, most_bytes=99) == [4]


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


def test_headers_of_a_key_go_together() -> None:
    headers = KeyedHeaders({b"l" * 32: 5000}, 1, 4096)
    for number in range(100):
        headers.add(group(number, number, bytes([number % 3]) * 32))
    large = [header for number in range(256) for header in group(number, number << 248).headers]
    headers.add(HeaderGroup(b"l" * 32, SHARED, large))
    assert headers.count == 356
    taken = dict(headers.take())
    assert [len(groups) for groups in taken.values()] == [3, 1, 1]
    assert [len(one.headers) for groups in taken.values() for one in groups] == [34, 33, 33, 128, 128]
    assert headers.count == 0
    assert list(headers.take()) == []


@pytest.mark.parametrize("most", [4096, 7])
def test_studies_are_grouped_by_their_size(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(group_work_units, "_MOST_HEADERS", most)
    sizes = {b"a" * 32: 1000, **{bytes([number]) * 32: 3 for number in range(40)}}
    groups = []
    for study, size in sizes.items():
        instances = [hashlib.sha256(study + b"%d" % number).digest() for number in range(size)]
        headers = [
            InstanceHeader(ObjectRef(b"name", b"source", 1, "v"), b"%d" % at, instance, b"")
            for at, instance in enumerate(instances)
        ]
        groups += [HeaderGroup(study, SHARED, headers[at::4]) for at in range(4)]
    batches = [HeaderGroups(groups[at : at + 3]) for at in range(0, len(groups), 3)]

    def check(units: list[WorkUnit]) -> None:
        assert sorted(header for unit in units for header in headers_of(unit.parts)) == sorted(
            header for one in groups for header in one.headers
        )
        studies = [[part.study for part in unit.parts] for unit in units]
        assert studies.count([b"a" * 32]) == 10
        shared = [of_unit for of_unit in studies if of_unit != [b"a" * 32]]
        # 1,120 instances and 100 to a key: twelve keys for 40 studies, each whole in one of them
        assert 2 <= len(shared) <= 12
        assert sorted(study for of_unit in shared for study in of_unit) == [bytes([number]) * 32 for number in range(40)]

    with BeamPipeline(runner="FnApiRunner") as pipeline:
        listed = pipeline | "Listed" >> beam.Create([(1120, b"")])
        created = pipeline | beam.Create(batches).with_output_types(HeaderGroups)
        assert_that(created | GroupIntoWorkUnits(listed, part_size=100, shared_size=100), check)
