"""List the inputs' objects, in batches that spread over the workers."""

from collections.abc import Callable, Iterable, Iterator
from random import getrandbits
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection

from .metrics import OBJECTS_LISTED, StorageCounters, counter
from .packed import pack, unpack
from .records import ObjectRef
from .storage import Archive, ListingPart, ProgressListener

#: objects in a batch: enough to make Beam's cost per element small, few enough to spread
BATCH = 32

Batch = list[tuple[Any, ...]]
#: a ListingPart, its name as bytes: file systems take any, and coders of text don't
Part = tuple[str, bytes, int, bytes, str]


def batches(objects: Iterable[ObjectRef], is_container: Callable[[ObjectRef], bool], size: int = BATCH) -> Iterator[Batch]:
    """``objects`` as plain tuples, ``size`` at a time; each zip or tar by itself, for it may hold as many."""
    batch: Batch = []
    for ref in objects:
        if is_container(ref):
            yield [tuple(ref)]
            continue
        batch.append(tuple(ref))
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


class _Parts(beam.DoFn):
    def __init__(self, inputs: list[str], archive: Archive) -> None:
        self._inputs = inputs
        self._archive = archive
        self._operations = StorageCounters(archive)

    def process(self, _: bytes) -> Iterator[Part]:
        for location in enumerate(self._inputs):
            for part in self._archive.parts(location):
                yield part.kind, part.name.encode(errors="surrogateescape"), *part[2:]
        self._operations.update()


class _List(beam.DoFn):
    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._operations = StorageCounters(archive)

    def process(self, part: Part) -> Iterator[Batch]:
        kind, name, base, prefix, pattern = part
        listed = ListingPart(kind, name.decode(errors="surrogateescape"), base, prefix, pattern)
        yield from batches(self._archive.objects(listed), self._archive.is_container)
        self._operations.update()


class _OpenContainers(beam.DoFn):
    """Puts the members of a zip or tar in its place. No shuffle follows: who lists them reads them."""

    def __init__(self, archive: Archive, progress: ProgressListener) -> None:
        self._archive = archive
        self._progress = progress
        self._operations = StorageCounters(archive)
        self._listed = counter(OBJECTS_LISTED)

    def process(self, batch: Batch) -> Iterator[Batch]:
        first = ObjectRef(*batch[0])
        found: Iterable[Batch] = [batch]
        if len(batch) == 1 and self._archive.is_container(first):
            found = ([tuple(ref) for ref in refs] for refs in self._archive.members(first))
        for objects in found:
            self._listed.inc(len(objects))
            self._progress.add("listed", len(objects))
            yield objects
        self._operations.update()


def _with_any_key(element: Any) -> tuple[int, bytes]:
    return getrandbits(32), pack(element)


def _unpacked(keyed: tuple[int, Iterable[bytes]]) -> Iterator[Any]:
    return map(unpack, keyed[1])


class _Spread(beam.PTransform[PCollection[Any], PCollection[Any]]):
    """Elements -> the same, spread over the workers: Beam's Reshuffle without windows, in half as many steps, packed."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self._kind = kind

    def expand(self, elements: PCollection[Any]) -> PCollection[Any]:
        return (
            elements
            | "WithAnyKey" >> beam.Map(_with_any_key).with_output_types(tuple[int, bytes])
            | "ByKey" >> beam.GroupByKey()
            | "Unpacked" >> beam.FlatMap(_unpacked).with_output_types(self._kind)
        )


class ListObjects(beam.PTransform[PBegin, PCollection[Batch]]):
    """Inputs -> batches of ObjectRef tuples."""

    def __init__(self, inputs: list[str], archive: Archive, progress: ProgressListener) -> None:
        super().__init__()
        self._inputs = inputs
        self._archive = archive
        self._progress = progress

    def expand(self, pbegin: PBegin) -> PCollection[Batch]:
        return (
            pbegin
            | "Once" >> beam.Impulse()
            | "Parts" >> beam.ParDo(_Parts(self._inputs, self._archive)).with_output_types(Part)
            | "SpreadParts" >> _Spread(Part)
            | "List" >> beam.ParDo(_List(self._archive)).with_output_types(Batch)
            | "Spread" >> _Spread(Batch)
            | "OpenContainers" >> beam.ParDo(_OpenContainers(self._archive, self._progress)).with_output_types(Batch)
        )
