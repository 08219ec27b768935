"""Words that identify a patient, known to all work units with objects of theirs (PS3.15 E.3.5).

Whoever could see one hash for a surname, over all patients, would know the surname by how often it occurs. So nothing has such a
hash: until it is known who shares words, they are sealed together; then each is bound to a study or person, who share it.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from math import inf
from typing import Literal, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.pvalue import PCollection, TaggedOutput

from anonymizer.internals import Engine, split_words

from ..earlier_runs.earlier_rows import EarlierRun, TableError
from ..engine_config import EngineConfig
from ..records import KnownWords, WorkUnit
from ..shuffle.record_coder import register_record
from ..shuffle.spread_elements import SpreadNames
from ..work_unit_ids import STUDY_ID_SIZE, is_finished

#: nobody has objects in more places: such a PatientID is shared by many (``0``, ``UNKNOWN``), and the words of all of them
#: would go to each of their places. These have the words of their study then.
PERSON_PLACES = 4096

#: version 0.1 had the same columns, whose hashes were the same for all
_IS_BOUND = {b"dicom-deid": b"bound to who"}
WORDS_SCHEMA = pa.schema([("who", pa.binary()), ("words", pa.binary())], metadata=_IS_BOUND)

_STUDY: Literal["study"] = "study"
_PERSON: Literal["person"] = "person"

#: where words belong: the id of a unit and of one of its studies, one behind the other
Place = bytes
#: of each person with objects in a place, sealed words as in SharedFindings; of an earlier run's objects, which are in no place,
#: words that are bound by now, and of no person
Words = list[tuple[bytes, bytes]]
WordsOfUnit = Iterator[tuple[bytes, tuple[Place, Words]] | TaggedOutput[Literal["person"], tuple[bytes, tuple[Place, Words]]]]
#: accumulated: places with their words, None where they are too many; words that are bound by now. Beam writes these by its own
#: coder, so they are plain
Sharing = tuple[list[tuple[Place, Words]] | None, set[bytes]]


class BoundWords(NamedTuple):
    """Words that are bound to a study or person.

    Attributes:
        owner: the study or person.
        places: the places with objects of the owner.
        words: hashes of words, one behind the other.
    """

    owner: bytes
    places: list[Place]
    words: bytes


register_record(BoundWords)


def words_of_unit(unit: WorkUnit) -> WordsOfUnit:
    """Yield (owner, (place, words)) with all words of a study in the unit: for the study, and tagged for each person in it."""
    unit_id = unit.unit_id
    for part in unit.parts:
        words = sorted({(shared.person, shared.words) for shared in part.shared if shared.words})
        study = part.study[:STUDY_ID_SIZE]
        if words:
            yield study, (unit_id + study, words)
            for person in sorted({person for person, _ in words if person}):
                yield TaggedOutput(_PERSON, (person, (unit_id + study, words)))


class _Share(beam.CombineFn):
    """(place, words) -> Sharing. It combines before the shuffle, too, and a PatientID that all share grows to no size."""

    def __init__(self, most_places: float) -> None:
        self._most_places = most_places

    def create_accumulator(self) -> Sharing:
        return [], set()

    def add_input(self, accumulator: Sharing, words_of_place: tuple[Place, Words]) -> Sharing:
        place, words = words_of_place
        return self._merge(accumulator, ([words_of_place], set()) if place else ([], {bound for _, bound in words}))

    def merge_accumulators(self, accumulators: Iterable[Sharing]) -> Sharing:
        return reduce(self._merge, accumulators, self.create_accumulator())

    def extract_output(self, accumulator: Sharing) -> Sharing:
        return accumulator

    def _merge(self, into: Sharing, other: Sharing) -> Sharing:
        places, bound = into
        if places is None or other[0] is None:
            return None, set()
        places.extend(other[0])
        bound.update(other[1])
        return (places, bound) if len(places) <= self._most_places else (None, set())


class _Bind(beam.DoFn):
    """(owner, Sharing) -> BoundWords; none for owners with too many places."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config

    def setup(self) -> None:
        self._words = self._config.engine().words

    def process(self, sharing: tuple[bytes, Sharing]) -> Iterator[BoundWords]:
        owner, (places, bound) = sharing
        if places is None:
            return
        hashes: set[bytes] = set()
        for place, words in places:
            for person, sealed in words:
                hashes |= self._words.unseal((place[-STUDY_ID_SIZE:], person), sealed)
        known = frozenset[bytes]().union(*map(split_words, (*bound, self._words.bind(owner, hashes))))
        yield BoundWords(owner, [place for place, _ in places], b"".join(sorted(known)))


