"""The walk along a de-identified header, element by element, each with the rule by which it was de-identified."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from profiles import Decision, Operation, Rule, RuleNode, has_harmless_dummy

from ..dicom.buffer import MAX_DEPTH, Buffer
from ..dicom.encoding import IMPLICIT_LITTLE, ITEM, SEQUENCE_END, UNDEFINED, Encoding, encode_value
from ..dicom.tags import PIXEL_DATA, SPECIFIC_CHARACTER_SET
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..reasons import Reason

#: what an object declares of a private attribute, by tag and private creator
DeclaredBy = Callable[[int, str], Decision | None]


class Place(NamedTuple):
    """An element in its context.

    Attributes:
        node: the rules of its data set.
        rule: the rule by which the element was de-identified.
        vr: the VR in the file, "" in implicit VR.
        charset: the SpecificCharacterSet in force.
        begin, end: offsets of the data set that holds the element, in bytes.
        position, following: offsets of the element and of what follows it.
    """

    node: RuleNode
    rule: Rule
    vr: str
    encoding: Encoding
    charset: str
    begin: int
    end: int
    position: int
    following: int

    @property
    def value_vr(self) -> str:
        """The VR by which the value is read: the attribute's, or the file's where the attribute's is unknown."""
        return self.vr if self.rule.vr in ("", "UN") else self.rule.vr


class HeaderWalk:
    """A walk along one header. Subclasses decide which of its elements stay."""

    def __init__(self, content: bytes, declared: DeclaredBy) -> None:
        """
        Args:
            content: elements of the top-level data set as they will be written; the last may lack its value.
            declared: returns what the object itself declares of a private attribute.
        """
        self.buffer = Buffer(content, complete=True)
        self._declared = declared
        #: for each removed or replaced value, its original rule and the rule that replaced it
        self.gone: list[tuple[Rule, Rule]] = []

    def walk(self, root: RuleNode, encoding: Encoding, charset: str) -> bytes:
        """Return the header without what doesn't stay.

        Args:
            root: the rules by which it was de-identified.
            charset: the SpecificCharacterSet in force at its beginning.

        Raises:
            DeidentificationError: a value must go and can't be removed or replaced.
        """
        pieces, _ = self._data_set(0, len(self.buffer.content), root, encoding, charset, 0)
        return b"".join(pieces)

    # -- for subclasses ----------------------------------------------------------------------------------------------

    def keeps_creator(self, value: bytes, charset: str) -> bool:
        """Return whether a private creator stays, if an element of its block does."""
        return True

    def enter(self, rule: Rule) -> None:
        """Begin with the items of a sequence."""

    def leave(self) -> None:
        """End with the items of the last sequence that was begun."""

    def value(self, place: Place, element: Piece, value: bytes) -> list[Piece]:
        """Return what stays of an element that holds a value."""
        raise NotImplementedError

    def without(self, place: Place, new: Rule) -> list[Piece]:
        """Return the element that replaces a value which must not stay, or nothing.

        Args:
            new: the rule that takes the place of the element's.

        Raises:
            DeidentificationError: the value is required, and any dummy value would be a false statement.
        """
        rule, encoding = place.rule, place.encoding
        self.gone.append((rule, new))
        if new.operation is Operation.REMOVE:
            return []
        if new.operation is Operation.EMPTY:
            return [encoding.element(rule.tag, rule.vr, b"")]
        if not has_harmless_dummy(rule.tag, rule.vr):
            raise DeidentificationError(Reason.IDENTIFIER_LEFT, rule.tag)
        return [encode_value(rule.tag, rule.vr, new.value, encoding)]

    # -- the walk ----------------------------------------------------------------------------------------------------

    def _data_set(
        self, position: int, end: int, node: RuleNode, encoding: Encoding, charset: str, depth: int
    ) -> tuple[list[Piece], int]:
        """Walk the elements from ``position`` to ``end`` or to an item delimiter; return what remains and where they end."""
        buffer, pieces, begin = self.buffer, list[Piece](), position
        blocks = _Blocks(pieces)
        while position < end:
            tag, vr, start, length = buffer.element(position, encoding)
            if tag >> 16 == 0xFFFE:
                break
            if depth == 0 and (tag == PIXEL_DATA or (length != UNDEFINED and start + length > end)):
                # an element header whose value isn't in ``content``
                pieces.append(buffer.view[position:end])
                return pieces, end
            following = buffer.value_end(vr, start, length, encoding, tag)
            element = buffer.view[position:following]
            value = buffer.content[start:following]
            if tag == SPECIFIC_CHARACTER_SET:
                charset = value.strip(b"\0 ").decode("latin-1")
            if tag >> 16 & 1 and 0 < tag & 0xFFFF < 0x100:
                creator = value.strip(b"\0 ").decode("latin-1")
                blocks.reserve(tag, creator if self.keeps_creator(value, charset) else "", element)
                position = following
                continue
            creator = blocks.creator(tag)
            if tag >> 16 & 1 and not creator:
                # the private creator of its block doesn't stay
                self.gone.append((node.removed_private, node.screening(node.removed_private)))
                position = following
                continue
            rule = _rule_of(node, tag, vr, creator, self._declared)
            if rule.has_items and (vr == b"SQ" or length == UNDEFINED or rule.vr == "SQ"):
                self.enter(rule)
                stays = self._sequence(rule, node.items_of(rule), vr, element, start, length, following, encoding, charset, depth)
                self.leave()
            else:
                place = Place(node, rule, vr.decode("latin-1"), encoding, charset, begin, end, position, following)
                stays = self.value(place, element, value)
            blocks.add(tag, stays)
            position = following
        return pieces, position

    def _sequence(
        self,
        rule: Rule,
        node: RuleNode,
        vr: bytes,
        element: Piece,
        start: int,
        length: int,
        following: int,
        encoding: Encoding,
        charset: str,
        depth: int,
    ) -> list[Piece]:
        if depth >= MAX_DEPTH:
            raise DeidentificationError(Reason.NESTING_TOO_DEEP, rule.tag)
        buffer, inner = self.buffer, IMPLICIT_LITTLE if vr == b"UN" else encoding
        before, position, pieces = len(self.gone), start, list[Piece]()
        while position < following:
            tag, item_length = buffer.item_header(position, inner, rule.tag)
            if tag == SEQUENCE_END:
                break
            if tag != ITEM:
                raise DeidentificationError(Reason.INVALID_ITEM, rule.tag)
            item_end = following if item_length == UNDEFINED else position + 8 + item_length
            item = buffer.item_encoding(position + 8, item_end, inner)
            content, stop = self._data_set(position + 8, item_end, node, item, charset, depth + 1)
            if item_length == UNDEFINED:
                pieces += [buffer.view[position : position + 8], *content, buffer.view[stop : stop + 8]]
                position = stop + 8
            else:
                pieces += [inner.item.pack(0xFFFE, 0xE000, sum(map(len, content))), *content]
                position = item_end
        if len(self.gone) == before:
            return [element]
        if length == UNDEFINED:
            return [element[: start - following + len(element)], *pieces, element[-8:]]
        return [encoding.element_header(rule.tag, vr.decode() or "SQ", sum(map(len, pieces))), *pieces]


