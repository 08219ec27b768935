"""Elements that hold a value: what takes the place of one, where its neighbours in the data set have a say in it."""

from __future__ import annotations

import re
from collections.abc import Callable

from profiles import (
    CODE_MEANING,
    CODE_VALUE,
    CODING_SCHEME,
    CODING_SCHEME_VERSION,
    Operation,
    ProfileOptions,
    Rule,
    has_designator_before,
    is_overlay_bit_position,
    is_term,
    partner_of,
    published_schemes,
)

from ..dicom.buffer import Bulk, BulkKind, NeedMoreError
from ..dicom.encoding import Encoding
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..identity.dates import holds_date
from ..identity.lookahead import patient_at
from ..pixels.overlays import CellMask, embedded_bits, may_stay
from ..reasons import Note, Reason
from .data_sets import Element
from .object_state import ObjectState
from .text_cleaner import clean_text
from .values import CHANGED_WHATEVER, change, keep, new_identity, rewrite_value, shift, shifts_times

#: VRs of private values in which a date may stand, and those that hold one where it is the object's own
_TEXTS, _NUMBERS_OR_CODES = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"}), frozenset({"CS", "DS", "IS"})
#: InstanceCreationDate, StudyDate, SeriesDate, AcquisitionDate, ContentDate, AcquisitionDateTime
_DATES = frozenset({0x00080012, 0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002A})
_FIRST_OVERLAY = 0x60000000
_OF_CODES = frozenset({CODE_VALUE, CODING_SCHEME_VERSION, CODE_MEANING})
_SCHEME = frozenset({CODING_SCHEME})
#: numbers, none of which is a UID; written so that there is but one way to match
_NUMBER = rb"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)? *"
_NUMBER_VRS = frozenset({b"DS", b"IS"})
_NUMBERS = re.compile(rb" *(?:%b)?(?:\\ *(?:%b)?)*\0?" % (_NUMBER, _NUMBER))
_OF_PATIENT = (Operation.PATIENT_ID, Operation.PATIENT_NAME)
#: members of an Enum are looked up slowly before Python 3.12
_CLEAN_TEXT = Operation.CLEAN_TEXT
_KEEP = Operation.KEEP
_PATIENT_NAME = Operation.PATIENT_NAME


def rewrite_element(state: ObjectState, rule: Rule, element: Element) -> list[Piece] | None:
    """Return what takes the place of an element of known length; None: it stays as it is.

    Raises:
        NeedMoreError: a neighbour lies beyond the buffer.
        DeidentificationError: the value can't be understood, or says that the object must not be written.
    """
    if rule.operation is _CLEAN_TEXT and rule.otherwise is not None and rule.otherwise.operation in _OF_PATIENT:
        # PatientID or PatientName by a custom rule: what is made of them depends on their neighbours
        if clean_text(state, rule, element.content(state.buffer)) is None:
            rule = rule.otherwise
    tag, operation = rule.tag, rule.operation
    if tag >= _FIRST_OVERLAY and element.data_set.depth == 0 and is_overlay_bit_position(tag):
        _find_overlay_bits(state, rule, element)
    if operation in CHANGED_WHATEVER:
        return change(state, rule, element.encoding)
    vr, keeps = element.vr, operation is _KEEP
    if vr == b"SQ" or (keeps and (vr in rule.refused_vrs or element.length > rule.limit)):
        _check_numbers(state, rule, element)
    if rule.inspected and tag == PIXEL_DATA:
        return _rewrite_pixels(state, rule, element)
    if rewrite := _BY_NEIGHBOURS.get(operation):
        return rewrite(state, rule, element)
    content = element.content(state.buffer)
    if keeps:
        if tag >> 16 & 1 and _is_private_date(state, rule, content, element.encoding):
            # as any private date: it may be the device's, or the patient's
            raise DeidentificationError(Reason.INVALID_VALUE)
        if tag in _OF_CODES and _is_of_public_code(state, element, tag):
            # whatever it looks like
            return keep(state, rule, content, element.encoding)
    return rewrite_value(state, rule, content, element.encoding)


