"""Words of persons reach the units that need them, and a PatientID that all share floods none."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from apache_beam.testing.test_pipeline import TestPipeline as BeamPipeline
from apache_beam.testing.util import assert_that

from transforms import ShareWords
from transforms.records import SharedFindings, StudyPart
from transforms.share_words import split_words

PERSON, SECOND = b"p" * 32, b"q" * 32


def unit(study: int, number: int, person: bytes, words: bytes) -> tuple[bytes, list[tuple[Any, ...]]]:
    return b"unit%d" % number, [part(study, (person, words))]


def part(study: int, *findings: tuple[bytes, bytes]) -> tuple[Any, ...]:
    shared = [SharedFindings((), person, words)[:] for person, words in findings]
    return StudyPart(study.to_bytes(16, "big") * 2, shared, [])[:]


#: what a unit is told: words by study
Told = dict[tuple[bytes, int], set[bytes]]


def check(units: list[tuple[bytes, list[tuple[Any, ...]]]], expected: Told, **arguments: int) -> None:
    """The words that each unit gets for its studies are those."""

    def compare(rows: list[tuple[bytes, tuple[bytes, bytes]]]) -> None:
        found: Told = {}
        for unit_id, (study, words) in rows:
            found.setdefault((unit_id, int.from_bytes(study, "big")), set()).update(split_words(words))
        assert found == expected

    with BeamPipeline(runner="FnApiRunner") as pipeline:
        created = pipeline | beam.Create(units).with_output_types(tuple[bytes, Any])
        assert_that((created | ShareWords(**arguments)).by_unit, compare)


def word(number: int) -> bytes:
    return number.to_bytes(8, "big")


def test_words_go_to_all_units_of_the_person_and_of_the_study() -> None:
    units = [unit(1, 0, PERSON, word(1)), unit(2, 1, PERSON, word(2)), unit(2, 2, SECOND, word(3)), unit(3, 3, b"", b"")]
    check(
        units,
        {(b"unit0", 1): {word(1), word(2)}, (b"unit1", 2): {word(1), word(2), word(3)}, (b"unit2", 2): {word(2), word(3)}},
    )


def test_studies_of_one_unit_do_not_share_their_words() -> None:
    parts = [(1, (PERSON, word(1))), (2, (SECOND, word(2))), (3, (PERSON, word(3))), (4, (b"", b""))]
    units = [(b"unit", [part(*of_study) for of_study in parts])]
    of_person = {word(1), word(3)}
    check(units, {(b"unit", 1): of_person, (b"unit", 2): {word(2)}, (b"unit", 3): of_person})


def test_persons_of_one_study_share_its_words() -> None:
    units = [(b"unit", [part(1, (PERSON, word(1)), (SECOND, word(2) + word(3)), (b"", b""))]), unit(2, 7, SECOND, word(4))]
    of_study = {word(1), word(2), word(3)}
    check(units, {(b"unit", 1): {*of_study, word(4)}, (b"unit7", 2): {*of_study, word(4)}})


def test_a_patient_id_that_all_share_gives_the_words_of_the_study_only() -> None:
    units = [unit(study, part, PERSON, word(2 * study + part)) for study in range(100) for part in range(2)]
    expected = {(b"unit%d" % part, study): {word(2 * study), word(2 * study + 1)} for study in range(100) for part in range(2)}
    check(units, expected, person_places=30)


def test_a_study_of_many_units_keeps_its_words() -> None:
    units = [unit(1, part, PERSON, word(part)) for part in range(100)]
    check(units, {(unit_id, 1): set(map(word, range(100))) for unit_id, _ in units}, person_places=30)
