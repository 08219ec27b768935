"""Descriptions without what identifies anybody (PS3.15 E.3.5): what isn't known to be harmless goes."""

from __future__ import annotations

import re
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from .descriptor_context import Expected, Line, Placed
from .descriptor_patterns import erase
from .descriptor_tokens import B_VALUE, QUANTITY, Kind, analyse, has_kind, is_kept
from .descriptor_words import fold
from .descriptor_words import identifying_words as identifying_words
from .descriptor_words import normal_word as normal_word

_LINES = re.compile(r"(\r\n|[\n\r\f\v\x1c-\x1e\x85\u2028\u2029])")
_HARD = r"\s,;:()\[\]{}\"|=<>\\"
_TOKEN = re.compile(
    rf"(?<![\w.,/:-])(?:{QUANTITY})(?![\w/])|(?<![\w.,/:-])(?:{B_VALUE})(?![\w.])"
    rf"|[<>]=?(?=\d)[^{_HARD}]+|[^{_HARD}]+|[^\s]"
)
_OPENING, _CLOSING = "([{<", ")]}>"
#: of several signs between two words that stay, the one that says most
_SEPARATORS = ".;,:|/-&=+"
_SPACED = frozenset("|/-&=+")
_GAP = re.compile(r" ?[,;:.|/&=+-]? ?|\s")
#: texts whose cleaning is remembered, and the longest of them, by characters
_REMEMBERED, _LONGEST = 4096, 256


class _Cleaned(NamedTuple):
    """What stays of a text where none of ``words`` identifies anybody."""

    text: str
    words: tuple[str, ...]


class DescriptorCleaner:
    """Cleans descriptions of one patient's objects.

    What stays are words of a vocabulary and tokens of technique (profiles/data/clinical_words.txt and its neighbours), unless they
    identify the patient or somebody around them, stand where a name is expected, or may be a name and stand beside unknown words.
    """

    def __init__(self, is_identifying: Callable[[str], bool], *, keep_patient_characteristics: bool = False) -> None:
        """
        Args:
            is_identifying: whether a normal word (``normal_word``) is one of ``identifying_words`` of the patient's values.
            keep_patient_characteristics: sex, size, weight and the like may stay (PS3.15 E.3.7); ages never do.
        """
        self._is_identifying = is_identifying
        self._keeps_traits = keep_patient_characteristics

    def clean(self, text: str, limit: int | None = None) -> str:
        """What may stay of ``text``: its harmless words, as they are spelled and in their order; "" when nothing does.

        Args:
            text: a value of a text VR, one line or several; no backslash separates values in it.
            limit: characters that the VR allows; words behind it go.
        """
        text = unicodedata.normalize("NFC", text)
        cleaned = self._remembered(text) if len(text) <= _LONGEST else None
        if cleaned is None:
            cleaned = self._settled(text, self._is_identifying)
        while limit is not None and len(cleaned) > limit:
            # cutting a word may make another of it
            cleaned = self._settled(cleaned[: limit + 1].rpartition(" ")[0][:limit], self._is_identifying)
        return cleaned

    def _remembered(self, text: str) -> str | None:
        """The result as for anybody; None where a word of the text identifies somebody."""
        key = (text, self._keeps_traits)
        known = _known.get(key)
        if known is None:
            asked: dict[str, None] = {}

            def ask(word: str) -> bool:
                asked[word] = None
                return False

            known = _Cleaned(self._settled(text, ask), tuple(asked))
            if len(_known) >= _REMEMBERED:
                _known.popitem(last=False)
            _known[key] = known
        return None if any(map(self._is_identifying, known.words)) else known.text

    def _settled(self, text: str, is_identifying: Callable[[str], bool]) -> str:
        """Clean until nothing changes: what stood apart may stand side by side once a word between is gone."""
        while True:
            cleaned = self._once(text, is_identifying)
            if cleaned == text:
                return cleaned
            text = cleaned

    def _once(self, text: str, is_identifying: Callable[[str], bool]) -> str:
        pieces = _LINES.split(text)
        cleaned: list[str] = []
        expected = Expected.NOTHING
        for line, separator in zip(pieces[::2], [*pieces[1::2], ""]):
            if stays := line.strip():
                stays, expected = self._line(stays, expected, is_identifying)
            if stays:
                cleaned += (stays, separator)
        return "".join(cleaned[:-1])

    def _line(self, text: str, expected: Expected, is_identifying: Callable[[str], bool]) -> tuple[str, Expected]:
        folded = erase(fold(text))
        placed = [Placed(analyse(match[0]), match[0], match.start()) for match in _TOKEN.finditer(folded)]
        kinds = [self._kind(place, is_identifying) for place in placed]
        line = Line(placed, kinds)
        expected = line.settle(expected)
        return _joined(text, placed, line.kinds), expected

    def _kind(self, place: Placed, is_identifying: Callable[[str], bool]) -> Kind:
        token = place.token
        if token.kind is Kind.UNKNOWN or token.kind is Kind.MARK:
            return token.kind
        for word in token.words:
            if is_identifying(word):
                return Kind.UNKNOWN
        if token.kind is Kind.TRAIT:
            return Kind.PLAIN if self._keeps_traits else Kind.GONE
        return token.kind


