"""One object on its way: file header, look ahead, data set, bulk values, report."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from itertools import chain
from typing import cast

from profiles import BEHIND_IDENTITY, MODALITY, Operation, Plan, compile_plan

from ..dicom.buffer import Buffer, BulkKind, NeedMoreError
from ..dicom.deflate import deflate
from ..dicom.object_reader import ObjectReader
from ..dicom.part10 import FileHeader, NotEnoughBytesError, check_encoding, read_file_header, write_file_header
from ..dicom.tags import FIRST_PIXELS, PATIENT_ID, SERIES, SOP_CLASS, SOP_INSTANCE, STUDY
from ..errors import DeidentificationError, Description, Originals
from ..files.pieces import Piece, PieceBatch
from ..identity.known_values import KnownValue
from ..identity.lookahead import Identity, new_patient_id, originals_of, originals_of_beginning
from ..identity.patients import Patient
from ..identity.subject import SubjectFacts
from ..identity.uids import UidMapping
from ..pixels import FaceEvidence, PixelDecision
from ..reasons import Reason
from ..report import Report
from ..review.values import KeptValue
from .bulk_values import pass_bulk
from .data_set_rewriter import end_object, rewrite_object
from .describer import Describer
from .final_look import FinalLook
from .object_pixels import ObjectPixels
from .object_rules import ObjectRules
from .object_state import HeaderFindings, ObjectState
from .released_values import released_values

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
        pixels: the decision on its pixels, and what follows from it.
    """

    def __init__(
        self,
        rules: ObjectRules,
        source: ObjectReader,
        uids: UidMapping,
        *,
        size: int | None = None,
        words: Container[str] = frozenset(),
        heads: frozenset[bytes] | None = None,
        pixels: PixelDecision | None = None,
        originals: bool = False,
        wants_patient: bool = False,
        searches: bool = False,
        collects: bool = False,
    ) -> None:
        """
        Args:
            size, words, heads, pixels, wants_patient, collects: as for ``Engine.deidentify``.
            originals: find out, when the header is scanned, who the patient was.
            searches: look for text when the header is scanned, where the profile asks for that.
        """
        self._rules = rules
        self._source = source
        self._uids = uids
        self._size = size
        self._words = words
        self._heads = heads
        self._wants_originals = originals
        self._wants_patient = wants_patient
        self._collects = collects
        self.originals: Originals | None = None
        self.face: FaceEvidence | None = None
        self.pixels = ObjectPixels(pixels, searches=searches)
        self.facts = SubjectFacts()
        self._header: FileHeader | None = None
        self._plan: Plan | None = None
        self._state: ObjectState | None = None
        self._findings = HeaderFindings()
        self.pixel_risks: tuple[Reason, ...] = ()  # as far as the header was walked
        self._is_judged = False
        self._final = FinalLook(rules.resources, words, collects=collects)
        #: the bytes at hand, and where the data set begins in them, or what is left of it
        self._buffer, self._start = Buffer(b"", complete=False), 0
        #: the same of the object's beginning
        self._beginning = self._buffer, 0

    # -- what is known of it -----------------------------------------------------------------------------------------

    @property
    def state(self) -> ObjectState:
        """The state of the object: what is known of it so far."""
        assert self._state is not None
        return self._state

    def new_uid(self, tag: int) -> str:
        """Return the object's new UID in the attribute ``tag``, ``""`` where it has none; known with the first batch."""
        return self.state.uid(tag)[1].decode("latin-1")

    @property
    def patient(self) -> bytes:
        """Keyed hash of the patient, 8 bytes; empty where no PatientID tells. It is known with the first batch, if asked for."""
        return self.facts.patient or self._rules.resources.subjects.patient_hash(self.state.patient)

    @property
    def report(self) -> Report:
        """A report of what came of the object."""
        assert self._header is not None
        state = self.state
        released = released_values(state)
        return Report(
            sop_class_uid=self.new_uid(SOP_CLASS),
            transfer_syntax_uid=self._written_syntax,
            sop_instance_uid=self.new_uid(SOP_INSTANCE),
            study_instance_uid=self.new_uid(STUDY),
            series_instance_uid=self.new_uid(SERIES),
            actions=self._rules.summary(state.rules),
            notes=state.sorted_notes(self._header.notes),
            pixel_risks=tuple(Reason(risk.reason) for risk in self._findings.pixel_risks),
            pixels=self.pixels.account,
            patient_sex=released.sex,
            patient_age=released.age,
        )

    @property
    def _written_syntax(self) -> str:
        """UID of the transfer syntax in which the object is written."""
        assert self._header is not None
        return self.pixels.written_syntax(self._header.transfer_syntax)

    @property
    def kept(self) -> Iterable[KeptValue]:
        """The values that stay, each once, if they were asked for; all of them once the object is written."""
        return self._final.kept

    @property
    def bytes_read(self) -> int:
        """Bytes of the source read so far."""
        return self._source.bytes_read

    @property
    def known(self) -> tuple[list[KnownValue], str]:
        """The values that identify somebody around the object, if the profile asks for any, and its SpecificCharacterSet."""
        return [*self.facts.known] or self.state.known, self.state.charset

    @property
    def person(self) -> bytes:
        """Keyed hash of whose object it is, as SubjectReader.person gives it."""
        if self.facts.person:
            return self.facts.person
        study = self.state.uid(STUDY)[0] or self.state.uid(SOP_INSTANCE)[0]
        return self._rules.resources.subjects.person(Identity(self.state.patient or Patient("", ""), study))

    def describe(self, describer: Describer) -> Description:
        """Describe the object for the audit, once its header was scanned."""
        assert self._header is not None
        state = self.state
        modality = state.judged_by.top.get(MODALITY, b"")
        return describer.describe(state.plan, self._header.transfer_syntax, modality, state.patient, state.uids)

    def describe_beginning(self, describer: Describer) -> Description:
        """Describe an object that was refused before its header was scanned."""
        if self._header is None:
            return Description()
        plan = compile_plan(self._rules.resources.profile, self._header.sop_class)
        buffer, start = self._beginning
        whole = Buffer(buffer.content, complete=True)
        return describer.describe_beginning(plan, self._header.transfer_syntax, whole, start, self._header.encoding)

    def originals_of_beginning(self) -> Originals | None:
        """Return who the patient of an object was that was refused so; None where nothing of it could be read."""
        if self._header is None:
            return None
        buffer, start = self._beginning
        return originals_of_beginning(Buffer(buffer.content, complete=True), start, self._header.encoding)

    # -- the de-identified object ------------------------------------------------------------------------------------

    def chunks(self) -> Iterator[Piece]:
        """Yield ``batches`` piece by piece, where none is a range of a file."""
        return chain.from_iterable(cast(Iterator[list[Piece]], self.batches()))

    def batches(self) -> Iterator[PieceBatch]:
        """Yield the de-identified object. Whoever takes it makes nothing visible before the last batch came without an error.

        A range is copied before the next batch is asked for: it is where its file is read next.

        Raises:
            DeidentificationError: the object can't be de-identified with certainty.
        """
        batches = self._batches()
        # the meta header needs the new SOP Instance UID, which the first batch brings
        first = next(batches)
        assert self._header is not None
        state = self.state
        yield [write_file_header(state.uids[SOP_CLASS][1], state.uids[SOP_INSTANCE][1], self._written_syntax)]
        if self._header.deflated:
            for deflated in deflate(chain.from_iterable(cast(Iterator[list[Piece]], chain((first,), batches)))):
                yield [deflated]
            return
        yield first
        yield from batches

    def scan(self) -> None:
        """Walk the header only, up to the pixel data; and look at that, where text is to be looked for.

        Raises:
            DeidentificationError: as far as what was read tells, the object can't be de-identified with certainty.
        """
        batches = self._batches(header_only=True)
        first = next(batches)
        if self.originals is not None:
            # there, for they were found in no less; by what stands there: profiles may do anything to it
            assert isinstance(first, list)
            new = new_patient_id(b"".join(first), self.state.encoding)
            self.originals = self.originals._replace(new_patient_id=new)
        for _ in batches:
            pass

    def _batches(self, *, header_only: bool = False) -> Iterator[PieceBatch]:
        """Yield the data set: the first batch reaches to the pixel data or to the end."""
        self._open(header_only)
        self._look_ahead(header_only)
        pieces, held = self._walk_header(header_only), list[Piece]()
        screening = None if header_only else self._final.screening
        while True:
            bulk, last = self.state.bulk, self.state.last
            if not header_only:
                self._final.read(self._buffer.content)
            held += pieces
            # what is to be written waits until all are known whom it may name
            if bulk is None or bulk.kind is not BulkKind.SKIP or last >= BEHIND_IDENTITY:
                yield held if header_only else self._final.look(held, self.state)
                held = []
            at_pixels = header_only and last >= FIRST_PIXELS
            if bulk is None or (at_pixels and not self.pixels.is_searched):
                return
            behind = yield from pass_bulk(self.state, bulk, self._source, screening, self.pixels.take)
            if at_pixels:
                self.pixels.end_search()
                return
            more = self._source.read(max(0, _HEAD - len(behind)))
            self._buffer, self._start = Buffer(behind + more, len(behind) + len(more) < _HEAD), 0
            if not self._buffer.content:
                # as nearly all objects end: with their pixels
                yield [*(held if header_only else self._final.look(held, self.state)), *end_object(self.state)]
                return
            pieces = self._walk_on(header_only)

    # -- the file header, and what must be known first ---------------------------------------------------------------

    def _open(self, header_only: bool) -> None:
        """Read the file header and the beginning of the data set."""
        # one byte more than there should be: a read that comes back short says that this is all
        wanted = _HEAD if self._size is None else min(_HEAD, self._size + 1)
        content = self._source.read(wanted)
        self._buffer = Buffer(content, len(content) < wanted)
        while self._header is None:
            try:
                self._header = read_file_header(self._buffer.content, self._buffer.complete)
            except NotEnoughBytesError:
                self._read_more(header_only)
        self._start = self._header.offset
        if self._header.deflated:
            self._source.inflate(self._buffer.content[self._start :])
            content = self._source.read(_HEAD)
            self._buffer, self._start = Buffer(content, len(content) < _HEAD), 0
            check_encoding(content, 0, self._header.encoding)
        self._beginning = self._buffer, self._start

    def _look_ahead(self, header_only: bool) -> None:
        """Find out the plan, and whose object it is as far as that must be known first."""
        assert self._header is not None
        encoding, resources = self._header.encoding, self._rules.resources
        while True:
            try:
                plan = self._plan = self._rules.plan_of(self._buffer, self._start, encoding, self._header.sop_class)
                # who makes a new PatientID finds it out: to look for it here would be a second walk
                is_found_out = plan.root[PATIENT_ID].operation is Operation.PATIENT_ID
                self.facts = resources.subjects.read_subject(
                    self._buffer,
                    self._start,
                    encoding,
                    self._words,
                    is_of_patient=plan.belongs_to_study,
                    wants_patient=(header_only or self._wants_patient) and not is_found_out,
                )
                if self._wants_originals:
                    self.originals = originals_of(self._buffer, self._start, encoding)
                return
            except NeedMoreError:
                self._read_more(header_only)
                self._beginning = self._buffer, self._start

    def _read_more(self, header_only: bool) -> None:
        """Read several times as much as there is behind the bytes at hand."""
        content = self._buffer.content
        room = self._source.most(_MAX_HEADER) - len(content)
        if room <= 0:
            raise DeidentificationError(Reason.HEADER_TOO_LARGE)
        wanted = min(room, max(3 * len(content), _HEAD if header_only else _LONG_HEAD))
        more = self._source.read(wanted)
        self._buffer = Buffer(content + more, len(more) < wanted)

    # -- walks -------------------------------------------------------------------------------------------------------

    def _walk_header(self, header_only: bool) -> list[Piece]:
        """Walk from the beginning of the data set, again and again, until nothing new is found that must be known before."""
        assert self._header is not None
        assert self._plan is not None
        while True:
            self._state = self._rules.begin(
                self._plan, self._header.encoding, self._uids, self.facts, self._findings, reviews=self._collects
            )
            try:
                pieces = rewrite_object(self._state, self._buffer, self._start)
            except NeedMoreError:
                self._read_more(header_only)
                self._beginning = self._buffer, self._start
                continue
            if self._state.has_references:
                self._plan = self._rules.with_references(self._plan)
                continue
            if missing := self._missing_uids():
                self._findings = HeaderFindings(missing={**self._findings.missing, **missing})
                continue
            self._rules.check_identity(self._state)
            self._rules.check_nested_pixels(self._state)
            if not self._finds_news(header_only, keep=self._rules.resources.profile.pixels.passes_risks):
                return pieces

    def _walk_on(self, header_only: bool) -> list[Piece]:
        """Walk on behind a long value. What came before it is on its way, and must stay true."""
        while True:
            before = self.state.copy()
            try:
                pieces = rewrite_object(self.state, self._buffer, self._start)
            except NeedMoreError:
                self._read_more(header_only)
                self._state = before
                continue
            self._rules.check_nested_pixels(self.state)
            if self.state.has_references or self._finds_news(header_only, keep=False):
                raise DeidentificationError(Reason.HEADER_TOO_LARGE)
            return pieces

    def _missing_uids(self) -> dict[int, bytes]:
        """Return the UIDs that the data set lacks and was not given yet, as ``HeaderFindings`` has them."""
        assert self._header is not None
        state = self.state
        if self._header.sop_instance and not state.uid(SOP_INSTANCE)[0]:
            return {SOP_INSTANCE: self._header.sop_instance.encode("latin-1")}
        return self._rules.missing_uids(state) if state.bulk is None or state.last >= SERIES else {}

    def _finds_news(self, header_only: bool, *, keep: bool) -> bool:
        """Judge the object once its header was walked, and find out whether it says anything else of itself than it is to.

        Args:
            keep: whether it may be kept in spite of risks that are found now.
        """
        rules, state, risks = self._rules, self.state, self._findings.pixel_risks
        if not self._is_judged and (state.bulk is None or state.last >= FIRST_PIXELS):
            self._is_judged = True
            # one whose face is judged is refused later: what its header tells of the series must be heard
            risks = rules.pixel_risks(state, keep=keep or (header_only and state.plan.judges_faces))
            self.pixel_risks = tuple(Reason(risk.reason) for risk in risks)
            rules.check_study(state)
            assert self._header is not None
            self.pixels.judge(state, self._header.transfer_syntax, risks, header_only=header_only)
            self.face = rules.face(state)
            if not header_only:
                # of a series all headers are looked at first
                rules.check_face(self.face, self._heads)
        if self.pixels.is_searched and not self._findings.searches_pixels:
            # the walk is to stop at the pixels, even where all of them are at hand
            self._findings = self._findings._replace(searches_pixels=True)
            return True
        if not self._is_judged or header_only:
            return False
        is_blanked = self.pixels.is_blanked
        statement = rules.statement(state, risks, is_blanked=is_blanked)
        if risks == self._findings.pixel_risks and statement == self._findings.statement:
            return False
        self._findings = self._findings._replace(pixel_risks=risks, statement=statement, blanks_pixels=is_blanked)
        if is_blanked:
            self._plan = rules.blanking(state.plan)
        return True
