"""List the inputs' objects, in batches that spread over the workers."""

from collections.abc import Iterable, Iterator
from itertools import islice

import apache_beam as beam
from apache_beam.pvalue import PBegin, PCollection

from .metrics import OBJECTS_LISTED, counter
from .records import ObjectRef
from .storage import Archive, ProgressListener

#: objects in a batch: enough to make Beam's cost per element small, few enough to spread
BATCH = 32

Batch = list[tuple[bytes, bytes, int, str]]


def batches(objects: Iterable[ObjectRef], size: int = BATCH) -> Iterator[Batch]:
    """``objects`` as plain tuples, ``size`` at a time."""
    iterator = iter(objects)
    while batch := [(ref.name, ref.source, ref.size, ref.version) for ref in islice(iterator, size)]:
        yield batch


class _List(beam.DoFn):
    def __init__(self, archive: Archive, progress: ProgressListener) -> None:
        self._archive = archive
        self._progress = progress
        self._listed = counter(OBJECTS_LISTED)

    def process(self, location: tuple[int, str]) -> Iterator[Batch]:
        for batch in batches(self._archive.list(location)):
            self._listed.inc(len(batch))
            self._progress.add("listed", len(batch))
            yield batch


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
            | "Inputs" >> beam.Create(list(enumerate(self._inputs))).with_output_types(tuple[int, str])
            | "List" >> beam.ParDo(_List(self._archive, self._progress)).with_output_types(Batch)
            | "Spread" >> beam.Reshuffle()
        )
