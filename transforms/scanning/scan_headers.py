"""Pass 1: read each object's header, hash its identifiers, collect the UIDs that pass 2 will replace."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from threading import BoundedSemaphore
from typing import Literal, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection, TaggedOutput

from anonymizer import DeidentificationError
from anonymizer.internals import SERIES, SOP_INSTANCE, STUDY, Description, Engine, FaceEvidence, Originals, PixelDecision
from storage import Archive, ObjectRef, Packing, check_running, keep_done, retry_transient

from ..concurrency import WorkerThreads, reading_order
from ..crosswalk.crosswalk import CrosswalkRow, CrosswalkTarget, CrosswalkWriter, crosswalk_row, rejected_rows
from ..engine_config import EngineConfig
from ..ledger import Ledger, LedgerWriter, known_groups
from ..metrics import HEADER_BYTES_READ, OBJECTS_REJECTED, OBJECTS_SCANNED, ProgressListener, StageClock, StorageCounters, counter
from ..records import (
    OWNED,
    AuditRow,
    AuditRows,
    HeaderGroup,
    HeaderGroups,
    InstanceHeader,
    RefBatch,
    SharedFindings,
    UidRole,
)
from ..rejection import rejection
from ..source_ids import SourceHasher
from ..work_unit_ids import STUDY_ID_SIZE

_SCANNED: Literal["scanned"] = "scanned"
_REJECTED: Literal["rejected"] = "rejected"

_ABSENT = (b"", b"")
_ANY_NUMBER = nullcontext()
#: objects for each search that is under way, after which findings go to the ledger
_SEARCHED_TOGETHER = 2
#: findings whose hashes a worker remembers, for the batches to come
_MOST_KNOWN = 1024

#: fields of ScannedHeader: study, UIDs, person, words, patient and description
_Shared = tuple[bytes, tuple[tuple[bytes, tuple[bytes, int]], ...], bytes, tuple[bytes, ...], bytes, Description]

_ROLES = {
    SOP_INSTANCE: UidRole.INSTANCE,
    0x00081155: UidRole.INSTANCE,  # ReferencedSOPInstanceUID
    SERIES: UidRole.SERIES,
    STUDY: UidRole.STUDY,
    0x00200052: UidRole.FRAME_OF_REFERENCE,
    0x30060024: UidRole.FRAME_OF_REFERENCE,  # ReferencedFrameOfReferenceUID
}


class UidCollector:
    """Maps UIDs by the engine's key and remembers them.

    Attributes:
        found: each original UID with its new one and the first of its roles.
    """

    def __init__(self, engine: Engine) -> None:
        self._uids = engine.uids
        self.found: dict[bytes, tuple[bytes, int]] = {}

    def new_uid(self, uid: bytes, tag: int) -> bytes:
        """Return the new UID, and add the original to ``found``."""
        role = int(_ROLES.get(tag, UidRole.OTHER))
        known = self.found.get(uid)
        if known is not None and known[1] <= role:
            return known[0]
        new = self._uids.new_uid(uid, tag)
        self.found[uid] = (new, role)
        return new


class ScannedHeader(NamedTuple):
    """Findings of pass 1 in one object, some of them in clear: they stay in the worker's memory.

    Attributes:
        study, instance: StudyInstanceUID (or empty) and SOPInstanceUID, as they are.
        new_uid: the new SOPInstanceUID; empty where it stays.
        uids: all others to be replaced: original, (new UID, UidRole and OWNED).
        person, patient: as in SharedFindings.
        words: hashes of words that identify somebody, not sealed.
        bytes_read: bytes that had to be read for it.
        face: evidence of a head; None where none is looked for.
        pixels: the decision on its pixels; None where there is nothing to decide.
        crosswalk: its row there; None where no crosswalk is written.
    """

    ref: ObjectRef
    study: bytes
    instance: bytes
    new_uid: bytes
    uids: tuple[tuple[bytes, tuple[bytes, int]], ...]
    person: bytes
    patient: bytes
    words: tuple[bytes, ...]
    bytes_read: int
    description: Description = Description()
    face: FaceEvidence | None = None
    pixels: PixelDecision | None = None
    crosswalk: CrosswalkRow | None = None


class _Refused(NamedTuple):
    """An object that can't be scanned.

    Attributes:
        source: its source name.
        originals: its original identifiers, where a crosswalk is written.
    """

    source: bytes
    row: AuditRow
    originals: Originals | None


def scan_header(
    ref: ObjectRef,
    archive: Archive,
    engine: Engine,
    *,
    crosswalk: bool = False,
    searching: AbstractContextManager[object] = _ANY_NUMBER,
) -> ScannedHeader:
    """Return the findings in the header of one object, and in its pixels where text is to be looked for.

    Args:
        crosswalk: True: its row for the crosswalk is wanted, too.
        searching: is entered while text is looked for.

    Raises:
        DeidentificationError: the object can't be understood, or has no place in the output.
        OSError: it can't be read.
        TransientError: what arrived is broken.
    """
    collector = UidCollector(engine)
    size = ref.size if ref.size >= 0 else None
    # a compressed tar would be begun anew for each member that is read twice
    is_read_once = engine.searches_pixels and ref.member is not None and ref.member[0] == Packing.TAR_STREAM.value
    with searching if is_read_once else nullcontext(), archive.open(ref, header=not is_read_once) as stream:
        scan = engine.scan(stream, uids=collector, size=size, originals=crosswalk, searches=is_read_once)
        read, bytes_read = stream.ref, scan.bytes_read
    if scan.needs_search:
        # few objects are looked at: others' headers come in ranges, and this one comes whole, as it was when that was read
        collector = UidCollector(engine)
        with searching, archive.open(read) as stream:
            scan = engine.scan(stream, uids=collector, size=size, originals=crosswalk, searches=True)
            bytes_read += scan.bytes_read
    instance = scan.uids[SOP_INSTANCE][0]
    new_uid, role = collector.found.get(instance, (b"", UidRole.INSTANCE))
    if role == UidRole.INSTANCE:
        collector.found.pop(instance, None)
    else:
        new_uid = b""
    for tag in (SERIES, STUDY):
        own = scan.uids.get(tag, _ABSENT)[0]
        if (known := collector.found.get(own)) is not None:
            collector.found[own] = (known[0], known[1] | OWNED)
    return ScannedHeader(
        ref=read,
        study=scan.uids.get(STUDY, _ABSENT)[0],
        instance=instance,
        new_uid=new_uid,
        uids=tuple(collector.found.items()),
        person=scan.person if scan.words else b"",
        patient=scan.patient,
        words=scan.words,
        bytes_read=bytes_read,
        description=scan.description,
        face=scan.face,
        pixels=scan.pixels,
        crosswalk=crosswalk_row(engine.pseudonyms.source_id(ref.source), ref.source, scan) if crosswalk else None,
    )


class HeaderGrouper:
    """Groups objects by study and by the findings that they share; identifiers are hashed, shared ones but once."""

    def __init__(self, engine: Engine) -> None:
        self._hash = engine.uids.hash
        self._source_id = engine.pseudonyms.source_id
        self._words = engine.words
        self._known: dict[_Shared, tuple[bytes, SharedFindings]] = {}

    def group(self, found: Iterable[ScannedHeader]) -> HeaderGroups:
        """Return the objects in groups."""
        groups: dict[tuple[_Shared, bytes], list[InstanceHeader]] = {}
        faces: dict[tuple[_Shared, bytes], FaceEvidence] = {}
        for one in found:
            kept_uid = b"" if one.new_uid else one.instance
            source_id = bytes.fromhex(self._source_id(one.ref.source))
            header = InstanceHeader(one.ref, source_id, self._hash(one.instance), one.new_uid, kept_uid, one.pixels)
            shared = one.study, one.uids, one.person, one.words, one.patient, one.description
            group = shared, one.face.series if one.face else b""
            groups.setdefault(group, []).append(header)
            if one.face is not None:
                known = faces.get(group)
                faces[group] = one.face if known is None else known.merged(one.face)
        return HeaderGroups(self._group(group[0], faces.get(group), headers) for group, headers in groups.items())

    def _group(self, shared: _Shared, face: FaceEvidence | None, headers: list[InstanceHeader]) -> HeaderGroup:
        study, findings = self._hashed(shared)
        return HeaderGroup(study, findings if face is None else findings._replace(face=face), headers)

    def _hashed(self, shared: _Shared) -> tuple[bytes, SharedFindings]:
        hashed = self._known.get(shared)
        if hashed is None:
            study, uids, person, words, patient, description = shared
            study_hash = self._hash(study)
            sealed = self._words.seal((study_hash[:STUDY_ID_SIZE], person), words)
            hashed_uids = tuple((self._hash(uid), *new) for uid, new in uids)
            hashed = study_hash, SharedFindings(hashed_uids, person, sealed, patient, description=description)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[shared] = hashed
        return hashed


class _Scan(beam.DoFn):
    def __init__(
        self,
        archive: Archive,
        config: EngineConfig,
        ledger: Ledger,
        progress: ProgressListener,
        crosswalk: CrosswalkTarget | None,
    ) -> None:
        self._target = crosswalk
        self._archive = archive
        self._config = config
        self._ledger = ledger
        self._progress = progress
        self._operations = StorageCounters(archive)
        self._clock = StageClock("scan")
        self._scanned, self._rejected = counter(OBJECTS_SCANNED), counter(OBJECTS_REJECTED)
        self._bytes_read = counter(HEADER_BYTES_READ)

    def setup(self) -> None:
        self._engine = self._config.engine()
        self._grouper = HeaderGrouper(self._engine)
        self._sources = SourceHasher(self._engine)
        # without object storage, too, several cores look for text
        self._at_once = self._config.searches_at_once if self._engine.searches_pixels else 1
        self._searching = BoundedSemaphore(self._at_once)
        self._workers = WorkerThreads(max(self._archive.concurrency, self._at_once))
        self._crosswalk = None if self._target is None else CrosswalkWriter(self._target)
        # objects in the ledger are not scanned again: its rows are in the crosswalk before
        self._ledger_writer = LedgerWriter(self._ledger, None if self._crosswalk is None else self._crosswalk.flush)

    def finish_bundle(self) -> None:
        if self._crosswalk is not None:
            self._crosswalk.flush()
        self._ledger_writer.end_bundle()

    def teardown(self) -> None:
        self._workers.close()

    def process(self, batch: RefBatch) -> Iterable[HeaderGroups | TaggedOutput[Literal["rejected"], AuditRows]]:
        # a search takes seconds to minutes, and what is done of a batch is to be in the ledger soon
        size = _SEARCHED_TOGETHER * self._at_once if self._engine.searches_pixels else len(batch)
        ordered = reading_order(batch, lambda ref: ref)
        for part in batched(ordered, size):
            yield from self._process(part)

    def _process(self, ordered: list[list[ObjectRef]]) -> Iterable[HeaderGroups | TaggedOutput[Literal["rejected"], AuditRows]]:
        self._clock.note()
        scans = self._workers.map(self._scan_all, ordered)
        results = list(chain.from_iterable(keep_done(scans, self._ledger_writer.save)))
        refused = [result for result in results if isinstance(result, _Refused)]
        if refused:
            rejected = AuditRows(one.row for one in refused)
            self._rejected.inc(len(rejected))
            if self._crosswalk is not None:
                self._crosswalk.add(chain.from_iterable(rejected_rows(*one) for one in refused))
            self._ledger_writer.add_rows(rejected)
            yield TaggedOutput(_REJECTED, rejected)
        scanned = [result for result in results if isinstance(result, ScannedHeader)]
        if scanned:
            self._scanned.inc(len(scanned))
            self._bytes_read.inc(sum(one.bytes_read for one in scanned))
            if self._crosswalk is not None:
                self._crosswalk.add(one.crosswalk for one in scanned)
            groups = self._grouper.group(scanned)
            self._ledger_writer.add_headers(known_groups(groups, self._sources))
            yield groups
        self._operations.update()
        self._clock.note()
        self._progress.add("scanned", len(results))

    def _scan_all(self, refs: list[ObjectRef]) -> list[ScannedHeader | _Refused]:
        results = [self._scan_one(ref) for ref in refs]
        self._archive.release()
        return results

    def _scan_one(self, ref: ObjectRef) -> ScannedHeader | _Refused:
        check_running()
        try:
            wants_row = self._target is not None
            return retry_transient(
                lambda: scan_header(ref, self._archive, self._engine, crosswalk=wants_row, searching=self._searching)
            )
        except Exception as error:  # one bad object must not end the run; what it says may hold its values
            originals = error.originals if isinstance(error, DeidentificationError) else None
            return _Refused(ref.source, rejection(self._sources.of(ref), error, ref), originals)


def batched(items: list[list[ObjectRef]], size: int) -> Iterator[list[list[ObjectRef]]]:
    """Yield ``items`` in lists of ``size`` at most."""
    for start in range(0, len(items), max(1, size)):
        yield items[start : start + max(1, size)]


class ScannedHeaders(NamedTuple):
    """Outputs of ScanHeaders.

    Attributes:
        groups: the objects that were scanned.
        rejected: the rows of all others.
    """

    groups: PCollection[HeaderGroups]
    rejected: PCollection[AuditRows]


@beam.typehints.with_input_types(RefBatch)
class ScanHeaders(beam.PTransform[PCollection[RefBatch], ScannedHeaders]):
    """Batches of objects -> ScannedHeaders."""

    def __init__(
        self,
        archive: Archive,
        config: EngineConfig,
        ledger: Ledger,
        progress: ProgressListener,
        crosswalk: CrosswalkTarget | None = None,
    ) -> None:
        """
        Args:
            crosswalk: where source names and original identifiers go; None: nowhere.
        """
        super().__init__()
        self._scan = _Scan(archive, config, ledger, progress, crosswalk)

    @beam.typehints.no_annotations
    def expand(self, objects: PCollection[RefBatch]) -> ScannedHeaders:
        outputs = objects | "Scan" >> beam.ParDo(self._scan).with_outputs(_REJECTED, main=_SCANNED)
        return ScannedHeaders(outputs[_SCANNED], outputs[_REJECTED])
