"""The UID map: each original UID (by keyed hash) and its one new UID; what breaks it; which instances are claimed twice.

UIDs go through the shuffle in shards, by a part of their hash, many together: each by itself would cost more than it weighs.
"""

from collections.abc import Iterable, Iterator
from itertools import starmap
from typing import Literal, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import AsSingleton, DoOutputsTuple, PCollection, TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from anonymizer import MAX_UID_LENGTH

from .engine_config import EngineConfig
from .group_work_units import is_finished, spread
from .metrics import UIDS_MAPPED, counter
from .packed import pack, unpack
from .records import SharedFindings, StudyPart, UidRole, WorkUnit

MAPPING: Literal["mapping"] = "mapping"
CLAIMED: Literal["claimed"] = "claimed"
VIOLATIONS: Literal["violations"] = "violations"

#: instances for each shard, on average: with 16 UIDs of its own in each, which is many, a shard takes some 40 MB of memory
SHARD_SIZE = 4096
#: UIDs whose uses are joined before they are shuffled: a UID that all studies share makes no hot shard
MOST_USES = 50_000

#: bytes of a study's keyed hash by which studies that claim an instance are told apart
_STUDY_SIZE = 8

#: UID's hash, new UID, UidRole, claimants: the fields of a UidUse
Use = tuple[bytes, bytes, int, list[bytes]]
#: what a shard gets: uses of UIDs; and new UIDs, by their hash and that of the original
Shard = tuple[list[Use], list[tuple[bytes, bytes]]]


class UidUse(NamedTuple):
    """What is known of the use of an original UID: by a work unit, and by more and more of them together.

    Attributes:
        hash: the original's keyed hash.
        new_uid: empty where a unit only claims the UID (it is retained).
        role: a UidRole, the first of those it has.
        claimants: for each study in which an object has it as its own SOPInstanceUID, the beginning of the study's keyed hash,
            and the id of the unit with that object; or with objects that are done with by now.
    """

    hash: bytes
    new_uid: bytes
    role: int
    claimants: list[bytes]


class UidMapRow(NamedTuple):
    """A row of ``uid_map-*.parquet``."""

    hash: bytes
    new_uid: bytes
    role: int


class UidMapError(Exception):
    """The UID map doesn't hold; nothing is written. The message names no UID."""


def uid_uses(unit: WorkUnit) -> Iterator[UidUse]:
    """The use of each UID of a work unit: shared UIDs don't repeat for each instance."""
    unit_id, parts = unit
    for part in starmap(StudyPart, parts):
        claimed: dict[bytes, bytes] = {}
        for _, _, instance, new_uid in part.headers:
            claimed[instance] = claimed.get(instance) or new_uid
        for instance, new_uid in claimed.items():
            yield UidUse(instance, new_uid, _INSTANCE, [part.study[:_STUDY_SIZE] + unit_id])
        for shared in starmap(SharedFindings, part.shared):
            for uid_hash, new_uid, role in shared.uids:
                yield UidUse(uid_hash, new_uid, role, [])


_INSTANCE = int(UidRole.INSTANCE)


class Uses:
    """Uses of UIDs, those of one UID joined."""

    def __init__(self) -> None:
        self.by_hash: dict[bytes, UidUse] = {}

    def add(self, use: UidUse) -> None:
        """Take a use.

        Raises:
            UidMapError: the UID has another new UID by now.
        """
        known = self.by_hash.setdefault(use.hash, use)
        if known is use:
            return
        if known.new_uid and use.new_uid and known.new_uid != use.new_uid:
            raise UidMapError("one original UID was given two new ones: workers use different keys or versions")
        known.claimants.extend(use.claimants)
        if use.role < known.role or (use.new_uid and not known.new_uid):
            self.by_hash[use.hash] = UidUse(use.hash, known.new_uid or use.new_uid, min(known.role, use.role), known.claimants)


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


def violations(originals: Iterable[bytes], new_uids: Iterable[tuple[bytes, bytes]]) -> int:
    """How many new UIDs break the map: they are new for two originals, or new and original at once.

    Args:
        originals: hashes of original UIDs.
        new_uids: hashes of new UIDs, each with that of its original, as often as it comes.
    """
    original_of: dict[bytes, bytes] = {}
    broken = {new for new, original in new_uids if original_of.setdefault(new, original) != original}
    return len(broken.union(original_of.keys() & set(originals)))


def claims(use: UidUse) -> Iterator[tuple[bytes, tuple[bytes, bool]]]:
    """(unit id, (instance, whether other studies claim it)) for each unit that shares the claim to an instance.

    A SOPInstanceUID that objects of two studies claim is a conflict: nobody can say which is right. Objects of one study are in
    one unit; but some may be done with, and then the unit must know.
    """
    studies = {claimant[:_STUDY_SIZE] for claimant in use.claimants}
    units = {claimant[_STUDY_SIZE:] for claimant in use.claimants}
    to_do = sorted(unit for unit in units if not is_finished(unit))
    if len(studies) > 1 or (to_do and len(units) > 1):
        for unit in to_do:
            yield unit, (use.hash, len(studies) > 1)


class _Resolve(beam.DoFn):
    """All uses of the UIDs of a shard: rows of the map, and what units must know of those that share a claim with them."""

    def __init__(self) -> None:
        self._mapped = counter(UIDS_MAPPED)

    def process(
        self, sharded: tuple[bytes, Iterable[bytes]]
    ) -> Iterable[
        tuple[bytes, tuple[bytes, bool]]
        | TaggedOutput[Literal["mapping"], list[tuple[bytes, bytes, int]]]
        | TaggedOutput[Literal["violations"], int]
    ]:
        uses, new_uids = Uses(), []
        for used, new in map(unpack, sharded[1]):
            for use in starmap(UidUse, used):
                uses.add(use)
            new_uids += new
        for use in uses.by_hash.values():
            if len(use.claimants) > 1:
                yield from claims(use)
        rows = [(use.hash, use.new_uid, use.role) for use in uses.by_hash.values() if use.new_uid]
        yield TaggedOutput(VIOLATIONS, violations((row[0] for row in rows), new_uids))
        if rows:
            self._mapped.inc(len(rows))
            yield TaggedOutput(MAPPING, rows)


class BuildUidMap(beam.PTransform[PCollection[WorkUnit], DoOutputsTuple]):
    """Work units -> ``mapping``: lists of UidMapRow tuples; ``claimed``: (unit id, (hash of an instance that others claim, too,
    whether those are of other studies)); ``violations``: how many new UIDs break the map, in a part of it.
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
            | "Resolve" >> beam.ParDo(_Resolve()).with_outputs(MAPPING, VIOLATIONS, main=CLAIMED)
        )
