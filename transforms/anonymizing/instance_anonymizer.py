"""De-identification of the instances of a study in a work unit: plain functions, no Beam."""

from collections.abc import Container, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from anonymizer import DeidentificationError, Note, Reason
from anonymizer.internals import SERIES, SOP_CLASS, SOP_INSTANCE, STUDY, ByteStream, Deidentification, Engine
from storage import Archive, ExistingOutput, ObjectConflictError, ObjectWriter, Written, check_running, retry_transient

from ..census.collect_values import ValueCollector
from ..records import AuditRow, EarlierOutput, Status, earlier_output
from ..rejection import described, rejection, row_of
from ..source_ids import ListedSource, SourceHasher
from ..work_unit_ids import study_hash
from .kept_content import Compression, Content, OutputStream, find_compression, is_same_object
from .mapped_uids import MappedUids
from .output_names import UID_NAME, output_name, with_earlier_output
from .unit_inputs import DescribedHeader


class NameTakenError(Exception):
    """The name of an output is taken by other content.

    Attributes:
        name: the name.
    """

    def __init__(self, name: str) -> None:
        super().__init__("an output's name is taken")
        self.name = name


class NameConflict(NamedTuple):
    """An object that isn't written, for the name of its output is taken, and its own records don't tell by which object.

    Attributes:
        source: the object in the audit.
        name: of its output.
        existing: the object that lies there; None: it is gone by now.
        rows: of other objects with its SOPInstanceUID: they don't depend on this one, but go into the ledger with it.
        others: such objects to which it was preferred; True: with equal content.
    """

    anonymizer: "InstanceAnonymizer"
    header: DescribedHeader
    source: ListedSource
    name: str
    existing: ExistingOutput | None
    rows: Sequence[AuditRow] = ()
    others: Sequence[tuple[DescribedHeader, bool]] = ()

    @property
    def written(self) -> tuple[int, str]:
        """Size and CRC-32C of the object that lies there, as in AuditRow."""
        return _as_in_row(self.existing)

    def row(self, reason: Reason = Reason.OUTPUT_CONFLICT) -> AuditRow:
        """Return the row of an object that stays unwritten."""
        return self.anonymizer.name_conflict(self.header, self.name, self.existing, reason=reason)


