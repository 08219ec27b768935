"""Put the members of zips and tars in their place."""

from collections.abc import Iterator
from typing import Literal

import apache_beam as beam
from apache_beam.pvalue import DoOutputsTuple, PCollection, TaggedOutput

from storage import Archive, ObjectRef, ObjectWriter

from ..earlier_runs.earlier_work import EarlierWork
from ..engine_config import EngineConfig
from ..metrics import OBJECTS_LISTED, ProgressListener, StorageCounters, counter
from ..records import RefBatch
from ..source_ids import SourceHasher
from .compare_with_earlier import OF_EARLIER, KnownWorkOutputs, PendingBatch, Tagged
from .list_objects import is_opened

OPENED: Literal["opened"] = "opened"
MEMBERS: Literal["members"] = "members"


class _OpenContainers(beam.DoFn):
    """No shuffle follows: who lists the members of a zip or tar reads them."""

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
        self._takes = KnownWorkOutputs(progress, inputs)
        self._operations = StorageCounters(archive)
        self._listed = counter(OBJECTS_LISTED)

    def setup(self) -> None:
        self._sources = SourceHasher(self._config.engine())

    def process(self, to_do: PendingBatch) -> Iterator[RefBatch | TaggedOutput[Literal["members"], RefBatch] | Tagged]:
        batch, known = to_do
        if is_opened(batch, self._archive):
            self._count(len(batch))
            yield batch
        else:
            earlier = EarlierWork.unpacked(known) if known else EarlierWork()
            for members in self._archive.members(ObjectRef(*batch[0])):
                self._count(len(members))
                yield TaggedOutput(MEMBERS, [ref[:] for ref in members])
                if known:
                    compared = earlier.compare([(ref, self._sources.of(ref)) for ref in members], self._writer)
                    yield from self._takes.tagged(compared, earlier)
                    members = compared.to_do
                if members:
                    yield [ref[:] for ref in members]
            yield from self._takes.gone(earlier)
        self._operations.update()

    def _count(self, listed: int) -> None:
        self._listed.inc(listed)
        self._progress.add("listed", listed)


class OpenContainers(beam.PTransform[PCollection[PendingBatch], DoOutputsTuple]):
    """Batches, each with what is known of the members of the container that it is -> ``opened``: batches of objects that can be
    read; ``members``: of these, all that lie in containers; and what CompareWithEarlier has for members that are known.
    """

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
    def expand(self, objects: PCollection[PendingBatch]) -> DoOutputsTuple:
        return objects | "Open" >> beam.ParDo(self._open).with_outputs(MEMBERS, *OF_EARLIER, main=OPENED)
