"""Sequences: their items are data sets, each walked by its own rules; lengths are recomputed where one changed (PS3.5 7.5)."""

from __future__ import annotations

from collections.abc import Callable

from profiles import CONTENT_SEQUENCE, Operation, Plan, Rule, RuleNode, compile_plan

from ..dicom.buffer import MAX_DEPTH, Buffer, Bulk
from ..dicom.encoding import IMPLICIT_LITTLE, ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, Encoding
from ..dicom.tags import PRIVATE_CHARACTERISTICS
from ..errors import DeidentificationError, OtherPlanError, Reason
from ..files.pieces import Piece
from .content_tree import ContentItems, ContentTree, Position
from .private_blocks import RetainedItems, retained_items
from .state import Progress
from .values import ValueRewriter

#: walks the elements of a data set: position, end, node, encoding, depth, whether an item delimiter ends it, where pieces go
_Walk = Callable[[int, int, RuleNode, Encoding, int, bool, list[Piece]], tuple[int, Bulk | None]]


def _is_unchanged(pieces: list[Piece], length: int) -> bool:
    """Whether ``pieces`` are one slice of the buffer and nothing is missing from it."""
    if not pieces:
        return length == 0
    return len(pieces) == 1 and len(pieces[0]) == length and isinstance(pieces[0], memoryview)


#: members of an Enum are looked up slowly before Python 3.12
_STAMP = Operation.STAMP