def _as_in_row(existing: ExistingOutput | None) -> tuple[int, str]:
    return (existing.written.size, existing.written.crc32c_text) if existing else (0, "")


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
        values: ValueCollector | None = None,
    ) -> None:
        """
        Args:
            study: the beginning of its keyed hash.
            words: those that identify these instances' patients.
            heads: as for ``Engine.deidentify``.
            replaces_changed: True: an object's output is replaced when the object changed.
            keeps_one: True: of different contents of one object, one is written.
            values: collects the values that stay in what is written; None: no census is made.
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
        self._values = values

    def anonymize_instance(self, header: DescribedHeader) -> AuditRow | NameConflict:
        """Write one instance; whatever is wrong with it ends in its row."""
        try:
            try:
                return retry_transient(lambda: self._anonymize(header))
            except NameTakenError as taken:
                earlier = earlier_output(header.ref)
                if earlier is not None and earlier.name == taken.name:
                    return self._replace_own(header, earlier)
                return NameConflict(self, header, self._source(header), taken.name, self._writer.found(taken.name))
        except Exception as error:  # one bad object must not end the run; the message may hold its values
            return self._rejection(header, error)

    def resolve_conflict(self, header: DescribedHeader, name: str, earlier: EarlierOutput | None) -> AuditRow:
        """Write an object in place of the one that took its output's name, if that may be replaced, and return its row.

        Args:
            name: of the output.
            earlier: the object's earlier output; None: no run tells of the object that lies there, and none is writing it: it is
                replaced.
        """
        try:
            if earlier is not None:
                return self._replace_own(header, earlier)
            found = self._writer.found(name)
            return retry_transient(lambda: self._anonymize(header, instead_of=found and found.version))
        except NameTakenError:
            return self.name_conflict(header, name, self._writer.found(name))
        except Exception as error:  # as above
            return self._rejection(header, error)

    def _replace_own(self, header: DescribedHeader, earlier: EarlierOutput) -> AuditRow:
        """Write an object in place of its earlier output, if that may be replaced, and return its row.

        Raises:
            NameTakenError: another object has taken the name meanwhile.
        """
        found = self._writer.found(earlier.name)
        is_own = found is not None and found.written == Written(earlier.size, int(earlier.crc32c, 16))
        # torn by a power cut; outputs of a finished run were on the disk, and somebody else has changed this one
        is_torn = not earlier.is_changed and not is_own and not earlier.written_in
        is_replaced = is_torn or (is_own and (earlier.is_outdated or (earlier.is_changed and self._replaces_changed)))
        if found is None or is_replaced:
            return retry_transient(lambda: self._anonymize(header, found and found.version, earlier))
        return self.name_conflict(header, earlier.name, found, earlier.written_in if earlier.is_changed and is_own else "")

    def anonymize_duplicates(self, headers: list[DescribedHeader], *, is_written: bool = False) -> list[AuditRow | NameConflict]:
        """Write one of several objects with one SOPInstanceUID, if their outputs are equal or one is to be kept; else none.

        Args:
            is_written: True: another one may have been written before: then these can only be its duplicates.
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
            # the earlier output of one may be replaced, and then others are equal to it
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
    def _is_own(header: DescribedHeader, name: str) -> bool:
        """Return True when an earlier run wrote the object under that name."""
        earlier = earlier_output(header.ref)
        return earlier is not None and earlier.name == name

    def _preference(self, header: DescribedHeader, content: Content) -> tuple[bool, tuple[Compression, int, bytes, bytes], bytes]:
        """Return a sort key: the first is written. Earlier outputs come first, then by content; equal ones by the source's id."""
        return not self._is_own(header, content.name), content.rank, header.source_id

    def _beside(self, header: DescribedHeader, name: str, written: str) -> AuditRow | NameConflict:
        """Return the outcome of an object whose SOPInstanceUID an output has.

        Args:
            name: of its own output.
            written: the name of that output.
        """
        if name != written:
            # a second output with that UID would be in another series
            return self.conflict(header)
        row = self.anonymize_instance(header)
        if isinstance(row, NameConflict) or row.status is not Status.WRITTEN:
            return row
        return row if self._is_own(header, name) else self._duplicate(header)

    def others_of(self, row: AuditRow, others: Sequence[tuple[DescribedHeader, bool]]) -> Iterator[AuditRow | NameConflict]:
        """Yield the outcomes of objects to which another one was preferred.

        Args:
            row: the row of that one.
            others: as in NameConflict.
        """
        for header, is_equal in others:
            if row.status is Status.WRITTEN:
                yield self._duplicate(header) if is_equal else self._other_kept(header, row)
            elif row.status is Status.DUPLICATE and is_equal:
                yield self._other_kept(header, row)
            elif row.status is Status.DUPLICATE:
                # the output that lies there may be this object's
                yield self.anonymize_instance(header)
            else:
                # none is written in its place: the next run may write one
                found = self._rejection(header, DeidentificationError(row.reason or Reason.INTERNAL_ERROR))
                yield found._replace(output_name=row.output_name, size=row.size, crc32c=row.crc32c)

    def keep_written(self, conflict: NameConflict) -> AuditRow:
        """Return the row of an object whose output's name is taken by another source's: that stays, whatever is preferred."""
        header = conflict.header
        if not self._keeps_one or conflict.existing is None:
            return conflict.row()
        try:
            is_same = retry_transient(lambda: self._is_same_object(header, conflict.name))
        except Exception as error:  # as above
            return self._rejection(header, error)
        return self._other_kept(header, conflict.row()) if is_same else conflict.row()

    def _is_same_object(self, header: DescribedHeader, name: str) -> bool:
        with self._archive.open(header.ref) as stream, self._writer.open(name) as written:
            return is_same_object(
                self._deidentify(stream, header, wants_patient=True),
                written,
                one_for_all=self._engine.profile.patient_id is not None,
            )

    def conflict(self, header: DescribedHeader) -> AuditRow:
        """Return the row of an object whose SOPInstanceUID another, different object claims too."""
        return self._rejection(header, DeidentificationError(Reason.SOP_INSTANCE_CONFLICT))

    def name_conflict(
        self,
        header: DescribedHeader,
        name: str,
        existing: ExistingOutput | None,
        written_in: str = "",
        reason: Reason = Reason.OUTPUT_CONFLICT,
    ) -> AuditRow:
        """Return the row of an object that isn't written, for the name of its output is taken."""
        row = self._rejection(header, DeidentificationError(reason))
        size, crc32c = _as_in_row(existing)
        return row._replace(output_name=name, size=size, crc32c=crc32c, written_in=written_in)

    def _rejection(self, header: DescribedHeader, error: Exception) -> AuditRow:
        return rejection(self._source(header), error, header.ref, **self._described(header))

    def _duplicate(self, header: DescribedHeader) -> AuditRow:
        reason = Reason.DUPLICATE_INSTANCE
        row = row_of(self._source(header), Status.DUPLICATE, reason=reason, **self._described(header))
        return with_earlier_output(row, earlier_output(header.ref))

    def _other_kept(self, header: DescribedHeader, kept: AuditRow) -> AuditRow:
        """
        Args:
            kept: a row that names the object that lies under the name of its output.
        """
        row = self._duplicate(header)
        return row._replace(reason=Reason.OTHER_CONTENT_KEPT, output_name=kept.output_name, size=kept.size, crc32c=kept.crc32c)

    def _described(self, header: DescribedHeader) -> dict[str, Any]:
        """Return fields of the row of an object, written or not."""
        description, uids = header.description, self._uids
        instance = header.kept_uid.decode("latin-1")
        description = description._replace(
            study_uid=uids.shown(description.study_hash, description.study_uid),
            series_uid=uids.shown(description.series_hash, description.series_uid),
            instance_hash=header.instance,
            instance_uid=uids.shown(header.instance, instance if UID_NAME.fullmatch(instance) else ""),
        )
        return described(description) | {"study_hash": self._study_hash if description.study_hash else "", "scanned": True}

    def _source(self, header: DescribedHeader) -> ListedSource:
        return self._sources.of(header.ref, header.source_id.hex())

    def _anonymize(
        self, header: DescribedHeader, instead_of: str | None = None, earlier: EarlierOutput | None = None
    ) -> AuditRow:
        """Write an object and return its row.

        Raises:
            NameTakenError: its output's name is taken, by another version than ``instead_of``.
        """
        check_running()
        ref = header.ref
        with self._archive.open(ref) as stream:
            is_counted = self._values is not None
            row = self._write(header, self._deidentify(stream, header, wants_patient=is_counted, collects=is_counted), instead_of)
        if earlier is None:
            earlier = earlier_output(ref)
        if earlier is None or not earlier.may_differ:
            return row
        if earlier.name == row.output_name and (earlier.size, earlier.crc32c) != (row.size, row.crc32c):
            # even if a run that was killed then had replaced it
            row = row._replace(notes=(*row.notes, Note.OUTPUT_REPLACED.value))
        return with_earlier_output(row, earlier)

    def _deidentify(
        self, stream: ByteStream, header: DescribedHeader, *, wants_patient: bool = False, collects: bool = False
    ) -> Deidentification:
        return self._engine.deidentify(
            stream,
            uids=self._uids,
            size=header.ref.size if header.ref.size >= 0 else None,
            words=self._words,
            heads=self._heads,
            pixels=header.pixels,
            wants_patient=wants_patient,
            collects=collects,
        )

    def _content(self, header: DescribedHeader) -> Content:
        check_running()
        with self._archive.open(header.ref) as stream:
            new = self._deidentify(stream, header, wants_patient=self._keeps_one)
            output = OutputStream(new.chunks())
            compression = find_compression(output) if self._keeps_one else Compression.NONE
            output.drain()
            name = output_name(*map(new.new_uid, (STUDY, SERIES, SOP_INSTANCE)))
            digest = output.digest.digest()
            order = self._engine.pseudonyms.content(digest)
            patient = new.patient if self._keeps_one else b""
            return Content(name, digest, output.size, order, compression, patient, new.new_uid(SOP_CLASS))

    def _write(self, header: DescribedHeader, deidentification: Deidentification, instead_of: str | None) -> AuditRow:
        chunks = deidentification.chunks()
        # the first chunk brings the new UIDs, and they the name
        first = next(chunks)
        name = output_name(*map(deidentification.new_uid, (STUDY, SERIES, SOP_INSTANCE)))
        source = self._source(header)
        try:
            written = self._writer.write(name, chain((first,), chunks), source.source_id, instead_of=instead_of)
        except ObjectConflictError:
            raise NameTakenError(name) from None
        if self._values is not None:
            self._values.add(deidentification.kept, deidentification.patient or bytes.fromhex(self._study_hash))
        report, description = deidentification.report, header.description
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
            pixels=report.pixels,
            patient_sex=report.patient_sex,
            patient_age=report.patient_age,
        )
