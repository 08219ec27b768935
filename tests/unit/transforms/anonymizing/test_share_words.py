"""Words of persons reach the units that need them, a PatientID that all share floods none, and nobody's are another's."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.pvalue import TaggedOutput
from apache_beam.testing.test_pipeline import TestPipeline as BeamPipeline
from apache_beam.testing.util import assert_that
from cryptography.exceptions import InvalidTag

from anonymizer import Key
from anonymizer.internals import split_words
from profiles import ConfidentialityProfile
from storage import Folder
from tests.support.running import SECRET, engine
from transforms import EarlierRun, EngineConfig, ShareWords, TableError, convert_words, words_table
from transforms.anonymizing.share_words import WORDS_SCHEMA, earlier_words, words_of_unit
from transforms.anonymizing.unit_inputs import words_by_study
from transforms.records import KnownWords, SharedFindings, StudyPart, WorkUnit

PERSON, SECOND = b"p" * 32, b"q" * 32
ENGINE = engine()


@pytest.fixture
def config(tmp_path: Path) -> EngineConfig:
    path = tmp_path / "key"
    path.write_bytes(SECRET)
    path.chmod(0o600)
    return EngineConfig(ConfidentialityProfile(), f"file:{path}", Key(SECRET).key_id)


def unit(study: int, number: int, person: bytes, words: bytes) -> WorkUnit:
    return WorkUnit(b"unit%d" % number, [part(study, (person, words))])


def part(study: int, *findings: tuple[bytes, bytes]) -> StudyPart:
    return part_of(study.to_bytes(16, "big") * 2, *findings)


def part_of(study: bytes, *findings: tuple[bytes, bytes]) -> StudyPart:
    shared = [
        SharedFindings((), person, ENGINE.words.seal((study[:16], person), split_words(words))) for person, words in findings
    ]
    return StudyPart(study, shared, [])


#: what a unit is told: words by study
Told = dict[tuple[bytes, int], set[bytes]]
WORDS = [f"word{number}" for number in range(300)]


def check(config: EngineConfig, units: list[WorkUnit], expected: Told, **arguments: int) -> None:
    """The words that each unit knows for its studies are those."""

    def compare(rows: list[tuple[bytes, KnownWords]]) -> None:
        found: Told = {}
        hashes = engine().words
        for unit_id, told in rows:
            for study, bound in words_by_study([told]).items():
                words = {hashes.hash(word) for word in WORDS if word in hashes.known(bound)}
                found.setdefault((unit_id, int.from_bytes(study, "big")), set()).update(words)
        assert found == expected

    with BeamPipeline(runner="FnApiRunner") as pipeline:
        created = pipeline | beam.Create(units).with_output_types(WorkUnit)
        assert_that((created | ShareWords(config, **arguments)).by_unit, compare)


def word(number: int) -> bytes:
    return ENGINE.words.hash(WORDS[number])


def test_words_go_to_all_units_of_the_person_and_of_the_study(config: EngineConfig) -> None:
    units = [unit(1, 0, PERSON, word(1)), unit(2, 1, PERSON, word(2)), unit(2, 2, SECOND, word(3)), unit(3, 3, b"", b"")]
    check(
        config,
        units,
        {(b"unit0", 1): {word(1), word(2)}, (b"unit1", 2): {word(1), word(2), word(3)}, (b"unit2", 2): {word(2), word(3)}},
    )


def test_studies_of_one_unit_do_not_share_their_words(config: EngineConfig) -> None:
    parts = [(1, (PERSON, word(1))), (2, (SECOND, word(2))), (3, (PERSON, word(3))), (4, (b"", b""))]
    units = [WorkUnit(b"unit", [part(*of_study) for of_study in parts])]
    of_person = {word(1), word(3)}
    check(config, units, {(b"unit", 1): of_person, (b"unit", 2): {word(2)}, (b"unit", 3): of_person})


def test_persons_of_one_study_share_its_words(config: EngineConfig) -> None:
    shared = WorkUnit(b"unit", [part(1, (PERSON, word(1)), (SECOND, word(2) + word(3)), (b"", b""))])
    units = [shared, unit(2, 7, SECOND, word(4))]
    of_study = {word(1), word(2), word(3)}
    check(config, units, {(b"unit", 1): {*of_study, word(4)}, (b"unit7", 2): {*of_study, word(4)}})


def test_a_patient_id_that_all_share_gives_the_words_of_the_study_only(config: EngineConfig) -> None:
    units = [unit(study, part, PERSON, word(2 * study + part)) for study in range(100) for part in range(2)]
    expected = {(b"unit%d" % part, study): {word(2 * study), word(2 * study + 1)} for study in range(100) for part in range(2)}
    check(config, units, expected, person_places=30)


def test_a_study_of_many_units_keeps_its_words(config: EngineConfig) -> None:
    units = [unit(1, part, PERSON, word(part)) for part in range(100)]
    check(config, units, {(one.unit_id, 1): set(map(word, range(100))) for one in units}, person_places=30)


def test_no_hash_of_a_word_occurs_for_two(config: EngineConfig) -> None:
    """A surname that all have would be known by how often its hash occurs."""
    count = 50
    units = [unit(number, number, b"%032d" % number, word(0) + word(number)) for number in range(1, count)]
    sealed = [told.value if isinstance(told, TaggedOutput) else told for one in units for told in words_of_unit(one)]
    assert len({words for _, (_, ((_, words),)) in sealed}) == len(units)
    inner = {word(number) for number in range(count)}

    def compare(rows: list[list[tuple[bytes, bytes]]]) -> None:
        hashes = [one for ((_, words),) in rows for one in split_words(words)]
        assert len(hashes) == len({*hashes, *inner}) - len(inner) == 2 * 2 * (count - 1)

    with BeamPipeline(runner="FnApiRunner") as pipeline:
        created = pipeline | beam.Create(units).with_output_types(WorkUnit)
        assert_that((created | ShareWords(config)).rows, compare)


def test_what_is_sealed_tells_no_order_and_opens_for_its_objects_only() -> None:
    words = [word(2), word(1), word(3)]
    sealed = ENGINE.words.seal((b"study", b"person"), words)
    assert sealed == ENGINE.words.seal((b"study", b"person"), words[::-1]) and len(sealed) == 16 + 3 * 8
    assert ENGINE.words.unseal((b"study", b"person"), sealed) == {*words}
    for whose in ((b"study", b"other"), (b"studyperson",), (b"studyp", b"erson")):
        with pytest.raises(InvalidTag):
            ENGINE.words.unseal(whose, sealed)
    assert ENGINE.words.seal((b"study", b"person"), []) == b"" and not ENGINE.words.unseal((b"any",), b"")


# -- tables of version 0.1 -------------------------------------------------------------------------------------------


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


#: as version 0.1 wrote it: hashes of words alone, by study and person
OLD = pa.table(
    {"who": [b"s" * 16, PERSON], "words": [word(1), b"".join(sorted((word(1), word(2))))]},
    schema=pa.schema([("who", pa.binary()), ("words", pa.binary())]),
)


def test_a_table_of_version_01_is_converted_without_the_words() -> None:
    table = convert_words(parquet(OLD), ENGINE)
    assert table.schema == WORDS_SCHEMA
    rows = [(row["who"], row["words"]) for row in table.to_pylist()]
    assert table == words_table(
        [(who, ENGINE.words.bind(who, hashes)) for who, hashes in ((b"s" * 16, {word(1)}), (PERSON, {word(1), word(2)}))]
    )
    assert convert_words(parquet(table), ENGINE) == table
    known = ENGINE.words.known({who: split_words(words) for who, words in rows})
    assert [one in known for one in WORDS[:4]] == [False, True, True, False]
    with pytest.raises(TableError):
        convert_words(b"PAR1 and no more", ENGINE)


def test_a_table_of_version_01_is_not_gone_on_with(tmp_path: Path) -> None:
    content = parquet(OLD)
    (tmp_path / "words-x.parquet").write_bytes(content)
    run = EarlierRun(
        Folder(str(tmp_path)), "x", {"words-x.parquet": 2}, {"words-x.parquet": hashlib.sha256(content).hexdigest()}, True
    )
    with pytest.raises(TableError, match="audit adopt"):
        list(earlier_words("words-x.parquet", run))
