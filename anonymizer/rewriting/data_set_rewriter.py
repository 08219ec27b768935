"""The rewriter: walks the elements of a data set and yields unchanged slices and replacements (PS3.5 7).

It works on a buffer that may hold only the beginning of the object. Values that go beyond it are handed back as a ``Bulk``
when they stand at top level, where pixel data stands; for everything else the caller brings more bytes and starts again.
"""

from __future__ import annotations

import struct

from profiles import IdentityKind, Operation, Plan, Rule, RuleNode, attribute_vr

from ..dicom.buffer import Buffer, Bulk, BulkKind, NeedMoreError
from ..dicom.encoding import IMPLICIT_LITTLE, ITEM_END, LONG_VRS, SHORT_VRS, UNDEFINED, Encoding
from ..dicom.padding import is_padding
from ..dicom.tags import FIRST_PIXELS, PIXEL_DATA, SOP_CLASS
from ..errors import DeidentificationError, Note, Reason
from ..files.pieces import Piece
from ..identity.known_values import KnownValue, collect, values_in_items
from ..pixels.notes import BLANKS, PRESENT, note
from .elements import CHANGED_WHATEVER, ElementRewriter
from .header_cache import Edit
from .private_blocks import PrivateBlocks, is_creator
from .sequences import SequenceRewriter
from .state import Progress
from .values import ValueRewriter

