"""The UID map's plain functions; the job's tests run them on an engine."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.test_pipeline import TestPipeline as BeamPipeline
from apache_beam.testing.util import assert_that, equal_to

from anonymizer import Key
from profiles import ConfidentialityProfile
from transforms import CONFLICTS, MAPPING, BuildUidMap, EngineConfig, ProveUidMap, UidMapError
from transforms.anonymize_instances import to_do, words_by_study
from transforms.build_uid_map import UidMapRow, uid_uses
from transforms.prove_uid_map import check, marks, violations
from transforms.records import InstanceHeader

A, B, C = (letter * 32 for letter in (b"a", b"b", b"c"))
UNIT, OTHER = b"unit 1", b"unit 2"


def header(instance: bytes, *uids: tuple[bytes, bytes, int], study: bytes = A) -> tuple[Any, ...]:
    return ((b"name", b"source", 1, "v"), "source", study, instance, uids)


def test_a_unit_names_each_uid_once_with_its_first_role() -> None:
    unit = (UNIT, [header(A, (A, b"2.25.1", 0), (C, b"2.25.3", 4)), header(B, (B, b"2.25.2", 0), (C, b"2.25.3", 2))])
    assert dict(uid_uses(unit)) == {
        A: (b"2.25.1", 0, [UNIT]),
        B: (b"2.25.2", 0, [UNIT]),
        C: (b"2.25.3", 2, []),
    }


def test_a_retained_instance_uid_is_claimed_but_not_mapped() -> None:
    assert list(uid_uses((UNIT, [header(A)]))) == [(A, (b"", 0, [UNIT]))]


def test_a_uid_that_units_share_has_one_row_with_the_first_of_its_roles() -> None:
    with BeamPipeline(runner="FnApiRunner") as pipeline:
        units = [(UNIT, [header(A, (A, b"n1", 0), (C, b"n3", 3))]), (OTHER, [header(B, (B, b"n2", 0), (C, b"n3", 4))])]
        built = pipeline | beam.Create(units).with_output_types(tuple[bytes, Any]) | BuildUidMap()
        assert_that(built[MAPPING], equal_to([(A, b"n1", 0), (B, b"n2", 0), (C, b"n3", 3)]), label="mapping")
        assert_that(built[CONFLICTS], equal_to([]), label="conflicts")


@pytest.mark.parametrize("uids", [((A, b"n1", 0),), ()], ids=["replaced", "retained"])
def test_an_instance_that_two_studies_claim_is_a_conflict_for_both(uids: tuple[Any, ...]) -> None:
    one, other = header(A, *uids, study=B), header(A, *uids, study=C)
    for units, expected in (
        ([(UNIT, [one]), (OTHER, [other])], [(UNIT, A), (OTHER, A)]),
        ([(UNIT, [one, other]), (OTHER, [header(B, study=C)])], [(UNIT, A)]),
        ([(UNIT, [one, one])], []),
    ):
        with BeamPipeline(runner="FnApiRunner") as pipeline:
            built = pipeline | beam.Create(units).with_output_types(tuple[bytes, Any]) | BuildUidMap()
            assert_that(built[CONFLICTS], equal_to(expected))


def test_pass_2_gets_each_uid_of_a_unit_once() -> None:
    headers = [header(A, (A, b"n1", 0), (C, b"n3", 4)), header(B, (B, b"n2", 0), (C, b"n3", 4)), header(C, study=B)]
    unit_id, (studies, uids) = to_do((UNIT, headers))
    assert unit_id == UNIT
    assert uids == {A: b"n1", B: b"n2", C: b"n3"}
    assert [(study, [InstanceHeader(*fields) for fields in slim]) for study, slim in studies] == [
        (study, [InstanceHeader((b"name", b"source", 1, "v"), "source", b"", instance, ()) for instance in instances])
        for study, instances in ((A[:16], (A, B)), (B[:16], (C,)))
    ]


def test_words_of_a_study_are_joined() -> None:
    assert words_by_study([[(b"s", b"1" * 8), (b"t", b"2" * 8)], [(b"s", b"3" * 8 + b"1" * 8)]]) == {
        b"s": {b"1" * 8, b"3" * 8},
        b"t": {b"2" * 8},
    }


def test_one_original_with_two_new_uids_fails_the_job() -> None:
    units = [(UNIT, [header(A, (C, b"n1", 0))]), (OTHER, [header(B, (C, b"n2", 0))])]
    with pytest.raises(Exception, match="two new ones"), BeamPipeline(runner="FnApiRunner") as pipeline:
        _ = pipeline | beam.Create(units).with_output_types(tuple[bytes, Any]) | BuildUidMap()


def test_marks_tell_new_from_original() -> None:
    as_original, as_new = (mark for _, mark in marks(UidMapRow(A, b"n", 0), B))
    assert violations(as_original) == 0
    assert violations(as_original * 1_000_000) == 0
    assert violations(as_new) == 0
    assert violations(as_new + as_original) == 1
    assert violations(as_new * 2) == 1


def test_a_broken_map_stops_everything() -> None:
    assert check(0) is True
    with pytest.raises(UidMapError, match="already in the archive"):
        check(1)


@pytest.mark.parametrize(
    ("new_uids", "message"),
    [(["2.25.1", "2.25.1"], "already in the archive"), (["2." + "2" * 63, "2.25.1"], "longer than 64")],
    ids=["one new UID for two originals", "too long"],
)
def test_the_proof_is_run_over_the_whole_map(monkeypatch: pytest.MonkeyPatch, new_uids: list[str], message: str) -> None:
    monkeypatch.setenv("DEID_TEST_KEY", "k" * 32)
    config = EngineConfig(ConfidentialityProfile(), "env:DEID_TEST_KEY", Key(b"k" * 32).key_id)
    rows = [(uid_hash, new.encode(), 0) for uid_hash, new in zip((A, B), new_uids, strict=True)]
    with pytest.raises(Exception, match=message), BeamPipeline(runner="FnApiRunner") as pipeline:
        _ = pipeline | beam.Create(rows) | ProveUidMap(config)
