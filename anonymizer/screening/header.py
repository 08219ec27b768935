"""Screening of a de-identified header: each remaining value is compared with the identifiers of persons named in the object.

It reads the output, not the input: a value is found whatever way it came there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from profiles import (
    CODE_MEANING,
    CODE_VALUE,
    CODING_SCHEME,
    DUMMY_SCHEME,
    TEXT_VRS,
    Decision,
    Operation,
    Rule,
    RuleNode,
    has_harmless_dummy,
    is_made_of_words,
    is_term,
    method_codes,
    published_schemes,
    scheme_has_code,
    terms_of,
)

from ..dicom.buffer import MAX_DEPTH, Buffer
from ..dicom.character_sets import best_text
from ..dicom.encoding import IMPLICIT_LITTLE, ITEM, SEQUENCE_END, UNDEFINED, Encoding, encode_value
from ..dicom.tags import METHOD, PIXEL_DATA, SOP_CLASS, SPECIFIC_CHARACTER_SET
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..identity.known_terms import are_known_terms
from ..reasons import Reason
from .known_identity import KnownIdentity, is_ordinary
from .search import CONTEXT
from .uids import uids_left

#: operations whose results hold nothing of the original value
_NEW_VALUES = frozenset(
    {
        Operation.NEW_UID,
        Operation.PATIENT_ID,
        Operation.PATIENT_NAME,
        Operation.DEVICE_PSEUDONYM,
        Operation.SHIFT,
        Operation.CAP_AGE,
        Operation.RENUMBER,
    }
)
#: VRs of free text, in which parts of a name may be adjacent
_FREE_TEXT = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "PN"})
_CODE = frozenset({CODE_VALUE, CODING_SCHEME})
#: DeidentificationMethod (0012,0063), of an earlier de-identification or this one
_METHOD = 0x00120063
_NUMBER = re.compile(r" *[-+]?[0-9]+(?:\.[0-9]*)? *")


@dataclass(slots=True)
class ScreenedHeader:
    """The result of screening a header.

    Attributes:
        content: the screened header.
        gone: for each removed or replaced value, its original rule and the rule that replaced it.
        judged: elements that hold a word of an identifying value but identify nobody there.
    """

    content: bytes = b""
    gone: list[tuple[Rule, Rule]] = field(default_factory=list)
    judged: list[bytes] = field(default_factory=list)


class _Place(NamedTuple):
    """An element in its context.

    Attributes:
        rule: the rule by which the element was de-identified.
        vr: the VR in the file, "" in implicit VR.
        charset: the SpecificCharacterSet in force.
        begin, end: offsets of the data set that holds the element, in bytes.
    """

    rule: Rule
    vr: str
    encoding: Encoding
    charset: str
    begin: int
    end: int

    @property
    def value_vr(self) -> str:
        """The VR by which the value is read: the attribute's, or the file's where the attribute's is unknown."""
        return self.vr if self.rule.vr in ("", "UN") else self.rule.vr


