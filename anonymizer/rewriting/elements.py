"""Elements that hold a value: what takes the place of one, where its neighbours in the data set have a say in it."""

from __future__ import annotations

import re

from profiles import (
    CODE_MEANING,
    CODE_VALUE,
    CODING_SCHEME,
    CODING_SCHEME_VERSION,
    Operation,
    Plan,
    ProfileOptions,
    Rule,
    has_designator_before,
    is_overlay_bit_position,
    is_term,
    partner_of,
    published_schemes,
)

from ..dicom.buffer import Buffer, Bulk, BulkKind, NeedMoreError
from ..dicom.encoding import Encoding
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError, Note, Reason
from ..files.pieces import Piece
from ..identity.dates import holds_date
from ..identity.lookahead import patient_at
from ..identity.patients import Patient
from ..pixels.overlays import CellMask, embedded_bits, may_stay
from .state import Progress
from .values import ValueRewriter

#: operations for which the value plays no part
CHANGED_WHATEVER = (Operation.REMOVE, Operation.EMPTY, Operation.REPLACE)
#: VRs of private values in which a date may stand, and those that hold one where it is the object's own
_TEXTS, _NUMBERS_OR_CODES = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"}), frozenset({"CS", "DS", "IS"})
#: InstanceCreationDate, StudyDate, SeriesDate, AcquisitionDate, ContentDate, AcquisitionDateTime
_DATES = frozenset({0x00080012, 0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002A})
_FIRST_OVERLAY = 0x60000000
_OF_CODES = frozenset({CODE_VALUE, CODING_SCHEME_VERSION, CODE_MEANING})
_SCHEME = frozenset({CODING_SCHEME})
_OF_PATIENT = (Operation.PATIENT_ID, Operation.PATIENT_NAME)
#: numbers, none of which is a UID; written so that there is but one way to match
_NUMBER = rb"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)? *"
_NUMBER_VRS = frozenset({b"DS", b"IS"})
_NUMBERS = re.compile(rb" *(?:%b)?(?:\\ *(?:%b)?)*\0?" % (_NUMBER, _NUMBER))
#: members of an Enum are looked up slowly before Python 3.12
_CLEAN_TEXT = Operation.CLEAN_TEXT
_KEEP = Operation.KEEP
_KEEP_REPEATED = Operation.KEEP_REPEATED
_NEW_UID = Operation.NEW_UID
_PATIENT_NAME = Operation.PATIENT_NAME
_SHIFT = Operation.SHIFT


