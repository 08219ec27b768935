"""The walk along the elements of a data set: unchanged slices and replacements (PS3.5 7).

It works on a buffer that may hold only the beginning of the object. Values that go beyond it stop the walk when they stand at
top level, where pixel data stands; for everything else the caller brings more bytes and starts again.
"""

from __future__ import annotations

import struct

from profiles import Operation, Rule, attribute_vr

from ..dicom.buffer import Buffer, BulkKind, NeedMoreError
from ..dicom.encoding import ITEM_END, LONG_VRS, SHORT_VRS, UNDEFINED
from ..dicom.padding import is_padding
from ..dicom.tags import FIRST_PIXELS, PIXEL_DATA, SOP_CLASS
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..pixels.notes import BLANKS, PRESENT
from ..reasons import Note, Reason
from .data_sets import DataSet, Element
from .elements import find_bulk, passes_encapsulated, plane_rule, rewrite_element, stop_at_pixels
from .header_cache import Edit
from .noted_values import collect_known, note_value
from .object_state import ObjectState
from .private_blocks import MAY_NAME, PrivateBlocks, is_creator
from .sequences import rewrite_sequence
from .uid_values import replace_uids
from .values import CHANGED_WHATEVER, change, constant

_NO_STAMP = 0x1_0000_0000
#: bytes of private elements that may come together: they begin no stretch each
_MANY_PRIVATE = 512
#: members of an Enum are looked up slowly before Python 3.12
_ITEMS = Operation.ITEMS
_KEEP_SCHEME = Operation.KEEP_SCHEME
_NEW_UID = Operation.NEW_UID
_OVERLAY = Operation.OVERLAY
_PRIVATE = Operation.PRIVATE
_RENUMBER = Operation.RENUMBER
_STAMP = Operation.STAMP


# -- top level -------------------------------------------------------------------------------------------------------


def rewrite_object(state: ObjectState, buffer: Buffer, start: int) -> list[Piece]:
    """Rewrite the object's data set from ``start`` on.

    Returns:
        The pieces up to the value at which the walk stopped (``state.bulk``), or to the end of the data set.

    Raises:
        NeedMoreError: bring more bytes, go back to the state before and start again at the same place.
        DeidentificationError: the object can't be understood or must not be written.
    """
    state.buffer, state.start, state.bulk = buffer, start, None
    pieces = walk_data_set(state, DataSet(state.plan.root, start, len(buffer.content), state.encoding))
    assert pieces is not None
    if state.bulk is None:
        pieces.extend(end_object(state))
    return pieces


def end_object(state: ObjectState) -> list[bytes]:
    """Return what is still to stand at the end of the data set, where nothing more follows."""
    if state.plan.has_pixels and state.last < FIRST_PIXELS:
        state.notes.add(Note.NO_PIXEL_DATA)
    return state.stamps.take(_NO_STAMP, state.stamping, state.encoding)


# -- data sets -------------------------------------------------------------------------------------------------------


