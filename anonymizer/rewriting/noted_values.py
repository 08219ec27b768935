"""Values that are noted on the way: those by which the object is judged, and those that identify somebody."""

from __future__ import annotations

from profiles import IdentityKind, Rule

from ..dicom.buffer import NeedMoreError
from ..dicom.encoding import UNDEFINED
from ..errors import DeidentificationError
from ..identity.known_values import KnownValue, ValueSearch, collect
from ..pixels.notes import note
from .data_sets import Element
from .object_state import ObjectState
from .private_blocks import MAY_NAME


def note_value(state: ObjectState, rule: Rule, element: Element) -> None:
    """Note the original value of an element by which the object is judged, or that identifies somebody.

    Raises:
        NeedMoreError: it lies beyond the buffer.
    """
    depth, length = element.data_set.depth, element.length
    if depth == 0 and length != UNDEFINED and element.following > element.data_set.end:
        if not (rule.presence or state.buffer.complete):
            raise NeedMoreError
    if rule.collects:
        if rule.kind is not None or element.vr in MAY_NAME or length == UNDEFINED or rule.vr == "SQ":
            collect_known(state, rule, element)
        if not rule.judges:
            return
    noted = note(rule, element.vr, state.buffer.content, element.value, length, element.encoding)
    if depth:
        state.judged_by.nested.setdefault(rule.tag, []).append(noted)
    else:
        state.judged_by.top[rule.tag] = noted


def collect_known(state: ObjectState, rule: Rule, element: Element) -> None:
    """Note a value that identifies somebody, or those that do in the items of a sequence that goes.

    Raises:
        NeedMoreError: it lies beyond the buffer.
    """
    buffer, tag, vr, length = state.buffer, element.tag, element.vr, element.length
    charset = state.charset if element.data_set.depth else None
    if rule.kind is None and (vr == b"SQ" or length == UNDEFINED or rule.vr == "SQ"):
        try:
            end = buffer.value_end(vr, element.value, length, element.encoding, rule.tag)
        except DeidentificationError:
            # what goes needn't be whole, but for its end, which the walk looks for
            return
        search = ValueSearch(buffer, state.plan.profile.identity_kinds, tag, charset)
        collect(search.in_items(element.value, end, element.items_encoding), state.known)
    elif (rule.kind is not None or vr == b"PN") and length and length != UNDEFINED and element.following <= element.data_set.end:
        kind = rule.kind or IdentityKind.NAME
        state.known.append(KnownValue(tag, kind, element.content(buffer).rstrip(b"\0 "), charset))
