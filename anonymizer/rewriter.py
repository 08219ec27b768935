"""The rewriter: walks the elements of a data set and yields unchanged slices and replacements (PS3.5 7).

It works on a buffer that may hold only the beginning of the object. Values that go beyond it are handed back as a ``Bulk``
when they stand at top level, where pixel data stands; for everything else the caller brings more bytes and starts again.
"""

from __future__ import annotations

import struct

from profiles import CONTENT_SEQUENCE, Operation, Plan, PlanNode, Rule, attribute_vr, compile_plan

from .buffer import MAX_DEPTH, Buffer, Bulk, BulkKind, NeedMoreError
from .content_tree import ContentItems, ContentTree, Position
from .elements import CHANGED_WHATEVER, ElementRewriter
from .encoding import IMPLICIT_LITTLE, ITEM, ITEM_END, LONG_VRS, SEQUENCE_END, SHORT_VRS, UNDEFINED, Encoding
from .errors import DeidentificationError, Note, Reason
from .familiar import STRETCH, Edit
from .files import Piece
from .padding import is_padding
from .private_blocks import HeldItems, PrivateBlocks, held_items, is_creator
from .progress import Progress
from .tags import FIRST_PIXELS, PIXEL_DATA, PRIVATE_CHARACTERISTICS, SOP_CLASS
from .values import CONTROL, OtherPlanError, ValueRewriter

#: an element: VR, position, value's position and length, end of what holds it, encoding, depth
_Element = tuple[bytes, int, int, int, int, Encoding, int]
_NO_STAMP = 0x1_0000_0000


def _is_unchanged(pieces: list[Piece], length: int) -> bool:
    """Whether ``pieces`` are one slice of the buffer and nothing is missing from it."""
    if not pieces:
        return length == 0
    return len(pieces) == 1 and len(pieces[0]) == length and isinstance(pieces[0], memoryview)