def _rule_of(node: RuleNode, tag: int, vr: bytes, creator: str, declared: DeclaredBy) -> Rule:
    """Return the rule by which an element was de-identified."""
    rule = node.private(creator, tag, vr, declared(tag, creator)) if creator else node[tag]
    rule = rule.plain or rule
    if rule.operation is Operation.OVERLAY and isinstance(rule.value, Rule):
        # the overlay plane is still here: its own rule applied
        return rule.value
    return rule


class _Blocks:
    """The private blocks of one data set; a private creator stays only if an element of its block does."""

    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = pieces
        #: by block: the creator, the index of its element in ``pieces``, the element
        self._creators: dict[int, tuple[str, int, Piece]] = {}

    def reserve(self, tag: int, creator: str, element: Piece) -> None:
        """Reserve the place of a private creator in the output.

        Args:
            creator: "" for one that identifies a person.
        """
        self._creators[tag >> 16 << 8 | tag & 0xFF] = creator, len(self._pieces), element
        self._pieces.append(b"")

    def creator(self, tag: int) -> str:
        """Return the private creator of a private element, "" for other elements."""
        return self._creators.get(tag >> 8, ("", 0, b""))[0] if tag >> 16 & 1 else ""

    def add(self, tag: int, stays: list[Piece]) -> None:
        """Add the remaining pieces of an element, and the private creator if the element is private."""
        if stays and tag >> 16 & 1:
            _, index, element = self._creators[tag >> 8]
            self._pieces[index] = element
        self._pieces += stays
