"""Words of persons reach the units that need them, and a PatientID that all share floods none."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from apache_beam.testing.test_pipeline import TestPipeline as BeamPipeline
from apache_beam.testing.util import assert_that

from transforms import ShareWords
from transforms.records import InstanceHeader
from transforms.share_words import split_words

PERSON, SECOND = b"p" * 32, b"q" * 32


def unit(study: int, number: int, person: bytes, words: bytes) -> tuple[bytes, list[tuple[Any, ...]]]:
    unit_id = study.to_bytes(16, "big") + number.to_bytes(8, "big")
    return unit_id, [tuple(InstanceHeader((b"n", b"s", 1, "v"), "id", b"", b"i", (), person, words))]


def check(units: list[tuple[bytes, list[tuple[Any, ...]]]], expected: dict[bytes, set[bytes]], **arguments: int) -> None:
    """The words that each unit gets are those."""

    def compare(rows: list[tuple[bytes, bytes]]) -> None:
        found: dict[bytes, set[bytes]] = {}
        for unit_id, words in rows:
            found.setdefault(unit_id, set()).update(split_words(words))
        assert found == expected

    with BeamPipeline(runner="FnApiRunner") as pipeline:
        assert_that(pipeline | beam.Create(units).with_output_types(tuple[bytes, Any]) | ShareWords(**arguments), compare)


def word(number: int) -> bytes:
    return number.to_bytes(8, "big")


def test_words_go_to_all_units_of_the_person_and_of_the_study() -> None:
    units = [unit(1, 0, PERSON, word(1)), unit(2, 0, PERSON, word(2)), unit(2, 1, SECOND, word(3)), unit(3, 0, b"", b"")]
    expected = ({word(1), word(2)}, {word(1), word(2), word(3)}, {word(2), word(3)})
    check(units, {unit_id: words for (unit_id, _), words in zip(units, expected, strict=False)})


def test_a_patient_id_that_all_share_gives_the_words_of_the_study_only() -> None:
    units = [unit(study, part, PERSON, word(2 * study + part)) for study in range(100) for part in range(2)]
    expected = {unit_id: {word(number & ~1), word(number | 1)} for number, (unit_id, _) in enumerate(units)}
    check(units, expected, person_units=30)


def test_a_study_of_many_units_keeps_its_words() -> None:
    units = [unit(1, part, PERSON, word(part)) for part in range(100)]
    check(units, {unit_id: set(map(word, range(100))) for unit_id, _ in units}, person_units=30)
