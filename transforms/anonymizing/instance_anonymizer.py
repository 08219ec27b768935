"""What pass 2 does to the instances of a study in a work unit: plain functions, no Beam."""

import re
from collections.abc import Container, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from anonymizer import DeidentificationError, Note, Reason
from anonymizer.internals import SERIES, SOP_CLASS, SOP_INSTANCE, STUDY, ByteStream, Deidentification, Description, Engine
from storage import Archive, ExistingOutput, ObjectConflictError, ObjectRef, ObjectWriter, Written, check_running, retry_transient

from ..records import AuditRow, EarlierOutput, InstanceHeader, Status
from ..rejection import described, rejection, row_of
from ..source_ids import ListedSource, SourceHasher
from ..work_unit_ids import study_hash
from .kept_content import Compression, Content, OutputStream, find_compression, is_same_object

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

    def shown(self, uid_hash: bytes, new: str) -> str:
        """The map's new UID for the original with that hash; ``new`` where it has none, for the UID stays."""
        return self._mapping.get(uid_hash, b"").decode() or new


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


class NameTakenError(Exception):
    """The name of an output is taken by other content.

    Attributes:
        name: that name.
    """

    def __init__(self, name: str) -> None:
        super().__init__("an output's name is taken")
        self.name = name


class NameConflict(NamedTuple):
    """An object that isn't written, for the name of its output is taken, and what is known of the object doesn't say by what.

    Attributes:
        row: what becomes of it if nothing more is found out.
        rows: of other objects with its SOPInstanceUID: that it is settled first is nothing to them, but they go together.
        others: such objects to which it was preferred, and whether they are equal to it.
    """

    anonymizer: "InstanceAnonymizer"
    header: InstanceHeader
    row: AuditRow
    rows: Sequence[AuditRow] = ()
    others: Sequence[tuple[InstanceHeader, bool]] = ()


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
        *,
        replaces_changed: bool = False,
        keeps_one: bool = False,
    ) -> None:
        """
        Args:
            study: the beginning of its keyed hash.
            words: those that identify these instances' patients.
            heads: as for ``Engine.deidentify``.
            replaces_changed: what an object was written as goes when the object changed.
            keeps_one: of different contents of one object, one is written.
        """
        self._engine = engine
        self._sources = SourceHasher(engine)
        self._study_hash = study_hash(study)
        self._archive = archive
        self._writer = writer
        self._uids = uids
        self._words = words
        self._heads = heads
        self._replaces_changed = replaces_changed
        self._keeps_one = keeps_one

    def anonymize_instance(self, header: InstanceHeader) -> AuditRow | NameConflict:
        """Write one instance; whatever is wrong with it ends in its row."""
        try:
            try:
                return retry_transient(lambda: self._anonymize(header))
            except NameTakenError as taken:
                earlier = ObjectRef(*header.ref).earlier
                if earlier is not None and earlier[0] == taken.name:
                    return self._settle(header, EarlierOutput(*earlier))
                return NameConflict(self, header, self._conflict(header, taken.name, self._writer.found(taken.name)))
        except Exception as error:  # one bad object must not end the run; what it says may hold its values
            return self._rejection(header, error)

    def resolve_conflict(self, header: InstanceHeader, name: str, earlier: EarlierOutput | None) -> AuditRow:
        """What becomes of an object whose output's name was taken.

        Args:
            name: of the output.
            earlier: what it was written as; None: nobody tells of what lies there, and nobody is at it: it is replaced.
        """
        try:
            if earlier is not None:
                return self._settle(header, earlier)
            found = self._writer.found(name)
            return retry_transient(lambda: self._anonymize(header, instead_of=found and found.version))
        except NameTakenError:
            return self._conflict(header, name, self._writer.found(name))
        except Exception as error:  # as above
            return self._rejection(header, error)

    def _settle(self, header: InstanceHeader, earlier: EarlierOutput) -> AuditRow:
        """
        Raises:
            NameTakenError: somebody else has taken the name meanwhile.
        """
        found = self._writer.found(earlier.name)
        is_own = found is not None and found.written == Written(earlier.size, int(earlier.crc32c, 16))
        # torn by a power cut; what a run has come to its end with was on the disk, and somebody else has changed it
        is_torn = not earlier.is_changed and not is_own and not earlier.written_in
        is_replaced = is_torn or (is_own and (earlier.is_outdated or (earlier.is_changed and self._replaces_changed)))
        if found is None or is_replaced:
            return retry_transient(lambda: self._anonymize(header, found and found.version, earlier))
        return self._conflict(header, earlier.name, found, earlier.written_in if earlier.is_changed and is_own else "")

    def anonymize_duplicates(self, headers: list[InstanceHeader], *, is_written: bool = False) -> list[AuditRow | NameConflict]:
        """Objects that claim one SOPInstanceUID: where their outputs are equal one is written; else none, or the one to be kept.

        Args:
            is_written: another one may have been written, before: then these can only be its duplicates.
        """
        contents: dict[bytes, Content] = {}
        rows: list[AuditRow] = []
        for header in headers:
            try:
                contents[header.source_id] = retry_transient(lambda header=header: self._content(header))  # type: ignore[misc]
            except Exception as error:  # as above
                rows.append(self._rejection(header, error))
        readable = [header for header in headers if header.source_id in contents]
        if not readable:
            return [*rows]
        try:
            written = self._writer.namesake(contents[readable[0].source_id].name) if is_written else None
        except Exception as error:  # as above
            return [*rows, *(self._rejection(header, error) for header in readable)]
        alike = len({content.digest for content in contents.values()}) == 1
        if written is not None:
            if not alike and not self._keeps_one:
                return [*rows, *map(self.conflict, readable)]
            names = {header.source_id: contents[header.source_id].name for header in readable}
            # what one of them was written as may be replaced, and then others are equal to it
            readable.sort(key=lambda header: not self._is_own(header, names[header.source_id]))
            return [*rows, *(self._beside(header, names[header.source_id], written) for header in readable)]
        if not alike and not (self._keeps_one and len({content.identity for content in contents.values()}) == 1):
            return [*rows, *map(self.conflict, readable)]
        first = min(readable, key=lambda header: self._preference(header, contents[header.source_id]))
        kept = contents[first.source_id].digest
        others = [(header, contents[header.source_id].digest == kept) for header in readable if header is not first]
        row = self.anonymize_instance(first)
        if isinstance(row, NameConflict):
            # their rows go together: a run that is killed in between must not take one of them for written
            return [row._replace(rows=rows, others=others)]
        return [*rows, row, *self.others_of(row, others)]

    @staticmethod
    def _is_own(header: InstanceHeader, name: str) -> bool:
        """Whether an object was written under that name before."""
        earlier = ObjectRef(*header.ref).earlier
        return earlier is not None and earlier[0] == name

    def _preference(self, header: InstanceHeader, content: Content) -> tuple[Any, ...]:
        """The smallest of several is written: who was before, then by content; of equal ones, the first by the source's id."""
        return not self._is_own(header, content.name), content.rank, header.source_id

    def _beside(self, header: InstanceHeader, name: str, written: str) -> AuditRow | NameConflict:
        """What becomes of an object whose SOPInstanceUID an output has.

        Args:
            name: of its own output.
            written: of that one.
        """
        if name != written:
            # a second output with that UID would be in another series
            return self.conflict(header)
        row = self.anonymize_instance(header)
        if isinstance(row, NameConflict) or row.status is not Status.WRITTEN:
            return row
        return row if self._is_own(header, name) else self._duplicate(header)

    def others_of(self, row: AuditRow, others: Sequence[tuple[InstanceHeader, bool]]) -> Iterator[AuditRow | NameConflict]:
        """What becomes of objects to which another one was preferred.

        Args:
            row: what became of that.
            others: as in NameConflict.
        """
        for header, is_equal in others:
            if row.status is Status.WRITTEN:
                yield self._duplicate(header) if is_equal else self._other_kept(header, row)
            elif row.status is Status.DUPLICATE and is_equal:
                yield self._other_kept(header, row)
            elif row.status is Status.DUPLICATE:
                # what lies there may be this object's
                yield self.anonymize_instance(header)
            else:
                # none is written in its place: what is tried again may be
                found = self._rejection(header, DeidentificationError(row.reason or Reason.INTERNAL_ERROR))
                yield found._replace(output_name=row.output_name, size=row.size, crc32c=row.crc32c)

    def keep_written(self, taken: NameConflict) -> AuditRow:
        """What becomes of an object whose output's name is taken by another source's: that stays, whatever is preferred."""
        header, row = taken.header, taken.row
        if not self._keeps_one or not row.crc32c:
            return row
        try:
            is_same = retry_transient(lambda: self._is_same_object(header, row.output_name))
        except Exception as error:  # as above
            return self._rejection(header, error)
        return self._other_kept(header, row) if is_same else row

    def _is_same_object(self, header: InstanceHeader, name: str) -> bool:
        ref = ObjectRef(*header.ref)
        with self._archive.open(ref) as stream, self._writer.open(name) as written:
            return is_same_object(
                self._deidentify(stream, ref, wants_patient=True),
                written,
                one_for_all=self._engine.profile.patient_id is not None,
            )

    def conflict(self, header: InstanceHeader) -> AuditRow:
        """The row of an object whose SOPInstanceUID another, different object claims too."""
        return self._rejection(header, DeidentificationError(Reason.SOP_INSTANCE_CONFLICT))

    def _conflict(self, header: InstanceHeader, name: str, found: ExistingOutput | None, written_in: str = "") -> AuditRow:
        """The row of an object that isn't written, for the name of its output is taken."""
        row = self._rejection(header, DeidentificationError(Reason.OUTPUT_CONFLICT))
        size, crc32c = (found.written.size, found.written.crc32c_text) if found else (0, "")
        return row._replace(output_name=name, size=size, crc32c=crc32c, written_in=written_in)

    def _rejection(self, header: InstanceHeader, error: Exception) -> AuditRow:
        return rejection(self._source(header), error, ObjectRef(*header.ref), **self._described(header))

    def _duplicate(self, header: InstanceHeader) -> AuditRow:
        reason = Reason.DUPLICATE_INSTANCE
        return row_of(self._source(header), Status.DUPLICATE, reason=reason, **self._described(header))

    def _other_kept(self, header: InstanceHeader, kept: AuditRow) -> AuditRow:
        """
        Args:
            kept: the row of what lies under the name of its output.
        """
        row = self._duplicate(header)
        return row._replace(reason=Reason.OTHER_CONTENT_KEPT, output_name=kept.output_name, size=kept.size, crc32c=kept.crc32c)

    def _described(self, header: InstanceHeader) -> dict[str, Any]:
        """Fields of the row of an object, written or not."""
        description = Description(*header.description)
        uids = self._uids
        instance = header.kept_uid.decode("latin-1")
        description = description._replace(
            study_uid=uids.shown(description.study_hash, description.study_uid),
            series_uid=uids.shown(description.series_hash, description.series_uid),
            instance_hash=header.instance,
            instance_uid=uids.shown(header.instance, instance if _NAME.fullmatch(instance) else ""),
        )
        return described(description) | {"study_hash": self._study_hash if description.study_hash else "", "scanned": True}

    def _source(self, header: InstanceHeader) -> ListedSource:
        return self._sources.of(ObjectRef(*header.ref), header.source_id.hex())

    def _anonymize(self, header: InstanceHeader, instead_of: str | None = None, earlier: EarlierOutput | None = None) -> AuditRow:
        """
        Raises:
            NameTakenError: its output's name is taken, by another version than ``instead_of``.
        """
        check_running()
        ref = ObjectRef(*header.ref)
        with self._archive.open(ref) as stream:
            row = self._write(header, self._deidentify(stream, ref), instead_of)
        if earlier is None and ref.earlier is not None:
            earlier = EarlierOutput(*ref.earlier)
        if earlier is not None and earlier.may_differ and earlier[:3] != (row.output_name, row.size, row.crc32c):
            # even if a run that was killed then had replaced it
            row = row._replace(notes=(*row.notes, Note.OUTPUT_REPLACED.value))
        return row

    def _deidentify(self, stream: ByteStream, ref: ObjectRef, *, wants_patient: bool = False) -> Deidentification:
        size = ref.size if ref.size >= 0 else None
        return self._engine.deidentify(
            stream, uids=self._uids, size=size, words=self._words, heads=self._heads, wants_patient=wants_patient
        )

    def _content(self, header: InstanceHeader) -> Content:
        check_running()
        ref = ObjectRef(*header.ref)
        with self._archive.open(ref) as stream:
            new = self._deidentify(stream, ref, wants_patient=self._keeps_one)
            output = OutputStream(new.chunks())
            compression = find_compression(output) if self._keeps_one else Compression.NONE
            output.drain()
            name = output_name(*map(new.new_uid, (STUDY, SERIES, SOP_INSTANCE)))
            digest = output.digest.digest()
            order = self._engine.pseudonyms.content(digest)
            patient = new.patient if self._keeps_one else b""
            return Content(name, digest, output.size, order, compression, patient, new.new_uid(SOP_CLASS))

    def _write(self, header: InstanceHeader, deidentification: Deidentification, instead_of: str | None) -> AuditRow:
        chunks = deidentification.chunks()
        # the first chunk brings the new UIDs, and they the name
        first = next(chunks)
        name = output_name(*map(deidentification.new_uid, (STUDY, SERIES, SOP_INSTANCE)))
        source = self._source(header)
        try:
            written = self._writer.write(name, chain((first,), chunks), source.source_id, instead_of=instead_of)
        except ObjectConflictError:
            raise NameTakenError(name) from None
        report, description = deidentification.report, Description(*header.description)
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
            crc32c=written.crc32c_text,
            actions=report.actions,
            study_hash=self._study_hash,
            instance_hash=header.instance,
            modality=description.modality,
            patient_id=description.patient_id,
            scanned=True,
            pixel_risks=tuple(risk.value for risk in report.pixel_risks),
        )
