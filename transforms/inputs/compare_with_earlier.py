"""Compare the listed objects with the work of earlier runs: the unfinished ones, and the last finished one."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Literal, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsSingleton, PCollection, TaggedOutput
from apache_beam.utils.windowed_value import WindowedValue

from storage import Archive, ObjectRef, ObjectWriter

from ..audit_names import LedgerFile
from ..earlier_runs.earlier_rows import SETTLED_SCHEMA, EarlierRun, read_settled, settled_by_shard
from ..earlier_runs.earlier_work import EarlierWork, by_shard
from ..earlier_runs.listed_table import LISTED_SCHEMA, pack_listed, refs_of, unpack_listed
from ..engine_config import EngineConfig
from ..ledger import Ledger
from ..metrics import ProgressListener
from ..records import RefBatch
from ..shuffle.arrow_shards import beginnings_of_hex, from_bytes, split_by_shard
from ..shuffle.bundles import in_global_window
from ..shuffle.record_coder import register_record
from ..shuffle.sharding import keys_for
from ..shuffle.spread_elements import SpreadNames
from ..source_ids import SourceHasher
from ..source_sums import Sum, sum_of_sources
from .earlier_results import RESULT_TAGS, EarlierResults, PendingBatch, Tagged, TaggedResults
from .list_objects import batches

_PENDING: Literal["pending"] = "pending"
_LISTED_SUMS: Literal["listed"] = "listed"

#: listed objects for each shard, on average
SHARD_SIZE = 4096
#: listed objects that are gathered before they are shuffled
_MOST_LISTED = 32_768

#: kinds of ShardInput: rows of LISTED_SCHEMA; entries of ledgers; rows of SETTLED_SCHEMA
_LISTED, _ENTRIES, _ROWS = b"l", b"e", b"r"


class ShardInput(NamedTuple):
    """Something that a shard gets.

    Attributes:
        kind: of the content.
        content: rows as Arrow's stream or packed entries; before they are read, the name of a file with them.
    """

    kind: bytes
    content: bytes


# its content is compressed
register_record(ShardInput)


class EarlierRuns(NamedTuple):
    """Earlier runs whose work counts.

    Attributes:
        ledgers: ledgers of the unfinished ones.
        run: the last finished one; None: this run doesn't go on with it.
        imported: a finished one whose UID map is imported.
    """

    ledgers: tuple[LedgerFile, ...] = ()
    run: EarlierRun | None = None
    imported: EarlierRun | None = None

    @property
    def objects(self) -> int:
        """The number of objects that they know, at most."""
        return sum(file.objects for file in self.ledgers) + (self.run.objects if self.run else 0)


class _ByShard(beam.DoFn):
    """Listed objects and the files of earlier runs -> (shard, input); the listed objects of a bundle together, as long as they
    are not too many.

    One step for all three: the outputs of several would be flattened, and so written and read once more before the shuffle.
    """

    def __init__(self, config: EngineConfig, ledger: Ledger, run: EarlierRun | None) -> None:
        self._config = config
        self._ledger = ledger
        self._run = run

    def setup(self) -> None:
        self._sources = SourceHasher(self._config.engine())

    def start_bundle(self) -> None:
        self._listed: list[pa.Table] = []
        self._count, self._shards = 0, 1

    def process(self, found: ShardInput, shards: int) -> Iterator[tuple[bytes, ShardInput]]:
        kind, content = found
        self._shards = shards
        if kind == _LISTED:
            self._listed.append(unpack_listed(content, self._sources))
            self._count += self._listed[-1].num_rows
            if self._count >= _MOST_LISTED:
                yield from self._take()
        else:
            for shard, part in self._read(kind, content.decode(), shards):
                yield shard, ShardInput(kind, part)

    def _read(self, kind: bytes, name: str, shards: int) -> Iterator[tuple[bytes, bytes]]:
        if kind == _ENTRIES:
            return by_shard(self._ledger.read(name), shards)
        assert self._run is not None
        return settled_by_shard(read_settled(self._run, name), shards)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        return in_global_window(self._take())

    def _take(self) -> Iterator[tuple[bytes, ShardInput]]:
        if self._listed:
            table = pa.concat_tables(self._listed)
            self._listed, self._count = [], 0
            for shard, part in split_by_shard(table, beginnings_of_hex(table["source_id"]), self._shards):
                yield shard, ShardInput(_LISTED, part)


_Output = PendingBatch | Tagged | TaggedOutput[Literal["listed"], Sum]


class _Compare(beam.DoFn):
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

    def setup(self) -> None:
        self._sources = SourceHasher(self._config.engine())

    def process(self, of_shard: tuple[bytes, Iterable[ShardInput]]) -> Iterator[_Output]:
        contents: dict[bytes, list[bytes]] = {_LISTED: [], _ENTRIES: [], _ROWS: []}
        for part in of_shard[1]:
            contents[part.kind].append(part.content)
        earlier = EarlierWork(contents[_ENTRIES], from_bytes(contents[_ROWS], SETTLED_SCHEMA))
        of_containers = earlier.of_containers()
        listed = from_bytes(contents[_LISTED], LISTED_SCHEMA)
        containers = list(refs_of(listed.filter(listed["is_container"])))
        for ref, source in containers:
            if ref.members is not None:
                # the work on its other members is left to other listings of it
                known = of_containers.get(source.source_id)
                named = {self._sources.source_id(ref.listed_as + name) for name in ref.members}
                yield from self._container(ref, known and known.part(named))
        for ref, source in containers:
            if ref.members is None:
                yield from self._container(ref, of_containers.pop(source.source_id, None))
        plain = listed.filter(pc.invert(listed["is_container"]))
        # of all of them, whatever their outcome
        yield TaggedOutput(_LISTED_SUMS, sum_of_sources(plain["source_id"].to_pylist()))
        compared = earlier.compare_listed(plain, self._writer)
        self._progress.add("listed", plain.num_rows - len(compared.to_do))
        yield from self._results.tagged(compared, earlier)
        for left in (earlier, *of_containers.values()):
            yield from self._results.gone(left)
        for batch in batches(compared.to_do, self._archive.is_container):
            yield PendingBatch(batch)

    def _container(self, ref: ObjectRef, known: EarlierWork | None) -> Iterator[_Output]:
        if known is None:
            yield PendingBatch(RefBatch([ref]))
            return
        rows = known.settled.all_rows(self._sources.version_of_container(ref), self._writer.is_there)
        if rows is None or (ref.members is not None and rows.num_rows != len(ref.members)):
            yield PendingBatch(RefBatch([ref]), known.packed())
            return
        # as if it had been opened
        self._progress.add("listed", rows.num_rows)
        yield TaggedOutput(_LISTED_SUMS, sum_of_sources(rows["source_id"].to_pylist()))
        yield from self._results.settled(rows, [ref.input] * rows.num_rows)


def shards_for(listed: int, known: int, shard_size: int = SHARD_SIZE) -> int:
    """Return the number of shards for so many listed objects and objects that earlier runs know."""
    return max(1, keys_for(max(listed, known), shard_size))


class ComparedObjects(NamedTuple):
    """Outputs of CompareWithEarlier.

    Attributes:
        pending: objects to be processed, and containers to be opened.
        results: results of earlier runs for all others.
        listed: the ``sum_of_sources`` of all listed objects but the members of containers to be opened.
    """

    pending: PCollection[PendingBatch]
    results: EarlierResults
    listed: PCollection[Sum]


@beam.typehints.with_input_types(RefBatch)
class CompareWithEarlier(beam.PTransform[PCollection[RefBatch], ComparedObjects]):
    """Batches of listed objects -> ComparedObjects."""

    def __init__(
        self,
        earlier: EarlierRuns,
        ledger: Ledger,
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
        self._earlier = earlier
        self._archive = archive
        self._by_shard = _ByShard(config, ledger, earlier.run)
        self._compare = _Compare(config, archive, writer, progress, inputs)

    @beam.typehints.no_annotations
    def expand(self, objects: PCollection[RefBatch]) -> ComparedObjects:
        shards = AsSingleton(
            objects
            | "Size" >> beam.Map(len).with_output_types(int)
            | "Count" >> beam.CombineGlobally(sum)
            | "Shards" >> beam.Map(shards_for, self._earlier.objects).with_output_types(int)
        )
        run = self._earlier.run
        files = {_ENTRIES: [file.name for file in self._earlier.ledgers], _ROWS: run.files("instances") if run else []}
        names = [
            objects.pipeline
            | label >> SpreadNames(files[kind])
            | f"As{label}" >> beam.Map(_file, kind).with_output_types(ShardInput)
            for label, kind in (("Ledgers", _ENTRIES), ("Tables", _ROWS))
        ]
        refs = objects | "AsTable" >> beam.Map(partial(_listed, archive=self._archive)).with_output_types(ShardInput)
        shuffled = (
            (refs, *names)
            | "All" >> beam.Flatten()
            | "ByShard" >> beam.ParDo(self._by_shard, shards=shards).with_output_types(tuple[bytes, ShardInput])
            | "Join" >> beam.GroupByKey()
        )
        outputs = shuffled | "Compare" >> beam.ParDo(self._compare).with_outputs(*RESULT_TAGS, _LISTED_SUMS, main=_PENDING)
        return ComparedObjects(outputs[_PENDING], EarlierResults.of(outputs), outputs[_LISTED_SUMS])


def _listed(batch: RefBatch, archive: Archive) -> ShardInput:
    return ShardInput(_LISTED, pack_listed(batch, archive.is_container))


def _file(name: str, kind: bytes) -> ShardInput:
    return ShardInput(kind, name.encode())
