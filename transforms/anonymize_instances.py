"""Pass 2: de-identify each instance of a work unit with its slice of the UID map, and write it."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsSingleton, PCollection

from .engine_config import EngineConfig
from .metrics import OBJECT_BYTES_WRITTEN, OBJECTS_REFUSED, OBJECTS_WRITTEN, counter
from .records import AuditRow, InstanceHeader, Status
from .share_words import split_words
from .storage import Archive, ObjectWriter, ProgressListener
from .unit_anonymizer import UnitAnonymizer, conflict

#: unit id, then what was joined: the unit's headers, its slice of the map and, where text is cleaned, words
Joined = tuple[bytes, tuple[Iterable[Any], ...]]


class _Anonymize(beam.DoFn):
    def __init__(self, archive: Archive, writer: ObjectWriter, config: EngineConfig, progress: ProgressListener) -> None:
        self._archive = archive
        self._writer = writer
        self._config = config
        self._progress = progress
        self._written, self._refused = counter(OBJECTS_WRITTEN), counter(OBJECTS_REFUSED)
        self._bytes_written = counter(OBJECT_BYTES_WRITTEN)

    def setup(self) -> None:
        self._engine = self._config.engine()

    def process(self, joined: Joined, proof: bool) -> Iterator[AuditRow]:
        _, (units, slices, *words) = joined
        mapping, conflicts = {}, set()
        for uid_hash, new_uid, is_conflict in slices:
            mapping[uid_hash] = new_uid
            if is_conflict:
                conflicts.add(uid_hash)
        shared = frozenset[bytes]().union(*(split_words(part) for parts in words for part in parts))
        unit = UnitAnonymizer(self._engine, self._archive, self._writer, mapping, shared)
        headers = [InstanceHeader(*fields) for headers in units for fields in headers]
        for instance, same in groupby(headers, key=lambda header: header.instance):
            claimants = list(same)
            if instance in conflicts:
                rows = [conflict(header) for header in claimants]
            elif len(claimants) > 1:
                rows = unit.anonymize_duplicates(claimants)
            else:
                rows = [unit.anonymize_instance(claimants[0])]
            for row in rows:
                self._count(row)
                yield row
            self._progress.add("finished", len(rows))

    def _count(self, row: AuditRow) -> None:
        if row.status is Status.WRITTEN:
            self._written.inc()
            self._bytes_written.inc(row.size)
        else:
            self._refused.inc()


class AnonymizeInstances(beam.PTransform[PCollection[Joined], PCollection[AuditRow]]):
    """Work units with their slices of the UID map -> AuditRow; starts when ``proof`` is there."""

    def __init__(
        self,
        proof: PCollection[bool],
        archive: Archive,
        writer: ObjectWriter,
        config: EngineConfig,
        progress: ProgressListener,
    ) -> None:
        super().__init__()
        self._proof = proof
        self._anonymize = _Anonymize(archive, writer, config, progress)

    def expand(self, joined: PCollection[Joined]) -> PCollection[AuditRow]:
        return joined | "Anonymize" >> beam.ParDo(self._anonymize, proof=AsSingleton(self._proof)).with_output_types(AuditRow)
