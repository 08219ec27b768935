"""The rewriter: walks the elements of a data set and yields unchanged slices and replacements (PS3.5 7).

It works on a buffer that may hold only the beginning of the object. Values that go beyond it are handed back as a ``Bulk``
when they stand at top level, where pixel data stands; for everything else the caller brings more bytes and starts again.
"""

from __future__ import annotations

import re
import struct

from profiles import Operation, Plan, PlanNode, Rule, attribute_vr, compile_plan

from .buffer import MAX_DEPTH, Buffer, Bulk, BulkKind, NeedMoreError
from .encoding import IMPLICIT_LITTLE, ITEM, ITEM_END, LONG_VRS, SEQUENCE_END, SHORT_VRS, UNDEFINED, Encoding
from .errors import DeidentificationError, Note, Reason
from .files import Piece
from .progress import Progress
from .tags import FIRST_PIXELS, PIXEL_DATA, SOP_CLASS, SOP_INSTANCE
from .values import CONTROL, OtherPlanError, ValueRewriter

#: bytes after the data set that are taken for padding although no pixel data stands before them
_MAX_PADDING = 65_536
_NO_STAMP = 0x1_0000_0000
#: a single blank may be the first byte of (0020,xxxx)
_PADDING = re.compile(rb"\0+|\xff{2,}| {2,}")
_DIGITS = re.compile(rb"[-+0-9.eE\\ ]*\0?")
_CHANGED_WHATEVER = (Operation.REMOVE, Operation.EMPTY, Operation.REPLACE)


def _is_unchanged(pieces: list[Piece], length: int) -> bool:
    """Whether ``pieces`` are one slice of the buffer and nothing is missing from it."""
    if not pieces:
        return length == 0
    return len(pieces) == 1 and len(pieces[0]) == length and isinstance(pieces[0], memoryview)


