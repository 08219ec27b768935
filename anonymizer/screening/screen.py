"""The screen of one profile: whether anything that is known of people stands in what is to be written, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from profiles import ConfidentialityProfile, Decision, ProfileOptions, Rule, RuleNode

from ..dicom.encoding import Encoding
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError, Reason
from ..files.pieces import Piece
from ..identity.identifying_words import KnownWords
from ..identity.known_values import KnownValue
from .header import HeaderScreen
from .known_identity import KnownIdentity, names_elsewhere
from .uids import uids_left

#: identities that are kept in mind
_MOST_KNOWN = 64
#: runs of letters and digits; before what may be the first byte of a group, once more without it
_RUN = re.compile(rb"[A-Za-z0-9\x80-\xff]{3,}")
_BEFORE_GROUP = re.compile(rb"[A-Za-z0-9\x80-\xff]{3,}(?=[A-Za-z0-9]\0)")
#: character sets whose letters are those of Latin-1, ASCII or UTF-8
_PLAIN_CHARSETS = frozenset({"", "ISO_IR 6", "ISO_IR 100", "ISO_IR 192", "ISO 2022 IR 6", "ISO 2022 IR 100"})
_NOBODY: frozenset[str] = frozenset()


class Subject(NamedTuple):
    """What is known of the people around an object, and of its UIDs.

    Attributes:
        identity: the identifying values of the object itself.
        elsewhere: words that identify somebody in other objects of the patient or study.
        new_uids: the UIDs that took the place of originals.
        is_original: whether a UID is one of the object's original ones.
        declared: what the object itself says of a private attribute, by its tag and creator.
    """

    identity: KnownIdentity
    elsewhere: Container[str]
    new_uids: Collection[bytes]
    is_original: Callable[[bytes], bool]
    declared: Callable[[int, str], Decision | None] = lambda tag, creator: None  # a default


class Screened(NamedTuple):
    """What came of elements.

    Attributes:
        pieces: the elements.
        gone: the rule of each value that is gone, and the one that took its place.
    """

    pieces: list[Piece]
    gone: list[tuple[Rule, Rule]]


class Screen:
    """Screens objects by one profile."""

    def __init__(self, profile: ConfidentialityProfile) -> None:
        self._retains_uids = ProfileOptions.RetainUIDs in profile.options
        self._creators = profile.safe_creators
        self._identities: dict[tuple[str, tuple[KnownValue, ...]], KnownIdentity] = {}
        self._last = "", list[KnownValue](), KnownIdentity([], "")

    def identity(self, values: list[KnownValue], charset: str) -> KnownIdentity:
        """What ``values`` tell of the people around an object.

        Args:
            charset: its SpecificCharacterSet.
        """
        last_charset, last_values, found = self._last
        if charset == last_charset and values == last_values:
            # objects of one patient mostly come together, and nothing need be hashed for them
            return found
        key = charset, tuple(values)
        known = self._identities.get(key)
        if known is None:
            if len(self._identities) >= _MOST_KNOWN:
                self._identities.clear()
            known = self._identities[key] = KnownIdentity(values, charset)
        # in one go: threads share it
        self._last = charset, values.copy(), known
        return known

    def screen(self, pieces: list[Piece], subject: Subject, root: RuleNode, encoding: Encoding, charset: str) -> Screened:
        """Screen elements of the top-level data set as they are to be written.

        Args:
            pieces: all but pixel data; the last element may lack its value.
            root: the rules by which they were de-identified.
            charset: the SpecificCharacterSet in force where they begin.

        Raises:
            DeidentificationError: something names somebody and can't go.
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
            # it stands where no rule can take it out
            raise DeidentificationError(Reason.IDENTIFIER_LEFT)
        return Screened([header.content], header.gone)

    def check(self, frame: bytes, subject: Subject) -> None:
        """Look at what stands before the pixels of a compressed frame: comments and what cameras write.

        Raises:
            DeidentificationError: it names somebody.
        """
        if subject.identity.search.finds(frame) or self._has_original(frame, subject):
            raise DeidentificationError(Reason.IDENTIFIER_LEFT, PIXEL_DATA)

    def check_binary(self, value: bytes, subject: Subject, tag: int) -> None:
        """Look at a binary value that is too long to be taken out.

        Raises:
            DeidentificationError: it names somebody.
        """
        if subject.identity.binary.finds(value) or self._has_original(value, subject):
            raise DeidentificationError(Reason.IDENTIFIER_LEFT, tag)

    def _has_original(self, content: bytes, subject: Subject) -> bool:
        return not self._retains_uids and any(map(subject.is_original, uids_left(content)))


def _blanked(content: bytes, judged: list[bytes]) -> bytes:
    """``content`` with NULs in the place of the elements that were judged."""
    if not judged:
        return content
    blanked = bytearray(content)
    # all at once: hostile objects have many
    elements = BytesAhoCorasick(set(judged), matchkind=MatchKind.LeftmostLongest)
    for _, start, end in elements.find_matches_as_indexes(content):
        blanked[start:end] = bytes(end - start)
    return bytes(blanked)


def _others(elsewhere: Container[str], identity: KnownIdentity) -> Container[str]:
    """The words of other objects, nothing where the object itself has all of them."""
    if isinstance(elsewhere, KnownWords) and not elsewhere.knows_more(identity.own):
        return _NOBODY
    return elsewhere


def _may_name(content: bytes, elsewhere: Container[str], charset: str) -> bool:
    """Whether ``content`` may hold a word of other objects: who looks at each value tells."""
    if not content.isascii() and charset not in _PLAIN_CHARSETS:
        # another alphabet, or several
        return True
    runs = {*_RUN.findall(content), *_BEFORE_GROUP.findall(content)}
    return any(names_elsewhere(run, elsewhere) for run in runs)
