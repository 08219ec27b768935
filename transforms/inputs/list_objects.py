"""List the inputs' objects, in batches that spread over the workers."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection

from storage import Archive, ListingPart, ObjectRef

from ..metrics import StageClock, StorageCounters
from ..records import BATCH, RefBatch
from ..shuffle.spread_elements import SpreadElements

#: and where they are shuffled once more anyway
_LARGE_BATCH = 4096

#: a ListingPart, its name as bytes: file systems take any, and coders of text don't
Part = tuple[str, bytes, int, bytes, str]


def batches(objects: Iterable[ObjectRef], is_container: Callable[[bytes], bool]) -> Iterator[RefBatch]:
    """``objects`` as plain tuples, some at a time; each zip or tar by itself, for it may hold as many."""
    batch: RefBatch = []
    for ref in objects:
        if is_container(ref.name):
            yield [tuple(ref)]
            continue
        batch.append(tuple(ref))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def is_opened(batch: RefBatch, archive: Archive) -> bool:
    """Whether a batch is one of objects that can be read, and not a zip or tar."""
    return len(batch) > 1 or not archive.is_container(ObjectRef(*batch[0]).name)


class _Parts(beam.DoFn):
    def __init__(self, inputs: list[tuple[int, str]], archive: Archive) -> None:
        self._inputs = inputs
        self._archive = archive
        self._operations = StorageCounters(archive)

    def process(self, _: bytes) -> Iterator[Part]:
        for location in self._inputs:
            for part in self._archive.parts(location):
                yield part.kind, part.name.encode(errors="surrogateescape"), *part[2:]
        self._operations.update()


class _List(beam.DoFn):
    def __init__(self, archive: Archive, spread: bool) -> None:
        self._archive = archive
        self._spread = spread
        self._operations = StorageCounters(archive)
        self._clock = StageClock("list")

    def process(self, part: Part) -> Iterator[RefBatch]:
        self._clock.note()
        kind, name, base, prefix, pattern = part
        listed = ListingPart(kind, name.decode(errors="surrogateescape"), base, prefix, pattern)
        objects = self._archive.objects(listed)
        if self._spread:
            yield from batches(objects, self._archive.is_container)
        else:
            found = map(tuple, objects)
            while batch := list(islice(found, _LARGE_BATCH)):
                yield batch
        self._clock.note()
        self._operations.update()


class ListObjects(beam.PTransform[PBegin, PCollection[RefBatch]]):
    """Inputs -> batches of ObjectRef tuples, zips and tars among them as what they are; where they spread, each by itself."""

    def __init__(self, inputs: list[tuple[int, str]], archive: Archive, *, spread: bool = True) -> None:
        """
        Args:
            inputs: ordinals, and what they are ordinals of.
            spread: the batches over the workers; what shuffles them anyway needn't have it.
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