class Rewriter:
    """Applies a plan to one object's data set.

    Attributes:
        encoding: the data set's.
        elements: rewrites what is no sequence.
    """

    def __init__(self, plan: Plan, encoding: Encoding, values: ValueRewriter) -> None:
        self._plan = plan
        self.encoding = encoding
        self._values = values
        self.elements = ElementRewriter(values)
        self._buffer = self.elements.buffer
        self._tree: ContentTree | None = None

    @property
    def progress(self) -> Progress:
        """What is known of the object so far."""
        return self._values.progress

    @progress.setter
    def progress(self, progress: Progress) -> None:
        self._values.progress = progress

    # -- top level ---------------------------------------------------------------------------------------------------

    def rewrite(self, buffer: bytes, offset: int, complete: bool) -> tuple[list[Piece], Bulk | None]:
        """The data set from ``offset`` on, as pieces; a ``Bulk`` where the walk stopped, None at the end of the data set.

        Args:
            buffer: the bytes at hand.
            complete: whether the object ends with ``buffer``.

        Raises:
            NeedMoreError: bring more bytes, restore ``progress`` and start again at the same place.
            OtherPlanError: start again with the plan that it names.
            DeidentificationError: the object can't be understood or must not be written.
        """
        self._buffer = self.elements.buffer = Buffer(buffer, complete)
        self.elements.start = offset
        pieces: list[Piece] = []
        _, bulk = self._data_set(offset, len(buffer), self._plan.root, self.encoding, 0, False, pieces)
        if bulk is None:
            pieces.extend(self.progress.stamps.take(_NO_STAMP, self._plan.profile, self.encoding))
            if self._plan.has_pixels and self.progress.last < FIRST_PIXELS:
                self.progress.notes.add(Note.NO_PIXEL_DATA)
        return pieces, bulk

    # -- data sets ---------------------------------------------------------------------------------------------------

    def _data_set(
        self, position: int, end: int, node: PlanNode, encoding: Encoding, depth: int, delimited: bool, pieces: list[Piece]
    ) -> tuple[int, Bulk | None]:
        """Walk the elements between ``position`` and ``end`` (or the item delimiter, when ``delimited``).

        Appends to ``pieces``; when nothing changes, nothing but one slice is appended. This loop is the hot path: an element
        that stays costs its header, a look-up and the checks of its value.
        """
        buffer, view = self._buffer.content, self._buffer.view
        explicit, read_header, rules = encoding.explicit, encoding.header.unpack_from, self.progress.rules
        find_control, constants = CONTROL.search, self._values.shared.constants[encoding]
        run = position
        # nested data sets are looked at whole
        last, stamp_at, look_at, in_stretch = -1, _NO_STAMP, end, False
        edits: list[Edit] = []
        if depth == 0:
            last, stamp_at, look_at = self.progress.last, self.progress.stamps.next_tag, position
            walk = self._values.shared.familiar[self._plan, encoding].walk(buffer, rules)
            edits = walk.edits
        bulk: Bulk | None = None
        blocks: PrivateBlocks | None = None
        vr = b""
        while position < end:
            if position >= look_at:
                position, last, run = walk.skip(position, last, run, stamp_at, pieces)
                look_at, in_stretch = position + STRETCH, True
                if position >= end:
                    break
            try:
                if explicit:
                    group, element, vr, length = read_header(buffer, position)
                    value = position + 8
                    if vr not in SHORT_VRS and group != 0xFFFE:
                        if vr not in LONG_VRS and self._is_padding(depth, last, position, Reason.INVALID_VR):
                            break
                        (length,) = encoding.long_length.unpack_from(buffer, position + 8)
                        value = position + 12
                else:
                    group, element, length = read_header(buffer, position)
                    value = position + 8
            except struct.error:
                if self._is_padding(depth, last, position, Reason.TRUNCATED):
                    break
            tag = group << 16 | element
            if group == 0xFFFE:
                if delimited and tag == ITEM_END:
                    break
                if self._is_padding(depth, last, position, Reason.STRAY_DELIMITER):
                    break
            following = value + length
            # nested elements may come in any order: nothing depends on it there
            if depth == 0 and (tag <= last or group == 0xFFFF):
                known = group != 0xFFFF and following <= end and attribute_vr(tag) != "" and group >= 0x0008
                if self._is_padding(depth, last, position, Reason.ELEMENTS_OUT_OF_ORDER, tag, known=known):
                    break
            if tag > stamp_at:
                if in_stretch:
                    walk.stop(position, last)
                look_at, in_stretch = position, False
                pieces.append(view[run:position])
                pieces.extend(self.progress.stamps.take(tag, self._plan.profile, encoding))
                stamp_at, run = self.progress.stamps.next_tag, position
            rule = node[tag]
            if following <= end:
                if (
                    rule.stays
                    and vr not in rule.refused_vrs
                    and length <= rule.limit
                    and not (rule.text and find_control(buffer, value, following))
                ):
                    last, position = tag, following
                    continue
                if rule.drops or rule.fixed:
                    if run < position:
                        pieces.append(view[run:position])
                    new = b""
                    if rule.fixed:
                        new = constants.get(rule) or self._values.constant(rule, encoding)
                        pieces.append(new)
                    edits.append((position, following, new))
                    rules.append(rule)
                    last = tag
                    run = position = following
                    continue
            # -- everything below is rare or depends on the object
            if in_stretch:
                walk.stop(position, last)
                in_stretch = False
            if depth == 0:
                # the next element begins a stretch; but private ones come many together
                look_at = position if rule.operation is not Operation.PRIVATE else following + STRETCH
            if following > end:
                if length != UNDEFINED:
                    bulk = self._beyond(rule, vr, tag, last, value, following, depth)
                    if bulk is None:
                        break
                    last = tag
                    pieces.append(view[run : position if bulk.kind is BulkKind.SKIP else value])
                    if bulk.kind is BulkKind.SKIP:
                        pieces.extend(self._values.change(rule, encoding))
                    break
                if tag == PIXEL_DATA and depth == 0 and explicit and self.elements.passes_encapsulated(rule, vr):
                    following = self._buffer.fragments_end(value, encoding)
                    last = tag
                    if following < 0:
                        pieces.append(view[run:value])
                        bulk = Bulk(BulkKind.FRAGMENTS, value, length)
                        break
                    position = following
                    continue
            if rule.operation is Operation.PRIVATE:
                blocks = blocks or PrivateBlocks(self.progress.declared)
                if is_creator(tag):
                    if length == UNDEFINED:
                        raise DeidentificationError(Reason.INVALID_LENGTH)
                    if run < position:
                        pieces.append(view[run:position])
                    blocks.reserve(tag, buffer[value:following], view[position:following], pieces)
                    last, run, position = tag, following, following
                    continue
                rule = blocks.rule(node, tag, vr)
                replacement: list[Piece] | None = []
                if rule.drops and length != UNDEFINED:
                    # most private elements
                    rules.append(rule)
                else:
                    replacement, following = self._private(rule, node, (vr, position, value, length, end, encoding, depth))
                if replacement != []:
                    blocks.stays(tag, pieces)
            else:
                replacement, following = self._element(rule, vr, position, value, length, end, encoding, depth)
            last = tag
            if replacement is not None:
                if run < position:
                    pieces.append(view[run:position])
                pieces.extend(replacement)
                run = following
            position = following
        if depth == 0:
            if bulk is None and position >= end and not self._buffer.complete:
                # the buffer happens to end between two elements
                raise NeedMoreError
            self.progress.last = last
        if run < position and bulk is None:
            pieces.append(view[run:position])
        return position, bulk

    def _is_padding(self, depth: int, last: int, position: int, reason: Reason, tag: int = 0, *, known: bool = False) -> bool:
        """Whether bytes that are no element are padding behind the data set (``is_padding``); else raises for ``reason``.

        Args:
            known: the bytes are an element of the dictionary, only not at its place.
        """
        if depth == 0 and not known:
            is_object = SOP_CLASS in self.progress.uids
            if is_padding(self._buffer, position, last, is_object=is_object, has_pixels=self._plan.has_pixels):
                self.progress.notes.add(Note.TRAILING_DATA_REMOVED)
                return True
        if reason is Reason.TRUNCATED and not self._buffer.complete:
            raise NeedMoreError
        raise DeidentificationError(reason, tag)

    def _beyond(self, rule: Rule, vr: bytes, tag: int, last: int, value: int, following: int, depth: int) -> Bulk | None:
        """How to go on with a value that ends behind its item or the buffer; None: it is padding behind the data set.

        Raises:
            NeedMoreError: the value is needed whole.
            DeidentificationError: it can't end there.
        """
        if depth:
            self._buffer.beyond(following, tag)
        if self._buffer.complete:
            known = last < FIRST_PIXELS and bool(attribute_vr(tag) or tag >> 16 & 1)
            self._is_padding(0, last, value - 8, Reason.TRUNCATED, tag, known=known)
            return None
        return self.elements.bulk(rule, vr, tag, value, following)

    def _element(
        self, rule: Rule, vr: bytes, position: int, value: int, length: int, end: int, encoding: Encoding, depth: int
    ) -> tuple[list[Piece] | None, int]:
        """Apply ``rule`` to the element at ``position``: the replacement (None: it stays as it is), and where it ends."""
        operation = rule.operation
        if operation is Operation.OVERLAY:
            rule = self.elements.plane_rule(rule, position, encoding)
            operation = rule.operation
        if operation is Operation.ITEMS or (operation is Operation.STAMP and rule.vr == "SQ"):
            return self._sequence(rule, vr, position, value, length, end, encoding, depth)
        if length == UNDEFINED:
            if operation not in CHANGED_WHATEVER:
                raise DeidentificationError(Reason.INVALID_LENGTH, rule.tag)
            following = self._buffer.skip_items(value, IMPLICIT_LITTLE if vr == b"UN" else encoding, rule.tag)
            if following > end:
                self._buffer.beyond(following, rule.tag)
            return self._values.change(rule, encoding), following
        if operation is Operation.RENUMBER and self._tree is not None:
            new = self._tree.refer(self._buffer.content[value : value + length], encoding, rule.tag)
            return [self._buffer.view[position:value], new], value + length
        return self.elements.rewrite(rule, vr, position, value, length, end, encoding, depth), value + length

    # -- private attributes ------------------------------------------------------------------------------------------

    def _private(self, rule: Rule, node: PlanNode, element: _Element) -> tuple[list[Piece] | None, int]:
        """Apply ``rule`` to a private element. What isn't as it should be is not safe, and goes."""
        progress = self.progress
        before, charset = len(progress.rules), progress.charset
        if not rule.drops:
            try:
                return self._element(rule, *element)
            except DeidentificationError:
                del progress.rules[before:]
                progress.charset = charset
        return self._element(node.removed_private, *element)

    # -- sequences ---------------------------------------------------------------------------------------------------

    def _sequence(
        self, rule: Rule, vr: bytes, position: int, value: int, length: int, end: int, encoding: Encoding, depth: int
    ) -> tuple[list[Piece] | None, int]:
        """De-identify the items of a sequence, also of one that is disguised as UN (PS3.5 6.2.2: implicit little endian)."""
        assert rule.items is not None
        if rule.inspected:
            raise OtherPlanError(compile_plan(self._plan.profile, self._plan.sop_class_uid, has_references=True))
        if depth >= MAX_DEPTH:
            raise DeidentificationError(Reason.NESTING_TOO_DEEP, rule.tag)
        if vr not in (b"SQ", b"UN", b""):
            if length == 0:
                # nothing in it, but a stamp is written anew whatever it was
                return ([] if rule.operation is Operation.STAMP else None), value
            raise DeidentificationError(Reason.VR_MISMATCH, rule.tag)
        inner = IMPLICIT_LITTLE if vr == b"UN" else encoding
        items_end, delimited = (end, True) if length == UNDEFINED else (value + length, False)
        if rule.items.is_content:
            content, following, changed = self._content(rule, value, items_end, delimited, inner, depth)
        else:
            chooser = None
            if rule.tag == PRIVATE_CHARACTERISTICS:
                sequence = self._buffer, value, items_end, delimited, inner
                declared, chooser = held_items(rule.items, *sequence, self._plan.root, encoding)
                self.progress.declared.update(declared)
            content, following, changed = self._items(rule, value, items_end, delimited, inner, depth + 1, chooser)
        if rule.operation is Operation.STAMP:
            items = b"".join(content) if changed else self._buffer.content[value : following - 8 * delimited]
            self.progress.stamps.found_items(items, inner)
            return [], following
        if rule.action is not None:
            self.progress.rules.append(rule)
        if not changed:
            return None, following
        if delimited:
            header: Piece = self._buffer.view[position:value]
            content.append(self._buffer.view[following - 8 : following])
        else:
            header = encoding.element_header(rule.tag, vr.decode() or "SQ", sum(map(len, content)))
        return [header, *content], following

    def _content(
        self, rule: Rule, value: int, end: int, delimited: bool, encoding: Encoding, depth: int
    ) -> tuple[list[Piece], int, bool]:
        """A sequence of content items (PS3.15 E.3.4). References to them are renumbered, or go with what they refer to."""
        assert rule.items is not None
        if depth or rule.tag != CONTENT_SEQUENCE:
            tree = self._tree if rule.tag == CONTENT_SEQUENCE else None
            chooser = ContentItems(rule.items, self._buffer, encoding, tree)
            return self._items(rule, value, end, delimited, encoding, depth + 1, chooser)
        before = len(self.progress.rules)
        dropped: frozenset[Position] = frozenset()
        while True:
            self._tree = ContentTree(dropped)
            chooser = ContentItems(rule.items, self._buffer, encoding, self._tree)
            walked = self._items(rule, value, end, delimited, encoding, depth + 1, chooser)
            dropped = self._tree.settle()
            if not dropped:
                self._tree = None
                return walked
            del self.progress.rules[before:]

    def _items(
        self,
        rule: Rule,
        position: int,
        end: int,
        delimited: bool,
        encoding: Encoding,
        depth: int,
        chooser: HeldItems | ContentItems | None = None,
    ) -> tuple[list[Piece], int, bool]:
        """The items of a sequence: their pieces, where the sequence ends (behind its delimiter), whether anything changed.

        Args:
            chooser: decides which items stay, and by which rules; None: all, by those of ``rule``.
        """
        assert rule.items is not None
        buffer = self._buffer
        content: list[Piece] = []
        changed = False
        charset = self.progress.charset
        while position < end or delimited:
            tag, length = buffer.item_header(position, encoding, rule.tag)
            start = position + 8
            if start > end:
                buffer.beyond(start, rule.tag)
            if tag == SEQUENCE_END and delimited:
                return content, start, changed
            if tag != ITEM:
                raise DeidentificationError(Reason.STRAY_DELIMITER if tag >> 16 == 0xFFFE else Reason.INVALID_ITEM, rule.tag)
            item_end = end if length == UNDEFINED else start + length
            if item_end > end:
                buffer.beyond(item_end, rule.tag)
            node = rule.items if chooser is None else chooser.enter(start, item_end)
            if node is None:
                position = buffer.skip_items(start, encoding, rule.tag, ITEM_END) if length == UNDEFINED else item_end
                self.progress.rules.append(rule.items.removed_item)
                changed = True
                continue
            pieces: list[Piece] = []
            stop, _ = self._data_set(start, item_end, node, encoding, depth, length == UNDEFINED, pieces)
            if chooser is not None:
                chooser.leave()
            following = stop
            if length == UNDEFINED:
                following = stop + 8
                if following > end:
                    buffer.beyond(following, rule.tag)
                if buffer.item_header(stop, encoding, rule.tag)[0] != ITEM_END:
                    raise DeidentificationError(Reason.INVALID_ITEM, rule.tag)
            if _is_unchanged(pieces, stop - start):
                content.append(buffer.view[position:following])
            else:
                changed = True
                if length == UNDEFINED:
                    content.extend((buffer.view[position:start], *pieces, buffer.view[stop:following]))
                else:
                    content.extend((encoding.item.pack(0xFFFE, 0xE000, sum(map(len, pieces))), *pieces))
            # a character set that an item brought along ends with it
            self.progress.charset = charset
            position = following
        return content, position, changed
