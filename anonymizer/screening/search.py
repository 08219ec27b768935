"""The search of bytes for many words at once, without regard to data elements."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ahocorasick_rs import BytesAhoCorasick, Implementation

from ..dicom.encoding import LONG_VRS, SHORT_VRS

#: searches word by word before an automaton is built: many patients have only one object
_PATIENCE = 2
#: bytes from which searching word by word takes longer than building the automaton
_LARGE = 8 << 10
#: bytes and number of searches from which building the faster automaton pays
_VERY_LARGE, _OFTEN = 128 << 10, 200

_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_SMALL = frozenset(b"abcdefghijklmnopqrstuvwxyz")
_SMALL_ONES = frozenset(bytes([letter]) for letter in _SMALL)
_VRS = frozenset({*SHORT_VRS, *LONG_VRS})
_ZERO, _MOST_ZEROS = ord("0"), 16
#: bytes after a word that decide whether it ends there
CONTEXT = 8
_DIGITS = frozenset(b"0123456789")
#: character classes: "A" for letters and digits of Latin-1, " " for all others but NUL
_CHARACTERS = bytes(0 if code == 0 else 65 if chr(code).isalnum() else 32 for code in range(256))
#: all bytes but ASCII letters and digits
_SIGNS = bytes(code for code in range(256) if not (code < 128 and chr(code).isalnum()))
_TO_SMALL = bytes(range(256)).lower()
#: four letters or digits in UTF-16 by these classes, without the first or last NUL
_WIDE = b"A\0A\0A\0A"
_WIDE_RUN = re.compile(rb"(?:[\x01-\xff]\0){3,}[\x01-\xff]?")


class ByteSearch:
    """A search for whole words, which have no letter next to their letters and no digit next to their digits.

    A byte that may belong to a neighbouring length or tag doesn't count as a letter. The caller judges each match.
    """

    def __init__(
        self,
        needles: Iterable[bytes],
        is_dull: Callable[[bytes], bool] = lambda _: False,
        *,
        shortest: int = 0,
        joined: Iterable[bytes] = (),
    ) -> None:
        """Prepare the search.

        Args:
            needles: the words, with ASCII letters in lowercase.
            is_dull: returns whether a match identifies nobody.
            shortest: minimum length of a match in bytes, except in UTF-16: shorter ones occur by chance.
            joined: letters and digits to find whatever punctuation separates them.
        """
        self._needles = sorted(set(needles))
        self._shortest = shortest
        self._joined = ByteSearch(joined) if joined else None
        self._is_dull = is_dull
        self._searched = 0
        self._automaton: BytesAhoCorasick | None = None
        self._is_fast = False

    def finds(self, content: bytes) -> bool:
        """Return whether ``content`` holds one of the words, in ASCII or a superset of it, or in UTF-16 (ASCII words only)."""
        if not self._needles:
            return False
        if self._is_in(content):
            return True
        # in UTF-16 each Latin-1 character has a NUL beside it; little else looks so
        if _WIDE not in content.translate(_CHARACTERS):
            return False
        runs = []
        for match in _WIDE_RUN.finditer(content):
            run = match[0].replace(b"\0", b"")
            runs.append(run)
            if len(match[0]) % 2 and content[match.start() - 1 : match.start()] != b"\0":
                # little endian: a last byte without a NUL after it is no UTF-16 character
                runs.append(run[:-1])
        return self._is_in(b"\0\0\0\0\0\0\0\0".join(runs), shortest=0)

    def may_find(self, content: bytes) -> bool:
        """Return whether ``finds`` matches ``content``, or one of the ``joined`` words may occur in it.

        The latter also match by chance, across elements.
        """
        return self.finds(content) or (
            self._joined is not None and self._joined.finds_within(content.translate(_TO_SMALL, _SIGNS))
        )

    def finds_within(self, small: bytes) -> bool:
        """Return whether one of the words occurs in ``small``, which is lowercase, as a whole word or within another."""
        self._searched += 1
        if self._automaton is None and self._searched <= _PATIENCE and len(small) <= _LARGE:
            return any(needle in small for needle in self._needles)
        return bool(self._matcher(len(small)).find_matches_as_indexes(small))

    def _is_in(self, content: bytes, shortest: int | None = None) -> bool:
        shortest = self._shortest if shortest is None else shortest
        small = content.lower()
        self._searched += 1
        if self._automaton is None and self._searched <= _PATIENCE and len(small) <= _LARGE:
            return any(self._says(content, small, *place, shortest) for place in _places(self._needles, small))
        # no generator in the most common case, no match
        places = self._matcher(len(small)).find_matches_as_indexes(small, overlapping=True)
        return bool(places) and any(self._says(content, small, start, end, shortest) for _, start, end in places)

    def _matcher(self, size: int) -> BytesAhoCorasick:
        """Return the automaton for a search of ``size`` bytes; the faster one takes ten times as long to build."""
        is_worth_it = size > _VERY_LARGE or self._searched > _OFTEN
        if self._automaton is None or (is_worth_it and not self._is_fast):
            kind = Implementation.DFA if is_worth_it else Implementation.ContiguousNFA
            self._automaton, self._is_fast = BytesAhoCorasick(self._needles, implementation=kind), is_worth_it
        return self._automaton

    def _says(self, content: bytes, small: bytes, start: int, end: int, shortest: int) -> bool:
        return end - start >= shortest and _stands_alone(content, start, end) and not self._is_dull(small[start:end])


def _places(needles: Iterable[bytes], content: bytes) -> Iterator[tuple[int, int]]:
    for needle in needles:
        start = content.find(needle)
        while start >= 0:
            yield start, start + len(needle)
            start = content.find(needle, start + 1)


def _stands_alone(content: bytes, start: int, end: int) -> bool:
    """Return whether a match is a whole word or number; what may be another element's header isn't part of either."""
    if start and content[start - 1] == _ZERO and content[start] in _DIGITS:
        # leading zeros belong to the number
        before = content[max(start - _MOST_ZEROS, 0) : start].rstrip(b"0")
        start -= min(start, _MOST_ZEROS) - len(before)
    if start and _go_together(content, start) and not _is_value(content, start):
        return False
    return end == len(content) or not _go_together(content, end) or _is_element(content, end)


def _is_value(content: bytes, start: int) -> bool:
    """Return whether a value may begin at ``start``, after its VR and length (PS3.5 7.1)."""
    return (
        # a length below 256, big endian; a VR with a length of two bytes, and with one of four
        (start > 1 and content[start - 2] == 0)
        or content[start - 4 : start - 2] in _VRS
        or content[start - 8 : start - 6] in _VRS
    )


def _is_element(content: bytes, end: int) -> bool:
    """Return whether another element may begin at ``end`` (PS3.5 7.1)."""
    return (
        # the group of a standard attribute, little endian; a VR; the length of an element in implicit VR
        content[end + 1 : end + 2] == b"\0" or content[end + 4 : end + 6] in _VRS or content[end + 6 : end + 8] == b"\0\0"
    )


def _go_together(content: bytes, at: int) -> bool:
    """Return whether the characters before and at ``at`` belong to one word or number; JohnSmith and CTSmith are two words."""
    first, second = content[at - 1], content[at]
    if first in _DIGITS:
        return second in _DIGITS
    if first not in _LETTERS or second not in _LETTERS:
        return False
    is_divided = second not in _SMALL and (first in _SMALL or content[at + 1 : at + 2] in _SMALL_ONES)
    return not is_divided
