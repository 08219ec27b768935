"""The UID map's plain functions; the job's tests run them on an engine."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import apache_beam as beam
import pytest
from apache_beam.testing.test_pipeline import TestPipeline as BeamPipeline
from apache_beam.testing.util import assert_that, equal_to

from anonymizer import Key
from anonymizer.internals import KeyedUids
from profiles import ConfidentialityProfile
from storage import ObjectRef
from tests.support.keys import KEY, KEY_TEXT
from transforms import BuildUidMap, EngineConfig, ProveUidMap, UidMapError
from transforms.anonymizing.unit_inputs import unit_work, words_by_study
from transforms.records import (
    OWNED,
    HeaderGroup,
    InstanceHeader,
    KnownUid,
    KnownWords,
    Reference,
    SharedFindings,
    StudyPart,
    UidRole,
    UidUse,
    UidUses,
    WorkUnit,
)
from transforms.uid_map.build_uid_map import UidMap
from transforms.uid_map.prove_uid_map import check
from transforms.uid_map.uid_uses import Uses, reference, uid_uses, violations
from transforms.work_unit_ids import finished_unit as finished

A, B, C = (letter * 32 for letter in (b"a", b"b", b"c"))
UNIT, OTHER = b"unit 1", b"unit 2"
REF = ObjectRef(b"name", b"source", 1, "v")


def part(instances: dict[bytes, bytes], *uids: tuple[bytes, bytes, int], study: bytes = A) -> StudyPart:
    """What a unit has of a study: its instances, with their new UIDs, and the UIDs that they share."""
    headers = [InstanceHeader(REF, b"id", instance, new) for instance, new in instances.items()]
    return StudyPart(study, [SharedFindings(uids, patient=study[:8])], headers)


def claim(study: bytes, unit: bytes) -> bytes:
    return study[:8] + unit


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> EngineConfig:
    monkeypatch.setenv("DEID_TEST_KEY", KEY_TEXT)
    return EngineConfig(ConfidentialityProfile(), "env:DEID_TEST_KEY", Key(KEY).key_id)


def user(study: bytes) -> bytes:
    return study[:8] * 2


def finished_unit(one: StudyPart, *, is_written: bool = True) -> WorkUnit:
    """Objects of one study that are done with."""
    (shared,) = one.shared
    return finished(HeaderGroup(one.study, shared, one.headers), is_written=is_written)


def built(
    pipeline: beam.Pipeline, units: list[WorkUnit], config: EngineConfig, shard_size: int = 1, most_uses: int = 50_000
) -> UidMap:
    """The map of units; by default in as many shards as there are said to be instances, five."""
    listed = pipeline | "Listed" >> beam.Create([(5, b"")])
    created = pipeline | beam.Create(units).with_output_types(WorkUnit)
    built: UidMap = created | BuildUidMap(listed, config, shard_size=shard_size, most_uses=most_uses)
    return built


def rows(expected: list[tuple[bytes, bytes, int]]) -> Callable[[list[UidUses]], None]:
    def compare(found: list[UidUses]) -> None:
        assert sorted(use[:3] for use in chain.from_iterable(found)) == expected

    return compare


def test_a_unit_names_each_uid_and_claims_each_instance() -> None:
    unit = WorkUnit(
        UNIT, [part({A: b"2.25.1", B: b""}, (C, b"2.25.3", 4)), part({A: b"2.25.1"}, (C, b"2.25.3", 2 | OWNED), study=B)]
    )
    uses = Uses()
    for use in uid_uses(unit):
        uses.add(use)
    assert {uid_hash: use[1:] for uid_hash, use in uses.by_hash.items()} == {
        A: (b"2.25.1", 0, [claim(A, UNIT), claim(B, UNIT)], (user(A), user(B)), ()),
        B: (b"", 0, [claim(A, UNIT)], (user(A),), ()),
        C: (b"2.25.3", 2 | OWNED, [], (user(B),), ()),
    }


def test_a_retained_instance_uid_is_claimed_but_not_mapped() -> None:
    assert list(uid_uses(WorkUnit(UNIT, [part({A: b""})]))) == [UidUse(A, b"", 0, [claim(A, UNIT)], (user(A),))]


def test_objects_of_one_study_that_claim_one_instance_are_one_claim() -> None:
    one = InstanceHeader(REF, b"id", A, b"n1")
    assert list(uid_uses(WorkUnit(UNIT, [StudyPart(A, [], [one, one])]))) == [UidUse(A, b"n1", 0, [claim(A, UNIT)])]


@pytest.mark.parametrize("order", [1, -1])
def test_a_uid_that_is_claimed_here_and_replaced_there_is_mapped(order: int) -> None:
    uses = Uses()
    for use in (UidUse(A, b"", 3, [UNIT]), UidUse(A, b"n", 4, [OTHER]))[::order]:
        uses.add(use)
    (use,) = uses.by_hash.values()
    assert (use.new_uid, use.role, sorted(use.claimants)) == (b"n", 3, [UNIT, OTHER])


@pytest.mark.parametrize("most_uses", [1, 50_000])
@pytest.mark.parametrize("shard_size", [1, 5])
def test_a_uid_that_units_share_has_one_row_with_the_first_of_its_roles(
    config: EngineConfig, shard_size: int, most_uses: int
) -> None:
    units = [WorkUnit(UNIT, [part({A: b"n1"}, (C, b"n3", 3))]), WorkUnit(OTHER, [part({B: b"n2"}, (C, b"n3", 4))])]
    with BeamPipeline(runner="FnApiRunner") as pipeline:
        found = built(pipeline, units, config, shard_size, most_uses)
        assert_that(found.mapping, rows([(A, b"n1", 0), (B, b"n2", 0), (C, b"n3", 3)]), label="mapping")
        assert_that(found.claimed, equal_to([]), label="claimed")
        assert_that(found.violations, lambda counts: check(counts), label="violations")


@pytest.mark.parametrize("new_uid", [b"n1", b""], ids=["replaced", "retained"])
def test_an_instance_that_two_studies_claim_is_a_conflict_for_both(config: EngineConfig, new_uid: bytes) -> None:
    one, other = part({A: new_uid}, study=B), part({A: new_uid}, study=C)
    for units, expected in (
        ([WorkUnit(UNIT, [one]), WorkUnit(OTHER, [other])], [(UNIT, KnownUid(A, True)), (OTHER, KnownUid(A, True))]),
        ([WorkUnit(UNIT, [one, other]), WorkUnit(OTHER, [part({B: b"n2"}, study=C)])], [(UNIT, KnownUid(A, True))]),
        ([WorkUnit(UNIT, [one])], []),
        ([WorkUnit(UNIT, [one]), finished_unit(other)], [(UNIT, KnownUid(A, True))]),
        ([WorkUnit(UNIT, [one]), finished_unit(one), finished_unit(one)], [(UNIT, KnownUid(A, False))]),
        # of what was refused nothing is a duplicate; but it has its study
        ([WorkUnit(UNIT, [one]), finished_unit(one, is_written=False)], []),
        ([WorkUnit(UNIT, [one]), finished_unit(other, is_written=False)], [(UNIT, KnownUid(A, True))]),
        ([finished_unit(one), finished_unit(other), WorkUnit(OTHER, [part({B: b"n2"}, study=C)])], []),
    ):
        with BeamPipeline(runner="FnApiRunner") as pipeline:
            assert_that(built(pipeline, units, config).claimed, equal_to(expected))


@pytest.mark.parametrize("order", [1, -1])
def test_two_patients_are_seen_in_whatever_order_they_come(order: int) -> None:
    nobody = (bytes(8) + b"study  0",)
    users = [nobody, (b"person 1" + b"study  1",), (b"person 2" + b"study  2",), (b"person 1" + b"study  9",), nobody]
    uses = Uses()
    for user in users[::order]:
        uses.add(UidUse(A, b"n", 1 | OWNED, [], user))
    (use,) = uses.by_hash.values()
    assert use.users == (b"person 1study  1", b"person 2study  2")
    assert reference(use) == Reference(A, b"n", 1, False, True, (b"study  1", b"study  2"))


def test_what_points_outside_the_archive() -> None:
    series, instance, frame, other = (int(role) for role in (UidRole.SERIES, UidRole.INSTANCE, UidRole.FRAME_OF_REFERENCE, 4))
    for use, outside in (
        (UidUse(A, b"n", series, [], (user(A),)), True),
        (UidUse(A, b"n", series | OWNED, [], (user(A),)), False),
        (UidUse(A, b"n", instance, [], (user(A),)), True),
        (UidUse(A, b"n", instance, [claim(A, UNIT)], (user(A),)), False),
        (UidUse(A, b"n", frame, [], (user(A),)), False),
        (UidUse(A, b"n", other, []), False),
    ):
        assert reference(use) == (Reference(A, b"n", use.role, True, False, (A[:8],)) if outside else None)


def test_objects_without_a_patient_join_nobody() -> None:
    uses = Uses()
    for study in (A, B):
        for use in uid_uses(WorkUnit(UNIT, [StudyPart(study, [SharedFindings(((C, b"n", 3),))], [])])):
            uses.add(use)
    (use,) = uses.by_hash.values()
    assert len(use.users) == 2 and reference(use) is None


def test_pass_2_gets_each_uid_of_a_unit_once() -> None:
    parts = [part({A: b"n1", B: b"n2"}, (C, b"n3", 4)), part({C: b""}, (C, b"n3", 1), study=B)]
    unit_id, unit_input = unit_work(WorkUnit(UNIT, parts))
    work = unit_input.work
    assert unit_id == UNIT and work is not None
    assert work.uids == [(C, b"n3")]
    assert [(study.study, study.headers) for study in work.studies] == [(A[:16], parts[0].headers), (B[:16], parts[1].headers)]


def test_words_of_a_study_are_joined() -> None:
    known = ((b"s", b"s", b"1" * 8), (b"t", b"t", b"2" * 8), (b"s", b"p", b"3" * 8 + b"1" * 8))
    shared = [KnownWords(*one) for one in known]
    assert words_by_study(shared) == {b"s": {b"s": {b"1" * 8}, b"p": {b"1" * 8, b"3" * 8}}, b"t": {b"t": {b"2" * 8}}}


@pytest.mark.parametrize("most_uses", [1, 50_000])
def test_one_original_with_two_new_uids_fails_the_job(config: EngineConfig, most_uses: int) -> None:
    units = [WorkUnit(UNIT, [part({A: b"n0"}, (C, b"n1", 0))]), WorkUnit(OTHER, [part({B: b"n9"}, (C, b"n2", 0))])]
    with pytest.raises(Exception, match="two new ones"), BeamPipeline(runner="FnApiRunner") as pipeline:
        built(pipeline, units, config, most_uses=most_uses)


def test_new_uids_must_be_new_and_of_one_original() -> None:
    assert violations([A, B], [(C, A), (C, A), (OTHER, B)]) == 0
    assert violations([A, B], [(C, A), (C, B), (C, A)]) == 1
    assert violations([A, B], [(A, B)]) == 1
    assert violations([A, B], [(A, A), (B, A), (C, A), (C, B)]) == 3
    assert violations([], []) == 0


def test_a_broken_map_stops_everything() -> None:
    assert check([0, 0]) is check([]) is True
    with pytest.raises(UidMapError, match=r"new UIDs \(3\) are already in the archive"):
        check([1, 0, 2])


def original_of(new_uid: bytes) -> bytes:
    """The hash by which the map would know an original that equals a new UID."""
    return KeyedUids(Key(KEY)).hash(new_uid)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({A: b"2.25.1", B: b"2.25.1"}, "already in the archive"),
        ({A: b"2.25.1", original_of(b"2.25.1"): b"2.25.2"}, "already in the archive"),
        ({A: b"2." + b"2" * 63, B: b"2.25.1"}, "longer than 64"),
    ],
    ids=["one new UID for two originals", "a new UID is an original", "too long"],
)
@pytest.mark.parametrize("most_uses", [1, 50_000])
@pytest.mark.parametrize("shard_size", [1, 5])
def test_the_proof_is_run_over_the_whole_map(
    config: EngineConfig, mapping: dict[bytes, bytes], message: str, shard_size: int, most_uses: int
) -> None:
    units = [WorkUnit(b"unit %d" % number, [part({uid_hash: new})]) for number, (uid_hash, new) in enumerate(mapping.items())]
    with pytest.raises(Exception, match=message), BeamPipeline(runner="FnApiRunner") as pipeline:
        _ = pipeline | ProveUidMap(built(pipeline, units, config, shard_size, most_uses).violations)
