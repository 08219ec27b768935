"""The cleaner of descriptions (PS3.15 E.3.5): words that aren't known to be harmless go."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from .context import Expected, settle
from .line import Line, Placed
from .patterns import erase
from .rendering import rendered
from .tokens import B_VALUE, QUANTITY, Kind, Token, analyse
from .words import fold

_LINES = re.compile(r"(\r\n|[\n\r\f\v\x1c-\x1e\x85\u2028\u2029])")
_HARD = r"\s,;:()\[\]{}\"|=<>\\"
_TOKEN = re.compile(
    rf"(?<![\w.,/:-])(?:{QUANTITY})(?![\w/])|(?<![\w.,/:-])(?:{B_VALUE})(?![\w.])|[<>]=?(?=\d)[^{_HARD}]+|[^{_HARD}]+|[^\s]"
)
#: texts whose cleaning is remembered, and the longest of them, in characters
_REMEMBERED, _LONGEST = 4096, 256


class _Cleaned(NamedTuple):
    """A cleaned text, valid if none of ``words`` identifies anybody beyond those that were known to."""

    text: str
    words: tuple[str, ...]


#: by text, whether traits stay, and which of its words identify somebody; the same texts stand in all objects of a series
_known: dict[tuple[str, bool, tuple[str, ...]], _Cleaned] = {}


class DescriptorCleaner:
    """A cleaner of descriptions in one patient's objects.

    What stays are words of a vocabulary and tokens of technique (profiles/data/clinical_words.txt and its neighbours), unless
    they identify the patient or somebody around them, stand where a name is expected, or may be a name beside unknown words.
    """

    def __init__(self, is_identifying: Callable[[str], bool], *, keep_patient_characteristics: bool = False) -> None:
        """
        Args:
            is_identifying: whether a normal word (``normal_word``) is one of ``identifying_words`` of the patient's values.
            keep_patient_characteristics: sex, size, weight and the like may stay (PS3.15 E.3.7); ages never do.
        """
        self._is_identifying = is_identifying
        self._keeps_traits = keep_patient_characteristics

    def clean(self, text: str) -> str:
        """Return what may stay of ``text``: its harmless words, as they are spelled and in their order; "" when nothing does.

        Args:
            text: a value of a text VR, one line or several; no backslash separates values in it.
        """
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        cleaned = self._remembered(text) if len(text) <= _LONGEST else None
        if cleaned is None:
            cleaned = _settled(text, self._is_identifying, self._keeps_traits)
        return cleaned

    def _remembered(self, text: str) -> str | None:
        """Return the cleaned text of an earlier call if the same words identified somebody then; None if that isn't certain."""
        nobody = self._entry(text, ())
        known = tuple(filter(self._is_identifying, nobody.words))
        if not known:
            return nobody.text
        entry = self._entry(text, known)
        return None if any(word not in known and self._is_identifying(word) for word in entry.words) else entry.text

    def _entry(self, text: str, known: tuple[str, ...]) -> _Cleaned:
        key = (text, self._keeps_traits, known)
        entry = _known.get(key)
        if entry is None:
            asked: dict[str, None] = {}

            def is_known(word: str) -> bool:
                asked[word] = None
                return word in known

            cleaned = _settled(text, is_known, self._keeps_traits)
            if len(_known) >= _REMEMBERED:
                _known.clear()
            entry = _known[key] = _Cleaned(cleaned, tuple(asked))
        return entry


def _settled(text: str, is_identifying: Callable[[str], bool], keeps_traits: bool) -> str:
    """Clean until nothing changes: words may stand side by side once one between them is gone."""
    while True:
        cleaned = _once(text, is_identifying, keeps_traits)
        if cleaned == text:
            return cleaned
        text = cleaned


def _once(text: str, is_identifying: Callable[[str], bool], keeps_traits: bool) -> str:
    pieces = _LINES.split(text)
    cleaned: list[str] = []
    expected = Expected.NOTHING
    for line, separator in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        stays = line.strip()
        if stays:
            placed = [Placed(analyse(match[0]), match[0], match.start()) for match in _TOKEN.finditer(erase(fold(stays)))]
            tokens = Line(placed, [_kind(place.token, is_identifying, keeps_traits) for place in placed])
            expected = settle(tokens, expected)
            stays = rendered(stays, tokens, is_last=not separator)
        if stays:
            cleaned += (stays, separator)
    return "".join(cleaned[:-1])


def _kind(token: Token, is_identifying: Callable[[str], bool], keeps_traits: bool) -> Kind:
    for word in token.words:
        if is_identifying(word):
            return Kind.UNKNOWN
    if token.kind is Kind.TRAIT:
        return Kind.PLAIN if keeps_traits else Kind.GONE
    return token.kind
