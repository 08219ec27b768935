"""The rewriter: walks the elements of a data set and yields unchanged slices and replacements (PS3.5 7).

It works on a buffer that may hold only the beginning of the object. Values that go beyond it are handed back as a ``Bulk``
when they stand at top level, where pixel data stands; for everything else the caller brings more bytes and starts again.
"""

from __future__ import annotations

import struct

from profiles import Operation, Plan, PlanNode, Rule, attribute_vr, compile_plan

from .buffer import MAX_DEPTH, Buffer, Bulk, BulkKind, NeedMoreError
from .encoding import (
    IMPLICIT_LITTLE,
    ITEM,
    ITEM_END,
    LONG_VRS,
    SEQUENCE_END,
    SHORT_VRS,
    UNDEFINED,
    Encoding,
    decode_text,
    encode_value,
    is_encodable,
)
from .errors import DeidentificationError, Note, Reason
from .part10 import pad_uid
from .progress import Progress
from .pseudonyms import Pseudonyms
from .uids import UidMapping, is_well_known

#: bytes after the data set that are taken for padding although nothing marks them as such
_MAX_TRAILING = 65_536

_SPECIFIC_CHARACTER_SET, _SOP_CLASS, _BURNED_IN = 0x00080005, 0x00080016, 0x00280301
_FIRST_PIXELS, _PIXEL_DATA = 0x7FE00008, 0x7FE00010
_NO_STAMP = 0x1_0000_0000

Piece = bytes | memoryview


