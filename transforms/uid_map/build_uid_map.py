"""The UID map: each original UID (by keyed hash) and its one new UID; what breaks it; which instances are claimed twice.

UIDs go through the shuffle in shards, by a part of their hash, many together: each by itself would cost more than it weighs.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import starmap
from typing import Any, Literal

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsSingleton, PCollection, TaggedOutput
from apache_beam.utils.windowed_value import WindowedValue

from anonymizer.internals import MAX_UID_LENGTH

from ..earlier_runs.earlier_rows import EarlierRun
from ..engine_config import EngineConfig
from ..metrics import UIDS_MAPPED, counter
from ..records import WorkUnit
from ..shuffle.arrow_shards import from_bytes
from ..shuffle.bundles import in_global_window
from ..shuffle.packing import pack, unpack
from ..shuffle.sharding import keys_for, spread
from ..shuffle.spread_elements import SpreadNames
from .earlier_map import (
    CLAIMS,
    CLAIMS_SCHEMA,
    NEW_UIDS,
    REFERENCE_ROWS,
    EarlierMapShard,
    claims_of,
    divided,
    in_shards,
    is_table,
    new_uids_of,
    read_map,
    read_uses,
)
from .uid_uses import UidMapError, UidUse, Uses, claims, given, reference, uid_uses, violations, written_use
from .uids_in_use import GatherUidsInUse, UidsInUse

MAPPING: Literal["mapping"] = "mapping"
CLAIMED: Literal["claimed"] = "claimed"
REFERENCES: Literal["references"] = "references"
KEPT_MAPPING: Literal["kept_mapping"] = "kept_mapping"
KEPT_REFERENCES: Literal["kept_references"] = "kept_references"
UNTOUCHED_MAPPING: Literal["untouched_mapping"] = "untouched_mapping"
UNTOUCHED_REFERENCES: Literal["untouched_references"] = "untouched_references"
VIOLATIONS: Literal["violations"] = "violations"
OF_MAP = (MAPPING, KEPT_MAPPING, REFERENCES, KEPT_REFERENCES, VIOLATIONS)
#: rows that an earlier run had and that still hold, through a shard and past all: the tables to which they belong
OF_EARLIER_MAP = {
    KEPT_MAPPING: "uid_map",
    KEPT_REFERENCES: "references",
    UNTOUCHED_MAPPING: "uid_map",
    UNTOUCHED_REFERENCES: "references",
}

#: instances for each shard, on average: with 16 UIDs of its own in each, which is many, a shard takes some 40 MB of memory
SHARD_SIZE = 4096
#: UIDs whose uses are joined before they are shuffled: a UID that all studies share makes no hot shard
MOST_USES = 50_000

#: what a shard gets: the fields of UidUses; and new UIDs, by their hash and that of the original
Shard = tuple[list[tuple[Any, ...]], list[tuple[bytes, bytes]]]


def sharded(uses: Iterable[tuple[Any, ...]], shards: int, hash_of: Callable[[bytes], bytes]) -> Iterator[tuple[bytes, bytes]]:
    """(shard, what it gets, packed) of UidUse tuples.

    Raises:
        UidMapError: a new UID is too long.
    """
    found: dict[bytes, Shard] = {}
    for use in uses:
        uid_hash, new_uid = use[:2]
        found.setdefault(spread(uid_hash, shards), ([], []))[0].append(use)
        if new_uid:
            if len(new_uid) > MAX_UID_LENGTH:
                raise UidMapError("a new UID is longer than 64 characters")
            hash_of_new = hash_of(new_uid)
            found.setdefault(spread(hash_of_new, shards), ([], []))[1].append((hash_of_new, uid_hash))
    for key, shard in found.items():
        yield key, pack(shard)


class _Shard(beam.DoFn):
    """Work units -> (shard, what it gets, packed); each UID once, as long as they are not too many."""

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

    def process(self, unit: WorkUnit, listed: tuple[int, bytes]) -> Iterator[tuple[bytes, bytes]]:
        self._shards = keys_for(listed[0], self._shard_size)
        for use in uid_uses(unit, with_units=self._with_units):
            self._uses.add(use)
        if len(self._uses.by_hash) >= self._most_uses:
            yield from self._take()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        return in_global_window(self._take())

    def _take(self) -> Iterator[tuple[bytes, bytes]]:
        uses, self._uses = self._uses.by_hash.values(), Uses()
        yield from sharded((use[:] for use in uses), self._shards, self._hash)


class _ShardClaims(beam.DoFn):
    """Tables of claims of skipped objects, as Arrow's streams -> (shard, what it gets): those to what is in use now."""

    def __init__(self, shard_size: int) -> None:
        self._shard_size = shard_size

    def process(self, content: bytes, listed: tuple[int, bytes], in_use: bytes) -> Iterator[tuple[bytes, bytes]]:
        touched, _ = divided(CLAIMS, from_bytes([content], CLAIMS_SCHEMA), UidsInUse(in_use))
        yield from in_shards(CLAIMS, touched, keys_for(listed[0], self._shard_size))