def _check_numbers(state: ObjectState, rule: Rule, element: Element) -> None:
    """Refuse a value of another kind than its attribute can have, or longer: numbers written as text are only wrong.

    Raises:
        DeidentificationError: it is none of these.
    """
    vr = element.vr
    is_other = vr == b"SQ" or vr in rule.refused_vrs
    if (is_other and vr not in _NUMBER_VRS) or not _NUMBERS.fullmatch(state.buffer.content, element.value, element.following):
        # nothing says what items mean there, or what a text says in the place of a number; others have swallowed neighbours
        raise DeidentificationError(Reason.VR_MISMATCH if is_other else Reason.INVALID_LENGTH, rule.tag)


# -- values that depend on their neighbours --------------------------------------------------------------------------


def _rewrite_patient(state: ObjectState, rule: Rule, element: Element) -> list[Piece] | None:
    """Rewrite PatientID or PatientName, by the patient whom the data set names."""
    patient = None
    if rule.operation is not _PATIENT_NAME or state.resources.patients is not None:
        # without a table a name needs no look at the patient
        patient = patient_at(state.buffer, element.position, element.data_set.end, element.encoding, state.charset)
        if element.data_set.depth == 0:
            state.patient = patient
    return new_identity(state, rule, patient, element.encoding)


def _shift(state: ObjectState, rule: Rule, element: Element) -> list[Piece] | None:
    """Move a date or time; a date together with its time, from the elements behind it, where both cross midnight."""
    buffer, time = state.buffer, None
    partner = partner_of(rule.tag) if rule.vr == "DA" and shifts_times(state) else None
    if partner is not None:
        found = buffer.find(element.following, element.data_set.end, frozenset({partner}), element.encoding)
        time = buffer.text(found.get(partner))
    return shift(state, rule, element.content(buffer), time, element.encoding)


def _keep_repeated(state: ObjectState, rule: Rule, element: Element) -> list[Piece] | None:
    """Keep a value that the top-level attribute ``rule.value`` has or may have; rewrite others by ``rule.otherwise``.

    Raises:
        NeedMoreError: that attribute lies beyond the buffer.
    """
    buffer, content = state.buffer, element.content(state.buffer)
    text = content.strip(b"\0 ")
    found = buffer.find(state.start, len(buffer.content), frozenset({rule.value}), state.encoding)
    is_repeated = bool(text) and buffer.text(found.get(rule.value)) == text
    if not is_repeated and not is_term(rule.value, text.decode("latin-1")):
        assert rule.otherwise is not None
        return rewrite_value(state, rule.otherwise, content, element.encoding)
    state.rules.append(rule)
    return None


_BY_NEIGHBOURS: dict[Operation, Callable[[ObjectState, Rule, Element], list[Piece] | None]] = {
    Operation.PATIENT_ID: _rewrite_patient,
    Operation.PATIENT_NAME: _rewrite_patient,
    Operation.SHIFT: _shift,
    Operation.KEEP_REPEATED: _keep_repeated,
}


def _is_of_public_code(state: ObjectState, element: Element, tag: int) -> bool:
    """Find out whether one of ``_OF_CODES`` belongs to a code whose scheme is public: by what follows, or what was met before.

    Raises:
        NeedMoreError: its designator lies beyond the buffer.
    """
    buffer = state.buffer
    if tag != CODE_VALUE:
        return has_designator_before(buffer.content, element.value)
    found = buffer.find(element.following, element.data_set.end, _SCHEME, element.encoding)
    return buffer.text(found.get(CODING_SCHEME)).decode("latin-1") in published_schemes()


def _is_private_date(state: ObjectState, rule: Rule, content: bytes, encoding: Encoding) -> bool:
    """Find out whether a private value that stays is a date, though its VR doesn't say so."""
    if rule.retained or ProfileOptions.RetainLongFullDates in state.plan.profile.options:
        return False
    if rule.vr in _TEXTS:
        return holds_date(content)
    if rule.vr not in _NUMBERS_OR_CODES:
        return False
    return any(part.strip(b"\0 ") in _own_dates(state, encoding) for part in content.split(b"\\"))


