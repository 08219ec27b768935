"""The screen of one profile, which finds the identifiers of persons in the output and removes or replaces them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from profiles import ConfidentialityProfile, Decision, ProfileOptions, Rule, RuleNode

from ..dicom.encoding import Encoding
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..identity.identifying_words import KnownWords
from ..identity.known_values import KnownValue
from ..reasons import Reason
from .header import HeaderScreen
from .known_identity import KnownIdentity, names_elsewhere
from .uids import uids_left

#: maximum number of cached identities
_MOST_KNOWN = 64
#: runs of letters and digits; the second form leaves out a last character that may be the first byte of a group number
_RUN = re.compile(rb"[A-Za-z0-9\x80-\xff]{3,}")
_BEFORE_GROUP = re.compile(rb"[A-Za-z0-9\x80-\xff]{3,}(?=[A-Za-z0-9]\0)")
#: character sets that are ASCII, Latin-1 or UTF-8
_PLAIN_CHARSETS = frozenset({"", "ISO_IR 6", "ISO_IR 100", "ISO_IR 192", "ISO 2022 IR 6", "ISO 2022 IR 100"})
_NOBODY: frozenset[str] = frozenset()


class Subject(NamedTuple):
    """The identifying values and UIDs of an object that is screened.

    Attributes:
        identity: the identifying values of the object itself.
        elsewhere: words that identify persons in other objects of the patient or study.
        new_uids: the UIDs that replaced originals.
        is_original: returns whether a UID is an original one of the object.
        declared: returns what the object itself declares of a private attribute, by tag and private creator.
    """

    identity: KnownIdentity
    elsewhere: Container[str]
    new_uids: Collection[bytes]
    is_original: Callable[[bytes], bool]
    declared: Callable[[int, str], Decision | None] = lambda tag, creator: None  # a default


class Screened(NamedTuple):
    """The result of screening elements.

    Attributes:
        pieces: the screened elements.
        gone: for each removed or replaced value, its original rule and the rule that replaced it.
    """

    pieces: list[Piece]
    gone: list[tuple[Rule, Rule]]


class Screen:
    """The screen of objects by one profile."""

    def __init__(self, profile: ConfidentialityProfile) -> None:
        self._retains_uids = ProfileOptions.RetainUIDs in profile.options
        self._creators = profile.safe_creators
        self._identities: dict[tuple[str, tuple[KnownValue, ...]], KnownIdentity] = {}
        self._last = "", list[KnownValue](), KnownIdentity([], "")

    def identity(self, values: list[KnownValue], charset: str) -> KnownIdentity:
        """Return the forms of an object's identifying values, from a cache where possible.

        Args:
            values: the identifying values.
            charset: the object's SpecificCharacterSet.
        """
        last_charset, last_values, found = self._last
        if charset == last_charset and values == last_values:
            # objects of one patient mostly follow each other: no hashing for them
            return found
        key = charset, tuple(values)
        known = self._identities.get(key)
        if known is None:
            if len(self._identities) >= _MOST_KNOWN:
                self._identities.clear()
            known = self._identities[key] = KnownIdentity(values, charset)
        # one assignment: threads share it
        self._last = charset, values.copy(), known
        return known

    def screen(self, pieces: list[Piece], subject: Subject, root: RuleNode, encoding: Encoding, charset: str) -> Screened:
        """Screen elements of the top-level data set as they will be written.

        Args:
            pieces: all elements but pixel data; the last may lack its value.
            root: the rules by which they were de-identified.
            charset: the SpecificCharacterSet in force at their beginning.

        Raises:
            DeidentificationError: an identifier remains that can't be removed or replaced.
        """
        if not pieces:
            return Screened(pieces, [])
        content = b"".join(pieces)
        identity, elsewhere = subject.identity, subject.elsewhere
        left: set[bytes] = set() if self._retains_uids else uids_left(content, subject.new_uids)
        originals = frozenset(filter(subject.is_original, left))
        extra = _others(elsewhere, identity)
        if (
            not originals
            and not identity.search.may_find(content)
            and not (extra and _may_name(content, extra, identity.charset))
        ):
            return Screened(pieces, [])
        header = HeaderScreen(content, identity, extra, originals, self._creators, subject.declared).screen(
            root, encoding, charset
        )
        rest = _blanked(header.content, header.judged)
        if identity.search.finds(rest) or not originals.isdisjoint(uids_left(rest) if originals else ()):
            # it is outside any value that a rule could remove
            raise DeidentificationError(Reason.IDENTIFIER_LEFT)
        return Screened([header.content], header.gone)

    def check(self, frame: bytes, subject: Subject) -> None:
        """Check the header of a compressed frame, in which encoders and cameras put comments and metadata.

        Raises:
            DeidentificationError: the header identifies a person.
        """
        if subject.identity.search.finds(frame) or self._has_original(frame, subject):
            raise DeidentificationError(Reason.IDENTIFIER_LEFT, PIXEL_DATA)

    def check_binary(self, value: bytes, subject: Subject, tag: int) -> None:
        """Check a binary value that is too long to be removed.

        Raises:
            DeidentificationError: the value identifies a person.
        """
        if subject.identity.binary.finds(value) or self._has_original(value, subject):
            raise DeidentificationError(Reason.IDENTIFIER_LEFT, tag)

    def _has_original(self, content: bytes, subject: Subject) -> bool:
        return not self._retains_uids and any(map(subject.is_original, uids_left(content)))


def _blanked(content: bytes, judged: list[bytes]) -> bytes:
    """Return ``content`` with NULs in place of the elements that were judged."""
    if not judged:
        return content
    blanked = bytearray(content)
    # in one pass: hostile objects have many
    elements = BytesAhoCorasick(set(judged), matchkind=MatchKind.LeftmostLongest)
    for _, start, end in elements.find_matches_as_indexes(content):
        blanked[start:end] = bytes(end - start)
    return bytes(blanked)


def _others(elsewhere: Container[str], identity: KnownIdentity) -> Container[str]:
    """Return the words of other objects, or none if the object itself has all of them."""
    if isinstance(elsewhere, KnownWords) and not elsewhere.knows_more(identity.own):
        return _NOBODY
    return elsewhere


def _may_name(content: bytes, elsewhere: Container[str], charset: str) -> bool:
    """Return whether ``content`` may hold a word of other objects; the screen of each value then decides."""
    if not content.isascii() and charset not in _PLAIN_CHARSETS:
        # another alphabet, or several
        return True
    runs = {*_RUN.findall(content), *_BEFORE_GROUP.findall(content)}
    return any(names_elsewhere(run, elsewhere) for run in runs)