class _ShardRun(beam.DoFn):
    """Files of the UID map and of references of the run that is gone on with -> (shard, what it gets), and what no UID touches
    that is in use now.
    """

    def __init__(self, run: EarlierRun, shard_size: int) -> None:
        self._run = run
        self._shard_size = shard_size

    def process(
        self, name: str, listed: tuple[int, bytes], in_use: bytes
    ) -> Iterator[
        tuple[bytes, bytes]
        | TaggedOutput[Literal["untouched_mapping"], list[pa.Table]]
        | TaggedOutput[Literal["untouched_references"], list[pa.Table]]
    ]:
        uids, shards = UidsInUse(in_use), keys_for(listed[0], self._shard_size)
        kind, table = read_map(self._run, name)
        touched, untouched = divided(kind, table, uids)
        yield from in_shards(kind, touched, shards)
        if kind == REFERENCE_ROWS:
            yield TaggedOutput(UNTOUCHED_REFERENCES, [untouched])
        else:
            yield TaggedOutput(UNTOUCHED_MAPPING, [untouched])
            yield from in_shards(NEW_UIDS, divided(NEW_UIDS, new_uids_of(table), uids)[0], shards)


class _ShardGiven(beam.DoFn):
    """Files of another run's UID map -> (shard, what it gets): uses, as those of units."""

    def __init__(self, config: EngineConfig, run: EarlierRun, shard_size: int) -> None:
        self._config = config
        self._run = run
        self._shard_size = shard_size

    def setup(self) -> None:
        self._hash = self._config.engine().uids.hash

    def process(self, name: str, listed: tuple[int, bytes]) -> Iterator[tuple[bytes, bytes]]:
        yield from sharded(read_uses(self._run, name), keys_for(listed[0], self._shard_size), self._hash)


class _Resolve(beam.DoFn):
    """All uses of the UIDs of a shard: rows of the map, and what units must know of those that share a claim with them."""

    def __init__(self) -> None:
        self._mapped = counter(UIDS_MAPPED)

    def process(
        self, sharded: tuple[bytes, Iterable[bytes]]
    ) -> Iterable[
        tuple[bytes, tuple[bytes, bool | bytes]]
        | TaggedOutput[Literal["mapping"], list[tuple[Any, ...]]]
        | TaggedOutput[Literal["kept_mapping"], list[pa.Table]]
        | TaggedOutput[Literal["kept_references"], list[pa.Table]]
        | TaggedOutput[Literal["references"], list[tuple[Any, ...]]]
        | TaggedOutput[Literal["violations"], int]
    ]:
        uses, new_uids, of_earlier = Uses(), [], []
        for content in sharded[1]:
            if is_table(content):
                of_earlier.append(content)
                continue
            used, new = unpack(content)
            for use in starmap(UidUse, used):
                uses.add(use)
            new_uids += new
        broken = 0
        if of_earlier:
            known = EarlierMapShard.of(of_earlier)
            broken = known.violations((use.hash for use in uses.by_hash.values() if use.new_uid), new_uids)
            claims_to = known.claims_to(uses.by_hash)
            touched, kept = known.touched(uses.by_hash)
            for use in (*touched, *starmap(written_use, claims_to)):
                uses.add(use)
            if kept.rows.num_rows:
                yield TaggedOutput(KEPT_MAPPING, [kept.rows])
            if kept.odd.num_rows:
                yield TaggedOutput(KEPT_REFERENCES, [kept.odd])
        references, mapped = [], []
        for use in uses.by_hash.values():
            if len(use.claimants) > 1:
                yield from claims(use)
            if use.units:
                yield from given(use)
            if (found := reference(use)) is not None:
                references.append(found[:])
            if use.new_uid:
                mapped.append(use.hash)
        yield TaggedOutput(VIOLATIONS, broken + violations(mapped, new_uids))
        if references:
            yield TaggedOutput(REFERENCES, references)
        self._mapped.inc(len(mapped))
        yield TaggedOutput(MAPPING, [use[:] for use in uses.by_hash.values()])