_known: OrderedDict[tuple[str, bool], _Cleaned] = OrderedDict()


def _joined(text: str, placed: list[Placed], kinds: list[Kind]) -> str:
    """The tokens that stay, with what stood between them where nothing went, else with the sign that says most."""
    _trim(placed, kinds)
    kept = [index for index, kind in enumerate(kinds) if is_kept(kind)]
    if all(has_kind(placed[index].token.word, "stop") or len(placed[index].token.word) < 2 for index in kept):
        return ""
    brackets = _brackets(placed, kinds)
    parts: list[str] = []
    behind, went, signs = 0, False, ""
    for index, place in enumerate(placed):
        if kinds[index] is Kind.MARK:
            if place.text in _OPENING or place.text in _CLOSING:
                went = went or index not in brackets
                signs += place.text if index in brackets else ""
            else:
                signs += place.text
        elif is_kept(kinds[index]):
            start, end = place.start + place.token.start, place.start + place.token.end
            gap = text[behind:start]
            if not parts:
                parts.append("".join(sign for sign in signs if sign in _OPENING))
            else:
                parts.append(gap if not went and _is_tidy(gap) else _separator(signs))
            parts.append(text[start:end])
            behind, went, signs = end, False, ""
        else:
            went = True
    parts.append("".join(sign for sign in signs if sign in _CLOSING))
    return "".join(parts)


def _trim(placed: list[Placed], kinds: list[Kind]) -> None:
    """Drop the words that say nothing without what went behind them: seen at, since."""
    went, ends = False, True
    for index in range(len(kinds) - 1, -1, -1):
        if kinds[index] is Kind.MARK:
            ends = True
        elif not is_kept(kinds[index]):
            went = True
        elif went and ends and has_kind(placed[index].token.word, "stop"):
            kinds[index] = Kind.GONE
        else:
            went = ends = False


def _is_tidy(gap: str) -> bool:
    return _GAP.fullmatch(gap) is not None


def _separator(signs: str) -> str:
    """What stands between two words: closing brackets, a sign, opening brackets."""
    closing = "".join(sign for sign in signs if sign in _CLOSING)
    opening = "".join(sign for sign in signs if sign in _OPENING)
    plain = "".join(signs)
    sign = next((sign for sign in _SEPARATORS if sign in plain), "")
    if sign in _SPACED and sign:
        sign = f" {sign}"
    return f"{closing}{sign} {opening}"


def _brackets(placed: list[Placed], kinds: list[Kind]) -> set[int]:
    """The brackets that have a partner, and a word that stays between."""
    found: set[int] = set()
    open_: list[tuple[int, str, bool]] = []
    for index, place in enumerate(placed):
        if is_kept(kinds[index]):
            open_ = [(at, sign, True) for at, sign, _ in open_]
        elif kinds[index] is Kind.MARK and place.text in _OPENING:
            open_.append((index, place.text, False))
        elif kinds[index] is Kind.MARK and place.text in _CLOSING:
            while open_:
                at, sign, holds = open_.pop()
                if _OPENING.index(sign) == _CLOSING.index(place.text):
                    found |= {at, index} if holds else set()
                    break
    return found
