"""Screening of a de-identified header: each remaining value is compared with the identifiers of persons named in the object.

It reads the output, not the input: a value is found whatever way it came there.
"""

from __future__ import annotations

import re
from collections.abc import Container
from functools import cache
from typing import NamedTuple

from profiles import (
    CODE_MEANING,
    CODE_VALUE,
    CODING_SCHEME,
    DUMMY_SCHEME,
    TEXT_VRS,
    Operation,
    Rule,
    RuleNode,
    is_made_of_words,
    is_term,
    method_codes,
    published_schemes,
    scheme_has_code,
    terms_of,
)

from ..dicom.character_sets import best_text
from ..dicom.encoding import Encoding, encode_value
from ..dicom.tags import METHOD, SOP_CLASS
from ..files.pieces import Piece
from ..identity.known_terms import are_known_terms
from .header_walk import DeclaredBy, HeaderWalk, Place
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


class ScreenedHeader(NamedTuple):
    """The result of screening a header.

    Attributes:
        content: the screened header.
        gone: for each removed or replaced value, its original rule and the rule that replaced it.
        judged: elements that hold a word of an identifying value but identify nobody there.
    """

    content: bytes
    gone: list[tuple[Rule, Rule]]
    judged: list[bytes]


class HeaderScreen(HeaderWalk):
    """The screen of one object's header."""

    def __init__(
        self,
        content: bytes,
        identity: KnownIdentity,
        elsewhere: Container[str],
        uids: frozenset[bytes],
        creators: frozenset[str] = frozenset(),
        declared: DeclaredBy = lambda tag, creator: None,
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
        super().__init__(content, declared)
        self._identity = identity
        self._elsewhere = elsewhere
        self._uids = uids
        self._creators = creators
        self._judged: list[bytes] = []

    def screen(self, root: RuleNode, encoding: Encoding, charset: str) -> ScreenedHeader:
        """Screen the header.

        Args:
            root: the rules by which it was de-identified.
            charset: the SpecificCharacterSet in force at its beginning.

        Raises:
            DeidentificationError: a value identifies a person and can't be removed or replaced.
        """
        content = self.walk(root, encoding, charset)
        return ScreenedHeader(content, self.gone, self._judged)

    # -- values ------------------------------------------------------------------------------------------------------

    def keeps_creator(self, value: bytes, charset: str) -> bool:
        """Return whether a private creator is public, or identifies nobody."""
        creator = value.strip(b"\0 ").decode("latin-1")
        return creator in self._creators or not self._named_in(best_text(value.rstrip(b"\0 "), charset))

    def value(self, place: Place, element: Piece, value: bytes) -> list[Piece]:
        """Return an element that identifies nobody, or what takes its place."""
        if not self._is_ours(place.rule, element, value, place.encoding) and self._holds_identifier(place, value):
            return self.without(place, place.node.screening(place.rule))
        # with the bytes that follow, by which the search decides where a word ends
        if value and self._finds(self.buffer.content[place.position : place.following + CONTEXT]):
            self._judged.append(bytes(element))
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

    def _holds_identifier(self, place: Place, value: bytes) -> bool:
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

    def _is_public(self, place: Place, value: str, words: frozenset[str]) -> bool:
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
        found = self.buffer.find(place.begin, place.end, _CODE, place.encoding)
        code, scheme = (self.buffer.text(found.get(one)).decode("latin-1") for one in (CODE_VALUE, CODING_SCHEME))
        if tag == CODING_SCHEME or not scheme_has_code(scheme, code):
            return tag == CODING_SCHEME and (scheme == DUMMY_SCHEME or scheme in published_schemes())
        # ordinary words in a code meaning are terms, not names: Head, Filter
        return tag == CODE_VALUE or all(map(is_ordinary, words)) or (code, scheme, value) in _method_codes()


@cache
def _method_codes() -> frozenset[tuple[str, str, str]]:
    """Return the codes of de-identification methods (PS3.16 CID 7050) as (value, scheme designator, meaning)."""
    return frozenset((one.code_value, one.coding_scheme, one.code_meaning) for one in method_codes().values())
