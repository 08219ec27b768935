"""The bytes at hand: all of an object or only its beginning, and walks that look at structure and not at values."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple, NoReturn

from ..errors import DeidentificationError
from ..reasons import Reason
from .encoding import EXPLICIT_LITTLE, IMPLICIT_LITTLE, ITEM, ITEM_END, LONG_VRS, SEQUENCE_END, SHORT_VRS, UNDEFINED, Encoding
from .tags import PIXEL_DATA

#: sequences in sequences: real objects stay below 20 levels
MAX_DEPTH = 64


class NeedMoreError(Exception):
    """A buffer that ends before the element does."""


class BulkKind(Enum):
    """The treatment of a top-level value that goes beyond the buffer."""

    COPY = auto()
    MASK = auto()
    SKIP = auto()
    FRAGMENTS = auto()
    BLANK = auto()
    BLANK_FRAGMENTS = auto()


@dataclass(frozen=True, slots=True)
class Bulk:
    """A value that the buffer doesn't hold: it begins at ``offset`` in the buffer and has ``length`` bytes."""

    kind: BulkKind
    offset: int
    length: int


class FoundElement(NamedTuple):
    """An element that a look ahead found: its explicit VR (``b""`` in implicit) and where its value is."""

    vr: bytes
    start: int
    length: int


def _is_vr(name: bytes) -> bool:
    return name in SHORT_VRS or name in LONG_VRS


