"""The UID map: each original UID (by keyed hash) and its one new UID; new UIDs that break it; instances that are claimed twice.

UIDs go through the shuffle in shards, by a part of their hash, many together.
"""

from collections.abc import Iterable, Iterator
from itertools import starmap
from typing import Literal, NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsSingleton, PCollection, TaggedOutput
from apache_beam.utils.windowed_value import WindowedValue

from ..earlier_runs.earlier_rows import EarlierRun
from ..engine_config import EngineConfig
from ..metrics import UIDS_MAPPED, counter
from ..records import KnownUid, References, UidUses, WorkUnit
from ..shuffle.bundles import in_global_window
from ..shuffle.sharding import keys_for
from ..shuffle.spread_elements import SpreadNames
from .earlier_map import (
    CLAIMS,
    NEW_UIDS,
    REFERENCE_ROWS,
    EarlierMapShard,
    claims_of,
    divided,
    in_shards,
    new_uids_of,
    read_map,
    read_uses,
)
from .uid_shards import UidShard, sharded
from .uid_uses import Uses, claims, preassigned, reference, uid_uses, violations, written_use
from .uids_in_use import GatherUidsInUse, UidsInUse

_CLAIMED: Literal["claimed"] = "claimed"
_MAPPING: Literal["mapping"] = "mapping"
_REFERENCES: Literal["references"] = "references"
_VIOLATIONS: Literal["violations"] = "violations"
_KEPT_MAPPING: Literal["kept_mapping"] = "kept_mapping"
_KEPT_REFERENCES: Literal["kept_references"] = "kept_references"
_TOUCHED: Literal["touched"] = "touched"
_UNTOUCHED_MAPPING: Literal["untouched_mapping"] = "untouched_mapping"
_UNTOUCHED_REFERENCES: Literal["untouched_references"] = "untouched_references"
_RESOLVED = (_MAPPING, _KEPT_MAPPING, _REFERENCES, _KEPT_REFERENCES, _VIOLATIONS)

#: instances for each shard, on average: with 16 UIDs of its own in each, which is many, a shard takes some 40 MB of memory
SHARD_SIZE = 4096
#: UIDs whose uses are joined before they are shuffled: a UID that all studies share makes no hot shard
MOST_USES = 50_000


class _Shard(beam.DoFn):
    """Work units -> (shard, its records); each UID once, as long as they are not too many."""

    def __init__(self, config: EngineConfig, shard_size: int, most_uses: int, with_units: bool) -> None:
        self._config = config
        self._shard_size = shard_size
        self._most_uses = most_uses
        self._with_units = with_units

    def setup(self) -> None:
        self._hash = self._config.engine().uids.hash

    def start_bundle(self) -> None:
        self._uses = Uses()
        self._shards = 1

    def process(self, unit: WorkUnit, listed: tuple[int, bytes]) -> Iterator[tuple[bytes, UidShard]]:
        self._shards = keys_for(listed[0], self._shard_size)
        for use in uid_uses(unit, with_units=self._with_units):
            self._uses.add(use)
        if len(self._uses.by_hash) >= self._most_uses:
            yield from self._take()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        return in_global_window(self._take())

    def _take(self) -> Iterator[tuple[bytes, UidShard]]:
        uses, self._uses = self._uses.by_hash.values(), Uses()
        yield from sharded(uses, self._shards, self._hash)


class _ShardClaims(beam.DoFn):
    """Tables of claims of skipped objects -> (shard, its records): the claims to instances that are in use now."""

    def __init__(self, shard_size: int) -> None:
        self._shard_size = shard_size

    def process(self, rows: pa.Table, listed: tuple[int, bytes], in_use: bytes) -> Iterator[tuple[bytes, UidShard]]:
        touched, _ = divided(CLAIMS, rows, UidsInUse(in_use))
        yield from in_shards(CLAIMS, touched, keys_for(listed[0], self._shard_size))


