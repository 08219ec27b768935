"""One object on its way: file header, data set, bulk values, report."""

from __future__ import annotations

from collections.abc import Container, Generator, Iterator
from itertools import chain
from typing import cast

from profiles import BEHIND_IDENTITY, MODALITY, Operation, PixelRisk, Plan, compile_plan

from ..dicom.buffer import Buffer, Bulk, BulkKind, NeedMoreError
from ..dicom.deflate import deflate
from ..dicom.object_reader import ObjectReader
from ..dicom.part10 import FileHeader, NotEnoughBytesError, check_encoding, read_file_header, write_file_header
from ..dicom.tags import FIRST_PIXELS, PATIENT_ID, PIXEL_DATA, SERIES, SOP_CLASS, SOP_INSTANCE, STUDY
from ..errors import DeidentificationError, Description, Note, Originals, OtherPlanError, Reason
from ..files.pieces import Piece, PieceBatch
from ..identity.known_values import KnownValue
from ..identity.lookahead import Identity, new_patient_id, originals_of, originals_of_beginning
from ..identity.patients import Patient
from ..identity.subject import SubjectFacts
from ..identity.uids import UidMapping
from ..pixels import FaceEvidence
from ..report import Report
from .data_set_rewriter import Rewriter
from .describer import Describer
from .object_rules import ObjectRules
from .object_screening import ObjectScreening
from .state import HeaderFindings, Progress

#: first read of an object: headers of single-frame images fit, and what follows passes in pieces of its own
_HEAD = 64 << 10
#: second read of one that is de-identified, if its header is longer: each is walked from its beginning again
_LONG_HEAD = 4 << 20
#: a data set that has not come to its pixel data after so many bytes is no data set that we understand
_MAX_HEADER = 256 << 20