def _own_dates(state: ObjectState, encoding: Encoding) -> frozenset[bytes]:
    """Return the dates of the object itself, YYYYMMDD each.

    Raises:
        NeedMoreError: they lie beyond the buffer.
    """
    buffer, known = state.own_dates
    if buffer is not state.buffer:
        buffer = state.buffer
        found = buffer.find(state.start, len(buffer.content), _DATES, encoding)
        # an earlier buffer had them, where a long value was passed over
        known = known | {buffer.text(one)[:8] for one in found.values()} - {b""}
        state.own_dates = buffer, known
    return known


# -- overlays, pixels, long values -----------------------------------------------------------------------------------


def find_bulk(state: ObjectState, rule: Rule, element: Element) -> Bulk:
    """Return how to go on with a top-level value that the buffer doesn't hold.

    Raises:
        NeedMoreError: it is needed whole.
    """
    tag, value, length = element.tag, element.value, element.length
    if element.vr in rule.refused_vrs or tag < state.plan.skips_from:
        # a kept value of another kind than it should be is looked at whole, and then refused
        raise NeedMoreError
    if rule.operation in CHANGED_WHATEVER and not rule.inspected:
        return Bulk(BulkKind.SKIP, value, length)
    if tag < state.plan.passes_from:
        raise NeedMoreError
    if tag == PIXEL_DATA and rule.operation is _KEEP:
        state.pixel_vr, state.pixel_length = element.vr, length
        if state.hands_over_pixels:
            return Bulk(BulkKind.BLANK, value, length)
        return Bulk(BulkKind.MASK if state.overlay_bits else BulkKind.COPY, value, length)
    if rule.inspected:
        raise NeedMoreError
    if rule.stays and not rule.text and length <= rule.limit:
        return Bulk(BulkKind.COPY, value, length)
    raise NeedMoreError


def plane_rule(state: ObjectState, rule: Rule, element: Element) -> Rule:
    """Return the rule for an element of an overlay plane, by whether the plane may stay."""
    group = rule.tag >> 16
    stays = state.planes.get(group)
    if stays is None:
        stays = state.planes[group] = may_stay(state.buffer, element.position, group, element.encoding)
    chosen = rule.value if stays else rule.otherwise
    assert isinstance(chosen, Rule)
    return chosen


def _find_overlay_bits(state: ObjectState, rule: Rule, element: Element) -> None:
    content = element.content(state.buffer)
    bit, cell_size = embedded_bits(state.buffer, state.start, element.following, content, rule.tag, element.encoding)
    if bit:
        state.overlay_bits |= bit
        state.cell_size = cell_size
        state.notes.add(Note.OVERLAY_BITS_MASKED)


def passes_encapsulated(state: ObjectState, rule: Rule, vr: bytes) -> bool:
    """Find out whether encapsulated pixel data passes as it is.

    Raises:
        DeidentificationError: overlays are hidden in it.
    """
    if rule.operation is not _KEEP or vr in rule.refused_vrs:
        return False
    if state.overlay_bits:
        raise DeidentificationError(Reason.EMBEDDED_OVERLAY, PIXEL_DATA)
    return True


def _rewrite_pixels(state: ObjectState, rule: Rule, element: Element) -> list[Piece] | None:
    """Pass pixel data that lies in the buffer: as it is, or without the bits that hold overlays."""
    if rule.action is not None:
        state.rules.append(rule)
    view, state.pixel_vr, state.pixel_length = state.buffer.view, element.vr, element.length
    if state.hands_over_pixels:
        return stop_at_pixels(state, element, BulkKind.BLANK)
    pixels: Piece = view[element.value : element.following]
    if state.overlay_bits:
        pixels = cell_mask(state).apply(view[element.value : element.following])
    # a piece by itself: it is no text to be screened
    state.pixels = pixels
    return [view[element.position : element.value], pixels]


def stop_at_pixels(state: ObjectState, element: Element, kind: BulkKind) -> list[Piece]:
    """Stop the walk at PixelData as if the buffer didn't hold it; return its header."""
    state.bulk = Bulk(kind, element.value, element.length)
    element.following = element.value
    return [state.buffer.view[element.position : element.value]]


def cell_mask(state: ObjectState) -> CellMask:
    """Return what clears the bits of the pixels that hold overlays."""
    return CellMask(state.overlay_bits, state.cell_size, state.encoding)
