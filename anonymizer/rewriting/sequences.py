"""Sequences: their items are data sets, each walked by its own rules; lengths are recomputed where one changed (PS3.5 7.5)."""

from __future__ import annotations

from collections.abc import Callable

from profiles import CONTENT_SEQUENCE, Operation, Rule, RuleNode

from ..dicom.buffer import MAX_DEPTH
from ..dicom.encoding import ITEM, ITEM_END, SEQUENCE_END, UNDEFINED
from ..dicom.tags import PRIVATE_CHARACTERISTICS
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..reasons import Reason
from .content_tree import ContentItems, ContentTree, Position
from .data_sets import DataSet, Element
from .object_state import ObjectState
from .private_blocks import RetainedItems, retained_items

#: walks a data set, as ``walk_data_set``
_Walk = Callable[[ObjectState, DataSet], list[Piece] | None]
#: the pieces of items, where their sequence ends (behind its delimiter), whether anything changed
_Walked = tuple[list[Piece], int, bool]

#: those of sequences: b"" in implicit VR, UN of those that somebody's reader didn't know
_SEQUENCE_VRS = frozenset({b"SQ", b"UN", b""})
#: members of an Enum are looked up slowly before Python 3.12
_STAMP = Operation.STAMP


def rewrite_sequence(state: ObjectState, rule: Rule, element: Element, walk: _Walk) -> list[Piece] | None:
    """Rewrite the items of a sequence, also of one that is disguised as UN (PS3.5 6.2.2: implicit little endian).

    Args:
        walk: walks an item.

    Returns:
        What takes its place, None where it stays as it is. Its end is known then.

    Raises:
        NeedMoreError: beyond the buffer.
        DeidentificationError: its structure is broken.
    """
    data_set, vr, length = element.data_set, element.vr, element.length
    if rule.inspected:
        # another plan is the right one
        state.has_references = True
    if data_set.depth >= MAX_DEPTH:
        raise DeidentificationError(Reason.NESTING_TOO_DEEP, rule.tag)
    if vr not in _SEQUENCE_VRS:
        if length == 0:
            # nothing in it, but a stamp is written anew whatever it was
            return [] if rule.operation is _STAMP else None
        raise DeidentificationError(Reason.VR_MISMATCH, rule.tag)
    rules = data_set.rules.items_of(rule)
    labels, state.labels = state.labels, {}
    try:
        if rules.is_content:
            content, following, changed = _walk_content(state, element, rules, walk)
        elif rule.tag == PRIVATE_CHARACTERISTICS:
            declared, chooser = retained_items(state.buffer, element, rules, state.plan.root)
            state.declared.update(declared)
            content, following, changed = _walk_items(state, element, rules, walk, chooser)
        else:
            content, following, changed = _walk_items(state, element, rules, walk)
    finally:
        state.labels = labels
    element.following = following
    if rule.operation is _STAMP:
        state.stamps.read_earlier_codes(state.buffer, element.value, following, element.items_encoding)
        return []
    if rule.action is not None:
        state.rules.append(rule)
        if rule.weakens and length:
            state.undone |= rule.weakens
    if not changed:
        return None
    if length == UNDEFINED:
        header: Piece = state.buffer.view[element.position : element.value]
        content.append(state.buffer.view[following - 8 : following])
    else:
        header = data_set.encoding.element_header(rule.tag, vr.decode() or "SQ", sum(map(len, content)))
    return [header, *content]


def _walk_content(state: ObjectState, element: Element, rules: RuleNode, walk: _Walk) -> _Walked:
    """Walk content items (PS3.15 E.3.4). References to them are renumbered, or go with what they refer to."""
    if element.data_set.depth or element.tag != CONTENT_SEQUENCE:
        tree = state.tree if element.tag == CONTENT_SEQUENCE else None
        return _walk_items(state, element, rules, walk, ContentItems(rules, state.buffer, tree))
    before = len(state.rules)
    dropped: frozenset[Position] = frozenset()
    while True:
        state.tree = ContentTree(dropped)
        walked = _walk_items(state, element, rules, walk, ContentItems(rules, state.buffer, state.tree))
        dropped = state.tree.renumber()
        if not dropped:
            state.tree = None
            return walked
        del state.rules[before:]


def _walk_items(
    state: ObjectState, element: Element, rules: RuleNode, walk: _Walk, chooser: RetainedItems | ContentItems | None = None
) -> _Walked:
    """Walk the items of a sequence.

    Args:
        rules: of the items.
        chooser: decides which items stay, and by which rules; None: all, by ``rules``.
    """
    buffer, tag, around = state.buffer, element.tag, element.data_set
    encoding = around.encoding if element.vr != b"UN" else element.items_encoding
    is_delimited = element.length == UNDEFINED
    end, depth = around.end if is_delimited else element.following, around.depth + 1
    bytes_at_hand, view, read_item = buffer.content, buffer.view, encoding.item.unpack_from
    content: list[Piece] = []
    changed = False
    # items that stay are many, and one slice together
    run = position = element.value
    charset = state.charset
    while position < end or is_delimited:
        start = position + 8
        if start > end:
            buffer.raise_out_of_bounds(start, tag)
        group, number, length = read_item(bytes_at_hand, position)
        found = group << 16 | number
        if found != ITEM:
            if found != SEQUENCE_END or not is_delimited:
                raise DeidentificationError(Reason.STRAY_DELIMITER if group == 0xFFFE else Reason.INVALID_ITEM, tag)
            if run < position:
                content.append(view[run:position])
            return content, start, changed
        item_end = end if length == UNDEFINED else start + length
        if item_end > end:
            buffer.raise_out_of_bounds(item_end, tag)
        inner = encoding if encoding.explicit else buffer.item_encoding(start, item_end, encoding)
        node = rules if chooser is None else chooser.enter(start, item_end, inner)
        if node is None:
            if run < position:
                content.append(view[run:position])
            run = position = buffer.skip_items(start, inner, tag, ITEM_END) if length == UNDEFINED else item_end
            state.rules.append(rules.removed_item)
            changed = True
            continue
        item = DataSet(node, start, item_end, inner, depth, length == UNDEFINED)
        pieces = walk(state, item)
        following = stop = item.end
        if chooser is not None:
            chooser.leave()
        if length == UNDEFINED:
            following = stop + 8
            if following > end:
                buffer.raise_out_of_bounds(following, tag)
            if buffer.item_header(stop, encoding, tag)[0] != ITEM_END:
                raise DeidentificationError(Reason.INVALID_ITEM, tag)
        if pieces is not None:
            changed = True
            if run < position:
                content.append(view[run:position])
            run = following
            if length == UNDEFINED:
                content.extend((view[position:start], *pieces, view[stop:following]))
            else:
                content.extend((encoding.item.pack(0xFFFE, 0xE000, sum(map(len, pieces))), *pieces))
        # a character set that an item brought along ends with it
        state.charset = charset
        position = following
    if run < position:
        content.append(view[run:position])
    return content, position, changed
