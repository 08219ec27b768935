"""One verb per operation: what takes the place of an element, given its value."""

from __future__ import annotations

import re
from collections.abc import Callable

from profiles import DATE_VRS, ILLEGAL_VALUE, Operation, Rule, are_legal, is_public_scheme

from ..dicom.character_sets import encode_text, is_encodable
from ..dicom.encoding import Encoding, encode_value, pad_text, pad_uid
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..identity.dates import NoDateError, cap_age, shift_da, shift_dt, shift_tm
from ..identity.known_terms import are_known_terms
from ..identity.patients import Patient
from ..reasons import Note, Reason
from .illegal_values import legal_part
from .method_codes import DateHandling
from .object_state import ObjectState
from .text_cleaner import clean_text, reviewed_text
from .uid_values import inspect, replace_uids

#: operations for which the value plays no part
CHANGED_WHATEVER = (Operation.REMOVE, Operation.EMPTY, Operation.REPLACE)
_DAY = 86_400
#: characters that no text holds (PS3.5 6.1.3: TAB, LF, FF, CR and ESC may occur); NUL is looked at apart
_CONTROL_BUT_NUL = re.compile(rb"[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f]")
#: members of an Enum are looked up slowly before Python 3.12
_EMPTY = Operation.EMPTY
_NEW_UID = Operation.NEW_UID
_PATIENT_NAME = Operation.PATIENT_NAME
_REMOVE = Operation.REMOVE
_SHIFT = Operation.SHIFT