class _ShardRun(beam.DoFn):
    """Files of the last finished run's UID map and references -> (shard, its records); rows of UIDs that aren't in use now."""

    def __init__(self, run: EarlierRun, shard_size: int) -> None:
        self._run = run
        self._shard_size = shard_size

    def process(
        self, name: str, listed: tuple[int, bytes], in_use: bytes
    ) -> Iterator[
        tuple[bytes, UidShard]
        | TaggedOutput[Literal["untouched_mapping"], pa.Table]
        | TaggedOutput[Literal["untouched_references"], pa.Table]
    ]:
        uids, shards = UidsInUse(in_use), keys_for(listed[0], self._shard_size)
        kind, table = read_map(self._run, name)
        touched, untouched = divided(kind, table, uids)
        yield from in_shards(kind, touched, shards)
        if kind == REFERENCE_ROWS:
            yield TaggedOutput(_UNTOUCHED_REFERENCES, untouched)
        else:
            yield TaggedOutput(_UNTOUCHED_MAPPING, untouched)
            yield from in_shards(NEW_UIDS, divided(NEW_UIDS, new_uids_of(table), uids)[0], shards)


class _ShardImported(beam.DoFn):
    """Files of another run's UID map -> (shard, its records): uses, as those of units."""

    def __init__(self, config: EngineConfig, run: EarlierRun, shard_size: int) -> None:
        self._config = config
        self._run = run
        self._shard_size = shard_size

    def setup(self) -> None:
        self._hash = self._config.engine().uids.hash

    def process(self, name: str, listed: tuple[int, bytes]) -> Iterator[tuple[bytes, UidShard]]:
        yield from sharded(read_uses(self._run, name), keys_for(listed[0], self._shard_size), self._hash)


class _Resolve(beam.DoFn):
    """Joins all uses of the UIDs of a shard: yields rows of the map, and the UIDs of which units must know more."""

    def __init__(self) -> None:
        self._mapped = counter(UIDS_MAPPED)

    def process(
        self, grouped: tuple[bytes, Iterable[UidShard]]
    ) -> Iterable[
        tuple[bytes, KnownUid]
        | TaggedOutput[Literal["mapping"], UidUses]
        | TaggedOutput[Literal["kept_mapping"], pa.Table]
        | TaggedOutput[Literal["kept_references"], pa.Table]
        | TaggedOutput[Literal["references"], References]
        | TaggedOutput[Literal["violations"], int]
    ]:
        uses, new_uids, tables = Uses(), [], []
        for shard in grouped[1]:
            for use in shard.uses:
                uses.add(use)
            new_uids += shard.new_uids
            tables += shard.tables
        broken = 0
        if tables:
            known = EarlierMapShard.of(tables)
            broken = known.violations((use.hash for use in uses.by_hash.values() if use.new_uid), new_uids)
            claims_to = known.claims_to(uses.by_hash)
            touched, kept = known.touched(uses.by_hash)
            for use in (*touched, *starmap(written_use, claims_to)):
                uses.add(use)
            if kept.rows.num_rows:
                yield TaggedOutput(_KEPT_MAPPING, kept.rows)
            if kept.references.num_rows:
                yield TaggedOutput(_KEPT_REFERENCES, kept.references)
        references, mapped = References(), []
        for use in uses.by_hash.values():
            if len(use.claimants) > 1:
                yield from claims(use)
            if use.units:
                yield from preassigned(use)
            if (found := reference(use)) is not None:
                references.append(found)
            if use.new_uid:
                mapped.append(use.hash)
        yield TaggedOutput(_VIOLATIONS, broken + violations(mapped, new_uids))
        if references:
            yield TaggedOutput(_REFERENCES, references)
        self._mapped.inc(len(mapped))
        yield TaggedOutput(_MAPPING, UidUses(uses.by_hash.values()))


class EarlierMapRows(NamedTuple):
    """Rows of the last finished run that still hold.

    Attributes:
        kept_mapping, kept_references: those that went through a shard.
        untouched_mapping, untouched_references: those whose UIDs aren't in use now.
    """

    kept_mapping: PCollection[pa.Table]
    kept_references: PCollection[pa.Table]
    untouched_mapping: PCollection[pa.Table]
    untouched_references: PCollection[pa.Table]


class UidMap(NamedTuple):
    """Outputs of BuildUidMap.

    Attributes:
        claimed: (unit id, a UID of it of which other units or earlier runs tell more).
        mapping: rows of the map.
        references: rows of the table of references.
        violations: the number of new UIDs that break the map, for each part of it.
        earlier: rows of the last finished run; None where this run doesn't go on with one.
    """

    claimed: PCollection[tuple[bytes, KnownUid]]
    mapping: PCollection[UidUses]
    references: PCollection[References]
    violations: PCollection[int]
    earlier: EarlierMapRows | None


