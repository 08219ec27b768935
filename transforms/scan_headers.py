"""Pass 1: read each object's header, hash its identifiers, collect the UIDs that pass 2 will replace."""

from collections.abc import Iterable
from typing import Any, Literal

import apache_beam as beam
from apache_beam.pvalue import DoOutputsTuple, PCollection, TaggedOutput

from anonymizer import SERIES, SOP_CLASS, SOP_INSTANCE, STUDY, DeidentificationError, Engine, Reason
from profiles import compile_plan

from .concurrency import Workers, reading_order
from .engine_config import EngineConfig
from .list_objects import Batch
from .metrics import HEADER_BYTES_READ, OBJECTS_REJECTED, OBJECTS_SCANNED, StorageCounters, counter
from .records import AuditRow, InstanceHeader, ObjectRef, UidRole
from .rejection import rejection
from .storage import Archive, ProgressListener, again

SCANNED: Literal["scanned"] = "scanned"
REJECTED: Literal["rejected"] = "rejected"

_ROLES = {
    SOP_INSTANCE: UidRole.INSTANCE,
    0x00081155: UidRole.INSTANCE,  # ReferencedSOPInstanceUID
    SERIES: UidRole.SERIES,
    STUDY: UidRole.STUDY,
    0x00200052: UidRole.FRAME_OF_REFERENCE,
    0x30060024: UidRole.FRAME_OF_REFERENCE,  # ReferencedFrameOfReferenceUID
}


class UidCollector:
    """Maps UIDs by the engine's key and remembers them."""

    def __init__(self, engine: Engine) -> None:
        self._uids = engine.uids
        self.found: dict[bytes, tuple[bytes, int]] = {}

    def new_uid(self, uid: bytes, tag: int) -> bytes:
        """The new UID; the original joins ``found`` with the first of its roles."""
        role = int(_ROLES.get(tag, UidRole.OTHER))
        known = self.found.get(uid)
        if known is not None and known[1] <= role:
            return known[0]
        new = self._uids.new_uid(uid, tag)
        self.found[uid] = (new, role)
        return new


def scan_header(ref: ObjectRef, archive: Archive, engine: Engine) -> tuple[InstanceHeader, int]:
    """The header record of one object, and how many bytes had to be read for it.

    Raises:
        DeidentificationError: the object can't be understood, or has no place in the output.
        OSError: it can't be read.
        TransientError: what arrived is broken.
    """
    collector = UidCollector(engine)
    with archive.open(ref, header=True) as stream:
        scan = engine.scan(stream, uids=collector, size=ref.size if ref.size >= 0 else None)
        read = stream.ref
    plan = compile_plan(engine.profile, scan.sop_class_uid)
    if plan.belongs_to_study:
        for tag, reason in ((STUDY, Reason.MISSING_STUDY_INSTANCE_UID), (SERIES, Reason.MISSING_SERIES_INSTANCE_UID)):
            if not scan.uids.get(tag, (b"", b""))[0]:
                raise DeidentificationError(reason, tag)
    original = {tag: uids[0] for tag, uids in scan.uids.items() if tag != SOP_CLASS}
    header = InstanceHeader(
        ref=read[:],
        source_id=engine.pseudonyms.source_id(ref.source),
        study=engine.uids.hash(original.get(STUDY, b"")),
        instance=engine.uids.hash(original[SOP_INSTANCE]),
        uids=tuple((engine.uids.hash(uid), new, role) for uid, (new, role) in collector.found.items()),
        person=scan.person if scan.words else b"",
        words=b"".join(scan.words),
    )
    return header, scan.bytes_read


class _Scan(beam.DoFn):
    def __init__(self, archive: Archive, config: EngineConfig, progress: ProgressListener) -> None:
        self._archive = archive
        self._config = config
        self._progress = progress
        self._operations = StorageCounters(archive)
        self._scanned, self._rejected = counter(OBJECTS_SCANNED), counter(OBJECTS_REJECTED)
        self._bytes_read = counter(HEADER_BYTES_READ)

    def setup(self) -> None:
        self._engine = self._config.engine()
        self._workers = Workers(self._archive.concurrency)

    def teardown(self) -> None:
        self._workers.close()

    def process(self, batch: Batch) -> Iterable[tuple[Any, ...] | TaggedOutput[Literal["rejected"], AuditRow]]:
        refs = [ObjectRef(*fields) for fields in batch]
        for results in self._workers.map(self._scan_all, reading_order(refs, lambda ref: ref)):
            for found, bytes_read in results:
                if isinstance(found, AuditRow):
                    self._rejected.inc()
                    yield TaggedOutput(REJECTED, found)
                else:
                    self._scanned.inc()
                    self._bytes_read.inc(bytes_read)
                    yield tuple(found)
        self._operations.update()
        self._progress.add("scanned", len(batch))

    def _scan_all(self, refs: list[ObjectRef]) -> list[tuple[InstanceHeader | AuditRow, int]]:
        results = [self._scan_one(ref) for ref in refs]
        self._archive.release()
        return results

    def _scan_one(self, ref: ObjectRef) -> tuple[InstanceHeader | AuditRow, int]:
        try:
            return again(lambda: scan_header(ref, self._archive, self._engine))
        except Exception as error:  # one bad object must not end the run; what it says may hold its values
            return rejection(self._engine.pseudonyms.source_id(ref.source), error), 0


class ScanHeaders(beam.PTransform[PCollection[Batch], DoOutputsTuple]):
    """Batches of objects -> ``scanned``: InstanceHeader tuples; ``rejected``: AuditRow."""

    def __init__(self, archive: Archive, config: EngineConfig, progress: ProgressListener) -> None:
        super().__init__()
        self._scan = _Scan(archive, config, progress)

    @beam.typehints.no_annotations
    def expand(self, objects: PCollection[Batch]) -> DoOutputsTuple:
        return objects | "Scan" >> beam.ParDo(self._scan).with_outputs(REJECTED, main=SCANNED)
