"""The screen of a header that was de-identified: each value that stays is compared with what is known of the people around it.

It reads the output, not the input: whatever way a value came, it is seen here.
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
from ..errors import DeidentificationError, Reason
from ..files.pieces import Piece
from ..identity.known_terms import are_known_terms
from .known_identity import KnownIdentity, is_ordinary
from .search import CONTEXT
from .uids import uids_left

#: what these make is none of the original's
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
#: free text, in which parts of a name stand side by side
_FREE_TEXT = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "PN"})
_CODE = frozenset({CODE_VALUE, CODING_SCHEME})
#: DeidentificationMethod: what an earlier de-identification said, or this one
_METHOD = 0x00120063
_NUMBER = re.compile(r" *[-+]?[0-9]+(?:\.[0-9]*)? *")


@dataclass(slots=True)
class ScreenedHeader:
    """What came of a header.

    Attributes:
        content: the header.
        gone: the rule of each value that is gone, and the one that took its place.
        judged: elements in which a word was found that isn't a known person's there.
    """

    content: bytes = b""
    gone: list[tuple[Rule, Rule]] = field(default_factory=list)
    judged: list[bytes] = field(default_factory=list)


class _Place(NamedTuple):
    """An element where it stands.

    Attributes:
        vr: as the file has it, "" in implicit VR.
        begin, end: of the data set that holds it.
    """

    rule: Rule
    vr: str
    encoding: Encoding
    charset: str
    begin: int
    end: int

    @property
    def value_vr(self) -> str:
        """The VR by which its value is read: that of the attribute, or of the file where nobody else knows."""
        return self.vr if self.rule.vr in ("", "UN") else self.rule.vr


class HeaderScreen:
    """Screens the header of one object."""

    def __init__(
        self,
        content: bytes,
        identity: KnownIdentity,
        elsewhere: Container[str],
        uids: frozenset[bytes],
        creators: frozenset[str] = frozenset(),
        declared: Callable[[int, str], Decision | None] = lambda tag, creator: None,
    ) -> None:
        """
        Args:
            content: elements of the top-level data set as they are to be written; the last may lack its value.
            elsewhere: words that identify somebody in other objects of the patient or study.
            uids: original UIDs that must not stand in it.
            creators: private creators that the lists of safe attributes have.
            declared: as in Subject.
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
            charset: the SpecificCharacterSet in force where it begins.

        Raises:
            DeidentificationError: a value names somebody and can't go.
        """
        pieces, _ = self._data_set(0, len(self._buffer.content), root, encoding, charset, 0)
        self._found.content = b"".join(pieces)
        return self._found

    def _data_set(
        self, position: int, end: int, node: RuleNode, encoding: Encoding, charset: str, depth: int
    ) -> tuple[list[Piece], int]:
        """The elements between ``position`` and ``end``, or an item delimiter: what stays of them, and where they end."""
        buffer, pieces, begin = self._buffer, list[Piece](), position
        blocks = _Blocks(pieces)
        while position < end:
            tag, vr, start, length = buffer.element(position, encoding)
            if tag >> 16 == 0xFFFE:
                break
            if depth == 0 and (tag == PIXEL_DATA or (length != UNDEFINED and start + length > end)):
                # the header of a value that isn't here
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
                # the name of its block is somebody's
                self._found.gone.append((node.removed_private, node.screening(node.removed_private)))
                position = following
                continue
            rule = _rule_of(node, tag, vr, creator, self._declared)
            if rule.has_items and (vr == b"SQ" or length == UNDEFINED or rule.vr == "SQ"):
                stays = self._sequence(rule, node.items_of(rule), vr, element, start, length, following, encoding, charset, depth)
            else:
                place = _Place(rule, vr.decode("latin-1"), encoding, charset, begin, end)
                stays = self._value(node, place, element, value)
                # with what stands behind it, by which an end of a word may be judged there
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
        """Whether a value is new, or retained, whatever it is."""
        operation = rule.operation
        if operation in _NEW_VALUES or (operation is Operation.KEEP and (rule.retained or rule.tag == SOP_CLASS)):
            return True
        if operation is Operation.KEEP_TERMS:
            return are_known_terms(value, rule.value)
        if operation is Operation.REPLACE:
            # a content item of the same attribute may have been cleaned; what can't be compared is an alias
            is_ascii = not isinstance(rule.value, str) or rule.value.isascii()
            return rule.vr == "SQ" or not is_ascii or element == encode_value(rule.tag, rule.vr, rule.value, encoding)
        return operation is Operation.STAMP and (rule.tag != _METHOD or value.rstrip(b" ") == METHOD)

    def _without(self, node: RuleNode, rule: Rule, encoding: Encoding) -> list[Piece]:
        """What takes the place of a value that names somebody.

        Raises:
            DeidentificationError: it is required, and any other value would say what isn't true.
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
            # whatever the character set is said to be
            readings.add(text.decode("utf-8", "ignore"))
        for one in (one for reading in readings for one in reading.split("\\")):
            words = self._named_in(one, place.value_vr)
            if words and not self._is_public(place, one, words):
                return True
        return False

    def _named_in(self, text: str, vr: str = "LO") -> frozenset[str]:
        """The words by which a text names somebody who is known."""
        identity = self._identity
        if vr in ("IS", "DS") and _NUMBER.fullmatch(text):
            return frozenset({text}) if identity.is_number(text, self._elsewhere) else frozenset()
        return identity.named_in(text, self._elsewhere, is_free=vr in _FREE_TEXT)

    def _is_public(self, place: _Place, value: str, words: frozenset[str]) -> bool:
        """Whether a value is a term of that very attribute, or belongs to a code of a published scheme (PS3.16 8).

        Args:
            words: by which it seems to name somebody: digits beside known words may be theirs.
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
        # what the code means, not who: Head, Filter
        return tag == CODE_VALUE or all(map(is_ordinary, words)) or (code, scheme, value) in _method_codes()


@cache
def _method_codes() -> frozenset[tuple[str, str, str]]:
    """The codes by which objects say what was done to them (PS3.16 CID 7050)."""
    return frozenset((one.code_value, one.coding_scheme, one.code_meaning) for one in method_codes().values())


def _rule_of(node: RuleNode, tag: int, vr: bytes, creator: str, declared: Callable[[int, str], Decision | None]) -> Rule:
    """The rule by which an element was treated."""
    rule = node.private(creator, tag, vr, declared(tag, creator)) if creator else node[tag]
    rule = rule.plain or rule
    if rule.operation is Operation.OVERLAY and isinstance(rule.value, Rule):
        # the plane stays
        return rule.value
    return rule


class _Blocks:
    """The private blocks of one data set: a creator stays exactly when an element of its block does."""

    def __init__(self, pieces: list[Piece]) -> None:
        self._pieces = pieces
        #: by block: the creator, where its element stands in ``pieces``, the element
        self._creators: dict[int, tuple[str, int, Piece]] = {}

    def reserve(self, tag: int, creator: str, element: Piece) -> None:
        """A creator was met: keep its place.

        Args:
            creator: "" for one that names somebody.
        """
        self._creators[tag >> 16 << 8 | tag & 0xFF] = creator, len(self._pieces), element
        self._pieces.append(b"")

    def creator(self, tag: int) -> str:
        """The creator of a private element, "" for others."""
        return self._creators.get(tag >> 8, ("", 0, b""))[0] if tag >> 16 & 1 else ""

    def add(self, tag: int, stays: list[Piece]) -> None:
        """Add what stays of an element, and with it the creator of a private one."""
        if stays and tag >> 16 & 1:
            _, index, element = self._creators[tag >> 8]
            self._pieces[index] = element
        self._pieces += stays