class _OfRun(NamedTuple):
    """Records for shards, and rows that need none, of the last finished run."""

    shards: list[PCollection[tuple[bytes, UidShard]]]
    untouched_mapping: PCollection[pa.Table]
    untouched_references: PCollection[pa.Table]


@beam.typehints.with_input_types(WorkUnit)
class BuildUidMap(beam.PTransform[PCollection[WorkUnit], UidMap]):
    """Work units -> UidMap."""

    def __init__(
        self,
        listed: PCollection[tuple[int, bytes]],
        config: EngineConfig,
        settled: tuple[PCollection[pa.Table], ...] = (),
        run: EarlierRun | None = None,
        imported: EarlierRun | None = None,
        shard_size: int = SHARD_SIZE,
        most_uses: int = MOST_USES,
    ) -> None:
        """
        Args:
            listed: one ``sum_of_sources``, with the number of objects at most.
            settled: rows of SETTLED_SCHEMA: of objects that aren't in units, and whose claims count.
            run: the last finished run, whose map goes on; without it, ``settled`` is empty.
            imported: another run whose map is imported.
        """
        super().__init__()
        self._listed = listed
        self._shard = _Shard(config, shard_size, most_uses, run is not None or imported is not None)
        self._settled = settled
        self._shard_claims = _ShardClaims(shard_size)
        self._run, self._imported = run, imported
        if run is not None:
            self._shard_run = _ShardRun(run, shard_size)
        if imported is not None:
            self._shard_imported = _ShardImported(config, imported, shard_size)

    @beam.typehints.no_annotations
    def expand(self, units: PCollection[WorkUnit]) -> UidMap:
        listed = AsSingleton(self._listed)
        uses = units | "Shard" >> beam.ParDo(self._shard, listed=listed)
        if self._imported is not None:
            names = units.pipeline | "ImportedFiles" >> SpreadNames(self._imported.files("uid_map"))
            of_imported = names | "ShardImported" >> beam.ParDo(self._shard_imported, listed=listed)
            uses = (uses, of_imported) | "Uses" >> beam.Flatten()
        of_run = None
        if self._run is not None:
            sides = {"listed": listed, "in_use": AsSingleton(uses | "InUse" >> GatherUidsInUse())}
            of_run = self._of_run(units.pipeline, self._run, sides)
            uses = (uses, *of_run.shards) | "AllUses" >> beam.Flatten()
        resolved = (
            uses | "ByShard" >> beam.GroupByKey() | "Resolve" >> beam.ParDo(_Resolve()).with_outputs(*_RESOLVED, main=_CLAIMED)
        )
        earlier = None
        if of_run is not None:
            kept = resolved[_KEPT_MAPPING], resolved[_KEPT_REFERENCES]
            earlier = EarlierMapRows(*kept, of_run.untouched_mapping, of_run.untouched_references)
        return UidMap(resolved[_CLAIMED], resolved[_MAPPING], resolved[_REFERENCES], resolved[_VIOLATIONS], earlier)

    def _of_run(self, pipeline: beam.Pipeline, run: EarlierRun, sides: dict[str, AsSingleton]) -> _OfRun:
        names = pipeline | "RunFiles" >> SpreadNames([*run.files("uid_map"), *run.files("references")])
        of_files = names | "ShardRun" >> beam.ParDo(self._shard_run, **sides).with_outputs(
            _UNTOUCHED_MAPPING, _UNTOUCHED_REFERENCES, main=_TOUCHED
        )
        shards = [of_files[_TOUCHED]]
        for number, rows in enumerate(self._settled):
            # until it is known which UIDs are in use, the claims alone are kept
            claims_of_rows = rows | f"Claims{number}" >> beam.Map(claims_of)
            shards.append(claims_of_rows | f"ShardClaims{number}" >> beam.ParDo(self._shard_claims, **sides))
        return _OfRun(shards, of_files[_UNTOUCHED_MAPPING], of_files[_UNTOUCHED_REFERENCES])