class BuildUidMap(beam.PTransform[PCollection[WorkUnit], dict[str, PCollection[Any]]]):
    """Work units -> ``mapping``: lists of UidUse tuples; ``references``: lists of Reference tuples; of both what an earlier run
    had and still holds, as tables, by OF_EARLIER_MAP; ``claimed``: (unit id, (hash of an instance that others claim, too, whether
    those are of other studies)), and (unit id, (hash, new UID)) for UIDs whose new ones were given away before; ``violations``:
    how many new UIDs break the map, in a part of it.
    """

    def __init__(
        self,
        listed: PCollection[tuple[int, bytes]],
        config: EngineConfig,
        settled: tuple[PCollection[list[pa.Table]], ...] = (),
        run: EarlierRun | None = None,
        given: EarlierRun | None = None,
        shard_size: int = SHARD_SIZE,
        most_uses: int = MOST_USES,
    ) -> None:
        """
        Args:
            listed: one tuple, how many objects there are at most, and what else is known of them.
            settled: lists of tables of SETTLED_SCHEMA: of objects that aren't in units, and whose claims count.
            run: the run that is gone on with, and its map; without it, ``settled`` has nothing.
            given: another one, whose map goes on.
        """
        super().__init__()
        self._listed = listed
        self._shard = _Shard(config, shard_size, most_uses, run is not None or given is not None)
        self._settled = settled
        self._shard_claims = _ShardClaims(shard_size)
        self._run, self._given = run, given
        if run is not None:
            self._shard_run = _ShardRun(run, shard_size)
        if given is not None:
            self._shard_given = _ShardGiven(config, given, shard_size)

    @beam.typehints.no_annotations
    def expand(self, units: PCollection[WorkUnit]) -> dict[str, PCollection[Any]]:
        listed = AsSingleton(self._listed)
        uses = units | "Shard" >> beam.ParDo(self._shard, listed=listed).with_output_types(tuple[bytes, bytes])
        outputs: dict[str, PCollection[Any]] = {}
        if self._given is not None:
            names = units.pipeline | "GivenFiles" >> SpreadNames(self._given.files("uid_map"))
            of_given = names | "ShardGiven" >> beam.ParDo(self._shard_given, listed=listed).with_output_types(tuple[bytes, bytes])
            uses = (uses, of_given) | "Uses" >> beam.Flatten()
        if self._run is not None:
            sides = {"listed": listed, "in_use": AsSingleton(uses | "InUse" >> GatherUidsInUse())}
            more, outputs = self._of_run(units.pipeline, self._run, sides)
            uses = (uses, *more) | "AllUses" >> beam.Flatten()
        resolved = uses | "ByShard" >> beam.GroupByKey() | "Resolve" >> beam.ParDo(_Resolve()).with_outputs(*OF_MAP, main=CLAIMED)
        return outputs | {tag: resolved[tag] for tag in (CLAIMED, *OF_MAP)}

    def _of_run(
        self, pipeline: beam.Pipeline, run: EarlierRun, sides: dict[str, AsSingleton]
    ) -> tuple[list[PCollection[Any]], dict[str, PCollection[Any]]]:
        """What of the run goes to shards, and what doesn't."""
        names = pipeline | "RunFiles" >> SpreadNames([*run.files("uid_map"), *run.files("references")])
        of_run = names | "ShardRun" >> beam.ParDo(self._shard_run, **sides).with_outputs(
            UNTOUCHED_MAPPING, UNTOUCHED_REFERENCES, main="touched"
        )
        more = [of_run["touched"]]
        for number, rows in enumerate(self._settled):
            # what is kept until it is known which UIDs are in use is the claims alone
            claims_of_rows = rows | f"Claims{number}" >> beam.Map(claims_of).with_output_types(bytes)
            shard = beam.ParDo(self._shard_claims, **sides).with_output_types(tuple[bytes, bytes])
            more.append(claims_of_rows | f"ShardClaims{number}" >> shard)
        return more, {tag: of_run[tag] for tag in (UNTOUCHED_MAPPING, UNTOUCHED_REFERENCES)}