class SequenceRewriter:
    """Rewrites the sequences of one object.

    Attributes:
        buffer: the bytes at hand.
        tree: the tree of content items that is being walked.
    """

    def __init__(self, plan: Plan, values: ValueRewriter) -> None:
        self._plan = plan
        self._values = values
        self.buffer = Buffer(b"", complete=False)
        self.tree: ContentTree | None = None

    @property
    def progress(self) -> Progress:
        """What is known of the object so far."""
        return self._values.progress

    def rewrite(
        self,
        walk: _Walk,
        node: RuleNode,
        rule: Rule,
        vr: bytes,
        position: int,
        value: int,
        length: int,
        end: int,
        encoding: Encoding,
        depth: int,
    ) -> tuple[list[Piece] | None, int]:
        """De-identify the items of a sequence, also of one that is disguised as UN (PS3.5 6.2.2: implicit little endian).

        Args:
            walk: walks an item. It is not kept: the walker has this object, and a circle of them would keep the bytes in memory.

        Returns:
            What takes its place, None where it stays as it is; and where it ends.

        Raises:
            NeedMoreError: beyond the buffer.
            OtherPlanError: its presence says that another plan is the right one.
            DeidentificationError: its structure is broken.
        """
        if rule.inspected:
            raise OtherPlanError(compile_plan(self._plan.profile, self._plan.sop_class_uid, has_references=True))
        if depth >= MAX_DEPTH:
            raise DeidentificationError(Reason.NESTING_TOO_DEEP, rule.tag)
        if vr not in (b"SQ", b"UN", b""):
            if length == 0:
                # nothing in it, but a stamp is written anew whatever it was
                return ([] if rule.operation is _STAMP else None), value
            raise DeidentificationError(Reason.VR_MISMATCH, rule.tag)
        inner = IMPLICIT_LITTLE if vr == b"UN" else encoding
        items_end, delimited = (end, True) if length == UNDEFINED else (value + length, False)
        items = node.items_of(rule)
        labels, self._values.texts.labels = self._values.texts.labels, {}
        try:
            if items.is_content:
                content, following, changed = self._content(walk, items, rule, value, items_end, delimited, inner, depth)
            else:
                chooser = None
                if rule.tag == PRIVATE_CHARACTERISTICS:
                    sequence = self.buffer, value, items_end, delimited, inner
                    declared, chooser = retained_items(items, *sequence, self._plan.root, encoding)
                    self.progress.declared.update(declared)
                content, following, changed = self._items(
                    walk, items, rule, value, items_end, delimited, inner, depth + 1, chooser
                )
        finally:
            self._values.texts.labels = labels
        if rule.operation is _STAMP:
            self.progress.stamps.found_items(self.buffer, value, following, inner)
            return [], following
        if rule.action is not None:
            self.progress.rules.append(rule)
            if rule.weakens and length:
                self.progress.undone |= rule.weakens
        if not changed:
            return None, following
        if delimited:
            header: Piece = self.buffer.view[position:value]
            content.append(self.buffer.view[following - 8 : following])
        else:
            header = encoding.element_header(rule.tag, vr.decode() or "SQ", sum(map(len, content)))
        return [header, *content], following

    def _content(
        self, walk: _Walk, items: RuleNode, rule: Rule, value: int, end: int, delimited: bool, encoding: Encoding, depth: int
    ) -> tuple[list[Piece], int, bool]:
        """A sequence of content items (PS3.15 E.3.4). References to them are renumbered, or go with what they refer to."""
        if depth or rule.tag != CONTENT_SEQUENCE:
            tree = self.tree if rule.tag == CONTENT_SEQUENCE else None
            chooser = ContentItems(items, self.buffer, tree)
            return self._items(walk, items, rule, value, end, delimited, encoding, depth + 1, chooser)
        before = len(self.progress.rules)
        dropped: frozenset[Position] = frozenset()
        while True:
            self.tree = ContentTree(dropped)
            chooser = ContentItems(items, self.buffer, self.tree)
            walked = self._items(walk, items, rule, value, end, delimited, encoding, depth + 1, chooser)
            dropped = self.tree.renumber()
            if not dropped:
                self.tree = None
                return walked
            del self.progress.rules[before:]

    def _items(
        self,
        walk: _Walk,
        items: RuleNode,
        rule: Rule,
        position: int,
        end: int,
        delimited: bool,
        encoding: Encoding,
        depth: int,
        chooser: RetainedItems | ContentItems | None = None,
    ) -> tuple[list[Piece], int, bool]:
        """The items of a sequence: their pieces, where the sequence ends (behind its delimiter), whether anything changed.

        Args:
            chooser: decides which items stay, and by which rules; None: all, by those of ``rule``.
        """
        buffer = self.buffer
        content: list[Piece] = []
        changed = False
        # items that stay are many, and one slice together
        run = position
        charset = self.progress.charset
        while position < end or delimited:
            tag, length = buffer.item_header(position, encoding, rule.tag)
            start = position + 8
            if start > end:
                buffer.raise_out_of_bounds(start, rule.tag)
            if tag == SEQUENCE_END and delimited:
                if run < position:
                    content.append(buffer.view[run:position])
                return content, start, changed
            if tag != ITEM:
                raise DeidentificationError(Reason.STRAY_DELIMITER if tag >> 16 == 0xFFFE else Reason.INVALID_ITEM, rule.tag)
            item_end = end if length == UNDEFINED else start + length
            if item_end > end:
                buffer.raise_out_of_bounds(item_end, rule.tag)
            inner = encoding if encoding.explicit else buffer.item_encoding(start, item_end, encoding)
            node = items if chooser is None else chooser.enter(start, item_end, inner)
            if node is None:
                if run < position:
                    content.append(buffer.view[run:position])
                run = position = buffer.skip_items(start, inner, rule.tag, ITEM_END) if length == UNDEFINED else item_end
                self.progress.rules.append(items.removed_item)
                changed = True
                continue
            pieces: list[Piece] = []
            stop, _ = walk(start, item_end, node, inner, depth, length == UNDEFINED, pieces)
            if chooser is not None:
                chooser.leave()
            following = stop
            if length == UNDEFINED:
                following = stop + 8
                if following > end:
                    buffer.raise_out_of_bounds(following, rule.tag)
                if buffer.item_header(stop, encoding, rule.tag)[0] != ITEM_END:
                    raise DeidentificationError(Reason.INVALID_ITEM, rule.tag)
            if not _is_unchanged(pieces, stop - start):
                changed = True
                if run < position:
                    content.append(buffer.view[run:position])
                run = following
                if length == UNDEFINED:
                    content.extend((buffer.view[position:start], *pieces, buffer.view[stop:following]))
                else:
                    content.extend((encoding.item.pack(0xFFFE, 0xE000, sum(map(len, pieces))), *pieces))
            # a character set that an item brought along ends with it
            self.progress.charset = charset
            position = following
        if run < position:
            content.append(buffer.view[run:position])
        return content, position, changed
