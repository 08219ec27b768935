"""Words that identify a patient, known to all work units with objects of theirs (PS3.15 E.3.5)."""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import starmap
from math import inf
from typing import Any, Literal, NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import PCollection, TaggedOutput

from .group_work_units import STUDY_ID_SIZE, is_finished
from .records import SharedFindings, StudyPart, WorkUnit
from .settled import EarlierRun
from .spread_elements import SpreadNames

#: bytes of a word's keyed hash
WORD_SIZE = 8
#: nobody has objects in more places: such a PatientID is shared by many (``0``, ``UNKNOWN``), and the words of all of them
#: would go to each of their places. These have the words of their study then.
PERSON_PLACES = 4096

WORDS_SCHEMA = pa.schema([("who", pa.binary()), ("words", pa.binary())])

_STUDY: Literal["study"] = "study"
_PERSON: Literal["person"] = "person"

#: where words belong: the id of a unit and of one of its studies, one behind the other
Place = bytes
#: places, None where they are too many; hashes of words
Sharing = tuple[list[Place] | None, set[bytes]]


def split_words(words: bytes) -> frozenset[bytes]:
    """The hashes in ``words``, which stand one behind the other."""
    return frozenset(words[at : at + WORD_SIZE] for at in range(0, len(words), WORD_SIZE))


def words_of_unit(
    unit: WorkUnit,
) -> Iterator[tuple[bytes, tuple[Place, bytes]] | TaggedOutput[Literal["person"], tuple[bytes, tuple[Place, bytes]]]]:
    """(who, (place, words)) with all words that a study has in the unit: for the study, and tagged for each person in it."""
    unit_id, parts = unit
    for part in starmap(StudyPart, parts):
        persons, words = set(), set()
        for shared in starmap(SharedFindings, part.shared):
            if shared.person:
                persons.add(shared.person)
                words.add(shared.words)
        study = part.study[:STUDY_ID_SIZE]
        joined = b"".join(sorted(frozenset[bytes]().union(*map(split_words, words))))
        if joined:
            yield study, (unit_id + study, joined)
            for person in persons:
                yield TaggedOutput(_PERSON, (person, (unit_id + study, joined)))


class _Share(beam.CombineFn):
    """(place, words) -> Sharing. Combined before the shuffle, too, and a PatientID that all share grows to no size."""

    def __init__(self, most_places: float) -> None:
        self._most_places = most_places

    def create_accumulator(self) -> Sharing:
        return [], set()

    def add_input(self, accumulator: Sharing, words_of_place: tuple[Place, bytes]) -> Sharing:
        place, words = words_of_place
        # what is in no unit has none
        return self._merge(accumulator, ([place] if place else [], set(split_words(words))))

    def merge_accumulators(self, accumulators: Iterable[Sharing]) -> Sharing:
        return reduce(self._merge, accumulators, self.create_accumulator())

    def extract_output(self, accumulator: Sharing) -> Sharing:
        return accumulator

    def _merge(self, into: Sharing, other: Sharing) -> Sharing:
        places, words = into
        if places is None or other[0] is None:
            return None, set()
        places.extend(other[0])
        words.update(other[1])
        return (places, words) if len(places) <= self._most_places else (None, set())


def share(sharing_of_person: tuple[bytes, Sharing]) -> Iterator[tuple[bytes, tuple[bytes, bytes]]]:
    """(unit id, (study's id, words)) for each place with objects of the person: the words of all of them."""
    places, words = sharing_of_person[1]
    joined = b"".join(sorted(words))
    for place in places or ():
        if not is_finished(unit_id := place[:-STUDY_ID_SIZE]):
            yield unit_id, (place[-STUDY_ID_SIZE:], joined)


def words_table(rows: Sequence[tuple[bytes, bytes]]) -> pa.Table:
    """Rows of ``words-*.parquet``: who (a study, 16 bytes of its keyed hash, or a person, all of it), hashes of words."""
    return pa.Table.from_pydict({"who": [who for who, _ in rows], "words": [words for _, words in rows]}, schema=WORDS_SCHEMA)


def _row(sharing_of_person: tuple[bytes, Sharing]) -> Iterator[list[tuple[bytes, bytes]]]:
    who, (places, words) = sharing_of_person
    if places is not None:
        yield [(who, b"".join(sorted(words)))]


def earlier_words(
    name: str, run: EarlierRun
) -> Iterator[tuple[bytes, tuple[Place, bytes]] | TaggedOutput[Literal["person"], tuple[bytes, tuple[Place, bytes]]]]:
    """What ``words_of_unit`` gives, of objects that are in no unit, from one of a run's files."""
    table = run.read(name)
    for who, words in zip(table["who"].to_pylist(), table["words"].to_pylist(), strict=True):
        known = (who, (b"", words))
        yield known if len(who) == STUDY_ID_SIZE else TaggedOutput(_PERSON, known)


class SharedWords(NamedTuple):
    """What ShareWords gives.

    Attributes:
        by_unit: (unit id, (study's id, hashes of the words that identify those whose objects the unit has of the study)).
        rows: lists of rows of ``words-*.parquet``, for later runs.
    """

    by_unit: PCollection[tuple[bytes, tuple[bytes, bytes]]]
    rows: PCollection[list[tuple[bytes, bytes]]]


class ShareWords(beam.PTransform[PCollection[WorkUnit], Any]):
    """Work units -> SharedWords."""

    def __init__(self, run: EarlierRun | None = None, person_places: int = PERSON_PLACES) -> None:
        """
        Args:
            run: an earlier run, whose objects' words count, too.
        """
        super().__init__()
        self._run = run
        self._person_places = person_places

    @beam.typehints.no_annotations
    def expand(self, units: PCollection[WorkUnit]) -> SharedWords:
        found = [units | "WordsOfUnit" >> beam.FlatMap(words_of_unit).with_outputs(_PERSON, main=_STUDY)]
        if self._run is not None and (names := self._run.files("words")):
            files = units.pipeline | "Files" >> SpreadNames(names)
            found.append(files | "Earlier" >> beam.FlatMap(earlier_words, self._run).with_outputs(_PERSON, main=_STUDY))
        shared = []
        for tag, combine in ((_STUDY, _Share(inf)), (_PERSON, _Share(self._person_places))):
            words = tuple(one[tag] for one in found)
            together = words[0] if len(words) == 1 else words | f"All_{tag}" >> beam.Flatten()
            shared.append(together | f"By{tag.capitalize()}" >> beam.CombinePerKey(combine))
        all_shared = tuple(shared) | beam.Flatten()
        by_unit = all_shared | "Share" >> beam.FlatMap(share).with_output_types(tuple[bytes, tuple[bytes, bytes]])
        return SharedWords(by_unit, all_shared | "Rows" >> beam.FlatMap(_row))