class Rewriter:
    """Applies a plan to one object's data set."""

    def __init__(self, plan: Plan, encoding: Encoding, values: ValueRewriter) -> None:
        self._plan = plan
        self._encoding = encoding
        self._values = values
        self._buffer = Buffer(b"", complete=False)

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
        self._buffer = Buffer(buffer, complete)
        pieces: list[Piece] = []
        _, bulk = self._data_set(offset, len(buffer), self._plan.root, self._encoding, 0, False, pieces)
        if bulk is None:
            pieces.extend(self.progress.stamps.take(_NO_STAMP, self._plan.profile, self._encoding))
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
        find_control = CONTROL.search
        run = position
        last = self.progress.last if depth == 0 else -1
        stamp_at = self.progress.stamps.next_tag if depth == 0 else _NO_STAMP
        bulk: Bulk | None = None
        vr = b""
        while position < end:
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
                if rule.drops:
                    if run < position:
                        pieces.append(view[run:position])
                    rules.append(rule)
                    last = tag
                    run = position = following
                    continue
            # -- everything below is rare or changes something
            elif length != UNDEFINED:
                bulk = self._beyond(rule, vr, tag, last, value, following, depth)
                if bulk is None:
                    break
                last = tag
                pieces.append(view[run : value if bulk.kind is BulkKind.COPY else position])
                if bulk.kind is BulkKind.SKIP:
                    pieces.extend(self._values.change(rule, encoding))
                break
            elif tag == PIXEL_DATA and depth == 0 and explicit and vr not in rule.refused_vrs:
                following = self._buffer.fragments_end(value, encoding)
                last = tag
                if following < 0:
                    pieces.append(view[run:value])
                    bulk = Bulk(BulkKind.FRAGMENTS, value, length)
                    break
                position = following
                continue
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
        """Whether bytes that are no element are padding behind the data set; else raises for ``reason``.

        Behind pixel data nothing is kept, so anything may stand there. Elsewhere a rest is padding if it is a usual byte over and
        over, or text behind an object without pixels: anything else may be the object itself, damaged.

        Args:
            known: the bytes are an element of the dictionary, only not at its place.
        """
        if depth == 0 and not known:
            rest = self._buffer.content[position : position + _MAX_PADDING + 1]
            if last < FIRST_PIXELS and not self._buffer.complete and len(rest) <= _MAX_PADDING:
                raise NeedMoreError
            short = len(rest) <= _MAX_PADDING and SOP_CLASS in self.progress.uids
            text = len(rest) > 3 and not self._plan.has_pixels and all(0x20 <= byte < 0x7F for byte in rest[:4])
            if last >= FIRST_PIXELS or (short and (text or _PADDING.fullmatch(rest))):
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
        if tag <= SOP_INSTANCE or rule.inspected or vr in rule.refused_vrs:
            # a kept value of another kind than it should be is looked at whole, and then refused
            raise NeedMoreError
        if rule.stays and not rule.text and following - value <= rule.limit:
            return Bulk(BulkKind.COPY, value, following - value)
        if rule.operation in _CHANGED_WHATEVER:
            return Bulk(BulkKind.SKIP, value, following - value)
        raise NeedMoreError

    def _element(
        self, rule: Rule, vr: bytes, position: int, value: int, length: int, end: int, encoding: Encoding, depth: int
    ) -> tuple[list[Piece] | None, int]:
        """Apply ``rule`` to the element at ``position``: the replacement (None: it stays as it is), and where it ends."""
        operation = rule.operation
        if operation is Operation.ITEMS or (operation is Operation.STAMP and rule.vr == "SQ"):
            return self._sequence(rule, vr, position, value, length, end, encoding, depth)
        if length == UNDEFINED:
            if operation not in _CHANGED_WHATEVER:
                raise DeidentificationError(Reason.INVALID_LENGTH, rule.tag)
            following = self._buffer.skip_items(value, IMPLICIT_LITTLE if vr == b"UN" else encoding, rule.tag)
            if following > end:
                self._buffer.beyond(following, rule.tag)
            return self._values.change(rule, encoding), following
        following = value + length
        if operation in _CHANGED_WHATEVER and not rule.inspected:
            return self._values.change(rule, encoding), following
        if vr == b"SQ" or (operation is Operation.KEEP and vr in rule.refused_vrs):
            # nothing says what items mean there, or what a text says in the place of a number
            raise DeidentificationError(Reason.VR_MISMATCH, rule.tag)
        if operation is Operation.KEEP and length > rule.limit and not _DIGITS.fullmatch(self._buffer.content, value, following):
            # numbers that are too many have swallowed their neighbours; numbers written as text are only wrong
            raise DeidentificationError(Reason.INVALID_LENGTH, rule.tag)
        return self._values.rewrite(rule, self._buffer.content[value:following], encoding), following

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
        items_end = end if length == UNDEFINED else value + length
        content, following, changed = self._items(rule, value, items_end, length == UNDEFINED, inner, depth + 1)
        if rule.operation is Operation.STAMP:
            end_of_items = following - 8 if length == UNDEFINED else following
            items = b"".join(content) if changed else self._buffer.content[value:end_of_items]
            self.progress.stamps.found_items(items, inner)
            return [], following
        if rule.action is not None:
            self.progress.rules.append(rule)
        if not changed:
            return None, following
        if length == UNDEFINED:
            header: Piece = self._buffer.view[position:value]
            content.append(self._buffer.view[following - 8 : following])
        else:
            header = encoding.element_header(rule.tag, vr.decode() or "SQ", sum(map(len, content)))
        return [header, *content], following

    def _items(
        self, rule: Rule, position: int, end: int, delimited: bool, encoding: Encoding, depth: int
    ) -> tuple[list[Piece], int, bool]:
        """The items of a sequence: their pieces, where the sequence ends (behind its delimiter), whether anything changed."""
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
            pieces: list[Piece] = []
            stop, _ = self._data_set(start, item_end, rule.items, encoding, depth, length == UNDEFINED, pieces)
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
