"""List the inputs' objects, in batches that spread over the workers."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection

from storage import Archive, ListingPart, ObjectRef

from ..metrics import StageClock, StorageCounters
from ..records import BATCH, RefBatch
from ..shuffle.record_coder import register_record
from ..shuffle.spread_elements import SpreadElements

#: and where they are shuffled once more anyway
_LARGE_BATCH = 4096


class Part(NamedTuple):
    """A ListingPart, its name as bytes: file systems take any, and coders of text don't."""

    kind: str
    name: bytes
    base: int
    prefix: bytes
    pattern: str

    @classmethod
    def of(cls, part: ListingPart) -> "Part":
        """Return a part in this form."""
        return cls(part.kind, part.name.encode(errors="surrogateescape"), part.base, part.prefix, part.pattern)

    @property
    def to_list(self) -> ListingPart:
        """The part as an archive takes it."""
        return ListingPart(self.kind, self.name.decode(errors="surrogateescape"), self.base, self.prefix, self.pattern)


register_record(Part)


def batches(objects: Iterable[ObjectRef], is_container: Callable[[bytes], bool]) -> Iterator[RefBatch]:
    """Yield ``objects``, some at a time; each zip or tar by itself, for it may hold as many."""
    batch = RefBatch()
    for ref in objects:
        if is_container(ref.name):
            yield RefBatch([ref])
            continue
        batch.append(ref)
        if len(batch) == BATCH:
            yield batch
            batch = RefBatch()
    if batch:
        yield batch


def is_opened(batch: RefBatch, archive: Archive) -> bool:
    """Return True for a batch of objects that can be read, False for a zip or tar."""
    return len(batch) > 1 or not archive.is_container(batch[0].name)


class _Parts(beam.DoFn):
    def __init__(self, inputs: list[tuple[int, str]], archive: Archive) -> None:
        self._inputs = inputs
        self._archive = archive
        self._operations = StorageCounters(archive)

    def process(self, _: bytes) -> Iterator[Part]:
        for location in self._inputs:
            for part in self._archive.parts(location):
                yield Part.of(part)
        self._operations.update()


class _List(beam.DoFn):
    def __init__(self, archive: Archive, spread: bool) -> None:
        self._archive = archive
        self._spread = spread
        self._operations = StorageCounters(archive)
        self._clock = StageClock("list")

    def process(self, part: Part) -> Iterator[RefBatch]:
        self._clock.note()
        objects = self._archive.objects(part.to_list)
        if self._spread:
            yield from batches(objects, self._archive.is_container)
        else:
            while batch := RefBatch(islice(objects, _LARGE_BATCH)):
                yield batch
        self._clock.note()
        self._operations.update()


class ListObjects(beam.PTransform[PBegin, PCollection[RefBatch]]):
    """Inputs -> batches of their objects, zips and tars unopened among them; where batches are spread, each by itself."""

    def __init__(self, inputs: list[tuple[int, str]], archive: Archive, *, spread: bool = True) -> None:
        """
        Args:
            inputs: ordinals and locations.
            spread: True: spread the batches over the workers; False: a later step shuffles them.
        """
        super().__init__()
        self._inputs = inputs
        self._archive = archive
        self._spread = spread

    def expand(self, pbegin: PBegin) -> PCollection[RefBatch]:
        listed = (
            pbegin
            | "Once" >> beam.Impulse()
            | "Parts" >> beam.ParDo(_Parts(self._inputs, self._archive)).with_output_types(Part)
            | "SpreadParts" >> SpreadElements(Part)
            | "List" >> beam.ParDo(_List(self._archive, self._spread)).with_output_types(RefBatch)
        )
        return listed | "Spread" >> SpreadElements(RefBatch) if self._spread else listed