def walk_data_set(state: ObjectState, data_set: DataSet) -> list[Piece] | None:
    """Walk the elements of a data set and return its pieces; None for an item in which nothing changes. Its end is known then.

    This loop is the hot path: an element that stays costs its header, a look-up and the checks of its value.
    """
    buffer, view, rules = state.buffer.content, state.buffer.view, state.rules
    node, encoding, end, depth, delimited = data_set.rules, data_set.encoding, data_set.end, data_set.depth, data_set.delimited
    explicit, read_header = encoding.explicit, encoding.header.unpack_from
    run = position = start = data_set.start
    pieces: list[Piece] = []
    # nested data sets are looked at whole
    last, stamp_at, look_at, in_stretch = -1, _NO_STAMP, end, False
    edits: list[Edit] = []
    if depth == 0:
        last, stamp_at, look_at = state.last, state.stamps.next_tag, position
        judged_by = state.judged_by.top
        walk = state.resources.header_caches[state.plan, encoding].walk(buffer, rules, judged_by, state.known)
        edits = walk.edits
    blocks: PrivateBlocks | None = None
    broken: Reason | None = None
    vr, tag, value, length = b"", 0, 0, 0
    while position < end:
        if position >= look_at:
            position, last, run, look_at = walk.skip(position, last, run, stamp_at, pieces)
            in_stretch = True
            if position >= end:
                break
        try:
            if explicit:
                group, number, vr, length = read_header(buffer, position)
                value = position + 8
                if vr not in SHORT_VRS and group != 0xFFFE:
                    if vr not in LONG_VRS:
                        broken = Reason.INVALID_VR
                        break
                    (length,) = encoding.long_length.unpack_from(buffer, position + 8)
                    value = position + 12
            else:
                group, number, length = read_header(buffer, position)
                value = position + 8
        except struct.error:
            broken = Reason.TRUNCATED
            break
        tag = group << 16 | number
        if group == 0xFFFE:
            broken = None if delimited and tag == ITEM_END else Reason.STRAY_DELIMITER
            break
        # nested elements may come in any order: nothing depends on it there
        if depth == 0 and (tag <= last or group == 0xFFFF):
            broken = Reason.ELEMENTS_OUT_OF_ORDER
            break
        following = value + length
        if tag > stamp_at:
            if in_stretch:
                walk.stop(position, last)
            look_at, in_stretch = position, False
            pieces.append(view[run:position])
            pieces.extend(state.stamps.take(tag, state.stamping, encoding))
            stamp_at, run = state.stamps.next_tag, position
        rule = node[tag]
        if rule.plain is not None:
            if rule.presence and depth == 0:
                # here, for most objects have one such element that differs from the last one's
                judged_by[tag] = PRESENT if length and (not rule.text or buffer[value:following].strip(BLANKS)) else b""
            else:
                note_value(state, rule, Element(tag, vr, position, value, length, data_set))
            rule = rule.plain
        if following <= end:
            if (
                rule.stays
                and vr not in rule.refused_vrs
                and length <= rule.limit
                and (rule.accepts is None or rule.accepts(buffer, value, following))
            ):
                last, position = tag, following
                continue
            if rule.drops or rule.fixed:
                if run < position:
                    pieces.append(view[run:position])
                new = b""
                if rule.fixed:
                    new = state.resources.constants[encoding].get(rule) or constant(state, rule, encoding)
                    pieces.append(new)
                edits.append((position, following, new))
                rules.append(rule)
                last = tag
                run = position = following
                continue
        # what follows is rare, or depends on more than the value
        if in_stretch:
            walk.stop(position, last)
            in_stretch = False
        if depth == 0:
            # the next element begins a stretch; but private ones come many together
            look_at = position if rule.operation is not _PRIVATE else following + _MANY_PRIVATE
        operation = rule.operation
        replacement: list[Piece] | None = []
        if operation is _PRIVATE and blocks is None:
            blocks = PrivateBlocks(state.declared, pieces)
        if operation is _NEW_UID and following <= end and vr != b"SQ":
            # most of what comes here
            replacement = replace_uids(state, rule, buffer[value:following], encoding)
        elif operation is _PRIVATE and blocks and following <= end and (dropped := blocks.dropped(node, tag, vr)):
            # most private elements
            rules.append(dropped)
        else:
            element = Element(tag, vr, position, value, length, data_set)
            if following > end and length != UNDEFINED:
                if depth == 0:
                    state.last = last
                _stop(state, rule, element, run, pieces)
                return pieces
            if operation is _ITEMS:
                replacement = rewrite_sequence(state, rule, element, walk_data_set)
            elif operation is _PRIVATE and blocks:
                replacement = _rewrite_private(state, element, blocks, len(pieces) + (run < position))
            else:
                replacement = _rewrite(state, rule, element)
            following = element.following
            if operation is _KEEP_SCHEME and state.is_local:
                node = node.local_codes
        if replacement is not None:
            if run < position:
                pieces.append(view[run:position])
            pieces += replacement
            run = following
        last, position = tag, following
        if tag == PIXEL_DATA and state.bulk is not None:
            state.last = last
            return pieces
    if broken is not None or depth == 0:
        _check_end(state, Element(tag, vr, position, value, length, data_set), broken, last)
    data_set.end = position
    if depth and run == start:
        return None
    if run < position:
        pieces.append(view[run:position])
    return pieces


def _check_end(state: ObjectState, element: Element, reason: Reason | None, last: int) -> None:
    """Check where a walk ends: bytes that are no element pass where they are padding behind the data set.

    Args:
        element: what was read of what stands there.
        reason: why it is no element; None where the walk came to the end.
        last: tag of the last element.

    Raises:
        NeedMoreError: more bytes tell.
        DeidentificationError: it is no padding.
    """
    if element.data_set.depth == 0:
        state.last = last
    if reason is None:
        if not state.buffer.complete:
            # it happens to end between two elements
            raise NeedMoreError
        return
    tag, known = 0, False
    if reason is Reason.ELEMENTS_OUT_OF_ORDER:
        tag, group = element.tag, element.tag >> 16
        # an element of the dictionary, only not at its place
        known = 0x0008 <= group < 0xFFFF and element.following <= element.data_set.end and attribute_vr(tag) != ""
    if element.data_set.depth or known or not _is_padding(state, element.position):
        if reason is Reason.TRUNCATED and not state.buffer.complete:
            raise NeedMoreError
        raise DeidentificationError(reason, tag)


def _is_padding(state: ObjectState, position: int) -> bool:
    """Find out whether the bytes from ``position`` on, which are no element, are padding; if so, note it."""
    is_object = SOP_CLASS in state.uids
    found = is_padding(state.buffer, position, state.last, is_object=is_object, has_pixels=state.plan.has_pixels)
    if found:
        state.notes.add(Note.TRAILING_DATA_REMOVED)
    return found