def share(bound: BoundWords) -> Iterator[tuple[bytes, KnownWords]]:
    """Yield (unit id, words) for each place with objects of a person or study: the words of all of them."""
    for place in bound.places:
        if not is_finished(unit_id := place[:-STUDY_ID_SIZE]):
            yield unit_id, KnownWords(place[-STUDY_ID_SIZE:], bound.owner, bound.words)


def words_table(rows: Sequence[tuple[bytes, bytes]]) -> pa.Table:
    """Return rows of ``words-*.parquet``.

    Args:
        rows: study (16 bytes of its keyed hash) or person (all of it), bound hashes of words.
    """
    return pa.Table.from_arrays([[who for who, _ in rows], [words for _, words in rows]], schema=WORDS_SCHEMA)


def _is_bound(table: pa.Table) -> bool:
    return _IS_BOUND.items() <= (table.schema.metadata or {}).items()


def convert_words(content: bytes, engine: Engine) -> pa.Table:
    """Return rows of a ``words-*.parquet`` of version 0.1 in the form of now; those that have it stay as they are.

    Args:
        engine: with the key by which they were made.

    Raises:
        TableError: it is no such file.
    """
    try:
        table = pq.read_table(io.BytesIO(content))
        if _is_bound(table):
            return table.cast(WORDS_SCHEMA)
        who, words = (column.to_pylist() for column in table.cast(WORDS_SCHEMA))
    except (pa.ArrowException, ValueError, OSError):
        raise TableError("a table of words can't be read: put it back from a copy of the audit") from None
    return words_table([(one, engine.words.bind(one, split_words(hashes))) for one, hashes in zip(who, words, strict=True)])


def _row(bound: BoundWords) -> list[tuple[bytes, bytes]]:
    return [(bound.owner, bound.words)]


def earlier_words(name: str, run: EarlierRun) -> WordsOfUnit:
    """Yield words as ``words_of_unit`` does, of objects that are in no unit, from one of a run's files.

    Raises:
        OSError: it can't be read.
        TableError: it isn't the one that the run wrote, or has another form.
    """
    table = run.read(name)
    if not _is_bound(table):
        # to go on without it would be to leave names in what is written now
        raise TableError("the audit's tables of words are those of version 0.1: take it over with dicom-deid audit adopt")
    for who, words in zip(*(column.to_pylist() for column in table), strict=True):
        known = (who, (b"", [(b"", words)]))
        yield known if len(who) == STUDY_ID_SIZE else TaggedOutput(_PERSON, known)


class SharedWords(NamedTuple):
    """Outputs of ShareWords.

    Attributes:
        by_unit: (unit id, words of a study or person with objects in it).
        rows: lists of rows of ``words-*.parquet``, for later runs.
    """

    by_unit: PCollection[tuple[bytes, KnownWords]]
    rows: PCollection[list[tuple[bytes, bytes]]]


@beam.typehints.with_input_types(WorkUnit)
class ShareWords(beam.PTransform[PCollection[WorkUnit], SharedWords]):
    """Work units -> SharedWords."""

    def __init__(self, config: EngineConfig, run: EarlierRun | None = None, person_places: int = PERSON_PLACES) -> None:
        """
        Args:
            run: an earlier run, whose objects' words count, too.
        """
        super().__init__()
        self._bind = _Bind(config)
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
        bound = tuple(shared) | beam.Flatten() | "Bind" >> beam.ParDo(self._bind)
        return SharedWords(bound | "Share" >> beam.FlatMap(share), bound | "Rows" >> beam.Map(_row))