class HeaderScreen:
    """The screen of one object's header."""

    def __init__(
        self,
        content: bytes,
        identity: KnownIdentity,
        elsewhere: Container[str],
        uids: frozenset[bytes],
        creators: frozenset[str] = frozenset(),
        declared: Callable[[int, str], Decision | None] = lambda tag, creator: None,
    ) -> None:
        """Prepare the screen of one header.

        Args:
            content: elements of the top-level data set as they will be written; the last may lack its value.
            identity: the identifying values of the object.
            elsewhere: words that identify persons in other objects of the patient or study.
            uids: original UIDs that must not occur in ``content``.
            creators: private creators in the lists of safe attributes.
            declared: see ``Subject``.
        """
        self._buffer = Buffer(content, complete=True)
        self._identity = identity
        self._elsewhere = elsewhere
        self._uids = uids
        self._creators = creators
        self._declared = declared
        self._found = ScreenedHeader()

    def screen(self, root: RuleNode, encoding: Encoding, charset: str) -> ScreenedHeader:
        """Screen the header.

        Args:
            root: the rules by which it was de-identified.
            charset: the SpecificCharacterSet in force at its beginning.

        Raises:
            DeidentificationError: a value identifies a person and can't be removed or replaced.
        """
        pieces, _ = self._data_set(0, len(self._buffer.content), root, encoding, charset, 0)
        self._found.content = b"".join(pieces)
        return self._found

    def _data_set(
        self, position: int, end: int, node: RuleNode, encoding: Encoding, charset: str, depth: int
    ) -> tuple[list[Piece], int]:
        """Screen the elements from ``position`` to ``end`` or to an item delimiter; return what remains and where they end."""
        buffer, pieces, begin = self._buffer, list[Piece](), position
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
                is_public = creator in self._creators or not self._named_in(best_text(value.rstrip(b"\0 "), charset))
                blocks.reserve(tag, creator if is_public else "", element)
                position = following
                continue
            creator = blocks.creator(tag)
            if tag >> 16 & 1 and not creator:
                # the private creator of its block identifies a person
                self._found.gone.append((node.removed_private, node.screening(node.removed_private)))
                position = following
                continue
            rule = _rule_of(node, tag, vr, creator, self._declared)
            if rule.has_items and (vr == b"SQ" or length == UNDEFINED or rule.vr == "SQ"):
                stays = self._sequence(rule, node.items_of(rule), vr, element, start, length, following, encoding, charset, depth)
            else:
                place = _Place(rule, vr.decode("latin-1"), encoding, charset, begin, end)
                stays = self._value(node, place, element, value)
                # with the bytes that follow, by which the search decides where a word ends
                if stays and value and self._finds(buffer.content[position : following + CONTEXT]):
                    self._found.judged.append(bytes(element))
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
        buffer, inner = self._buffer, IMPLICIT_LITTLE if vr == b"UN" else encoding
        before, position, pieces = len(self._found.gone), start, list[Piece]()
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
        if len(self._found.gone) == before:
            return [element]
        if length == UNDEFINED:
            return [element[: start - following + len(element)], *pieces, element[-8:]]
        return [encoding.element_header(rule.tag, vr.decode() or "SQ", sum(map(len, pieces))), *pieces]

    # -- values ------------------------------------------------------------------------------------------------------

    def _value(self, node: RuleNode, place: _Place, element: Piece, value: bytes) -> list[Piece]:
        rule, encoding = place.rule, place.encoding
        if not self._is_ours(rule, element, value, encoding) and self._holds_identifier(place, value):
            return self._without(node, rule, encoding)
        return [element]

    def _finds(self, content: bytes) -> bool:
        return self._identity.search.finds(content) or self._has_original(content)

    def _has_original(self, value: bytes) -> bool:
        return bool(self._uids) and not self._uids.isdisjoint(uids_left(value))

    @staticmethod
    def _is_ours(rule: Rule, element: Piece, value: bytes, encoding: Encoding) -> bool:
        """Return whether a value needs no screening, because it is new or retained whatever it is."""
        operation = rule.operation
        if operation in _NEW_VALUES or (operation is Operation.KEEP and (rule.retained or rule.tag == SOP_CLASS)):
            return True
        if operation is Operation.KEEP_TERMS:
            return are_known_terms(value, rule.value)
        if operation is Operation.REPLACE:
            # a content item of the same attribute may have been cleaned; a non-ASCII value, which can't be compared, is an alias
            is_ascii = not isinstance(rule.value, str) or rule.value.isascii()
            return rule.vr == "SQ" or not is_ascii or element == encode_value(rule.tag, rule.vr, rule.value, encoding)
        return operation is Operation.STAMP and (rule.tag != _METHOD or value.rstrip(b" ") == METHOD)

    def _without(self, node: RuleNode, rule: Rule, encoding: Encoding) -> list[Piece]:
        """Return the element that replaces a value which identifies a person, or nothing.

        Raises:
            DeidentificationError: the value is required, and any dummy value would be a false statement.
        """
        new = node.screening(rule)
        self._found.gone.append((rule, new))
        if new.operation is Operation.REMOVE:
            return []
        if new.operation is Operation.EMPTY:
            return [encoding.element(rule.tag, rule.vr, b"")]
        if not has_harmless_dummy(rule.tag, rule.vr):
            raise DeidentificationError(Reason.IDENTIFIER_LEFT, rule.tag)
        return [encode_value(rule.tag, rule.vr, new.value, encoding)]

    def _holds_identifier(self, place: _Place, value: bytes) -> bool:
        if self._has_original(value):
            return True
        if place.value_vr not in TEXT_VRS:
            return self._identity.binary.finds(value)
        text = value.rstrip(b"\0 ")
        readings = {best_text(text, place.charset)}
        if not text.isascii():
            # as UTF-8, too, whatever SpecificCharacterSet says
            readings.add(text.decode("utf-8", "ignore"))
        for one in (one for reading in readings for one in reading.split("\\")):
            words = self._named_in(one, place.value_vr)
            if words and not self._is_public(place, one, words):
                return True
        return False

    def _named_in(self, text: str, vr: str = "LO") -> frozenset[str]:
        """Return the words of a text that identify a known person."""
        identity = self._identity
        if vr in ("IS", "DS") and _NUMBER.fullmatch(text):
            return frozenset({text}) if identity.is_number(text, self._elsewhere) else frozenset()
        return identity.named_in(text, self._elsewhere, is_free=vr in _FREE_TEXT)

    def _is_public(self, place: _Place, value: str, words: frozenset[str]) -> bool:
        """Return whether a value is a term of its attribute, or belongs to a code of a published coding scheme (PS3.16 8).

        Args:
            words: the words that seem to identify a person; digits beside terms of the attribute may be an identifier.
        """
        tag = place.rule.tag
        if value.strip().upper() in terms_of(tag) and not is_made_of_words(tag):
            return True
        if all(map(str.isalpha, words)) and is_term(tag, value):
            return True
        if tag not in (CODE_VALUE, CODING_SCHEME, CODE_MEANING):
            return False
        found = self._buffer.find(place.begin, place.end, _CODE, place.encoding)
        code, scheme = (self._buffer.text(found.get(one)).decode("latin-1") for one in (CODE_VALUE, CODING_SCHEME))
        if tag == CODING_SCHEME or not scheme_has_code(scheme, code):
            return tag == CODING_SCHEME and (scheme == DUMMY_SCHEME or scheme in published_schemes())
        # ordinary words in a code meaning are terms, not names: Head, Filter
        return tag == CODE_VALUE or all(map(is_ordinary, words)) or (code, scheme, value) in _method_codes()


@cache
def _method_codes() -> frozenset[tuple[str, str, str]]:
    """Return the codes of de-identification methods (PS3.16 CID 7050) as (value, scheme designator, meaning)."""
    return frozenset((one.code_value, one.coding_scheme, one.code_meaning) for one in method_codes().values())


def _rule_of(node: RuleNode, tag: int, vr: bytes, creator: str, declared: Callable[[int, str], Decision | None]) -> Rule:
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
