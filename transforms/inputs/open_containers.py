"""Open zips and tars: their members take their place."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection, TaggedOutput

from storage import Archive, ObjectWriter

from ..earlier_runs.earlier_work import EarlierWork
from ..engine_config import EngineConfig
from ..metrics import OBJECTS_LISTED, ProgressListener, StorageCounters, counter
from ..records import RefBatch
from ..source_ids import SourceHasher
from .earlier_results import RESULT_TAGS, EarlierResults, PendingBatch, Tagged, TaggedResults
from .list_objects import is_opened

_OPENED: Literal["opened"] = "opened"
_MEMBERS: Literal["members"] = "members"


class _OpenContainers(beam.DoFn):
    """Yields the members of a zip or tar in place of it. No shuffle follows: the worker that lists them reads them."""

    def __init__(
        self,
        config: EngineConfig,
        archive: Archive,
        writer: ObjectWriter,
        progress: ProgressListener,
        inputs: tuple[str, ...],
    ) -> None:
        self._config = config
        self._archive = archive
        self._writer = writer
        self._progress = progress
        self._results = TaggedResults(progress, inputs)
        self._operations = StorageCounters(archive)
        self._listed = counter(OBJECTS_LISTED)

    def setup(self) -> None:
        self._sources = SourceHasher(self._config.engine())

    def process(self, pending: PendingBatch) -> Iterator[RefBatch | TaggedOutput[Literal["members"], RefBatch] | Tagged]:
        batch, known = pending
        if is_opened(batch, self._archive):
            self._count(len(batch))
            yield batch
        else:
            earlier = EarlierWork.unpacked(known) if known else EarlierWork()
            for members in self._archive.members(batch[0]):
                self._count(len(members))
                yield TaggedOutput(_MEMBERS, RefBatch(members))
                if known:
                    compared = earlier.compare([(ref, self._sources.of(ref)) for ref in members], self._writer)
                    yield from self._results.tagged(compared, earlier)
                    members = compared.to_do
                if members:
                    yield RefBatch(members)
            yield from self._results.gone(earlier)
        self._operations.update()

    def _count(self, listed: int) -> None:
        self._listed.inc(listed)
        self._progress.add("listed", listed)


class OpenedContainers(NamedTuple):
    """Outputs of OpenContainers.

    Attributes:
        to_scan: batches of objects that can be read, and that no earlier run is done with.
        members: batches of all objects that lie in containers.
        results: results of earlier runs for members.
    """

    to_scan: PCollection[RefBatch]
    members: PCollection[RefBatch]
    results: EarlierResults


@beam.typehints.with_input_types(PendingBatch)
class OpenContainers(beam.PTransform[PCollection[PendingBatch], OpenedContainers]):
    """Batches with the earlier work on the members of containers -> OpenedContainers."""

    def __init__(
        self,
        config: EngineConfig,
        archive: Archive,
        writer: ObjectWriter,
        progress: ProgressListener,
        inputs: tuple[str, ...],
    ) -> None:
        """
        Args:
            inputs: their ids, by their ordinals.
        """
        super().__init__()
        self._open = _OpenContainers(config, archive, writer, progress, inputs)

    @beam.typehints.no_annotations
    def expand(self, objects: PCollection[PendingBatch]) -> OpenedContainers:
        outputs = objects | "Open" >> beam.ParDo(self._open).with_outputs(_MEMBERS, *RESULT_TAGS, main=_OPENED)
        return OpenedContainers(outputs[_OPENED], outputs[_MEMBERS], EarlierResults.of(outputs))
