"""UIDs: new ones in their place, and those by which the object itself is known."""

from __future__ import annotations

import re

from profiles import Operation, Rule

from ..dicom.character_sets import names_character_sets
from ..dicom.encoding import Encoding, pad_uid
from ..dicom.tags import SOP_CLASS, SOP_INSTANCE, SPECIFIC_CHARACTER_SET
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..identity.uids import is_well_known
from ..reasons import Note, Reason
from .method_codes import Stamps
from .object_state import ObjectState

_UID = re.compile(rb"[0-9.]{1,64}")
#: bytes, padding among them; broken devices make longer ones than the standard's 64
_LONGEST_UID = 1024
#: members of an Enum are looked up slowly before Python 3.12
_KEEP = Operation.KEEP


def replace_uids(state: ObjectState, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
    """Return the element with new UIDs; None where they are what it has.

    Raises:
        DeidentificationError: they can't be UIDs.
    """
    if rule.inspected and rule.tag in state.missing:
        # empty: another is added
        return []
    if len(content) > _LONGEST_UID and max(map(len, content.split(b"\\"))) > _LONGEST_UID:
        # it has swallowed its neighbours: its length is damaged
        raise DeidentificationError(Reason.INVALID_UID, rule.tag)
    # no calls where there is but one: lists of references are long
    uid = content.split(b"\0", 1)[0].strip(b" ")
    if b"\\" in content:
        new = b"\\".join([_new_uid(state, rule, _before_nul(part)) for part in content.split(b"\\")])
    elif not uid or is_well_known(uid):
        new = uid
    else:
        new = state.new_uids[uid] = state.uid_mapping.new_uid(uid, rule.tag)
    if rule.inspected:
        _identify(state, rule.tag, uid, new)
    padded = pad_uid(new)
    if padded == content:
        return None
    state.rules.append(rule)
    return [encoding.element(rule.tag, "UI", padded)]


def inspect(state: ObjectState, rule: Rule, content: bytes) -> None:
    """Look at a value that the engine must know: the character set, and UIDs of the object's own that stay.

    Raises:
        DeidentificationError: it is none that it may be.
    """
    tag = rule.tag
    if tag == SPECIFIC_CHARACTER_SET:
        if not names_character_sets(content):
            raise DeidentificationError(Reason.INVALID_VALUE, tag)
        state.charset = content.strip(b"\0 ").decode("latin-1")
    elif rule.operation is _KEEP:
        uid = _before_nul(content)
        if tag != SOP_CLASS and uid and not _UID.fullmatch(uid):
            # a retained UID names files and stands in the file meta: nothing else may
            raise DeidentificationError(Reason.INVALID_UID, tag)
        _identify(state, tag, uid, uid)


def add_missing_uids(state: ObjectState) -> None:
    """Add the UIDs that the object lacks (``state.missing``) to what it gets.

    Raises:
        DeidentificationError: one can't be made.
    """
    added = {}
    for tag, original in state.missing.items():
        rule = state.plan.root[tag]
        given = tag == SOP_INSTANCE
        state.notes.add(Note.UID_FROM_FILE_META if given else Note.MISSING_UID_ADDED)
        if given and rule.operation is _KEEP:
            inspect(state, rule, original)
        else:
            _identify(state, rule.tag, original, _new_uid(state, rule, original))
        added[tag] = state.encoding.element(tag, "UI", pad_uid(state.uids[tag][1]))
    state.stamps = Stamps(state.plan.stamped, added)


def _before_nul(value: bytes) -> bytes:
    """Return what a value says: up to a NUL, without blanks around it."""
    return value.split(b"\0", 1)[0].strip(b" ")


def _new_uid(state: ObjectState, rule: Rule, uid: bytes) -> bytes:
    if not uid or is_well_known(uid):
        return uid
    new = state.new_uids[uid] = state.uid_mapping.new_uid(uid, rule.tag)
    return new


def _identify(state: ObjectState, tag: int, original: bytes, new: bytes) -> None:
    if b"\\" in original or b"\\" in new:
        # an object has one identity; a NUL may hide the second one
        raise DeidentificationError(Reason.INVALID_UID, tag)
    state.uids[tag] = (original, new)
