"""The bytes at hand: all of an object or only its beginning, and the walks that look at structure and not at values."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple, NoReturn

from ..errors import DeidentificationError, Reason
from .encoding import IMPLICIT_LITTLE, ITEM, ITEM_END, LONG_VRS, SEQUENCE_END, SHORT_VRS, UNDEFINED, Encoding
from .tags import PIXEL_DATA

#: sequences in sequences: real objects stay below 20 levels
MAX_DEPTH = 64


class NeedMoreError(Exception):
    """The buffer ends before the element does."""


class BulkKind(Enum):
    """What to do with a top-level value that goes beyond the buffer."""

    COPY = auto()
    MASK = auto()
    SKIP = auto()
    FRAGMENTS = auto()


@dataclass(frozen=True, slots=True)
class Bulk:
    """A value that the buffer doesn't hold: it begins at ``offset`` in the buffer and has ``length`` bytes."""

    kind: BulkKind
    offset: int
    length: int


class Found(NamedTuple):
    """An element that a look ahead found: its explicit VR (``b""`` in implicit) and where its value is."""

    vr: bytes
    start: int
    length: int


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

    def beyond(self, position: int, tag: int) -> NoReturn:
        """A length leads to ``position``, outside of what holds it: the sequence, the item, the buffer or the object.

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
        """Tag and length of the item or delimiter at ``position``, in the sequence ``tag``."""
        try:
            group, element, length = encoding.item.unpack_from(self.content, position)
        except struct.error:
            self.beyond(len(self.content) + 1, tag)
        return group << 16 | element, length

    def skip_items(self, position: int, encoding: Encoding, tag: int, until: int = SEQUENCE_END) -> int:
        """Where a value of undefined length ends that is not looked at: only its structure is walked, without recursion.

        Args:
            until: SEQUENCE_END for a sequence, ITEM_END for an item.

        Raises:
            NeedMoreError: beyond the buffer.
            DeidentificationError: its structure is broken or too deep.
        """
        ends = [until]
        while ends:
            if len(ends) > 2 * MAX_DEPTH:
                raise DeidentificationError(Reason.NESTING_TOO_DEEP, tag)
            found, length = self.item_header(position, encoding, tag)
            if found == ends[-1]:
                ends.pop()
                position += 8
                continue
            if ends[-1] == SEQUENCE_END:
                if found != ITEM:
                    raise DeidentificationError(Reason.INVALID_ITEM, tag)
                position += 8
                inner_end = ITEM_END
            else:
                if found >> 16 == 0xFFFE:
                    raise DeidentificationError(Reason.STRAY_DELIMITER, tag)
                _, vr, position, length = self.element(position, encoding, tag)
                if length == UNDEFINED and vr == b"UN":
                    position = self.skip_items(position, IMPLICIT_LITTLE, tag)
                    continue
                inner_end = SEQUENCE_END
            if length == UNDEFINED:
                ends.append(inner_end)
                continue
            position += length
            if position > len(self.content):
                self.beyond(position, tag)
        return position

    def find(self, position: int, end: int, tags: frozenset[int], encoding: Encoding) -> dict[int, Found]:
        """The elements ``tags`` at or behind ``position`` in one data set, found without a look into sequences.

        The look ahead ends with the data set, behind the last of ``tags``, or where elements are out of order: else an item with
        an element over and over would be looked through as often. Where the structure is broken it just ends: the rewriter,
        which gets there later, knows why.

        Raises:
            NeedMoreError: beyond the buffer.
        """
        found: dict[int, Found] = {}
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
                    found[tag] = Found(vr, start, length)
        except DeidentificationError:
            pass
        if position >= len(self.content) and not self.complete:
            raise NeedMoreError
        return found

    def text(self, found: Found | None) -> bytes:
        """The value of a found element without its padding; empty where there is none, or items."""
        if found is None or found.length == UNDEFINED:
            return b""
        return self.content[found.start : found.start + found.length].strip(b"\0 ")

    def value_end(self, vr: bytes, start: int, length: int, encoding: Encoding, tag: int) -> int:
        """Where the value of the element ``tag`` ends that begins at ``start``; it is not looked at.

        Raises:
            NeedMoreError: beyond the buffer.
            DeidentificationError: beyond the object, or its structure is broken.
        """
        if length == UNDEFINED:
            return self.skip_items(start, IMPLICIT_LITTLE if vr == b"UN" else encoding, tag)
        if start + length > len(self.content):
            self.beyond(start + length, tag)
        return start + length

    def element(self, position: int, encoding: Encoding, tag: int = 0) -> tuple[int, bytes, int, int]:
        """Tag, VR (``b""`` in implicit), value's position and length of the element at ``position``, or of an item or delimiter.

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
            self.beyond(len(self.content) + 1, tag)

    def fragments_end(self, position: int, encoding: Encoding) -> int:
        """Where encapsulated pixel data ends, -1 if beyond an incomplete buffer (PS3.5 A.4).

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
