"""Choose the objects of contact sheets: of each group those with the least keyed hashes, in bounded memory."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from functools import reduce
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection

from anonymizer.internals import PixelDecision
from storage import Archive, ObjectRef, check_running

from ..concurrency import WorkerThreads, reading_order
from ..engine_config import EngineConfig
from ..metrics import StorageCounters
from ..records import HeaderGroups, InstanceHeader
from ..shuffle.record_coder import PackedRecordCoder, decode_record, encode_record, register_record
from .sheet_groups import kind_of

#: groups that are drawn, those with the least keyed hashes; the objects of all others are counted
MOST_GROUPS = 500
#: groups of an accumulator before those that are too many are taken out
_MOST_HELD = 2 * MOST_GROUPS
#: objects are read for their groups by so many
_BATCH = 256
#: bytes of the keyed hash with which an entry of an accumulator begins
_RANK = 16
_ALL = b""


class SheetObject(NamedTuple):
    """An object that may be drawn.

    Attributes:
        ref: the object as it was read.
        instance: keyed hash of its SOPInstanceUID, 32 bytes.
        pixels: the decision on its pixels.
    """

    ref: ObjectRef
    instance: bytes
    pixels: PixelDecision


class SheetCandidate(NamedTuple):
    """An object that may be drawn, in its group.

    Attributes:
        group: keyed hash of what its group has in common, 16 bytes.
        entry: keyed hash of its SOPInstanceUID, 16 bytes, and the encoded SheetObject: the least are drawn.
    """

    group: bytes
    entry: bytes


class SheetCandidates(list[SheetCandidate]):
    """Candidates that pass between steps together."""


class SheetGroup(NamedTuple):
    """A group and its sample.

    Attributes:
        objects: all that it has.
        sample: those to be drawn, by their keyed hashes.
    """

    group: bytes
    objects: int
    sample: list[SheetObject]


class SheetSample(NamedTuple):
    """The sample of a run.

    Attributes:
        groups: those with most objects first.
        others: objects of further groups, which are not drawn.
    """

    groups: list[SheetGroup]
    others: int


register_record(SheetCandidates, PackedRecordCoder)
register_record(SheetSample, PackedRecordCoder)

#: by group: its objects, and sorted entries of those with the least hashes; and objects of groups left out. Beam's own coder
#: writes it, so it is plain
Samples = tuple[dict[bytes, tuple[int, list[bytes]]], int]


class SampleGroups(beam.CombineFn):
    """SheetCandidates -> SheetSample. It combines before the shuffle, too: what crosses that is bounded for any archive."""

    def __init__(self, samples: int) -> None:
        """
        Args:
            samples: objects of each group.
        """
        self._samples = samples

    def create_accumulator(self) -> Samples:
        return {}, 0

    def add_input(self, accumulator: Samples, candidates: SheetCandidates) -> Samples:
        groups, others = accumulator
        for group, entry in candidates:
            count, entries = groups.get(group, (0, []))
            self._insert(entries, entry)
            groups[group] = count + 1, entries
        return self._bounded((groups, others), _MOST_HELD)

    def merge_accumulators(self, accumulators: Iterable[Samples]) -> Samples:
        return reduce(self._merged, accumulators, self.create_accumulator())

    def extract_output(self, accumulator: Samples) -> SheetSample:
        groups, others = self._bounded(accumulator, MOST_GROUPS)
        found = [
            SheetGroup(group, count, [decode_record(SheetObject, entry[_RANK:]) for entry in entries])
            for group, (count, entries) in groups.items()
        ]
        return SheetSample(sorted(found, key=lambda one: (-one.objects, one.group)), others)

    def _merged(self, into: Samples, other: Samples) -> Samples:
        groups, others = into
        for group, (count, entries) in other[0].items():
            known_count, known = groups.get(group, (0, []))
            for entry in entries:
                self._insert(known, entry)
            groups[group] = known_count + count, known
        return self._bounded((groups, others + other[1]), _MOST_HELD)

    def _insert(self, entries: list[bytes], entry: bytes) -> None:
        place = bisect_left(entries, entry[:_RANK])
        if place < len(entries) and entries[place][:_RANK] == entry[:_RANK]:
            # another object with this SOPInstanceUID: one is enough, the same in each order
            entries[place] = min(entries[place], entry)
            return
        insort(entries, entry)
        del entries[self._samples :]

    @staticmethod
    def _bounded(samples: Samples, most: int) -> Samples:
        """Return samples of ``most`` groups. A group that is among the least of all is so in each part: none of it is lost."""
        groups, others = samples
        if len(groups) <= most:
            return samples
        for group in sorted(groups)[MOST_GROUPS:]:
            others += groups.pop(group)[0]
        return groups, others


class _Candidates(beam.DoFn):
    """Reads headers once more, for what a group has in common is in no record that goes from pass to pass."""

    def __init__(self, archive: Archive, config: EngineConfig) -> None:
        self._archive = archive
        self._config = config
        self._operations = StorageCounters(archive)

    def setup(self) -> None:
        self._engine = self._config.engine()
        self._workers = WorkerThreads(self._archive.concurrency)

    def teardown(self) -> None:
        self._workers.close()

    def process(self, groups: HeaderGroups) -> Iterator[tuple[bytes, SheetCandidates]]:
        headers = [header for group in groups for header in group.headers if header.pixels is not None]
        for start in range(0, len(headers), _BATCH):
            check_running()
            ordered = reading_order(headers[start : start + _BATCH], lambda header: header.ref)
            yield _ALL, SheetCandidates(one for several in self._workers.map(self._all, ordered) for one in several)
        self._operations.update()

    def _all(self, headers: list[InstanceHeader]) -> list[SheetCandidate]:
        found = [self._one(header) for header in headers]
        self._archive.release()
        return found

    def _one(self, header: InstanceHeader) -> SheetCandidate:
        check_running()
        pixels, hash_of = header.pixels, self._engine.pseudonyms.sheet
        assert pixels is not None
        kind = kind_of(self._archive, self._engine, header.ref, pixels.rows, pixels.columns)
        entry = encode_record(SheetObject(header.ref, header.instance, pixels))
        return SheetCandidate(hash_of(kind.encoded()), hash_of(header.instance) + entry)


def _of_all(keyed: tuple[bytes, SheetSample]) -> SheetSample:
    return keyed[1]


class SampleObjects(beam.PTransform[PCollection[HeaderGroups], PCollection[SheetSample]]):
    """Scanned objects -> the sample of them that is drawn; none where the pixels of no object were decided on."""

    def __init__(self, archive: Archive, config: EngineConfig, samples: int) -> None:
        """
        Args:
            samples: objects of each group.
        """
        super().__init__()
        self._candidates = _Candidates(archive, config)
        self._samples = SampleGroups(samples)

    def expand(self, groups: PCollection[HeaderGroups]) -> PCollection[SheetSample]:
        return (
            groups
            | "Candidates" >> beam.ParDo(self._candidates)
            | "Sample" >> beam.CombinePerKey(self._samples)
            | "OfAll" >> beam.Map(_of_all).with_output_types(SheetSample)
        )
