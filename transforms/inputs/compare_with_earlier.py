"""Compare what is listed with the work of earlier runs: those that did not come to their end, and the last one that did."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsSingleton, DoOutputsTuple, PCollection, TaggedOutput
from apache_beam.utils.windowed_value import WindowedValue

from storage import Archive, ObjectRef, ObjectWriter

from ..audit_names import LedgerFile
from ..earlier_runs.earlier_rows import SETTLED_SCHEMA, EarlierRun, listed_now, read_settled, settled_by_shard
from ..earlier_runs.earlier_work import Compared, EarlierWork, by_shard
from ..earlier_runs.listed_table import LISTED_SCHEMA, pack_listed, refs_of, unpack_listed
from ..engine_config import EngineConfig
from ..ledger import Ledger
from ..metrics import OBJECTS_SKIPPED, OBJECTS_TAKEN_UP, ProgressListener, counter
from ..records import AuditRows, RefBatch
from ..shuffle.arrow_shards import beginnings_of_hex, from_bytes, split_by_shard
from ..shuffle.bundles import in_global_window
from ..shuffle.packing import pack
from ..shuffle.sharding import keys_for
from ..shuffle.spread_elements import SpreadNames
from ..source_ids import SourceHasher
from ..source_sums import sum_of_sources
from ..work_unit_ids import finished_unit
from .list_objects import batches

TO_DO: Literal["to_do"] = "to_do"
KNOWN: Literal["known"] = "known"
FINISHED: Literal["finished"] = "finished"
RECOVERED: Literal["taken_up"] = "taken_up"
SETTLED: Literal["settled"] = "settled"
GONE: Literal["gone"] = "gone"
LISTED: Literal["listed"] = "listed"
#: what OpenContainers has as well, for members
OF_EARLIER = (KNOWN, FINISHED, RECOVERED, SETTLED, GONE)

#: listed objects for each shard, on average
SHARD_SIZE = 4096
#: listed objects that are gathered before they are shuffled
_MOST_LISTED = 32_768

#: of what a shard gets: rows of LISTED_SCHEMA; entries of ledgers; rows of SETTLED_SCHEMA
_LISTED, _ENTRIES, _ROWS = b"l", b"e", b"r"
#: a kind, and such content, or the name of a file of it
ShardInput = tuple[bytes, bytes]

#: a batch, and for a container what is known of its members, packed
PendingBatch = tuple[RefBatch, bytes]
Tagged = (
    TaggedOutput[Literal["known"], bytes]
    | TaggedOutput[Literal["finished"], tuple[bytes, Any]]
    | TaggedOutput[Literal["taken_up"], AuditRows]
    | TaggedOutput[Literal["settled"], list[pa.Table]]
    | TaggedOutput[Literal["gone"], list[pa.Table]]
    | TaggedOutput[Literal["listed"], tuple[int, bytes]]
)


class EarlierRuns(NamedTuple):
    """What earlier runs left.

    Attributes:
        ledgers: of runs that did not come to their end.
        run: the last one that did; None: its work isn't gone on with.
        given: one whose UID map goes on.
    """

    ledgers: tuple[LedgerFile, ...] = ()
    run: EarlierRun | None = None
    given: EarlierRun | None = None

    @property
    def objects(self) -> int:
        """How many they tell of, at most."""
        return sum(file.objects for file in self.ledgers) + (self.run.objects if self.run else 0)


class KnownWorkOutputs:
    """Hands on what needn't be done, and counts it."""

    def __init__(self, progress: ProgressListener, inputs: tuple[str, ...]) -> None:
        """
        Args:
            inputs: their ids, by their ordinals.
        """
        self._progress = progress
        self._inputs = inputs
        self._taken_up, self._skipped = counter(OBJECTS_TAKEN_UP), counter(OBJECTS_SKIPPED)

    def tagged(self, compared: Compared, earlier: EarlierWork) -> Iterator[Tagged]:
        """All of ``compared`` but what is to be done."""
        if compared.scanned:
            self._progress.add("scanned", sum(len(group[2]) for group in compared.scanned))
            yield TaggedOutput(KNOWN, pack(compared.scanned))
        for group in compared.finished:
            yield TaggedOutput(FINISHED, finished_unit(group))
        for group in compared.refused:
            # who has the same SOPInstanceUID is no duplicate of these
            yield TaggedOutput(FINISHED, finished_unit(group, is_written=False))
        if compared.rows:
            for stage in ("scanned", "finished"):
                self._progress.add(stage, len(compared.rows))
            self._taken_up.inc(len(compared.rows))
            yield TaggedOutput(RECOVERED, compared.rows)
        if compared.settled:
            yield from self.settled(earlier.settled.rows(compared.settled), compared.settled_inputs)

    def settled(self, rows: pa.Table, inputs: Sequence[int]) -> Iterator[Tagged]:
        """Rows of objects that an earlier run was done with.

        Args:
            inputs: ordinals of the inputs that list them now.
        """
        for stage in ("scanned", "finished"):
            self._progress.add(stage, rows.num_rows)
        self._skipped.inc(rows.num_rows)
        yield TaggedOutput(SETTLED, [listed_now(rows, inputs, self._inputs)])

    def gone(self, earlier: EarlierWork) -> Iterator[Tagged]:
        """Rows of what wasn't listed, once all that was is compared."""
        if (left := earlier.settled.left()).num_rows:
            yield TaggedOutput(GONE, [left])


