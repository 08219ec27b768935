"""The UID map: each original UID (by keyed hash) and its one new UID; and which instances several studies claim."""

from collections.abc import Iterable, Iterator
from functools import reduce
from typing import Any, Literal, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import DoOutputsTuple, PCollection, TaggedOutput

from .metrics import UIDS_MAPPED, counter
from .records import InstanceHeader, UidRole, WorkUnit

MAPPING: Literal["mapping"] = "mapping"
CONFLICTS: Literal["conflicts"] = "conflicts"

#: new UID, UidRole, ids of units, one for each study that claims the UID as an instance's: the fields of a UidUse
Use = tuple[bytes, int, list[bytes]]


class UidUse(NamedTuple):
    """What is known of the use of an original UID: by a work unit, and by more and more of them together.

    Attributes:
        new_uid: empty where a unit only claims the UID (it is retained).
        role: a UidRole, the first of those it has.
        claimants: for each study in which an object has it as its own SOPInstanceUID, the id of the unit with that object.
    """

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


def uid_uses(unit: WorkUnit) -> Iterator[tuple[bytes, Use]]:
    """(hash, UidUse tuple) for each UID of a work unit, once a unit: shared UIDs don't repeat for each instance."""
    unit_id, headers = unit
    uses: dict[bytes, tuple[bytes, int]] = {}
    claimed: dict[bytes, set[bytes]] = {}
    for header in (InstanceHeader(*fields) for fields in headers):
        claimed.setdefault(header.instance, set()).add(header.study)
        for uid_hash, new_uid, role in header.uids:
            known = uses.get(uid_hash)
            if known is None or role < known[1]:
                uses[uid_hash] = (new_uid, role)
    for uid_hash, (new_uid, role) in uses.items():
        yield uid_hash, (new_uid, role, [unit_id] * len(claimed.get(uid_hash, ())))
    for uid_hash in claimed.keys() - uses.keys():
        yield uid_hash, (b"", int(UidRole.INSTANCE), [unit_id] * len(claimed[uid_hash]))


class _MergeUses(beam.CombineFn):
    """Uses of one UID -> one use. Combined before the shuffle, too: a UID that all studies share makes no hot key."""

    def create_accumulator(self) -> Use:
        return b"", int(UidRole.OTHER), []

    def add_input(self, accumulator: Use, use: Use) -> Use:
        known, other = UidUse(*accumulator), UidUse(*use)
        if known.new_uid and other.new_uid and known.new_uid != other.new_uid:
            raise UidMapError("one original UID was given two new ones: workers use different keys or versions")
        # an accumulator is nobody else's
        known.claimants.extend(other.claimants)
        return known.new_uid or other.new_uid, min(known.role, other.role), known.claimants

    def merge_accumulators(self, accumulators: Iterable[Use]) -> Use:
        return reduce(self.add_input, accumulators, self.create_accumulator())

    def extract_output(self, accumulator: Use) -> Use:
        return accumulator


class _Resolve(beam.DoFn):
    """One original UID: its row of the map, and the units that must not write it.

    A SOPInstanceUID that objects of two studies claim is a conflict: nobody can say which is right.
    """

    def __init__(self) -> None:
        self._mapped = counter(UIDS_MAPPED)

    def process(
        self, use_of_uid: tuple[bytes, Use]
    ) -> Iterable[tuple[bytes, bytes] | TaggedOutput[Literal["mapping"], tuple[bytes, bytes, int]]]:
        uid_hash, use = use_of_uid[0], UidUse(*use_of_uid[1])
        if len(use.claimants) > 1:
            for unit in set(use.claimants):
                yield unit, uid_hash
        if use.new_uid:
            self._mapped.inc()
            yield TaggedOutput(MAPPING, (uid_hash, use.new_uid, use.role))


class BuildUidMap(beam.PTransform[PCollection[WorkUnit], DoOutputsTuple]):
    """Work units -> ``mapping``: UidMapRow tuples; ``conflicts``: (unit id, hash of an instance that several studies claim)."""

    @beam.typehints.no_annotations
    def expand(self, units: PCollection[WorkUnit]) -> DoOutputsTuple:
        return (
            units
            | "Uses" >> beam.FlatMap(uid_uses).with_output_types(tuple[bytes, Any])
            | "ByUid" >> beam.CombinePerKey(_MergeUses())  # type: ignore[no-untyped-call]
            | "Resolve" >> beam.ParDo(_Resolve()).with_outputs(MAPPING, main=CONFLICTS)
        )