def _stop(state: ObjectState, rule: Rule, element: Element, run: int, pieces: list[Piece]) -> None:
    """Stop at a value that ends behind its item or the buffer: it is passed in bulk, or padding behind the data set.

    Args:
        run: from where on nothing is in ``pieces``.

    Raises:
        NeedMoreError: the value is needed whole.
        DeidentificationError: it can't end there.
    """
    buffer, tag = state.buffer, element.tag
    if element.data_set.depth:
        buffer.raise_out_of_bounds(element.following, tag)
    if buffer.complete:
        known = state.last < FIRST_PIXELS and bool(attribute_vr(tag) or tag >> 16 & 1)
        if known or not _is_padding(state, element.value - 8):
            raise DeidentificationError(Reason.TRUNCATED, tag)
        if run < element.position:
            pieces.append(buffer.view[run : element.position])
        return
    state.bulk = find_bulk(state, rule, element)
    state.last = tag
    if state.bulk.kind is BulkKind.SKIP:
        pieces.append(buffer.view[run : element.position])
        pieces.extend(change(state, rule, element.encoding))
    else:
        pieces.append(buffer.view[run : element.value])


# -- elements that are rare, or depend on more than their value ------------------------------------------------------


def _rewrite(state: ObjectState, rule: Rule, element: Element) -> list[Piece] | None:
    """Return what takes the place of an element; None: it stays as it is. Its end is known then."""
    operation = rule.operation
    if operation is _OVERLAY:
        rule = plane_rule(state, rule, element)
        operation = rule.operation
    if operation is _ITEMS or (operation is _STAMP and rule.vr == "SQ"):
        return rewrite_sequence(state, rule, element, walk_data_set)
    if element.length == UNDEFINED:
        return _rewrite_undefined(state, rule, element)
    if operation is _RENUMBER and state.tree is not None:
        reference = state.tree.refer(element.content(state.buffer), element.encoding, rule.tag)
        return [state.buffer.view[element.position : element.value], reference]
    return rewrite_element(state, rule, element)


def _rewrite_undefined(state: ObjectState, rule: Rule, element: Element) -> list[Piece]:
    """Return what takes the place of an element of undefined length that isn't entered: encapsulated pixel data passes.

    Raises:
        DeidentificationError: there is no such element.
    """
    buffer, data_set = state.buffer, element.data_set
    if element.tag == PIXEL_DATA and data_set.depth == 0 and element.encoding.explicit:
        if passes_encapsulated(state, rule, element.vr):
            return _pass_fragments(state, element)
    if rule.operation not in CHANGED_WHATEVER:
        raise DeidentificationError(Reason.INVALID_LENGTH, rule.tag)
    element.following = buffer.skip_items(element.value, element.items_encoding, rule.tag)
    if element.following > data_set.end:
        buffer.raise_out_of_bounds(element.following, rule.tag)
    return change(state, rule, element.encoding)


def _pass_fragments(state: ObjectState, element: Element) -> list[Piece]:
    """Return encapsulated pixel data as it is; where the buffer doesn't hold it, only its header, and the walk is to stop."""
    buffer, state.pixel_vr, state.pixel_length = state.buffer, element.vr, element.length
    if state.hands_over_pixels:
        return stop_at_pixels(state, element, BulkKind.BLANK_FRAGMENTS)
    header = buffer.view[element.position : element.value]
    end = buffer.fragments_end(element.value, element.encoding)
    if end < 0:
        return stop_at_pixels(state, element, BulkKind.FRAGMENTS)
    state.pixels, state.encapsulated = buffer.view[element.value : end], True
    element.following = end
    return [header, state.pixels]


# -- private elements ------------------------------------------------------------------------------------------------


def _rewrite_private(state: ObjectState, element: Element, blocks: PrivateBlocks, index: int) -> list[Piece] | None:
    """Return what takes the place of a private element. A creator's place is kept until it is known whether it stays.

    Args:
        index: where in the pieces of the data set what takes its place is to stand.
    """
    tag = element.tag
    if is_creator(tag):
        if element.length == UNDEFINED:
            raise DeidentificationError(Reason.INVALID_LENGTH)
        whole = state.buffer.view[element.position : element.following]
        return [blocks.reserve(tag, element.content(state.buffer), whole, index)]
    rule = blocks.rule(element.data_set.rules, tag, element.vr)
    if rule.drops:
        if state.plan.collects and (element.vr in MAY_NAME or element.length == UNDEFINED):
            collect_known(state, rule, element)
        if element.length != UNDEFINED:
            state.rules.append(rule)
            return []
    replacement = _private_replacement(state, rule, element)
    if replacement != []:
        blocks.keep_creator(tag)
    return replacement


def _private_replacement(state: ObjectState, rule: Rule, element: Element) -> list[Piece] | None:
    """Return what takes the place of a private element. What isn't as it should be is not safe, and goes."""
    before, charset = len(state.rules), state.charset
    if not rule.drops:
        try:
            return _rewrite(state, rule, element)
        except DeidentificationError:
            del state.rules[before:]
            state.charset = charset
            element.following = element.value + element.length
    return _rewrite(state, element.data_set.rules.removed_private, element)