def rewrite_value(state: ObjectState, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
    """Return the element that takes the place of one with the value ``content``; None: it stays as it is.

    Raises:
        DeidentificationError: the value can't be understood, or says that the object must not be written.
    """
    operation = rule.operation
    if operation is _NEW_UID:
        return replace_uids(state, rule, content, encoding)
    if rule.inspected:
        if rule.tag in state.missing:
            # empty: another is added
            return []
        inspect(state, rule, content)
    verb = _VERBS.get(operation)
    return change(state, rule, encoding) if verb is None else verb(state, rule, content, encoding)


# -- whatever the value was ------------------------------------------------------------------------------------------


def change(state: ObjectState, rule: Rule, encoding: Encoding) -> list[Piece]:
    """Return the element, if any, that takes the place of one whatever its value was."""
    state.rules.append(rule)
    if rule.operation is _REMOVE:
        return []
    return [state.resources.constants[encoding].get(rule) or constant(state, rule, encoding)]


def constant(state: ObjectState, rule: Rule, encoding: Encoding) -> bytes:
    """Return the element that takes the place of all with ``rule``; if it is the same in every object, it is kept."""
    if rule.operation is _EMPTY:
        element = encoding.element(rule.tag, rule.vr, b"")
    elif isinstance(rule.value, str) and not rule.value.isascii():
        return _encoded(state, rule, rule.value, encoding)
    else:
        element = encode_value(rule.tag, rule.vr, rule.value, encoding)
    state.resources.constants[encoding][rule] = element
    return element


def _otherwise(state: ObjectState, rule: Rule, encoding: Encoding) -> list[Piece]:
    assert rule.otherwise is not None
    return change(state, rule.otherwise, encoding)


# -- values that stay ------------------------------------------------------------------------------------------------


def keep(state: ObjectState, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
    """Keep a value, whatever it is.

    Raises:
        DeidentificationError: as ``_without_hidden``.
    """
    if rule.action is not None:
        state.rules.append(rule)
        if content.strip(b"\0 "):
            _note_left(state, rule, DateHandling.KEPT if rule.weakens else DateHandling.RETAINED)
    return _without_hidden(rule, content, encoding)


def _keep_legal(state: ObjectState, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
    """Keep a value that is what its VR says. A reference to a content item outside of its tree stays as it is."""
    if rule.illegal is not None and rule.accepts is not None and not rule.accepts(content):
        # what only needs padding is looked at closely
        if not are_legal(rule.tag, rule.vr, _text(rule, content)):
            return _replace_illegal(state, rule, content, encoding)
    return keep(state, rule, content, encoding)


def _replace_illegal(state: ObjectState, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
    """Return what takes the place of a value that isn't what its VR says.

    Raises:
        DeidentificationError: it is required, and any other value would say what isn't true.
    """
    assert rule.illegal is not None
    new = rule.illegal()
    if new.reason != ILLEGAL_VALUE:
        # a code of a site's own, or a rule that keeps whatever stands there
        return rewrite_value(state, new, content, encoding)
    state.notes.add(Note.ILLEGAL_VALUE_REMOVED)
    left = legal_part(rule, new, _text(rule, content))
    if left is None:
        return rewrite_value(state, new, content, encoding)
    state.rules.append(new)
    return [encoding.element(rule.tag, rule.vr, pad_text(left))]


def _keep_terms(state: ObjectState, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
    """Keep text all of whose values are known terms; rewrite any other by ``rule.otherwise``."""
    if are_known_terms(content, rule.value):
        if rule.action is not None:
            state.rules.append(rule)
        return None
    assert rule.otherwise is not None
    return rewrite_value(state, rule.otherwise, content, encoding)


def _derive(state: ObjectState, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
    """Replace the first value, where it is one that is no longer true of pixels in which something is blanked."""
    assert rule.otherwise is not None
    untrue, true = rule.value
    first, sign, rest = content.partition(b"\\")
    if first.strip(b" \0") != untrue:
        return rewrite_value(state, rule.otherwise, content, encoding)
    derived = pad_text((true + sign + rest).rstrip(b" \0"))
    pieces = rewrite_value(state, rule.otherwise, derived, encoding)
    if pieces is not None:
        return pieces
    state.rules.append(rule)
    return [encoding.element(rule.tag, rule.vr, derived)]


def _keep_scheme(state: ObjectState, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
    """Keep the designator of a coding scheme that is public; others name who made them."""
    state.is_local = not is_public_scheme(_text(rule, content).decode("latin-1").strip())
    if not state.is_local:
        return _without_hidden(rule, content, encoding)
    assert rule.otherwise is not None
    return rewrite_value(state, rule.otherwise, content, encoding)


def _without_hidden(rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
    """Return a text without what is hidden behind a NUL (PS3.5 6.2); None where nothing is.

    Raises:
        DeidentificationError: control characters: a damaged length has swallowed other elements.
    """
    if not rule.text:
        return None
    cut = _text(rule, content)
    if cut == content.rstrip(b"\0 "):
        return None
    return [encoding.element(rule.tag, rule.vr, pad_uid(cut) if rule.vr == "UI" else pad_text(cut))]


def _text(rule: Rule, content: bytes) -> bytes:
    """Return a text without padding, each of its values up to a NUL."""
    text = content.rstrip(b"\0 ")
    if _CONTROL_BUT_NUL.search(text):
        raise DeidentificationError(Reason.INVALID_VALUE, rule.tag)
    return b"\\".join(part.split(b"\0", 1)[0] for part in text.split(b"\\")) if b"\0" in text else text


def _note_left(state: ObjectState, rule: Rule, handling: DateHandling) -> None:
    """Note that a value is left, where that has a say in what the object says of itself."""
    if not state.resources.statements.depends:
        return
    state.undone |= rule.weakens
    if rule.vr in DATE_VRS:
        state.dates |= handling


# -- new values ------------------------------------------------------------------------------------------------------


def new_identity(state: ObjectState, rule: Rule, patient: Patient | None, encoding: Encoding) -> list[Piece]:
    """Return a new PatientID or PatientName: from the table of patients, else a pseudonym and no name (PS3.15 E.1.1).

    Args:
        patient: whom the data set names; None where that plays no part.

    Raises:
        DeidentificationError: the table doesn't have the patient.
    """
    table, is_name = state.resources.patients, rule.operation is _PATIENT_NAME
    if patient is None or (is_name and (table is None or not patient.patient_id)):
        return _otherwise(state, rule, encoding)
    if table is None or not patient.patient_id:
        state.rules.append(rule)
        # an empty PatientID stays empty: a pseudonym would join all patients that have none
        pseudonym = state.resources.pseudonyms.patient_id(patient) if patient.patient_id else b""
        return [encoding.element(rule.tag, rule.vr, pseudonym)]
    new = table.find(patient)
    if new is None:
        raise DeidentificationError(Reason.PATIENT_NOT_IN_TABLE, rule.tag)
    text = new.patient_name if is_name else new.patient_id
    if text is None:
        return _otherwise(state, rule, encoding)
    state.rules.append(rule)
    return [_encoded(state, rule, text, encoding)]


def shifts_times(state: ObjectState) -> bool:
    """Find out whether the object's dates move by more than whole days."""
    return bool(state.facts.offset and state.facts.offset % _DAY)


def shift(state: ObjectState, rule: Rule, content: bytes, time: bytes | None, encoding: Encoding) -> list[Piece] | None:
    """Move a date or time by the patient's offset; what is none gets the action that it would have without the option.

    Args:
        time: value of the TM that belongs to a DA, where both cross midnight together.
    """
    value, offset = content.strip(b"\0 "), state.facts.offset
    if offset is None:
        return _otherwise(state, rule, encoding)
    try:
        if rule.vr == "DA":
            new = shift_da(value, offset, time)
        else:
            new = shift_tm(value, offset) if rule.vr == "TM" else shift_dt(value, offset)
    except NoDateError:
        return _otherwise(state, rule, encoding)
    return _new_text(state, rule, content, new, encoding)


def _clean(state: ObjectState, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
    """Clean a text of what identifies."""
    cleaned = clean_text(state, rule, content)
    if state.cleaned is not None and (decided := reviewed_text(state, rule, content, cleaned)) is not None:
        return rewrite_value(state, decided, content, encoding)
    if cleaned is None:
        return _otherwise(state, rule, encoding)
    if cleaned.isascii():
        return _new_text(state, rule, content, cleaned.encode(), encoding)
    state.rules.append(rule)
    _note_left(state, rule, DateHandling.MOVED)
    return [_encoded(state, rule, cleaned, encoding)]


def _name_device(state: ObjectState, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
    """Replace the names of devices by pseudonyms."""
    names = [part.strip(b"\0 ") for part in content.split(b"\\")]
    return _new_text(state, rule, content, b"\\".join(map(state.resources.pseudonyms.device, names)), encoding)


def _cap_age(state: ObjectState, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
    """Cap an age."""
    try:
        new = cap_age(content.strip(b"\0 "))
    except NoDateError:
        return _otherwise(state, rule, encoding)
    return _new_text(state, rule, content, new, encoding)


def _read_stamp(state: ObjectState, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
    """Take out what an earlier de-identification says; it is said anew."""
    state.stamps.read_earlier(rule.tag, _text(rule, content))
    return []


def _new_text(state: ObjectState, rule: Rule, content: bytes, new: bytes, encoding: Encoding) -> list[Piece] | None:
    """Return the element with the text ``new``; None where that is what it has."""
    state.rules.append(rule)
    if new and (rule.weakens or rule.operation is _SHIFT):
        _note_left(state, rule, DateHandling.MOVED)
    padded = pad_text(new)
    return None if padded == content else [encoding.element(rule.tag, rule.vr, padded)]


def _encoded(state: ObjectState, rule: Rule, text: str, encoding: Encoding) -> bytes:
    """Return an element with ``text`` in the object's character set.

    Raises:
        DeidentificationError: it can't be written there.
    """
    if not is_encodable(text, state.charset):
        raise DeidentificationError(Reason.ALIAS_NOT_ENCODABLE, rule.tag)
    return encode_text(rule.tag, rule.vr, text, encoding, state.charset)


_VERBS: dict[Operation, Callable[[ObjectState, Rule, bytes, Encoding], list[Piece] | None]] = {
    Operation.KEEP: _keep_legal,
    Operation.RENUMBER: _keep_legal,
    Operation.KEEP_TERMS: _keep_terms,
    Operation.KEEP_SCHEME: _keep_scheme,
    Operation.STAMP: _read_stamp,
    Operation.CLEAN_TEXT: _clean,
    Operation.DEVICE_PSEUDONYM: _name_device,
    Operation.CAP_AGE: _cap_age,
    Operation.DERIVE: _derive,
}
