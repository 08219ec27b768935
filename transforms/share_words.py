"""Words that identify a patient, known to all work units with objects of theirs (PS3.15 E.3.5)."""

from collections.abc import Iterable, Iterator
from functools import reduce
from math import inf
from typing import Literal

import apache_beam as beam
from apache_beam.pvalue import PCollection, TaggedOutput

from .group_work_units import study_of
from .records import InstanceHeader, WorkUnit

#: bytes of a word's keyed hash
WORD_SIZE = 8
#: nobody has objects in more units: such a PatientID is shared by many (``0``, ``UNKNOWN``), and the words of all of them
#: would go to each of their units. These have the words of their study then.
PERSON_UNITS = 4096

_STUDY: Literal["study"] = "study"
_PERSON: Literal["person"] = "person"

#: ids of units, None where they are too many; hashes of words
Sharing = tuple[list[bytes] | None, set[bytes]]


def split_words(words: bytes) -> frozenset[bytes]:
    """The hashes in ``words``, which stand one behind the other."""
    return frozenset(words[at : at + WORD_SIZE] for at in range(0, len(words), WORD_SIZE))


def words_of_unit(
    unit: WorkUnit,
) -> Iterator[tuple[bytes, tuple[bytes, bytes]] | TaggedOutput[Literal["person"], tuple[bytes, tuple[bytes, bytes]]]]:
    """(who, (unit id, words)) with all words of the unit: for its study, and tagged for each person with objects in it."""
    unit_id, headers = unit
    persons, words = set(), set()
    for header in (InstanceHeader(*fields) for fields in headers):
        if header.person:
            persons.add(header.person)
            words.add(header.words)
    joined = b"".join(sorted(frozenset[bytes]().union(*map(split_words, words))))
    if joined:
        yield study_of(unit_id), (unit_id, joined)
        for person in persons:
            yield TaggedOutput(_PERSON, (person, (unit_id, joined)))


class _Share(beam.CombineFn):
    """(unit id, words) -> Sharing. Combined before the shuffle, too, and a PatientID that all share grows to no size."""

    def __init__(self, most_units: float) -> None:
        self._most_units = most_units

    def create_accumulator(self) -> Sharing:
        return [], set()

    def add_input(self, accumulator: Sharing, words_of_unit: tuple[bytes, bytes]) -> Sharing:
        unit_id, words = words_of_unit
        return self._merge(accumulator, ([unit_id], set(split_words(words))))

    def merge_accumulators(self, accumulators: Iterable[Sharing]) -> Sharing:
        return reduce(self._merge, accumulators, self.create_accumulator())

    def extract_output(self, accumulator: Sharing) -> Sharing:
        return accumulator

    def _merge(self, into: Sharing, other: Sharing) -> Sharing:
        units, words = into
        if units is None or other[0] is None:
            return None, set()
        units.extend(other[0])
        words.update(other[1])
        return (units, words) if len(units) <= self._most_units else (None, set())


def share(sharing_of_person: tuple[bytes, Sharing]) -> Iterator[tuple[bytes, bytes]]:
    """(unit id, words) for each unit with objects of the person: the words of all of them."""
    units, words = sharing_of_person[1]
    joined = b"".join(sorted(words))
    for unit_id in units or ():
        yield unit_id, joined


class ShareWords(beam.PTransform[PCollection[WorkUnit], PCollection[tuple[bytes, bytes]]]):
    """Work units -> (unit id, hashes of the words that identify those whose objects are in the unit)."""

    def __init__(self, person_units: int = PERSON_UNITS) -> None:
        super().__init__()
        self._person_units = person_units

    def expand(self, units: PCollection[WorkUnit]) -> PCollection[tuple[bytes, bytes]]:
        words = units | "WordsOfUnit" >> beam.FlatMap(words_of_unit).with_outputs(_PERSON, main=_STUDY)
        shared = (
            words[_STUDY] | "ByStudy" >> beam.CombinePerKey(_Share(inf)),
            words[_PERSON] | "ByPerson" >> beam.CombinePerKey(_Share(self._person_units)),
        )
        return shared | beam.Flatten() | "Share" >> beam.FlatMap(share).with_output_types(tuple[bytes, bytes])
