"""The UID map: each original UID (by keyed hash) and its one new UID; and for each work unit the slice that it needs."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import DoOutputsTuple, PCollection, TaggedOutput

from .metrics import UIDS_MAPPED, counter
from .records import InstanceHeader, UidRole, WorkUnit

MAPPING: Literal["mapping"] = "mapping"
SLICES: Literal["slices"] = "slices"


class UidUse(NamedTuple):
    """A work unit's use of an original UID.

    Attributes:
        new_uid: empty where the unit only claims the UID (it is retained).
        role: a UidRole.
        unit: the unit's id.
        claims: whether an object of the unit has it as its own SOPInstanceUID.
    """

    new_uid: bytes
    role: int
    unit: bytes
    claims: bool


class UidMapRow(NamedTuple):
    """A row of ``uid_map-*.parquet``."""

    hash: bytes
    new_uid: bytes
    role: int


def uid_uses(unit: WorkUnit) -> Iterator[tuple[bytes, tuple[bytes, int, bytes, bool]]]:
    """(hash, UidUse tuple) for each UID of a work unit, once a unit: shared UIDs don't repeat for each instance."""
    unit_id, headers = unit
    uses: dict[bytes, tuple[bytes, int]] = {}
    claimed = set()
    for header in (InstanceHeader(*fields) for fields in headers):
        claimed.add(header.instance)
        for uid_hash, new_uid, role in header.uids:
            known = uses.get(uid_hash)
            if known is None or role < known[1]:
                uses[uid_hash] = (new_uid, role)
    for uid_hash, (new_uid, role) in uses.items():
        yield uid_hash, (new_uid, role, unit_id, uid_hash in claimed)
    for uid_hash in claimed - uses.keys():
        yield uid_hash, (b"", int(UidRole.INSTANCE), unit_id, True)


class _Resolve(beam.DoFn):
    """One original UID: its new UID for the map, and for each unit that uses it.

    A SOPInstanceUID that objects of two units claim is a conflict: the units are parts of different studies, or hold
    different objects, and nobody can say which is right.
    """

    def __init__(self) -> None:
        self._mapped = counter(UIDS_MAPPED)

    def process(
        self, uses_of_uid: tuple[bytes, Iterable[tuple[bytes, int, bytes, bool]]]
    ) -> Iterable[tuple[bytes, tuple[bytes, bytes, bool]] | TaggedOutput[Literal["mapping"], tuple[bytes, bytes, int]]]:
        uid_hash, values = uses_of_uid
        uses = [UidUse(*value) for value in values]
        new_uids = {use.new_uid for use in uses if use.new_uid}
        if len(new_uids) > 1:
            raise UidMapError("one original UID was given two new ones: workers use different keys or versions")
        new_uid = next(iter(new_uids), b"")
        conflict = sum(use.claims for use in uses) > 1
        for use in uses:
            yield use.unit, (uid_hash, new_uid, conflict and use.claims)
        if new_uid:
            self._mapped.inc()
            yield TaggedOutput(MAPPING, (uid_hash, new_uid, min(use.role for use in uses)))


class UidMapError(Exception):
    """The UID map doesn't hold; nothing is written. The message names no UID."""


class BuildUidMap(beam.PTransform[PCollection[WorkUnit], DoOutputsTuple]):
    """Work units -> ``mapping``: UidMapRow tuples; ``slices``: (unit id, (hash, new UID, conflict))."""

    @beam.typehints.no_annotations
    def expand(self, units: PCollection[WorkUnit]) -> DoOutputsTuple:
        return (
            units
            | "Uses" >> beam.FlatMap(uid_uses).with_output_types(tuple[bytes, Any])
            | "ByUid" >> beam.GroupByKey()
            | "Resolve" >> beam.ParDo(_Resolve()).with_outputs(MAPPING, main=SLICES)
        )
