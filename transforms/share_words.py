"""Words that identify a patient, known to all work units with objects of theirs (PS3.15 E.3.5)."""

from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.pvalue import PCollection

from .records import InstanceHeader, WorkUnit

#: bytes of a word's keyed hash
WORD_SIZE = 8


def split_words(words: bytes) -> frozenset[bytes]:
    """The hashes in ``words``, which stand one behind the other."""
    return frozenset(words[at : at + WORD_SIZE] for at in range(0, len(words), WORD_SIZE))


def words_of_unit(unit: WorkUnit) -> Iterator[tuple[bytes, tuple[bytes, bytes]]]:
    """(person, (unit id, words)) for each person with objects in the unit: all words of the unit, which is of one study."""
    unit_id, headers = unit
    persons, words = set(), set()
    for header in (InstanceHeader(*fields) for fields in headers):
        if header.person:
            persons.add(header.person)
            words.add(header.words)
    joined = b"".join(sorted(frozenset[bytes]().union(*map(split_words, words))))
    for person in persons:
        yield person, (unit_id, joined)


def share(words_of_person: tuple[bytes, Iterable[tuple[bytes, bytes]]]) -> Iterator[tuple[bytes, bytes]]:
    """(unit id, words) for each unit with objects of the person: the words of all of them."""
    units = list(words_of_person[1])
    joined = b"".join(sorted(frozenset[bytes]().union(*(split_words(words) for _, words in units))))
    for unit_id, _ in units:
        yield unit_id, joined


class ShareWords(beam.PTransform[PCollection[WorkUnit], PCollection[tuple[bytes, bytes]]]):
    """Work units -> (unit id, hashes of the words that identify those whose objects are in the unit)."""

    def expand(self, units: PCollection[WorkUnit]) -> PCollection[tuple[bytes, bytes]]:
        return (
            units
            | "WordsOfUnit" >> beam.FlatMap(words_of_unit).with_output_types(tuple[bytes, tuple[bytes, bytes]])
            | "ByPerson" >> beam.GroupByKey()
            | "Share" >> beam.FlatMap(share).with_output_types(tuple[bytes, bytes])
        )