class Deidentification:
    """One object on its way. ``chunks`` or ``batches`` yield it; ``report`` is whole once they are exhausted.

    Attributes:
        facts: what was learnt before the first element was rewritten.
        originals: who the patient was and is; None unless asked for, and before the header was scanned.
        face: evidence of a head; None where none is looked for, and before the header was walked.
    """

    def __init__(
        self,
        rules: ObjectRules,
        source: ObjectReader,
        uids: UidMapping,
        size: int | None,
        words: Container[str] = frozenset(),
        heads: frozenset[bytes] | None = None,
        *,
        originals: bool = False,
        wants_patient: bool = False,
    ) -> None:
        """
        Args:
            words, heads, wants_patient: as for ``Engine.deidentify``.
            originals: find out, when the header is scanned, who the patient was.
        """
        self._rules = rules
        self._wants_originals = originals
        self._wants_patient = wants_patient
        self.originals: Originals | None = None
        self._words = words
        self._heads = heads
        self.face: FaceEvidence | None = None
        self.facts = SubjectFacts()
        self._judgement = HeaderFindings()
        self._source = source
        self._uids = uids
        self._size = size
        self._rewriter: Rewriter | None = None
        self._header: FileHeader | None = None
        self._screening: ObjectScreening | None = None
        #: the bytes from the beginning on, and where the data set begins in them
        self._beginning = b"", 0

    @property
    def progress(self) -> Progress:
        """What is known of the object so far."""
        assert self._rewriter is not None
        return self._rewriter.progress

    def new_uid(self, tag: int) -> str:
        """The object's new UID in the attribute ``tag``, ``""`` where it has none; known when the first batch is there."""
        return self.progress.uids.get(tag, (b"", b""))[1].decode("latin-1")

    @property
    def patient(self) -> bytes:
        """Keyed hash of the patient, 8 bytes; empty where no PatientID tells. It is known with the first batch, if asked for."""
        return self.facts.patient or self._rules.facts.patient_hash(self.progress.patient)

    @property
    def report(self) -> Report:
        """What came of the object."""
        assert self._header is not None
        progress = self.progress
        return Report(
            sop_class_uid=self.new_uid(SOP_CLASS),
            transfer_syntax_uid=self._header.transfer_syntax,
            sop_instance_uid=self.new_uid(SOP_INSTANCE),
            study_instance_uid=self.new_uid(STUDY),
            series_instance_uid=self.new_uid(SERIES),
            actions=self._rules.summary(progress.rules),
            notes=tuple(sorted({*self._header.notes, *progress.notes}, key=lambda note: note.value)),
            pixel_risks=tuple(Reason(risk.reason) for risk in self._judgement.pixel_risks),
        )

    @property
    def bytes_read(self) -> int:
        """Bytes of the source read so far."""
        return self._source.bytes_read

    @property
    def known(self) -> tuple[list[KnownValue], str]:
        """The values that identify somebody around the object, if the profile asks for any, and its SpecificCharacterSet."""
        return [*self.facts.known] or self.progress.known, self.progress.charset

    @property
    def person(self) -> bytes:
        """Keyed hash of whose object it is, as SubjectReader.person gives it."""
        if self.facts.person:
            return self.facts.person
        uids = self.progress.uids
        study = uids.get(STUDY, (b"", b""))[0] or uids.get(SOP_INSTANCE, (b"", b""))[0]
        return self._rules.facts.person(Identity(self.progress.patient or Patient("", ""), study))

    def chunks(self) -> Iterator[Piece]:
        """``batches`` piece by piece, where none is a range of a file."""
        return chain.from_iterable(cast(Iterator[list[Piece]], self.batches()))

    def batches(self) -> Iterator[PieceBatch]:
        """The de-identified object. Whoever takes it makes nothing visible before the last batch came without an error.

        A range is copied before the next batch is asked for: it is where its file is read next.

        Raises:
            DeidentificationError: the object can't be de-identified with certainty.
        """
        batches = self._batches()
        # the meta header needs the new SOP Instance UID, which the first batch brings
        first = next(batches)
        assert self._header is not None
        uids = self.progress.uids
        yield [write_file_header(uids[SOP_CLASS][1], uids[SOP_INSTANCE][1], self._header.transfer_syntax)]
        if self._header.deflated:
            for deflated in deflate(chain.from_iterable(cast(Iterator[list[Piece]], chain((first,), batches)))):
                yield [deflated]
            return
        yield first
        yield from batches

    def scan(self) -> None:
        """Walk the header only, up to the pixel data."""
        batches = self._batches(header_only=True)
        first = next(batches)
        if self.originals is not None:
            # there, for they were found in no less; by what stands there: profiles may do anything to it
            assert isinstance(first, list)
            new = new_patient_id(b"".join(first), self._rewriter_now.encoding)
            self.originals = self.originals._replace(new_patient_id=new)
        for _ in batches:
            pass

    def describe(self, describer: Describer) -> Description:
        """What the audit says of the object, once its header was scanned."""
        assert self._header is not None
        progress = self.progress
        modality = progress.judged_by.top.get(MODALITY, b"")
        return describer.describe(self._plan, self._header.transfer_syntax, modality, progress.patient, progress.uids)

    def describe_beginning(self, describer: Describer) -> Description:
        """The same of an object that was refused before its header was scanned."""
        if self._header is None:
            return Description()
        plan = compile_plan(self._rules.profile, self._header.sop_class)
        content, offset = self._beginning
        buffer = Buffer(content, complete=True)
        return describer.describe_beginning(plan, self._header.transfer_syntax, buffer, offset, self._header.encoding)

    def originals_of_beginning(self) -> Originals | None:
        """Who the patient of an object was that was refused so; None where nothing of it could be read."""
        if self._header is None:
            return None
        content, offset = self._beginning
        return originals_of_beginning(Buffer(content, complete=True), offset, self._header.encoding)

    def _check_identity(self) -> None:
        uids = self.progress.uids
        for tag, reason in ((SOP_CLASS, Reason.MISSING_SOP_CLASS_UID), (SOP_INSTANCE, Reason.MISSING_SOP_INSTANCE_UID)):
            if not uids.get(tag, (b"", b""))[0]:
                raise DeidentificationError(reason, tag)
        self._rules.check_sop_class(uids[SOP_CLASS][0])

    def _missing(self, *, is_whole: bool) -> dict[int, bytes]:
        """The UIDs that the data set lacks and was not given yet, as ``HeaderFindings`` has them.

        Args:
            is_whole: whether all of it was walked.
        """
        assert self._header is not None
        progress = self.progress
        if self._header.sop_instance and not progress.uids.get(SOP_INSTANCE, (b"", b""))[0]:
            return {SOP_INSTANCE: self._header.sop_instance.encode("latin-1")}
        return self._rules.missing_uids(self._plan, progress) if is_whole or progress.last >= SERIES else {}

    def _judge(self, risks: tuple[PixelRisk, ...]) -> bool:
        """Whether the walk brought anything else than was known before it."""
        statement, before = self._rules.statement(self.progress, risks), self._judgement
        if risks == before.pixel_risks and statement == before.statement:
            return False
        self._judgement = before._replace(pixel_risks=risks, statement=statement)
        return True

    def _check_study(self) -> None:
        if not self._plan.belongs_to_study:
            return
        for tag, reason in ((STUDY, Reason.MISSING_STUDY_INSTANCE_UID), (SERIES, Reason.MISSING_SERIES_INSTANCE_UID)):
            if not self.progress.uids.get(tag, (b"", b""))[0]:
                raise DeidentificationError(reason, tag)

    # -- reading -----------------------------------------------------------------------------------------------------

    def _more(self, buffer: bytes, header_only: bool) -> tuple[bytes, bool]:
        """``buffer`` with several times as much behind it, and whether that is all."""
        room = self._source.most(_MAX_HEADER) - len(buffer)
        if room <= 0:
            raise DeidentificationError(Reason.HEADER_TOO_LARGE)
        wanted = min(room, max(3 * len(buffer), _HEAD if header_only else _LONG_HEAD))
        more = self._source.read(wanted)
        return buffer + more, len(more) < wanted

    def _batches(self, *, header_only: bool = False) -> Iterator[PieceBatch]:
        """The data set: the first batch reaches to the pixel data or to the end."""
        # one byte more than there should be: a read that comes back short says that this is all
        first = _HEAD if self._size is None else min(_HEAD, self._size + 1)
        buffer = self._source.read(first)
        complete = len(buffer) < first
        while self._header is None:
            try:
                self._header = read_file_header(buffer, complete)
            except NotEnoughBytesError:
                buffer, complete = self._more(buffer, header_only)
        offset = self._header.offset
        if self._header.deflated:
            self._source.inflate(buffer[offset:])
            buffer, offset = self._source.read(_HEAD), 0
            complete = len(buffer) < _HEAD
            check_encoding(buffer, 0, self._header.encoding)
        self._beginning = buffer, offset
        plan = compile_plan(self._rules.profile, self._header.sop_class)
        while True:
            try:
                self.facts = self._rules.facts.read_subject(
                    Buffer(buffer, complete),
                    offset,
                    self._header.encoding,
                    self._words,
                    is_of_patient=plan.belongs_to_study,
                    # who makes a new PatientID finds it out: to look for it here would be a second walk
                    wants_patient=(header_only or self._wants_patient)
                    and plan.root[PATIENT_ID].operation is not Operation.PATIENT_ID,
                )
                if self._wants_originals:
                    self.originals = originals_of(Buffer(buffer, complete), offset, self._header.encoding)
                break
            except NeedMoreError:
                buffer, complete = self._more(buffer, header_only)
                self._beginning = buffer, offset
        self._new_rewriter(plan)
        if self._rules.screen is not None and not header_only:
            self._screening = ObjectScreening(self._rules.screen, self._words)
        started = judged = False
        held: list[Piece] = []
        while True:
            before = self.progress.copy() if started else None
            try:
                pieces, bulk = self._rewriter_now.rewrite(buffer, offset, complete)
            except NeedMoreError:
                buffer, complete = self._more(buffer, header_only)
                if not started:
                    self._beginning = buffer, offset
                self._rewriter_now.restart(before)
                continue
            except OtherPlanError as other:
                if started:
                    # the plan was to be known by now: what came before is on its way already
                    raise DeidentificationError(Reason.HEADER_TOO_LARGE) from None
                self._new_rewriter(other.plan)
                continue
            if not started:
                if missing := self._missing(is_whole=bulk is None):
                    self._judgement = HeaderFindings(missing={**self._judgement.missing, **missing})
                    self._new_rewriter(self._plan)
                    continue
                self._check_identity()
            progress = self._rewriter_now.progress
            risks = self._judgement.pixel_risks
            if not judged and (bulk is None or progress.last >= FIRST_PIXELS):
                judged = True
                risks = self._rules.pixel_risks(self._plan, progress, keep=self._keeps(header_only, started))
                self._check_study()
                self.face = self._rules.face(self._plan, progress)
                if not header_only:
                    # of a series all headers are looked at first
                    self._rules.check_face(self.face, self._heads)
            if judged and not header_only and self._judge(risks):
                if started:
                    # what it says is on its way, and not true
                    raise DeidentificationError(Reason.HEADER_TOO_LARGE)
                # what it says of itself stands before what it is judged by
                self._new_rewriter(self._plan)
                continue
            started = True
            if self._screening is not None:
                self._screening.read.append(buffer)
            held += pieces
            # what is to be written waits until all are known whom it may name
            if bulk is None or bulk.kind is not BulkKind.SKIP or progress.last >= BEHIND_IDENTITY:
                yield self._screened(held)
                held = []
            if bulk is None or (header_only and progress.last >= FIRST_PIXELS):
                return
            buffer = yield from self._bulk(bulk, buffer[bulk.offset :])
            more = self._source.read(max(0, _HEAD - len(buffer)))
            complete = len(buffer) + len(more) < _HEAD
            buffer, offset = buffer + more, 0
            if not buffer:
                # as nearly all objects end: with their pixels
                yield [*self._screened(held), *self._rewriter_now.ending()]
                return

    def _screened(self, pieces: list[Piece]) -> list[Piece]:
        """``pieces`` without values that name somebody who is known.

        Raises:
            DeidentificationError: what names somebody can't go.
        """
        if self._screening is None:
            return pieces
        return self._screening.screen(pieces, self._plan, self._rewriter_now.encoding, self.progress, self.facts.known)

    def _keeps(self, header_only: bool, started: bool) -> bool:
        """Whether the object is not to be refused for its risks now."""
        if header_only and self._plan.judges_faces:
            # it is refused later: what its header tells of the series must be heard
            return True
        # what it says of itself must not be on its way
        return self._rules.profile.pixels.keeps and not started

    @property
    def _rewriter_now(self) -> Rewriter:
        assert self._rewriter is not None
        return self._rewriter

    def _new_rewriter(self, plan: Plan) -> None:
        assert self._header is not None
        self._plan = plan
        self._rewriter = self._rules.rewriter(plan, self._header.encoding, self._uids, self.facts, self._judgement)

    # -- values that the buffer doesn't hold -------------------------------------------------------------------------

    def _bulk(self, bulk: Bulk, buffer: bytes) -> Generator[PieceBatch, None, bytes]:
        """Pass a bulk value on, or over, and return what was read behind it."""
        if bulk.kind is BulkKind.FRAGMENTS:
            look = None if self._screening is None else self._screening.check_fragment
            return (yield from self._source.fragments(buffer, self._rewriter_now.encoding, look))
        last, missing = self.progress.last, bulk.length - len(buffer)
        if bulk.kind is BulkKind.MASK:
            mask = self._rewriter_now.elements.cell_mask(self._rewriter_now.encoding)
            yield [mask.apply(buffer)]
            for chunk in self._source.copy(missing, last):
                yield [mask.apply(chunk)]
        elif bulk.kind is BulkKind.COPY and last != PIXEL_DATA and self._screening is not None:
            yield from self._screening.watched(chain((buffer,), self._source.copy(missing, last)), last)
        elif bulk.kind is BulkKind.COPY:
            yield [buffer]
            yield from self._source.copy_through(missing, last)
        else:
            try:
                for _ in self._source.copy(missing, last):
                    pass
            except DeidentificationError:
                # what ends too early behind the pixel data is padding
                if last <= PIXEL_DATA:
                    raise
                self.progress.notes.add(Note.TRAILING_DATA_REMOVED)
        return b""
