"""Values that say who or where a patient is, and who cared, wherever they stand in a data set."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, lru_cache
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick

from profiles import DUMMY_TEXT, IdentityKind, attribute_vr, identity_kinds

from ..descriptors import identifying_words, spellings
from ..dicom.buffer import MAX_DEPTH, Buffer, NeedMoreError
from ..dicom.character_sets import best_text
from ..dicom.encoding import IMPLICIT_LITTLE, ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, Encoding
from ..dicom.tags import FIRST_PIXELS, SPECIFIC_CHARACTER_SET
from ..errors import DeidentificationError

#: words of no value, and of the dummy that an earlier de-identification put there: they name nobody
NO_NAMES = frozenset({"", DUMMY_TEXT.lower()})


class KnownValue(NamedTuple):
    """An identifying value of an object.

    Attributes:
        tag: the top-level attribute in which it stands.
        value: without padding.
        charset: SpecificCharacterSet of the item that has its own; None: that of the object.
    """

    tag: int
    kind: IdentityKind
    value: bytes
    charset: str | None = None


def known_values(buffer: Buffer, position: int, encoding: Encoding, kinds: Mapping[int, IdentityKind]) -> Iterator[KnownValue]:
    """Yield the identifying values of the data set at ``position``.

    Args:
        kinds: of the attributes that identify; private and unknown ones of VR PN do so, too.

    Raises:
        NeedMoreError: the pixel data lies beyond the buffer.
        DeidentificationError: the structure is broken; what stands before was yielded.
    """
    yield from _values(ValueSearch(buffer, kinds), position, len(buffer.content), encoding, 0)


class ValueSearch:
    """A search for identifying values.

    Attributes:
        kinds: of the attributes that identify.
        top: the top-level attribute that is being searched.
        charset: SpecificCharacterSet of the item that is; None: that of the object.
    """

    __slots__ = ("buffer", "charset", "kinds", "top")

    def __init__(self, buffer: Buffer, kinds: Mapping[int, IdentityKind], top: int = 0, charset: str | None = None) -> None:
        self.buffer = buffer
        self.kinds = kinds
        self.top = top
        self.charset = charset

    def in_items(self, position: int, end: int, encoding: Encoding) -> Iterator[KnownValue]:
        """Yield the identifying values in the items between ``position`` and ``end``."""
        buffer = self.buffer
        # lists of references are long, and name nobody
        if buffer.content.find(b"PN", position, end) >= 0 or _tags().find_matches_as_indexes(buffer.view[position:end]):
            yield from _in_items(self, position, end, encoding, 1)


@cache
def _tags() -> BytesAhoCorasick:
    """Finds the tags of identifying attributes in bytes; of either byte order, for UN is little endian (PS3.5 6.2.2)."""
    return BytesAhoCorasick([struct.pack(order, tag >> 16, tag & 0xFFFF) for tag in identity_kinds() for order in ("<HH", ">HH")])


def _values(search: ValueSearch, position: int, end: int, encoding: Encoding, depth: int) -> Iterator[KnownValue]:
    buffer, kinds = search.buffer, search.kinds
    size = len(buffer.content)
    while position < end:
        tag, vr, start, length = buffer.element(position, encoding)
        if tag >> 16 == 0xFFFE or (depth == 0 and tag >= FIRST_PIXELS):
            return
        if depth == 0:
            search.top = tag
        meant = vr if vr not in (b"", b"UN") else attribute_vr(tag).encode()
        if meant == b"SQ" or length == UNDEFINED:
            inner = IMPLICIT_LITTLE if vr == b"UN" else encoding
            position = buffer.value_end(vr, start, length, encoding, tag)
            if depth < MAX_DEPTH:
                yield from _in_items(search, start, position, inner, depth + 1)
            continue
        position = start + length
        if position > size:
            buffer.raise_out_of_bounds(position, tag)
        if tag == SPECIFIC_CHARACTER_SET and depth:
            search.charset = buffer.content[start:position].strip(b"\0 ").decode("latin-1")
        elif length and (tag in kinds or (meant == b"PN" and not attribute_vr(tag))):
            kind = kinds.get(tag, IdentityKind.NAME)
            yield KnownValue(search.top, kind, buffer.content[start:position].rstrip(b"\0 "), search.charset)
    if depth == 0 and not buffer.complete:
        raise NeedMoreError


def _in_items(search: ValueSearch, position: int, end: int, encoding: Encoding, depth: int) -> Iterator[KnownValue]:
    buffer, charset = search.buffer, search.charset
    while position + 8 <= end:
        tag, length = buffer.item_header(position, encoding, 0)
        if tag == SEQUENCE_END:
            return
        start = position + 8
        if tag != ITEM:
            return
        item_end = end if length == UNDEFINED else min(end, start + length)
        inner = buffer.item_encoding(start, item_end, encoding)
        yield from _values(search, start, item_end, inner, depth)
        # a character set that an item brought along ends with it
        search.charset = charset
        position = buffer.skip_items(start, inner, 0, ITEM_END) if length == UNDEFINED else item_end


def collect(values: Iterator[KnownValue], into: list[KnownValue]) -> None:
    """Append ``values`` to ``into``, as far as they can be read."""
    # the rewriter comes to the same place, and says what is wrong there
    with suppress(DeidentificationError):
        into.extend(values)


def known_words(values: Iterable[KnownValue], charset: str) -> frozenset[str]:
    """Return the words by which ``values`` are known in cleaned text and in other objects; dates have none.

    Args:
        charset: the object's SpecificCharacterSet.
    """
    return frozenset[str]().union(*(_words(value._replace(tag=0), charset) for value in values))


@lru_cache(maxsize=4096)  # physicians, places and patients come again and again
def _words(value: KnownValue, charset: str) -> frozenset[str]:
    if value.kind is IdentityKind.DATE:
        return frozenset()
    text = best_text(value.value, charset if value.charset is None else value.charset)
    words = identifying_words(text)
    if value.kind in (IdentityKind.IDENTIFIER, IdentityKind.PHONE):
        # blanks part no identifier
        words |= spellings("".join(filter(str.isalnum, text)))
    return words - NO_NAMES
