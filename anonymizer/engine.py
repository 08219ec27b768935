"""One object through the engine: file header, data set, bulk values, report. Everything else is a shell around this."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator

from profiles import ConfidentialityProfile, Plan, Rule, compile_plan

from .buffer import Buffer, Bulk, BulkKind, NeedMoreError
from .deflate import ByteStream, InflatingStream, deflate
from .encoding import ITEM, SEQUENCE_END, UNDEFINED, Encoding
from .errors import DeidentificationError, Note, Reason
from .facts import FactFinder, Facts
from .files import Piece
from .keys import Key
from .part10 import FileHeader, NotEnoughBytesError, check_encoding, read_file_header, write_file_header
from .patients import PatientTable, PatientTableError
from .progress import Progress
from .pseudonyms import Pseudonyms
from .report import AttributeAction, Report, Scan
from .rewriter import Rewriter
from .tags import AUDIO_CLASSES, FIRST_PIXELS, PIXEL_DATA, SERIES, SOP_CLASS, SOP_INSTANCE, STUDY
from .uids import KeyedUids, UidMapping, is_standard_sop_class
from .values import OtherPlanError, Shared, ValueRewriter

#: first read of an object that is de-identified: most objects are in memory whole, large ones stream from here on
_HEAD = 4 << 20
#: first read of a header scan: headers of single-frame images fit
_SCAN_HEAD = 64 << 10
_CHUNK = 1 << 20
#: a data set that has not come to its pixel data after so many bytes is no data set that we understand
_MAX_HEADER = 256 << 20
_MAX_SUMMARIES = 10_000


class Engine:
    """De-identifies objects by one profile and one key. It keeps what objects share: plans, constants, known UIDs."""

    def __init__(
        self,
        profile: ConfidentialityProfile,
        key: Key,
        *,
        uid_root: str | None = None,
        keep_burned_in: bool = False,
        patients: PatientTable | None = None,
    ) -> None:
        """
        Args:
            uid_root: an organisation's root for new UIDs, None for 2.25.
            keep_burned_in: let objects pass whose BurnedInAnnotation is YES.
            patients: the lookup table by which patients are named; objects of others are refused. None: by pseudonyms.

        Raises:
            SecretError: ``uid_root`` can't be used.
            PatientTableError: ``patients`` and one alias for all.
        """
        if patients is not None and (profile.patient_id is not None or profile.patient_name is not None):
            raise PatientTableError("a table of patients and an alias for all of them exclude each other")
        self.profile = profile
        self.uids = KeyedUids(key, uid_root)
        self.pseudonyms = Pseudonyms(key)
        self.facts = FactFinder(profile, key, patients)
        self._shared = Shared(self.pseudonyms, patients, keep_burned_in)
        self._summaries: dict[tuple[Rule, ...], tuple[AttributeAction, ...]] = {}

    def deidentify(
        self,
        stream: ByteStream,
        *,
        uids: UidMapping | None = None,
        size: int | None = None,
        words: frozenset[bytes] = frozenset(),
    ) -> Deidentification:
        """Start on the object that ``stream`` yields.

        Args:
            uids: where new UIDs come from; None: from the key alone.
            size: the object's size in bytes if known: it spares reads.
            words: keyed hashes of words that identify somebody in other objects of the patient or study (``Scan.words``).
        """
        return Deidentification(self, stream, uids or self.uids, size, words)

    def scan(self, stream: ByteStream, *, uids: UidMapping, size: int | None = None) -> Scan:
        """Read an object's header as ``deidentify`` will, and hand every UID that it replaces to ``uids``.

        Args:
            size: the object's size in bytes if known: it spares reads.

        Raises:
            DeidentificationError: as ``deidentify``, as far as the header tells.
        """
        deidentification = Deidentification(self, stream, uids, size, frozenset())
        deidentification.scan()
        found = deidentification.progress.uids
        words = tuple(sorted(map(self.pseudonyms.word, deidentification.facts.words)))
        return Scan(
            found[SOP_CLASS][1].decode("latin-1"), found, deidentification.bytes_read, deidentification.facts.person, words
        )

    def rewrite_data_set(self, content: bytes, encoding: Encoding, sop_class: str) -> bytes:
        """De-identify a bare data set, which may lack its UIDs.

        Raises:
            DeidentificationError: it can't be understood.
        """
        if sop_class:
            self.check_sop_class(sop_class.encode("latin-1", "replace"))
        plan = compile_plan(self.profile, sop_class)
        facts = self.facts.learn(Buffer(content, complete=True), 0, encoding, is_of_patient=plan.belongs_to_study)
        while True:
            rewriter = self.rewriter(plan, encoding, self.uids, facts, sop_class_fixed=True)
            try:
                pieces, _ = rewriter.rewrite(content, 0, complete=True)
            except OtherPlanError as other:
                plan = other.plan
            else:
                return b"".join(pieces)

    def check_sop_class(self, sop_class: bytes) -> None:
        """PS3.15 E.1: de-identification of private classes is undefined.

        Raises:
            DeidentificationError: ``sop_class`` is no standard one.
        """
        if not is_standard_sop_class(sop_class) and not compile_plan(self.profile, sop_class.decode("latin-1")).known_iod:
            raise DeidentificationError(Reason.PRIVATE_SOP_CLASS, SOP_CLASS)
        if sop_class in AUDIO_CLASSES:
            # a voice identifies its speaker
            raise DeidentificationError(Reason.AUDIO, SOP_CLASS)

    def rewriter(
        self, plan: Plan, encoding: Encoding, uids: UidMapping, facts: Facts, *, sop_class_fixed: bool = False
    ) -> Rewriter:
        """A rewriter for one object."""
        return Rewriter(plan, encoding, ValueRewriter(plan, self._shared, uids, facts, sop_class_fixed=sop_class_fixed))

    def summary(self, rules: list[Rule]) -> tuple[AttributeAction, ...]:
        """The actions of ``rules``: instances of a series share one tuple."""
        key = tuple(rules)
        summary = self._summaries.get(key)
        if summary is None:
            counts = Counter((rule.label, rule.keyword, rule.action.value) for rule in rules if rule.action is not None)
            summary = tuple(
                AttributeAction(label, keyword, action, count) for (label, keyword, action), count in sorted(counts.items())
            )
            if len(self._summaries) >= _MAX_SUMMARIES:
                self._summaries.clear()
            self._summaries[key] = summary
        return summary


class Deidentification:
    """One object on its way. ``chunks`` yields it; ``report`` is whole once they are exhausted.

    Attributes:
        bytes_read: bytes of the source read so far.
        facts: what was learnt before the first element was rewritten.
    """

    def __init__(self, engine: Engine, stream: ByteStream, uids: UidMapping, size: int | None, words: frozenset[bytes]) -> None:
        self._engine = engine
        self._words = words
        self.facts = Facts()
        self._stream = stream
        self._uids = uids
        self._size = size
        self._rewriter: Rewriter | None = None
        self._header: FileHeader | None = None
        self.bytes_read = 0

    @property
    def progress(self) -> Progress:
        """What is known of the object so far."""
        assert self._rewriter is not None
        return self._rewriter.progress

    @property
    def report(self) -> Report:
        """What came of the object."""
        assert self._header is not None
        progress = self.progress
        new = {tag: value[1].decode("latin-1") for tag, value in progress.uids.items()}
        return Report(
            sop_class_uid=new.get(SOP_CLASS, ""),
            transfer_syntax_uid=self._header.transfer_syntax,
            sop_instance_uid=new.get(SOP_INSTANCE, ""),
            study_instance_uid=new.get(STUDY, ""),
            series_instance_uid=new.get(SERIES, ""),
            actions=self._engine.summary(progress.rules),
            notes=tuple(sorted({*self._header.notes, *progress.notes}, key=lambda note: note.value)),
        )

    def chunks(self) -> Iterator[Piece]:
        """The de-identified object. Whoever takes them makes nothing visible before the last one came without an error.

        Raises:
            DeidentificationError: the object can't be de-identified with certainty.
        """
        pieces = self._pieces(_HEAD)
        # the meta header needs the new SOP Instance UID, which the first pieces bring
        first = next(pieces)
        self._check_identity()
        assert self._header is not None
        uids = self.progress.uids
        yield write_file_header(uids[SOP_CLASS][1], uids[SOP_INSTANCE][1], self._header.transfer_syntax)
        if self._header.deflated:
            yield from deflate(piece for part in (iter((first,)), pieces) for batch in part for piece in batch)
            return
        yield from first
        for batch in pieces:
            yield from batch

    def scan(self) -> None:
        """Walk the header only, up to the pixel data."""
        for _ in self._pieces(_SCAN_HEAD, header_only=True):
            pass
        self._check_identity()

    def _check_identity(self) -> None:
        uids = self.progress.uids
        for tag, reason in ((SOP_CLASS, Reason.MISSING_SOP_CLASS_UID), (SOP_INSTANCE, Reason.MISSING_SOP_INSTANCE_UID)):
            if not uids.get(tag, (b"", b""))[0]:
                raise DeidentificationError(reason, tag)
        self._engine.check_sop_class(uids[SOP_CLASS][0])

    # -- reading -----------------------------------------------------------------------------------------------------

    def _read(self, size: int) -> bytes:
        """``size`` bytes of the data set, fewer only at its end.

        Raises:
            DeidentificationError: the source can't be read on; an OSError would be taken for one of whoever writes.
        """
        parts: list[bytes] = []
        missing = size
        try:
            while missing > 0 and (part := self._stream.read(missing)):
                parts.append(part)
                missing -= len(part)
        except OSError:
            raise DeidentificationError(Reason.UNREADABLE) from None
        self.bytes_read += size - missing
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _more(self, buffer: bytes, head: int) -> tuple[bytes, bool]:
        """``buffer`` with as much again behind it, and whether that is all."""
        if len(buffer) > _MAX_HEADER:
            raise DeidentificationError(Reason.HEADER_TOO_LARGE)
        wanted = max(len(buffer), head)
        more = self._read(wanted)
        return buffer + more, len(more) < wanted

    def _pieces(self, head: int, *, header_only: bool = False) -> Iterator[list[Piece]]:
        """The data set in batches: the first one reaches to the pixel data or to the end."""
        # one byte more than there should be: a read that comes back short says that this is all
        first = head if self._size is None else min(head, self._size + 1)
        buffer = self._read(first)
        complete = len(buffer) < first
        while self._header is None:
            try:
                self._header = read_file_header(buffer, complete)
            except NotEnoughBytesError:
                buffer, complete = self._more(buffer, head)
        offset = self._header.offset
        if self._header.deflated:
            self._stream = InflatingStream(self._stream, buffer[offset:])
            buffer, offset = self._read(head), 0
            complete = len(buffer) < head
            check_encoding(buffer, 0, self._header.encoding)
        plan = compile_plan(self._engine.profile, self._header.sop_class)
        while True:
            try:
                self.facts = self._engine.facts.learn(
                    Buffer(buffer, complete), offset, self._header.encoding, self._words, is_of_patient=plan.belongs_to_study
                )
                break
            except NeedMoreError:
                buffer, complete = self._more(buffer, head)
        self._new_rewriter(plan)
        started = False
        while True:
            before = self.progress.copy()
            try:
                pieces, bulk = self._rewriter_now.rewrite(buffer, offset, complete)
            except NeedMoreError:
                buffer, complete = self._more(buffer, head)
                self._rewriter_now.progress = before
                continue
            except OtherPlanError as other:
                if started:
                    # the plan was to be known by now: what came before is on its way already
                    raise DeidentificationError(Reason.HEADER_TOO_LARGE) from None
                self._new_rewriter(other.plan)
                continue
            started = True
            yield pieces
            if bulk is None or (header_only and self.progress.last >= FIRST_PIXELS):
                return
            buffer = yield from self._bulk(bulk, buffer[bulk.offset :])
            more = self._read(max(0, head - len(buffer)))
            complete = len(buffer) + len(more) < head
            buffer, offset = buffer + more, 0

    @property
    def _rewriter_now(self) -> Rewriter:
        assert self._rewriter is not None
        return self._rewriter

    def _new_rewriter(self, plan: Plan) -> None:
        assert self._header is not None
        self._rewriter = self._engine.rewriter(plan, self._header.encoding, self._uids, self.facts)

    # -- values that the buffer doesn't hold -------------------------------------------------------------------------

    def _bulk(self, bulk: Bulk, buffer: bytes) -> Generator[list[Piece], None, bytes]:
        """Pass a bulk value on, or over, and return what was read behind it."""
        if bulk.kind is BulkKind.FRAGMENTS:
            return (yield from self._fragments(buffer))
        rest = self._copy(bulk.length - len(buffer), self.progress.last)
        if bulk.kind is BulkKind.MASK:
            assert self._header is not None
            mask = self._rewriter_now.elements.cell_mask(self._header.encoding)
            yield [mask.apply(buffer)]
            for chunks in rest:
                yield [mask.apply(chunk) for chunk in chunks]
            return b""
        if bulk.kind is BulkKind.COPY:
            yield [buffer]
            yield from rest
            return b""
        try:
            for _ in rest:
                pass
        except DeidentificationError:
            # what ends too early behind the pixel data is padding
            if self.progress.last <= PIXEL_DATA:
                raise
            self.progress.notes.add(Note.TRAILING_DATA_REMOVED)
        return b""

    def _fragments(self, buffer: bytes) -> Generator[list[Piece], None, bytes]:
        """Encapsulated pixel data up to its delimiter, untouched (PS3.5 A.4)."""
        assert self._header is not None
        item = self._header.encoding.item
        position = 0
        while True:
            if len(buffer) - position < item.size:
                if position:
                    yield [buffer[:position]]
                buffer, position = buffer[position:] + self._read(_CHUNK), 0
                if len(buffer) < item.size:
                    raise DeidentificationError(Reason.TRUNCATED, PIXEL_DATA)
            group, element, length = item.unpack_from(buffer, position)
            tag = group << 16 | element
            end = position + item.size
            if tag == SEQUENCE_END and length == 0:
                yield [buffer[:end]]
                return buffer[end:]
            if tag != ITEM or length == UNDEFINED:
                raise DeidentificationError(Reason.INVALID_FRAGMENTS, PIXEL_DATA)
            position = end + length
            if position > len(buffer):
                # the fragment goes on behind the buffer: pass on what is here and stream the rest
                yield [buffer]
                yield from self._copy(position - len(buffer), PIXEL_DATA)
                buffer, position = b"", 0
            elif position > _CHUNK:
                yield [buffer[:position]]
                buffer, position = buffer[position:], 0

    def _copy(self, length: int, tag: int) -> Iterator[list[Piece]]:
        while length > 0:
            chunk = self._read(min(length, _CHUNK))
            if not chunk:
                raise DeidentificationError(Reason.TRUNCATED, tag)
            length -= len(chunk)
            yield [chunk]