class ElementRewriter:
    """Rewrites elements of one object that are no sequences.

    Attributes:
        values: makes the new values.
        buffer: the bytes at hand.
        start: where the data set begins in them, or what is left of it.
    """

    def __init__(self, values: ValueRewriter, plan: Plan) -> None:
        """
        Args:
            plan: says from where on long values may pass unread.
        """
        self.values = values
        self._plan = plan
        self.buffer = Buffer(b"", complete=False)
        self.start = 0
        self._own_dates = self.buffer, frozenset[bytes]()

    @property
    def _progress(self) -> Progress:
        return self.values.progress

    def rewrite(
        self, rule: Rule, vr: bytes, position: int, value: int, length: int, end: int, encoding: Encoding, depth: int
    ) -> list[Piece] | None:
        """What takes the place of the element at ``position``; None: it stays as it is.

        Raises:
            NeedMoreError: a neighbour lies beyond the buffer.
            OtherPlanError: the value says that another plan is the right one.
            DeidentificationError: the value can't be understood, or says that the object must not be written.
        """
        operation = rule.operation
        following = value + length
        if operation is _NEW_UID and vr != b"SQ":
            return self.values.rewrite(rule, self.buffer.content[value:following], encoding)
        otherwise = rule.otherwise if operation is _CLEAN_TEXT else None
        if otherwise is not None and otherwise.operation in _OF_PATIENT:
            # PatientID or PatientName by a custom rule: what is made of them depends on their neighbours
            if self.values.cleaned(rule, self.buffer.content[value:following]) is None:
                rule, operation = otherwise, otherwise.operation
        if depth == 0 and rule.tag >= _FIRST_OVERLAY and is_overlay_bit_position(rule.tag):
            self._find_overlay_bits(rule, value, following, encoding)
        if operation in CHANGED_WHATEVER:
            return self.values.change(rule, encoding)
        content = self.buffer.content
        if vr == b"SQ" or (operation is _KEEP and vr in rule.refused_vrs):
            # nothing says what items mean there, or what a text says in the place of a number
            if vr not in _NUMBER_VRS or not _NUMBERS.fullmatch(content, value, following):
                raise DeidentificationError(Reason.VR_MISMATCH, rule.tag)
        if operation is _KEEP and length > rule.limit and not _NUMBERS.fullmatch(content, value, following):
            # numbers that are too many have swallowed their neighbours; numbers written as text are only wrong
            raise DeidentificationError(Reason.INVALID_LENGTH, rule.tag)
        if rule.inspected and rule.tag == PIXEL_DATA:
            return self._pixels(rule, position, value, following, encoding)
        if operation is _KEEP_REPEATED:
            return self._repeated(rule, content[value:following], encoding)
        if operation in _OF_PATIENT:
            patient = self._patient(operation, position, end, encoding)
            if depth == 0 and patient is not None:
                self._progress.patient = patient
            return self.values.identity(rule, patient, encoding)
        if operation is _SHIFT:
            time = self._time_of(rule, following, end, encoding)
            return self.values.shift(rule, content[value:following], time, encoding)
        if rule.tag >> 16 & 1 and operation is _KEEP and self._is_private_date(rule, content[value:following], encoding):
            # as any private date: it may be the device's, or the patient's
            raise DeidentificationError(Reason.INVALID_VALUE)
        if rule.tag in _OF_CODES and operation is _KEEP and self._is_of_public_code(rule.tag, value, following, end, encoding):
            # whatever it looks like
            return self.values.keep(rule, content[value:following], encoding)
        return self.values.rewrite(rule, content[value:following], encoding)

    def _repeated(self, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
        """A value that the top-level attribute ``rule.value`` has or may have; of others, what ``rule.otherwise`` makes.

        Raises:
            NeedMoreError: that attribute lies beyond the buffer.
        """
        text = content.strip(b"\0 ")
        found = self.buffer.find(self.start, len(self.buffer.content), frozenset({rule.value}), self.values.encoding)
        is_repeated = bool(text) and self.buffer.text(found.get(rule.value)) == text
        if not is_repeated and not is_term(rule.value, text.decode("latin-1")):
            assert rule.otherwise is not None
            return self.values.rewrite(rule.otherwise, content, encoding)
        self._progress.rules.append(rule)
        return None

    def _is_of_public_code(self, tag: int, value: int, following: int, end: int, encoding: Encoding) -> bool:
        """Whether one of ``_OF_CODES`` belongs to a code whose scheme is public: by what follows, or by what was met before.

        Raises:
            NeedMoreError: its designator lies beyond the buffer.
        """
        if tag != CODE_VALUE:
            return has_designator_before(self.buffer.content, value)
        scheme = self.buffer.text(self.buffer.find(following, end, _SCHEME, encoding).get(CODING_SCHEME))
        return scheme.decode("latin-1") in published_schemes()

    def _is_private_date(self, rule: Rule, content: bytes, encoding: Encoding) -> bool:
        """Whether a private value that stays is a date, though its VR doesn't say so."""
        if rule.retained or ProfileOptions.RetainLongFullDates in self._plan.profile.options:
            return False
        if rule.vr in _TEXTS:
            return holds_date(content)
        return rule.vr in _NUMBERS_OR_CODES and any(part.strip(b"\0 ") in self._dates(encoding) for part in content.split(b"\\"))

    def _dates(self, encoding: Encoding) -> frozenset[bytes]:
        """The dates of the object itself, YYYYMMDD each.

        Raises:
            NeedMoreError: they lie beyond the buffer.
        """
        buffer, known = self._own_dates
        if buffer is not self.buffer:
            found = self.buffer.find(self.start, len(self.buffer.content), _DATES, encoding)
            # an earlier buffer had them, where a long value was passed over
            known = known | {self.buffer.text(one)[:8] for one in found.values()} - {b""}
            self._own_dates = self.buffer, known
        return known

    def bulk(self, rule: Rule, vr: bytes, tag: int, value: int, following: int) -> Bulk:
        """How to go on with a top-level value, between ``value`` and ``following``, that the buffer doesn't hold.

        Raises:
            NeedMoreError: it is needed whole.
        """
        length = following - value
        if vr in rule.refused_vrs or tag < self._plan.skips_from:
            # a kept value of another kind than it should be is looked at whole, and then refused
            raise NeedMoreError
        if rule.operation in CHANGED_WHATEVER and not rule.inspected:
            return Bulk(BulkKind.SKIP, value, length)
        if tag < self._plan.passes_from:
            raise NeedMoreError
        if tag == PIXEL_DATA and rule.operation is _KEEP:
            return Bulk(BulkKind.MASK if self._progress.overlay_bits else BulkKind.COPY, value, length)
        if rule.inspected:
            raise NeedMoreError
        if rule.stays and not rule.text and length <= rule.limit:
            return Bulk(BulkKind.COPY, value, length)
        raise NeedMoreError

    def _patient(self, operation: Operation, position: int, end: int, encoding: Encoding) -> Patient | None:
        """The patient that the data set names, of which one element is at ``position``; None: their name needs no look at it."""
        if operation is _PATIENT_NAME and not self.values.names_patients:
            return None
        return patient_at(self.buffer, position, end, encoding, self._progress.charset)

    def _time_of(self, rule: Rule, position: int, end: int, encoding: Encoding) -> bytes | None:
        """The time of the date that ``rule`` shifts, from the elements behind it, where both cross midnight together."""
        partner = partner_of(rule.tag) if self.values.shifts_times and rule.vr == "DA" else None
        if partner is None:
            return None
        return self.buffer.text(self.buffer.find(position, end, frozenset({partner}), encoding).get(partner))

    # -- overlays and pixels -----------------------------------------------------------------------------------------

    def plane_rule(self, rule: Rule, position: int, encoding: Encoding) -> Rule:
        """The rule for an element of an overlay plane, by whether the plane may stay."""
        group = rule.tag >> 16
        stays = self._progress.planes.get(group)
        if stays is None:
            stays = self._progress.planes[group] = may_stay(self.buffer, position, group, encoding)
        chosen = rule.value if stays else rule.otherwise
        assert isinstance(chosen, Rule)
        return chosen

    def _find_overlay_bits(self, rule: Rule, value: int, following: int, encoding: Encoding) -> None:
        content = self.buffer.content[value:following]
        bit, cell_size = embedded_bits(self.buffer, self.start, following, content, rule.tag, encoding)
        if bit:
            self._progress.overlay_bits |= bit
            self._progress.cell_size = cell_size
            self._progress.notes.add(Note.OVERLAY_BITS_MASKED)

    def passes_encapsulated(self, rule: Rule, vr: bytes) -> bool:
        """Whether encapsulated pixel data passes as it is.

        Raises:
            DeidentificationError: overlays are hidden in it.
        """
        if rule.operation is not _KEEP or vr in rule.refused_vrs:
            return False
        if self._progress.overlay_bits:
            raise DeidentificationError(Reason.EMBEDDED_OVERLAY, PIXEL_DATA)
        return True

    def _pixels(self, rule: Rule, position: int, value: int, following: int, encoding: Encoding) -> list[Piece] | None:
        """Pixel data that lies in the buffer: as it is, or without the bits that hold overlays."""
        if rule.action is not None:
            self._progress.rules.append(rule)
        view = self.buffer.view
        pixels: Piece = view[value:following]
        if self._progress.overlay_bits:
            pixels = self.cell_mask(encoding).apply(view[value:following])
        # a piece by itself: it is no text to be screened
        self._progress.pixels = pixels
        return [view[position:value], pixels]

    def cell_mask(self, encoding: Encoding) -> CellMask:
        """What clears the bits of the pixels that hold overlays."""
        return CellMask(self._progress.overlay_bits, self._progress.cell_size, encoding)