class _ByShard(beam.DoFn):
    """What is listed and the files of earlier runs -> (shard, (kind, what it gets)); listed objects of a bundle together, as long
    as they are not too many.

    One step for all three: where they came from as many, all that they give would be flattened, and so written and read once
    more before it is shuffled.
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
                yield shard, (kind, part)

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
                yield shard, (_LISTED, part)


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
        self._takes = KnownWorkOutputs(progress, inputs)

    def setup(self) -> None:
        self._sources = SourceHasher(self._config.engine())

    def process(self, of_shard: tuple[bytes, Iterable[ShardInput]]) -> Iterator[PendingBatch | Tagged]:
        contents: dict[bytes, list[bytes]] = {_LISTED: [], _ENTRIES: [], _ROWS: []}
        for kind, content in of_shard[1]:
            contents[kind].append(content)
        earlier = EarlierWork(contents[_ENTRIES], from_bytes(contents[_ROWS], SETTLED_SCHEMA))
        of_containers = earlier.of_containers()
        listed = from_bytes(contents[_LISTED], LISTED_SCHEMA)
        containers = list(refs_of(listed.filter(listed["is_container"])))
        for ref, source in containers:
            if ref.members is not None:
                # what is known of the others is left to who lists them
                known = of_containers.get(source.source_id)
                named = {self._sources.source_id(ref.listed_as + name) for name in ref.members}
                yield from self._container(ref, known and known.part(named))
        for ref, source in containers:
            if ref.members is None:
                yield from self._container(ref, of_containers.pop(source.source_id, None))
        plain = listed.filter(pc.invert(listed["is_container"]))
        # whatever becomes of them
        yield TaggedOutput(LISTED, sum_of_sources(plain["source_id"].to_pylist()))
        compared = earlier.compare_listed(plain, self._writer)
        self._progress.add("listed", plain.num_rows - len(compared.to_do))
        yield from self._takes.tagged(compared, earlier)
        for left in (earlier, *of_containers.values()):
            yield from self._takes.gone(left)
        for batch in batches(compared.to_do, self._archive.is_container):
            yield batch, b""

    def _container(self, ref: ObjectRef, known: EarlierWork | None) -> Iterator[PendingBatch | Tagged]:
        if known is None:
            yield [ref[:]], b""
            return
        rows = known.settled.all_rows(self._sources.version_of_container(ref), self._writer.is_there)
        if rows is None or (ref.members is not None and rows.num_rows != len(ref.members)):
            yield [ref[:]], known.packed()
            return
        # as if it had been opened
        self._progress.add("listed", rows.num_rows)
        yield TaggedOutput(LISTED, sum_of_sources(rows["source_id"].to_pylist()))
        yield from self._takes.settled(rows, [ref.input] * rows.num_rows)


def shards_for(listed: int, known: int, shard_size: int = SHARD_SIZE) -> int:
    """How many shards there are for so many listed objects and entries of ledgers."""
    return max(1, keys_for(max(listed, known), shard_size))


class CompareWithEarlier(beam.PTransform[PCollection[RefBatch], DoOutputsTuple]):
    """Batches -> ``to_do``: batches, each with what is known of the members of the container that it is; ``known``: lists of
    HeaderGroup tuples, packed; ``finished``: lists of HeaderGroup tuples of objects that are done with; ``taken_up``: their
    AuditRows; ``settled``: lists of tables of SETTLED_SCHEMA of what the last run was done with; ``gone``: of what is not
    listed any more; ``listed``: the ``sum_of_sources`` of all objects but the members of containers that are to be opened.
    """

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
    def expand(self, objects: PCollection[RefBatch]) -> DoOutputsTuple:
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
        return shuffled | "Compare" >> beam.ParDo(self._compare).with_outputs(*OF_EARLIER, LISTED, main=TO_DO)


def _listed(batch: RefBatch, archive: Archive) -> ShardInput:
    return _LISTED, pack_listed(batch, archive.is_container)


def _file(name: str, kind: bytes) -> ShardInput:
    return kind, name.encode()