#: an element: VR, position, value's position and length, end of what holds it, encoding, depth
_Element = tuple[bytes, int, int, int, int, Encoding, int]
#: VRs of private values that go, and may name somebody
_MAY_NAME = frozenset({b"SQ", b"PN"})
_NO_STAMP = 0x1_0000_0000
#: bytes of private elements that may come together: they begin no stretch each
_MANY_PRIVATE = 512
#: members of an Enum are looked up slowly before Python 3.12
_ITEMS = Operation.ITEMS
_KEEP_SCHEME = Operation.KEEP_SCHEME
_OVERLAY = Operation.OVERLAY
_PRIVATE = Operation.PRIVATE
_RENUMBER = Operation.RENUMBER
_STAMP = Operation.STAMP


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
        self.elements = ElementRewriter(values, plan)
        self._buffer = self.elements.buffer
        self._sequences = SequenceRewriter(plan, values)

    @property
    def progress(self) -> Progress:
        """What is known of the object so far."""
        return self._values.progress

    @progress.setter
    def progress(self, progress: Progress) -> None:
        self._values.progress = progress

    def restart(self, before: Progress | None) -> None:
        """Go back to ``before``, or to the beginning of the object."""
        self.progress = before or self._values.begin()

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
        self._buffer = self.elements.buffer = self._sequences.buffer = Buffer(buffer, complete)
        self.elements.start = offset
        pieces: list[Piece] = []
        _, bulk = self._data_set(offset, len(buffer), self._plan.root, self.encoding, 0, False, pieces)
        if bulk is None:
            pieces.extend(self.ending())
        return pieces, bulk

    def ending(self) -> list[bytes]:
        """What is still to stand at the end of the data set, where nothing more follows."""
        if self._plan.has_pixels and self.progress.last < FIRST_PIXELS:
            self.progress.notes.add(Note.NO_PIXEL_DATA)
        return self.progress.stamps.take(_NO_STAMP, self._values.stamping, self.encoding)

    # -- data sets ---------------------------------------------------------------------------------------------------

    def _data_set(
        self, position: int, end: int, node: RuleNode, encoding: Encoding, depth: int, delimited: bool, pieces: list[Piece]
    ) -> tuple[int, Bulk | None]:
        """Walk the elements between ``position`` and ``end`` (or the item delimiter, when ``delimited``).

        Appends to ``pieces``; when nothing changes, nothing but one slice is appended. This loop is the hot path: an element
        that stays costs its header, a look-up and the checks of its value.
        """
        buffer, view = self._buffer.content, self._buffer.view
        explicit, read_header, rules = encoding.explicit, encoding.header.unpack_from, self.progress.rules
        constants = self._values.shared.constants[encoding]
        run = position
        # nested data sets are looked at whole
        last, stamp_at, look_at, in_stretch = -1, _NO_STAMP, end, False
        edits: list[Edit] = []
        if depth == 0:
            last, stamp_at, look_at = self.progress.last, self.progress.stamps.next_tag, position
            judged_by = self.progress.judged_by.top
            walk = self._values.shared.header_caches[self._plan, encoding].walk(buffer, rules, judged_by, self.progress.known)
            edits = walk.edits
        bulk: Bulk | None = None
        blocks: PrivateBlocks | None = None
        vr = b""
        while position < end:
            if position >= look_at:
                position, last, run, look_at = walk.skip(position, last, run, stamp_at, pieces)
                in_stretch = True
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
                pieces.extend(self.progress.stamps.take(tag, self._values.stamping, encoding))
                stamp_at, run = self.progress.stamps.next_tag, position
            rule = node[tag]
            if rule.plain is not None:
                if rule.presence and depth == 0:
                    # here, for most objects have one such element that differs from the last one's
                    judged_by[tag] = PRESENT if length and (not rule.text or buffer[value:following].strip(BLANKS)) else b""
                else:
                    self._note(rule, tag, vr, value, length, end, encoding, depth)
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
                look_at = position if rule.operation is not _PRIVATE else following + _MANY_PRIVATE
            if following > end:
                if length != UNDEFINED:
                    bulk = self._bulk_or_padding(rule, vr, tag, last, value, following, depth)
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
                    pieces.append(view[run:value])
                    if following < 0:
                        bulk = Bulk(BulkKind.FRAGMENTS, value, length)
                        break
                    self.progress.pixels, self.progress.encapsulated = view[value:following], True
                    pieces.append(self.progress.pixels)
                    run = position = following
                    continue
            if rule.operation is _PRIVATE:
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
                if rule.drops and self._plan.collects and (vr in _MAY_NAME or length == UNDEFINED):
                    self._collect(rule, tag, vr, value, length, end, encoding, depth)
                replacement: list[Piece] | None = []
                if rule.drops and length != UNDEFINED:
                    # most private elements
                    rules.append(rule)
                else:
                    replacement, following = self._private(rule, node, (vr, position, value, length, end, encoding, depth))
                if replacement != []:
                    blocks.stays(tag, pieces)
            else:
                replacement, following = self._element(node, rule, vr, position, value, length, end, encoding, depth)
            if rule.operation is _KEEP_SCHEME and self._values.is_local:
                node = node.local_codes
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

    def _note(self, rule: Rule, tag: int, vr: bytes, value: int, length: int, end: int, encoding: Encoding, depth: int) -> None:
        """Note the original value of an element by which the object is judged, or that identifies somebody.

        Raises:
            NeedMoreError: it lies beyond the buffer.
        """
        if depth == 0 and value + length > end and length != UNDEFINED and not (rule.presence or self._buffer.complete):
            raise NeedMoreError
        if rule.collects:
            if rule.kind is not None or vr in _MAY_NAME or length == UNDEFINED or rule.vr == "SQ":
                self._collect(rule, tag, vr, value, length, end, encoding, depth)
            if not rule.judges:
                return
        noted = note(rule, vr, self._buffer.content, value, length, encoding)
        judged_by = self.progress.judged_by
        if depth:
            judged_by.nested.setdefault(rule.tag, []).append(noted)
        else:
            judged_by.top[rule.tag] = noted

    def _collect(
        self, rule: Rule, tag: int, vr: bytes, value: int, length: int, end: int, encoding: Encoding, depth: int
    ) -> None:
        """Note a value that identifies somebody, or those that do in the items of a sequence that goes.

        Raises:
            NeedMoreError: it lies beyond the buffer.
        """
        progress, buffer = self.progress, self._buffer
        charset = progress.charset if depth else None
        if rule.kind is None and (vr == b"SQ" or length == UNDEFINED or rule.vr == "SQ"):
            try:
                stop = buffer.value_end(vr, value, length, encoding, rule.tag)
            except DeidentificationError:
                # what goes needn't be whole, but for its end, which the walker looks for
                return
            inner = IMPLICIT_LITTLE if vr == b"UN" else encoding
            kinds = self._plan.profile.identity_kinds
            collect(values_in_items(buffer, value, stop, inner, kinds, charset, tag), progress.known)
        elif (rule.kind is not None or vr == b"PN") and length and length != UNDEFINED and value + length <= end:
            kind = rule.kind or IdentityKind.NAME
            progress.known.append(KnownValue(tag, kind, buffer.content[value : value + length].rstrip(b"\0 "), charset))

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

    def _bulk_or_padding(self, rule: Rule, vr: bytes, tag: int, last: int, value: int, following: int, depth: int) -> Bulk | None:
        """How to go on with a value that ends behind its item or the buffer; None: it is padding behind the data set.

        Raises:
            NeedMoreError: the value is needed whole.
            DeidentificationError: it can't end there.
        """
        if depth:
            self._buffer.raise_out_of_bounds(following, tag)
        if self._buffer.complete:
            known = last < FIRST_PIXELS and bool(attribute_vr(tag) or tag >> 16 & 1)
            self._is_padding(0, last, value - 8, Reason.TRUNCATED, tag, known=known)
            return None
        return self.elements.bulk(rule, vr, tag, value, following)

    def _element(
        self,
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
        """Apply ``rule`` to the element at ``position``: the replacement (None: it stays as it is), and where it ends."""
        operation = rule.operation
        if operation is _OVERLAY:
            rule = self.elements.plane_rule(rule, position, encoding)
            operation = rule.operation
        if operation is _ITEMS or (operation is _STAMP and rule.vr == "SQ"):
            return self._sequences.rewrite(self._data_set, node, rule, vr, position, value, length, end, encoding, depth)
        if length == UNDEFINED:
            if operation not in CHANGED_WHATEVER:
                raise DeidentificationError(Reason.INVALID_LENGTH, rule.tag)
            following = self._buffer.skip_items(value, IMPLICIT_LITTLE if vr == b"UN" else encoding, rule.tag)
            if following > end:
                self._buffer.raise_out_of_bounds(following, rule.tag)
            return self._values.change(rule, encoding), following
        if operation is _RENUMBER and self._sequences.tree is not None:
            new = self._sequences.tree.refer(self._buffer.content[value : value + length], encoding, rule.tag)
            return [self._buffer.view[position:value], new], value + length
        return self.elements.rewrite(rule, vr, position, value, length, end, encoding, depth), value + length

    # -- private attributes ------------------------------------------------------------------------------------------

    def _private(self, rule: Rule, node: RuleNode, element: _Element) -> tuple[list[Piece] | None, int]:
        """Apply ``rule`` to a private element. What isn't as it should be is not safe, and goes."""
        progress = self.progress
        before, charset = len(progress.rules), progress.charset
        if not rule.drops:
            try:
                return self._element(node, rule, *element)
            except DeidentificationError:
                del progress.rules[before:]
                progress.charset = charset
        return self._element(node, node.removed_private, *element)