class Buffer:
    """Bytes of an object.

    Attributes:
        content, view: the bytes, and a view that slices without copying.
        complete: whether the object ends with them.
    """

    __slots__ = ("complete", "content", "view")

    def __init__(self, content: bytes, complete: bool) -> None:
        self.content = content
        self.view = memoryview(content)
        self.complete = complete

    def raise_out_of_bounds(self, position: int, tag: int) -> NoReturn:
        """Raise the error for a length that leads to ``position``, outside of the sequence, item, buffer or object around it.

        Raises:
            NeedMoreError: more of the object may help.
            DeidentificationError: it can't.
        """
        if position <= len(self.content):
            raise DeidentificationError(Reason.INVALID_LENGTH, tag)
        if self.complete:
            raise DeidentificationError(Reason.TRUNCATED, tag)
        raise NeedMoreError

    def item_header(self, position: int, encoding: Encoding, tag: int) -> tuple[int, int]:
        """Return tag and length of the item or delimiter at ``position``, in the sequence ``tag``."""
        try:
            group, element, length = encoding.item.unpack_from(self.content, position)
        except struct.error:
            self.raise_out_of_bounds(len(self.content) + 1, tag)
        return group << 16 | element, length

    def skip_items(self, position: int, encoding: Encoding, tag: int, until: int = SEQUENCE_END) -> int:
        """Return the end of a value of undefined length that is not looked at: only its structure is walked, without recursion.

        Args:
            until: SEQUENCE_END for a sequence, ITEM_END for an item.

        Raises:
            NeedMoreError: beyond the buffer.
            DeidentificationError: its structure is broken or too deep.
        """
        ends = [until]
        encodings = [encoding]
        while ends:
            if len(ends) > 2 * MAX_DEPTH:
                raise DeidentificationError(Reason.NESTING_TOO_DEEP, tag)
            found, length = self.item_header(position, encodings[-1], tag)
            if found == ends[-1]:
                ends.pop()
                encodings.pop()
                position += 8
                continue
            if ends[-1] == SEQUENCE_END:
                if found != ITEM:
                    raise DeidentificationError(Reason.INVALID_ITEM, tag)
                position += 8
                inner_end, inner = ITEM_END, encodings[-1]
                if length == UNDEFINED:
                    inner = self.item_encoding(position, len(self.content), inner)
            else:
                if found >> 16 == 0xFFFE:
                    raise DeidentificationError(Reason.STRAY_DELIMITER, tag)
                _, vr, position, length = self.element(position, encodings[-1], tag)
                inner_end, inner = SEQUENCE_END, IMPLICIT_LITTLE if vr == b"UN" else encodings[-1]
            if length == UNDEFINED:
                ends.append(inner_end)
                encodings.append(inner)
                continue
            position += length
            if position > len(self.content):
                self.raise_out_of_bounds(position, tag)
        return position

    def items(self, position: int, end: int, encoding: Encoding, tag: int) -> Iterator[tuple[int, int, Encoding]]:
        """Yield begin and end of each item's elements, and their encoding.

        Args:
            position, end: of the items of the sequence ``tag``; a delimiter may stand before ``end``.

        Raises:
            NeedMoreError: beyond the buffer.
            DeidentificationError: its structure is broken.
        """
        while position < end:
            found, length = self.item_header(position, encoding, tag)
            if found == SEQUENCE_END:
                return
            if found != ITEM:
                raise DeidentificationError(Reason.INVALID_ITEM, tag)
            position += 8
            if length == UNDEFINED:
                inner = self.item_encoding(position, end, encoding)
                following = self.skip_items(position, inner, tag, ITEM_END)
                yield position, following - 8, inner
            else:
                following = position + length
                if following > end:
                    self.raise_out_of_bounds(following, tag)
                yield position, following, self.item_encoding(position, following, encoding)
            position = following

    def item_encoding(self, position: int, end: int, encoding: Encoding) -> Encoding:
        """Return the encoding of the elements of an item between ``position`` and ``end`` (or a delimiter before it).

        Items of sequences in UN are implicit VR little endian (PS3.5 6.2.2), and so are those of implicit data sets. Devices that
        keep a foreign sequence as it came write explicit VR there: it shows by the first element, and what stands behind it.

        Args:
            encoding: the one that the standard demands.

        Raises:
            NeedMoreError: the first element lies beyond the buffer.
        """
        if encoding.explicit or not _is_vr(vr := self.content[position + 4 : position + 6]):
            return encoding
        size = 8 if vr in SHORT_VRS else 12
        if position + size > end:
            return self._unless_more(end, encoding)
        tag, _, start, length = self.element(position, EXPLICIT_LITTLE)
        following = start if length == UNDEFINED else start + length
        if following == end:
            return EXPLICIT_LITTLE
        if following + 8 > end:
            return self._unless_more(end, encoding)
        found = self.item_header(following, encoding, tag)[0]
        if length == UNDEFINED:
            is_explicit = found in (ITEM, SEQUENCE_END)
        else:
            is_explicit = found == ITEM_END or (found > tag and _is_vr(self.content[following + 4 : following + 6]))
        return EXPLICIT_LITTLE if is_explicit else encoding

    def _unless_more(self, end: int, encoding: Encoding) -> Encoding:
        """Return ``encoding``, once more bytes behind ``end`` can't change it.

        Raises:
            NeedMoreError: they may.
        """
        if end >= len(self.content) and not self.complete:
            raise NeedMoreError
        return encoding

    def find(self, position: int, end: int, tags: frozenset[int], encoding: Encoding) -> dict[int, FoundElement]:
        """Return the elements ``tags`` at or behind ``position`` in one data set, found without a look into sequences.

        The look ahead ends with the data set, behind the last of ``tags``, or where elements are out of order: else an item with
        an element over and over would be looked through as often. Where the structure is broken it just ends: the rewriter,
        which gets there later, knows why.

        Raises:
            NeedMoreError: beyond the buffer.
        """
        found: dict[int, FoundElement] = {}
        before, last = -1, max(tags)
        try:
            while position < end:
                tag, vr, start, length = self.element(position, encoding)
                if tag > last or tag <= before or tag >> 16 == 0xFFFE:
                    break
                before = tag
                position = start + length
                if length == UNDEFINED or position > len(self.content):
                    position = self.value_end(vr, start, length, encoding, tag)
                # half a value may be another one's whole
                if tag in tags:
                    found[tag] = FoundElement(vr, start, length)
        except DeidentificationError:
            pass
        if position >= len(self.content) and not self.complete:
            raise NeedMoreError
        return found

    def text(self, found: FoundElement | None) -> bytes:
        """Return the value of a found element without its padding; empty where there is none, or items."""
        if found is None or found.length == UNDEFINED:
            return b""
        return self.content[found.start : found.start + found.length].strip(b"\0 ")

    def value_end(self, vr: bytes, start: int, length: int, encoding: Encoding, tag: int) -> int:
        """Return the end of the value of the element ``tag`` that begins at ``start``; it is not looked at.

        Raises:
            NeedMoreError: beyond the buffer.
            DeidentificationError: beyond the object, or its structure is broken.
        """
        if length == UNDEFINED:
            return self.skip_items(start, IMPLICIT_LITTLE if vr == b"UN" else encoding, tag)
        if start + length > len(self.content):
            self.raise_out_of_bounds(start + length, tag)
        return start + length

    def element(self, position: int, encoding: Encoding, tag: int = 0) -> tuple[int, bytes, int, int]:
        """Return tag, VR (``b""``: implicit), value's position and length of the element, item or delimiter at ``position``.

        Args:
            tag: what holds it, for errors.

        Raises:
            NeedMoreError: its header lies beyond the buffer.
            DeidentificationError: it is none.
        """
        try:
            if not encoding.explicit:
                group, element, length = encoding.header.unpack_from(self.content, position)
                return group << 16 | element, b"", position + 8, length
            group, element, vr, length = encoding.header.unpack_from(self.content, position)
            if vr in SHORT_VRS:
                return group << 16 | element, vr, position + 8, length
            if group == 0xFFFE:
                return group << 16 | element, b"", position + 8, encoding.long_length.unpack_from(self.content, position + 4)[0]
            if vr not in LONG_VRS:
                # not by its own tag: broken bytes there may be of any value
                raise DeidentificationError(Reason.INVALID_VR, tag)
            return group << 16 | element, vr, position + 12, encoding.long_length.unpack_from(self.content, position + 8)[0]
        except struct.error:
            self.raise_out_of_bounds(len(self.content) + 1, tag)

    def fragments_end(self, position: int, encoding: Encoding) -> int:
        """Return the end of encapsulated pixel data, -1 if it is beyond an incomplete buffer (PS3.5 A.4).

        Raises:
            DeidentificationError: what is there are no fragments, or they don't end.
        """
        end = len(self.content)
        while position + 8 <= end:
            tag, length = self.item_header(position, encoding, PIXEL_DATA)
            position += 8
            if tag == SEQUENCE_END and length == 0:
                return position
            if tag != ITEM or length == UNDEFINED:
                raise DeidentificationError(Reason.INVALID_FRAGMENTS, PIXEL_DATA)
            position += length
        if self.complete:
            raise DeidentificationError(Reason.TRUNCATED, PIXEL_DATA)
        return -1
