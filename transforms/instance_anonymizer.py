"""What pass 2 does to the instances of a study in a work unit: plain functions, no Beam."""

import hashlib
import re
from collections.abc import Container
from itertools import chain

from anonymizer import SERIES, SOP_INSTANCE, STUDY, ByteStream, Deidentification, DeidentificationError, Engine, Reason

from .group_work_units import study_hash
from .records import AuditRow, InstanceHeader, ObjectRef, Status
from .rejection import rejection, row_of
from .sources import Source, Sources
from .storage import Archive, ObjectConflictError, ObjectWriter, again

_NAME = re.compile(r"[0-9.]{1,64}")


class MappedUids:
    """New UIDs from the UIDs that pass 1 found in a unit, which the map was proven with: never a guess."""

    def __init__(self, engine: Engine, mapping: dict[bytes, bytes]) -> None:
        """
        Args:
            mapping: hash of the original -> new UID.
        """
        self._hash = engine.uids.hash
        self._mapping = mapping
        self._known: dict[bytes, bytes] = {}

    def new_uid(self, uid: bytes, tag: int) -> bytes:
        """The map's new UID.

        Raises:
            DeidentificationError: the map lacks it: the object is not the one that pass 1 saw.
        """
        new = self._known.get(uid)
        if new is None:
            new = self._mapping.get(self._hash(uid), b"")
            if not new:
                raise DeidentificationError(Reason.UID_NOT_IN_MAP, tag)
            self._known[uid] = new
        return new


def output_name(study: str, series: str, instance: str) -> str:
    """``<study>/<series>/<instance>.dcm`` by the new UIDs; objects outside of studies go to ``no-study/no-series``.

    Raises:
        DeidentificationError: a retained UID that can't be a name.
    """
    names = (study or "no-study", series or "no-series", instance)
    for name in names:
        # retained UIDs come from the object: nothing but a UID may become a path
        if name not in ("no-study", "no-series") and (not _NAME.fullmatch(name) or not name.strip(".")):
            raise DeidentificationError(Reason.INVALID_UID)
    return "/".join(names) + ".dcm"


class InstanceAnonymizer:
    """De-identifies the instances that a work unit has of one study."""

    def __init__(
        self,
        engine: Engine,
        archive: Archive,
        writer: ObjectWriter,
        study: bytes,
        uids: MappedUids,
        words: Container[str],
        heads: frozenset[bytes] | None = None,
    ) -> None:
        """
        Args:
            study: the beginning of its keyed hash.
            words: those that identify these instances' patients.
            heads: as for ``Engine.deidentify``.
        """
        self._engine = engine
        self._sources = Sources(engine)
        self._study_hash = study_hash(study)
        self._archive = archive
        self._writer = writer
        self._uids = uids
        self._words = words
        self._heads = heads

    def anonymize_instance(self, header: InstanceHeader) -> AuditRow:
        """Write one instance; whatever is wrong with it ends in its row."""
        try:
            return again(lambda: self._anonymize(header))
        except Exception as error:  # one bad object must not end the run; what it says may hold its values
            return self._rejection(header, error)

    def anonymize_duplicates(self, headers: list[InstanceHeader], *, is_written: bool = False) -> list[AuditRow]:
        """Objects that claim one SOPInstanceUID: where their outputs are equal one is written, else none.

        Args:
            is_written: another one was, before: these can only be its duplicates.
        """
        digests: dict[bytes, bytes] = {}
        rows = []
        for header in headers:
            try:
                digests[header.source_id] = again(lambda header=header: self._digest(header))  # type: ignore[misc]
            except Exception as error:  # as above
                rows.append(self._rejection(header, error))
        readable = [header for header in headers if header.source_id in digests]
        if not readable:
            return rows
        first, *others = readable
        if len(set(digests.values())) > 1:
            return [*rows, *map(self.conflict, readable)]
        row = self.anonymize_instance(first)
        if is_written and row.status is Status.WRITTEN:
            row = self._duplicate(first)
        return [*rows, row, *map(self._duplicate, others)]

    def conflict(self, header: InstanceHeader) -> AuditRow:
        """The row of an object whose SOPInstanceUID another, different object claims too."""
        return self._rejection(header, DeidentificationError(Reason.SOP_INSTANCE_CONFLICT))

    def _rejection(self, header: InstanceHeader, error: Exception) -> AuditRow:
        return rejection(self._source(header), error, self._study_hash, header.instance)

    def _duplicate(self, header: InstanceHeader) -> AuditRow:
        reason = Reason.DUPLICATE_INSTANCE
        more = {"study_hash": self._study_hash, "instance_hash": header.instance}
        return row_of(self._source(header), Status.DUPLICATE, reason=reason, **more)

    def _source(self, header: InstanceHeader) -> Source:
        return self._sources.of(ObjectRef(*header.ref), header.source_id.hex())

    def _anonymize(self, header: InstanceHeader) -> AuditRow:
        ref = ObjectRef(*header.ref)
        with self._archive.open(ref) as stream:
            return self._write(header, self._deidentify(stream, ref))

    def _deidentify(self, stream: ByteStream, ref: ObjectRef) -> Deidentification:
        size = ref.size if ref.size >= 0 else None
        return self._engine.deidentify(stream, uids=self._uids, size=size, words=self._words, heads=self._heads)

    def _digest(self, header: InstanceHeader) -> bytes:
        digest = hashlib.sha256()
        ref = ObjectRef(*header.ref)
        with self._archive.open(ref) as stream:
            for chunk in self._deidentify(stream, ref).chunks():
                digest.update(chunk)
        return digest.digest()

    def _write(self, header: InstanceHeader, deidentification: Deidentification) -> AuditRow:
        chunks = deidentification.chunks()
        # the first chunk brings the new UIDs, and they the name
        first = next(chunks)
        name = output_name(*map(deidentification.new_uid, (STUDY, SERIES, SOP_INSTANCE)))
        source = self._source(header)
        try:
            written = self._writer.write(name, chain((first,), chunks), source.source_id)
        except ObjectConflictError:
            raise DeidentificationError(Reason.OUTPUT_CONFLICT) from None
        report = deidentification.report
        return row_of(
            source,
            Status.WRITTEN,
            notes=tuple(note.value for note in report.notes),
            sop_class_uid=report.sop_class_uid,
            transfer_syntax_uid=report.transfer_syntax_uid,
            study_instance_uid=report.study_instance_uid,
            series_instance_uid=report.series_instance_uid,
            sop_instance_uid=report.sop_instance_uid,
            output_name=name,
            size=written.size,
            crc32c=f"{written.crc32c:08x}",
            actions=report.actions,
            study_hash=self._study_hash,
            instance_hash=header.instance,
            pixel_risks=tuple(risk.value for risk in report.pixel_risks),
        )