class OtherPlanError(Exception):
    """The object isn't what the plan in use is for.

    Attributes:
        plan: the right one.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan


def _is_unchanged(pieces: list[Piece], length: int) -> bool:
    """Whether ``pieces`` are one slice of the buffer and nothing is missing from it."""
    if not pieces:
        return length == 0
    return len(pieces) == 1 and len(pieces[0]) == length and isinstance(pieces[0], memoryview)


class Rewriter:
    """Applies a plan to one object's data set."""

    def __init__(
        self,
        plan: Plan,
        encoding: Encoding,
        uids: UidMapping,
        pseudonyms: Pseudonyms,
        constants: dict[tuple[Rule, Encoding], bytes],
        *,
        keep_burned_in: bool,
        sop_class_fixed: bool,
    ) -> None:
        """
        Args:
            constants: elements that are the same in every object, shared by all that use ``plan``.
            keep_burned_in: whether BurnedInAnnotation YES is let through.
            sop_class_fixed: whether ``plan`` is used whatever SOPClassUID says.
        """
        self._plan = plan
        self._encoding = encoding
        self._uids = uids
        self._pseudonyms = pseudonyms
        self._constants = constants
        self._keep_burned_in = keep_burned_in
        self._sop_class_fixed = sop_class_fixed
        self.progress = Progress()
        self._buffer = Buffer(b"", complete=False)

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
            pieces.extend(self.finish())
        return pieces, bulk

    def finish(self) -> list[bytes]:
        """The stamps that belong after the last element."""
        return self.progress.stamps.take(_NO_STAMP, self._plan.profile, self._encoding)

    # -- data sets ---------------------------------------------------------------------------------------------------

    def _data_set(
        self, position: int, end: int, node: PlanNode, encoding: Encoding, depth: int, delimited: bool, pieces: list[Piece]
    ) -> tuple[int, Bulk | None]:
        """Walk the elements between ``position`` and ``end`` (or the item delimiter, when ``delimited``).

        Appends to ``pieces``; when nothing changes, nothing but one slice is appended. This loop is the hot path: an element
        that stays costs one header, one look-up and three comparisons.
        """
        buffer, view = self._buffer.content, self._buffer.view
        explicit, read_header, rules = encoding.explicit, encoding.header.unpack_from, self.progress.rules
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
                        if vr not in LONG_VRS:
                            if self._ends_data_set(depth, last, position, Reason.INVALID_VR):
                                break
                        (length,) = encoding.long_length.unpack_from(buffer, position + 8)
                        value = position + 12
                else:
                    group, element, length = read_header(buffer, position)
                    value = position + 8
            except struct.error:
                if self._ends_data_set(depth, last, position, Reason.TRUNCATED):
                    break
            tag = group << 16 | element
            if group == 0xFFFE:
                if delimited and tag == ITEM_END:
                    break
                if self._ends_data_set(depth, last, position, Reason.STRAY_DELIMITER):
                    break
            rule = node[tag]
            following = value + length
            if tag <= last and depth == 0:
                # nested ones may come in any order: nothing depends on it there
                fits = following <= end and attribute_vr(tag) != "" and tag >= 0x00080000
                if self._ends_data_set(0, -1 if fits else last, position, Reason.ELEMENTS_OUT_OF_ORDER, tag):
                    break
            if tag > stamp_at:
                pieces.append(view[run:position])
                pieces.extend(self.progress.stamps.take(tag, self._plan.profile, encoding))
                stamp_at, run = self.progress.stamps.next_tag, position
            if following <= end and rule is None and vr != b"SQ":
                last, position = tag, following
                continue
            if following <= end and rule is not None and rule.drops:
                if run < position:
                    pieces.append(view[run:position])
                rules.append(rule)
                last = tag
                run = position = following
                continue
            # -- everything below is rare or changes something
            if length == UNDEFINED:
                if rule is None:
                    if tag != _PIXEL_DATA or depth or not explicit:
                        raise DeidentificationError(Reason.INVALID_LENGTH, tag)
                    following = self._buffer.fragments_end(value, self._encoding)
                    if following < 0:
                        pieces.append(view[run:value])
                        run, last, bulk = value, tag, Bulk(BulkKind.FRAGMENTS, value, length)
                        break
                    last, position = tag, following
                    continue
            elif following > end:
                if depth:
                    self._buffer.beyond(following, tag)
                if self._buffer.complete:
                    padding = last >= _FIRST_PIXELS or not (attribute_vr(tag) or group & 1)
                    if self._ends_data_set(0, last if padding else -1, position, Reason.TRUNCATED, tag):
                        break
                bulk = self._bulk(rule, value, length)
                last = tag
                if rule is None:
                    pieces.append(view[run:value])
                else:
                    pieces.extend((view[run:position], self._change(rule, b"", encoding)))
                break
            if rule is None:
                # SQ where the dictionary knows none: nothing says what its items mean
                raise DeidentificationError(Reason.VR_MISMATCH, tag)
            replacement, following = self._apply(rule, vr if explicit else b"", position, value, length, encoding, depth)
            last = tag
            if replacement is not None:
                if run < position:
                    pieces.append(view[run:position])
                pieces.extend(replacement)
                run = following
            position = following
        if run < position and bulk is None:
            pieces.append(view[run:position])
        if depth == 0:
            self.progress.last = last
        return position, bulk

    def _ends_data_set(self, depth: int, last: int, position: int, reason: Reason, tag: int = 0) -> bool:
        """Whether bytes that are no element are padding behind the data set; else raises for ``reason``.

        Behind pixel data nothing is kept, so anything may stand there. Elsewhere only a short rest is taken for padding, once
        the object has its UIDs: a longer one may be the object itself, damaged.
        """
        if depth == 0 and last >= 0:
            if last < _FIRST_PIXELS:
                if not self._buffer.complete:
                    raise NeedMoreError
                if len(self._buffer.content) - position > _MAX_TRAILING or _SOP_CLASS not in self.progress.uids:
                    raise DeidentificationError(reason, tag)
            self.progress.notes.add(Note.TRAILING_DATA_REMOVED)
            return True
        if not self._buffer.complete and reason is Reason.TRUNCATED:
            raise NeedMoreError
        raise DeidentificationError(reason, tag)

    @staticmethod
    def _bulk(rule: Rule | None, value: int, length: int) -> Bulk:
        """How to go on behind a buffer that ends inside a top-level value."""
        if rule is None:
            return Bulk(BulkKind.COPY, value, length)
        if rule.inspected or rule.operation not in (Operation.REMOVE, Operation.EMPTY, Operation.REPLACE):
            raise NeedMoreError
        return Bulk(BulkKind.SKIP, value, length)

    # -- one element -------------------------------------------------------------------------------------------------

    def _apply(
        self, rule: Rule, vr: bytes, position: int, value: int, length: int, encoding: Encoding, depth: int
    ) -> tuple[list[Piece] | None, int]:
        """Apply ``rule`` to the element at ``position``: the replacement (None: it stays as it is), and where it ends."""
        operation = rule.operation
        if operation is Operation.ITEMS or (operation is Operation.STAMP and rule.vr == "SQ"):
            return self._sequence(rule, vr, position, value, length, encoding, depth)
        if length == UNDEFINED:
            if operation not in (Operation.REMOVE, Operation.EMPTY, Operation.REPLACE):
                raise DeidentificationError(Reason.INVALID_LENGTH, rule.tag)
            inner = IMPLICIT_LITTLE if vr == b"UN" else encoding
            following = self._buffer.skip_items(value, inner, rule.tag)
            return [self._change(rule, b"", encoding)], following
        following = value + length
        content = self._buffer.content[value:following]
        if rule.inspected:
            self._inspect(rule, content)
        if operation is Operation.KEEP:
            if rule.action is not None:
                self.progress.rules.append(rule)
            return None, following
        if operation is Operation.NEW_UID:
            return self._replace_uids(rule, content, encoding), following
        if operation is Operation.STAMP:
            self.progress.stamps.found(rule.tag, content)
            return [], following
        return [self._change(rule, content, encoding)], following

    def _change(self, rule: Rule, content: bytes, encoding: Encoding) -> bytes:
        """The element that takes the place of one with the value ``content``; ``b""`` for a removed one."""
        operation = rule.operation
        if operation is Operation.PSEUDONYM:
            patient_id = content.strip(b"\0 ")
            self.progress.rules.append(rule)
            # an empty PatientID stays empty: a pseudonym would join all patients that have none
            new = self._pseudonyms.patient_id(decode_text(patient_id, self.progress.charset).strip()) if patient_id else b""
            return encoding.element(rule.tag, rule.vr, new)
        self.progress.rules.append(rule)
        if operation is Operation.REMOVE:
            return b""
        constant = self._constants.get((rule, encoding))
        if constant is None:
            constant = self._constant(rule, encoding)
        return constant

    def _constant(self, rule: Rule, encoding: Encoding) -> bytes:
        if rule.operation is Operation.EMPTY:
            constant = encoding.element(rule.tag, rule.vr, b"")
        elif isinstance(rule.value, str) and not rule.value.isascii():
            if not is_encodable(rule.value, self.progress.charset):
                raise DeidentificationError(Reason.ALIAS_NOT_ENCODABLE, rule.tag)
            return encode_value(rule.tag, rule.vr, rule.value, encoding, self.progress.charset)
        else:
            constant = encode_value(rule.tag, rule.vr, rule.value, encoding)
        self._constants[rule, encoding] = constant
        return constant

    def _replace_uids(self, rule: Rule, content: bytes, encoding: Encoding) -> list[Piece] | None:
        new_uids = []
        for part in content.split(b"\\") if b"\\" in content else (content,):
            uid = part.strip(b"\0 ")
            new_uids.append(uid if not uid or is_well_known(uid) else self._uids.new_uid(uid, rule.tag))
        new = b"\\".join(new_uids)
        if rule.inspected:
            self.progress.uids[rule.tag] = (content.strip(b"\0 "), new)
        padded = pad_uid(new)
        if padded == content:
            return None
        self.progress.rules.append(rule)
        return [encoding.element(rule.tag, "UI", padded)]

    def _inspect(self, rule: Rule, content: bytes) -> None:
        tag = rule.tag
        if tag == _SPECIFIC_CHARACTER_SET:
            self.progress.charset = content.strip(b"\0 ").decode("latin-1")
        elif tag == _BURNED_IN:
            if content.strip(b"\0 ").upper() == b"YES" and not self._keep_burned_in:
                raise DeidentificationError(Reason.BURNED_IN_ANNOTATION, tag)
        elif rule.operation is Operation.REMOVE:
            if content.strip(b"\0"):
                raise DeidentificationError(Reason.EMBEDDED_OVERLAY, tag)
        elif rule.operation is Operation.KEEP:
            uid = content.strip(b"\0 ")
            self.progress.uids[tag] = (uid, uid)
            if tag == _SOP_CLASS and not self._sop_class_fixed and (name := uid.decode("latin-1")) != self._plan.sop_class_uid:
                raise OtherPlanError(compile_plan(self._plan.profile, name))

    # -- sequences ---------------------------------------------------------------------------------------------------

    def _sequence(
        self, rule: Rule, vr: bytes, position: int, value: int, length: int, encoding: Encoding, depth: int
    ) -> tuple[list[Piece] | None, int]:
        """De-identify the items of a sequence, also of one that is disguised as UN (PS3.5 6.2.2: implicit little endian)."""
        assert rule.items is not None
        if rule.inspected:
            raise OtherPlanError(compile_plan(self._plan.profile, self._plan.sop_class_uid, has_references=True))
        if depth >= MAX_DEPTH:
            raise DeidentificationError(Reason.NESTING_TOO_DEEP, rule.tag)
        if vr not in (b"SQ", b"UN", b""):
            if length == 0:
                return None, value
            raise DeidentificationError(Reason.VR_MISMATCH, rule.tag)
        inner = IMPLICIT_LITTLE if vr == b"UN" else encoding
        end = len(self._buffer.content) if length == UNDEFINED else value + length
        content, following, changed = self._items(rule, value, end, length == UNDEFINED, inner, depth + 1)
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
        content: list[Piece] = []
        changed = False
        charset = self.progress.charset
        while position < end or delimited:
            tag, length = self._buffer.item_header(position, encoding, rule.tag)
            start = position + 8
            if tag == SEQUENCE_END and delimited:
                return content, start, changed
            if tag != ITEM:
                raise DeidentificationError(Reason.STRAY_DELIMITER if tag >> 16 == 0xFFFE else Reason.INVALID_ITEM, rule.tag)
            item_end = end if length == UNDEFINED else start + length
            if item_end > end:
                self._buffer.beyond(item_end, rule.tag)
            pieces: list[Piece] = []
            stop, _ = self._data_set(start, item_end, rule.items, encoding, depth, length == UNDEFINED, pieces)
            following = stop
            if length == UNDEFINED:
                if self._buffer.item_header(stop, encoding, rule.tag)[0] != ITEM_END:
                    raise DeidentificationError(Reason.INVALID_ITEM, rule.tag)
                following = stop + 8
            if _is_unchanged(pieces, stop - start):
                content.append(self._buffer.view[position:following])
            else:
                changed = True
                if length == UNDEFINED:
                    content.extend((self._buffer.view[position:start], *pieces, self._buffer.view[stop:following]))
                else:
                    content.extend((encoding.item.pack(0xFFFE, 0xE000, sum(map(len, pieces))), *pieces))
            # a character set that an item brought along ends with it
            self.progress.charset = charset
            position = following
        return content, position, changed
