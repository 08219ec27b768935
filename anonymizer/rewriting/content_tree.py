"""Trees of content items (PS3.3 10.2, C.17.3): which items go, and references among them that keep pointing to their targets."""

from __future__ import annotations

import struct
from typing import NamedTuple

from profiles import CODE_VALUE, CODING_SCHEME, RuleNode

from ..dicom.buffer import Buffer, FoundElement
from ..dicom.encoding import IMPLICIT_LITTLE, UNDEFINED, Encoding
from ..errors import DeidentificationError
from ..reasons import Reason

_VALUE_TYPE, _CONCEPT_NAME = 0x0040A040, 0x0040A043
_ITEM_KIND = frozenset({_VALUE_TYPE, _CONCEPT_NAME})
_LONG_CODE_VALUE, _URN_CODE_VALUE = 0x00080119, 0x00080120
_CODE = frozenset({CODE_VALUE, CODING_SCHEME, _LONG_CODE_VALUE, _URN_CODE_VALUE})

#: where an item is: 1 for the root, then its number among its siblings, from 1 on (PS3.3 C.17.3.2.5)
Position = tuple[int, ...]
ROOT: Position = (1,)


class _Reference(NamedTuple):
    """A ReferencedContentItemIdentifier (0040,DB73)."""

    holder: Position
    target: Position
    value: bytearray
    numbers: struct.Struct


class ContentTree:
    """The items of one tree: where they were, and where they are once others are gone."""

    def __init__(self, dropped: frozenset[Position]) -> None:
        """
        Args:
            dropped: items that go because what they refer to is gone.
        """
        self._dropped = dropped
        self._new: dict[Position, Position] = {ROOT: ROOT}
        self._references: list[_Reference] = []
        self._here: list[Position] = [ROOT]
        self._kept_children: dict[Position, int] = {}

    def enter(self, number: int, *, goes: bool) -> bool:
        """Come to the ``number``-th child of the item at hand; returns whether it stays. Follow with ``leave`` if so."""
        parent = self._here[-1]
        position = (*parent, number)
        if goes or position in self._dropped:
            return False
        kept = self._kept_children[parent] = self._kept_children.get(parent, 0) + 1
        self._new[position] = (*self._new[parent], kept)
        self._here.append(position)
        return True

    def leave(self) -> None:
        """Go back to the parent."""
        self._here.pop()

    def refer(self, value: bytes, encoding: Encoding, tag: int) -> memoryview:
        """Note a reference by the item at hand and return bytes that ``renumber`` brings up to date.

        Raises:
            DeidentificationError: it is no position.
        """
        numbers = struct.Struct(f"{'<' if encoding.little else '>'}{len(value) // 4}L")
        if len(value) % 4 or not value:
            raise DeidentificationError(Reason.INVALID_VALUE, tag)
        new = bytearray(value)
        self._references.append(_Reference(self._here[-1], numbers.unpack(value), new, numbers))
        return memoryview(new)

    def renumber(self) -> frozenset[Position]:
        """Renumber all references, unless items refer to what is gone: then those are returned, and must go too."""
        lost = frozenset(reference.holder for reference in self._references if reference.target not in self._new)
        if lost:
            return self._dropped | lost
        for reference in self._references:
            reference.numbers.pack_into(reference.value, 0, *self._new[reference.target])
        return frozenset()


class ContentItems:
    """Chooses what becomes of each item of one sequence of content items (PS3.15 E.3.4)."""

    def __init__(self, node: RuleNode, buffer: Buffer, tree: ContentTree | None) -> None:
        """
        Args:
            tree: the tree that the sequence is a level of; None where positions don't count.
        """
        self._node = node
        self._buffer = buffer
        self._tree = tree
        self._number = 0

    def enter(self, start: int, end: int, encoding: Encoding) -> RuleNode | None:
        """Return the rules for the next item, between ``start`` and ``end``; None where it goes."""
        self._number += 1
        node = self._node.content_item(*_kind(self._buffer, start, end, encoding))
        if self._tree is None:
            return node
        return node if self._tree.enter(self._number, goes=node is None) else None

    def leave(self) -> None:
        """Leave the item, which was walked."""
        if self._tree is not None:
            self._tree.leave()


def _kind(buffer: Buffer, start: int, end: int, encoding: Encoding) -> tuple[str, str, str]:
    """Return code value and scheme of an item's concept name, and its value type; each ``""`` where it has none."""
    found = buffer.find(start, end, _ITEM_KIND, encoding)
    code = {}
    if concept := found.get(_CONCEPT_NAME):
        item_end = end if concept.length == UNDEFINED else concept.start + concept.length
        if concept.length:
            # behind the header of the first item
            start = concept.start + 8
            inner = buffer.item_encoding(start, item_end, IMPLICIT_LITTLE if concept.vr == b"UN" else encoding)
            code = buffer.find(start, item_end, _CODE, inner)

    def text(element: FoundElement | None) -> str:
        return buffer.text(element).decode("latin-1")

    value = text(code.get(CODE_VALUE)) or text(code.get(_LONG_CODE_VALUE)) or text(code.get(_URN_CODE_VALUE))
    return value, text(code.get(CODING_SCHEME)), text(found.get(_VALUE_TYPE))
