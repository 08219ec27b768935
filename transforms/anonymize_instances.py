"""Pass 2: de-identify each instance of a work unit with the UIDs that pass 1 found in it, and write it."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsSingleton, PCollection

from .concurrency import Workers, reading_order
from .engine_config import EngineConfig
from .metrics import OBJECT_BYTES_WRITTEN, OBJECTS_REFUSED, OBJECTS_WRITTEN, StorageCounters, counter
from .records import AuditRow, InstanceHeader, ObjectRef, Status, WorkUnit
from .share_words import split_words
from .storage import Archive, ObjectWriter, ProgressListener
from .unit_anonymizer import UnitAnonymizer, conflict

#: unit id, then what was joined: the unit as ``to_do`` has it, hashes of conflicting instances and, where text is cleaned, words
Joined = tuple[bytes, tuple[Iterable[Any], ...]]
#: headers without their UIDs, as tuples; hash of an original UID -> new UID
ToDo = tuple[list[tuple[Any, ...]], dict[bytes, bytes]]


def to_do(unit: WorkUnit) -> tuple[bytes, ToDo]:
    """What pass 2 needs of a work unit: each UID once, since it is shuffled again."""
    unit_id, fields = unit
    headers = [InstanceHeader(*header) for header in fields]
    uids = {uid_hash: new_uid for header in headers for uid_hash, new_uid, _ in header.uids}
    return unit_id, ([tuple(InstanceHeader(header.ref, header.source_id, b"", header.instance, ())) for header in headers], uids)


def anonymize_claimants(unit: UnitAnonymizer, claimants: list[InstanceHeader], conflicts: set[bytes]) -> list[AuditRow]:
    """The rows of all objects that claim one SOPInstanceUID.

    Args:
        conflicts: instances that objects of other units claim, too.
    """
    if claimants[0].instance in conflicts:
        return [conflict(header) for header in claimants]
    if len(claimants) > 1:
        return unit.anonymize_duplicates(claimants)
    return [unit.anonymize_instance(claimants[0])]


class _Anonymize(beam.DoFn):
    def __init__(self, archive: Archive, writer: ObjectWriter, config: EngineConfig, progress: ProgressListener) -> None:
        self._archive = archive
        self._writer = writer
        self._config = config
        self._progress = progress
        self._operations = StorageCounters(archive)
        self._written, self._refused = counter(OBJECTS_WRITTEN), counter(OBJECTS_REFUSED)
        self._bytes_written = counter(OBJECT_BYTES_WRITTEN)

    def setup(self) -> None:
        self._engine = self._config.engine()
        self._workers = Workers(self._archive.concurrency)

    def teardown(self) -> None:
        self._workers.close()

    def process(self, joined: Joined, proof: bool) -> Iterator[AuditRow]:
        _, (units, claimed_twice, *words) = joined
        conflicts = set(claimed_twice)
        shared = frozenset[bytes]().union(*(split_words(part) for parts in words for part in parts))
        # one, for units have ids of their own
        fields, uids = next(iter(units))
        unit = UnitAnonymizer(self._engine, self._archive, self._writer, uids, shared)
        headers = [InstanceHeader(*header) for header in fields]
        instances = [list(same) for _, same in groupby(headers, key=lambda header: header.instance)]

        def anonymize(several: list[list[InstanceHeader]]) -> list[AuditRow]:
            rows = [row for claimants in several for row in anonymize_claimants(unit, claimants, conflicts)]
            self._archive.release()
            return rows

        for rows in self._workers.map(anonymize, reading_order(instances, lambda claimants: ObjectRef(*claimants[0].ref))):
            for row in rows:
                self._count(row)
                yield row
            self._progress.add("finished", len(rows))
        self._operations.update()

    def _count(self, row: AuditRow) -> None:
        if row.status is Status.WRITTEN:
            self._written.inc()
            self._bytes_written.inc(row.size)
        else:
            self._refused.inc()


class AnonymizeInstances(beam.PTransform[PCollection[WorkUnit], PCollection[AuditRow]]):
    """Work units -> AuditRow; starts when the UID map's ``proof`` is there."""

    def __init__(
        self,
        proof: PCollection[bool],
        known: list[PCollection[tuple[bytes, bytes]]],
        archive: Archive,
        writer: ObjectWriter,
        config: EngineConfig,
        progress: ProgressListener,
    ) -> None:
        """
        Args:
            known: what else is to be known of units, by their ids: conflicting instances and, where text is cleaned, words.
        """
        super().__init__()
        self._proof = proof
        self._known = known
        self._anonymize = _Anonymize(archive, writer, config, progress)

    def expand(self, units: PCollection[WorkUnit]) -> PCollection[AuditRow]:
        pending = units | "ToDo" >> beam.Map(to_do).with_output_types(tuple[bytes, Any])
        joined = (pending, *self._known) | "Join" >> beam.CoGroupByKey()
        return joined | "Anonymize" >> beam.ParDo(self._anonymize, proof=AsSingleton(self._proof)).with_output_types(AuditRow)
