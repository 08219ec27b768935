"""The UID map: each original UID (by keyed hash) and its one new UID; what breaks it; which instances are claimed twice.

UIDs go through the shuffle in shards, by a part of their hash, many together: each by itself would cost more than it weighs.
"""

from collections.abc import Iterable, Iterator
from itertools import starmap
from typing import Any, Literal

import apache_beam as beam
from apache_beam.pvalue import AsSingleton, DoOutputsTuple, PCollection, TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from anonymizer import MAX_UID_LENGTH

from .engine_config import EngineConfig
from .group_work_units import spread
from .metrics import UIDS_MAPPED, counter
from .packed import pack, unpack
from .records import WorkUnit
from .uid_uses import UidMapError, UidUse, Uses, claims, reference, uid_uses, violations

MAPPING: Literal["mapping"] = "mapping"
CLAIMED: Literal["claimed"] = "claimed"
REFERENCES: Literal["references"] = "references"
VIOLATIONS: Literal["violations"] = "violations"

#: instances for each shard, on average: with 16 UIDs of its own in each, which is many, a shard takes some 40 MB of memory
SHARD_SIZE = 4096
#: UIDs whose uses are joined before they are shuffled: a UID that all studies share makes no hot shard
MOST_USES = 50_000

#: what a shard gets: the fields of UidUses; and new UIDs, by their hash and that of the original
Shard = tuple[list[tuple[Any, ...]], list[tuple[bytes, bytes]]]


class _Shard(beam.DoFn):
    """Work units -> (shard, what it gets, packed); each UID once, as long as they are not too many."""

    def __init__(self, config: EngineConfig, shard_size: int, most_uses: int) -> None:
        self._config = config
        self._shard_size = shard_size
        self._most_uses = most_uses

    def setup(self) -> None:
        self._hash = self._config.engine().uids.hash

    def start_bundle(self) -> None:
        self._uses = Uses()
        self._shards = 1

    def process(self, unit: WorkUnit, listed: tuple[int, bytes]) -> Iterator[tuple[bytes, bytes]]:
        self._shards = -(-listed[0] // self._shard_size)
        for use in uid_uses(unit):
            self._uses.add(use)
        if len(self._uses.by_hash) >= self._most_uses:
            yield from self._take()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        for shard in self._take():
            yield WindowedValue(shard, window.max_timestamp(), (window,))

    def _take(self) -> Iterator[tuple[bytes, bytes]]:
        shards: dict[bytes, Shard] = {}
        for use in self._uses.by_hash.values():
            shards.setdefault(spread(use.hash, self._shards), ([], []))[0].append(use[:])
            if use.new_uid:
                if len(use.new_uid) > MAX_UID_LENGTH:
                    raise UidMapError("a new UID is longer than 64 characters")
                hash_of_new = self._hash(use.new_uid)
                shards.setdefault(spread(hash_of_new, self._shards), ([], []))[1].append((hash_of_new, use.hash))
        self._uses = Uses()
        for key, shard in shards.items():
            yield key, pack(shard)


class _Resolve(beam.DoFn):
    """All uses of the UIDs of a shard: rows of the map, and what units must know of those that share a claim with them."""

    def __init__(self) -> None:
        self._mapped = counter(UIDS_MAPPED)

    def process(
        self, sharded: tuple[bytes, Iterable[bytes]]
    ) -> Iterable[
        tuple[bytes, tuple[bytes, bool]]
        | TaggedOutput[Literal["mapping"], list[tuple[Any, ...]]]
        | TaggedOutput[Literal["references"], list[tuple[Any, ...]]]
        | TaggedOutput[Literal["violations"], int]
    ]:
        uses, new_uids = Uses(), []
        for used, new in map(unpack, sharded[1]):
            for use in starmap(UidUse, used):
                uses.add(use)
            new_uids += new
        references, mapped = [], []
        for use in uses.by_hash.values():
            if len(use.claimants) > 1:
                yield from claims(use)
            if (found := reference(use)) is not None:
                references.append(found[:])
            if use.new_uid:
                mapped.append(use.hash)
        yield TaggedOutput(VIOLATIONS, violations(mapped, new_uids))
        if references:
            yield TaggedOutput(REFERENCES, references)
        self._mapped.inc(len(mapped))
        yield TaggedOutput(MAPPING, [use[:] for use in uses.by_hash.values()])


class BuildUidMap(beam.PTransform[PCollection[WorkUnit], DoOutputsTuple]):
    """Work units -> ``mapping``: lists of UidUse tuples; ``references``: lists of Reference tuples; ``claimed``: (unit id, (hash
    of an instance that others claim, too, whether those are of other studies)); ``violations``: how many new UIDs break the map,
    in a part of it.
    """

    def __init__(
        self,
        listed: PCollection[tuple[int, bytes]],
        config: EngineConfig,
        shard_size: int = SHARD_SIZE,
        most_uses: int = MOST_USES,
    ) -> None:
        """
        Args:
            listed: one tuple, how many objects there are at most, and what else is known of them.
        """
        super().__init__()
        self._listed = listed
        self._shard = _Shard(config, shard_size, most_uses)

    @beam.typehints.no_annotations
    def expand(self, units: PCollection[WorkUnit]) -> DoOutputsTuple:
        return (
            units
            | "Shard" >> beam.ParDo(self._shard, listed=AsSingleton(self._listed)).with_output_types(tuple[bytes, bytes])
            | "ByShard" >> beam.GroupByKey()
            | "Resolve" >> beam.ParDo(_Resolve()).with_outputs(MAPPING, REFERENCES, VIOLATIONS, main=CLAIMED)
        )
