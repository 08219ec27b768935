"""Heads in the job: a series is judged by all its headers, wherever they lie."""

from __future__ import annotations

from itertools import permutations

from anonymizer.internals import FaceEvidence
from profiles import faces
from transforms.ledger import KnownGroup, KnownHeader, pack_entries, unpack_entries
from transforms.records import HeaderGroup, SharedFindings, StudyPart, WorkUnit
from transforms.scanning.judge_faces import SeriesEvidence, faces_of_unit, heads_of_units, merge_evidence
from transforms.work_unit_ids import finished_unit, finished_unit_id

CHEST = FaceEvidence(b"s1", int(faces.Region.ELSEWHERE), 0.0, 300.0)
HIGHER = CHEST._replace(low=600.0, high=900.0)
UNKNOWN = FaceEvidence(b"s1", int(faces.Region.UNKNOWN))
OTHER = FaceEvidence(b"s2", int(faces.Region.HEAD))


def unit(unit_id: bytes, *evidence: FaceEvidence | None) -> WorkUnit:
    return WorkUnit(unit_id, [StudyPart(b"study", [SharedFindings(face=one) for one in evidence], [])])


def heads(*units: WorkUnit) -> set[tuple[bytes, bytes]]:
    """What JudgeFaces gives, whatever the order in which units come."""
    found = set()
    for order in permutations(units):
        told: dict[bytes, list[SeriesEvidence]] = {}
        for one in order:
            for series, judged in faces_of_unit(one):
                told.setdefault(series, []).append(judged)
        found.add(frozenset(head for item in told.items() for head in heads_of_units((item[0], merge_evidence(item[1])))))
    (only,) = found
    return set(only)


def test_units_hear_of_each_series_that_counts_as_a_head() -> None:
    assert heads(unit(b"unit1", CHEST, OTHER), unit(b"unit2", CHEST)) == {(b"unit1", b"s2")}
    assert heads(unit(b"unit1", CHEST), unit(b"unit2", HIGHER)) == {(b"unit1", b"s1"), (b"unit2", b"s1")}
    assert heads(unit(b"unit1", CHEST, UNKNOWN), unit(b"unit2", UNKNOWN)) == set()
    assert heads(unit(b"unit1", None)) == set()


def test_objects_that_are_done_with_tell_and_need_not_hear() -> None:
    done = finished_unit_id(b"study")
    assert heads(unit(done, HIGHER), unit(b"unit1", CHEST)) == {(b"unit1", b"s1")}
    assert heads(unit(done, CHEST), unit(b"unit1", UNKNOWN)) == set()


def test_a_run_that_goes_on_after_a_killed_one_still_knows() -> None:
    """What pass 1 found is written down with the headers."""
    group = KnownGroup(b"study", SharedFindings(face=HIGHER), [KnownHeader("id", "v", "", b"i" * 32, b"")])
    (known,), *_ = unpack_entries(pack_entries([group], []))
    finished = finished_unit(HeaderGroup(known.study, known.shared, []))
    assert list(faces_of_unit(finished)) == [(b"s1", SeriesEvidence([finished_unit_id(b"study")], HIGHER))]
