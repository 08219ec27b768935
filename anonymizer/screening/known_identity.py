"""Who is known around an object: the forms of all identifying values together, for bytes and for texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterator, Sequence
from functools import cached_property
from itertools import pairwise

from profiles import descriptor_words

from ..descriptors import normal_word, spellings
from ..identity.known_values import KnownValue, known_words
from .forms import RUN, forms_of, identifies, is_ideographic, parts_of
from .search import ByteSearch

#: parts of a text that are put together: as many as an identifier mostly has
_MOST_JOINED = 6
#: digits and characters by which words of other objects are looked for, before anybody looks at what stands beside them
_PART_OF_NUMBER, _PART_OF_WORD = 3, 4
#: names of an object that are sought with short parts side by side
_MOST_IN_PAIRS = 1000
#: binary values hold runs of letters by chance
_LONG = 6
_BETWEEN = re.compile(r"[\W_]{0,3}")
#: what people put between the digits of a telephone number
_IN_NUMBERS = re.compile(r"(?<=\d)[ ()/.-]{1,3}(?=\d)")


class KnownIdentity:
    """The identifying values of one object.

    Attributes:
        search: finds them in bytes, whatever these mean.
        binary: finds them in binary values, where short words stand by chance.
        charset: the object's SpecificCharacterSet.
    """

    def __init__(self, values: Sequence[KnownValue], charset: str) -> None:
        """
        Args:
            charset: the object's SpecificCharacterSet.
        """
        # content items name one observer over and over
        distinct = dict.fromkeys(
            (value.kind, value.value, charset if value.charset is None else value.charset) for value in values
        )
        # each pair of short parts is sought in dozens of forms
        forms = [forms_of(*one, in_pairs=len(distinct) <= _MOST_IN_PAIRS) for one in distinct]
        self._words: dict[str, bool] = {}
        for one in forms:
            for word, may_be_ordinary in one.words.items():
                self._words[word] = self._words.get(word, True) and may_be_ordinary
        self._groups = {group for one in forms for group in one.groups}
        self._texts = frozenset[str]().union(*(one.texts for one in forms))
        self._ideographic = [word for word in self._words if is_ideographic(word)]
        needles = frozenset[bytes]().union(*(one.needles for one in forms))
        joined = frozenset[bytes]().union(*(one.joined for one in forms))
        self.search = ByteSearch(needles, self._is_dull, joined=joined)
        self.binary = ByteSearch(needles, self._is_dull, shortest=_LONG)
        self.charset = charset
        self._values = tuple(values)

    @cached_property
    def own(self) -> frozenset[str]:
        """All words by which the values are known in other objects."""
        return known_words(self._values, self.charset)

    def _is_dull(self, needle: bytes) -> bool:
        """Whether what was found in bytes is an ordinary word."""
        word = needle.decode("latin-1")
        return self._words.get(word, False) and is_ordinary(word)

    def is_number(self, value: str, elsewhere: Container[str] = frozenset()) -> bool:
        """Whether a value of IS or DS is one of the known numbers of six digits or more.

        Args:
            elsewhere: words that identify somebody in other objects of the patient or study.
        """
        found = re.fullmatch(r"[-+]?(\d+)(?:\.0*)?", value.strip())
        if found is None or len(found[1]) < _LONG:
            return False
        return any(number in self._words or number in elsewhere for number in {found[1], found[1].lstrip("0")})

    def named_in(self, text: str, elsewhere: Container[str], *, is_free: bool) -> frozenset[str]:
        """The words by which a text names somebody; "" stands for what is no word: a date, initials side by side.

        Args:
            elsewhere: words that identify somebody in other objects of the patient or study.
            is_free: parts of a name that are too short by themselves count where they stand side by side.
        """
        text = unicodedata.normalize("NFC", text)
        small = text.lower()
        found = {"" for one in self._texts if one in small and _stands_alone(one, small)}
        found |= {word for word in self._ideographic if word in text}
        for candidate in _candidates(text):
            if candidate[0] == "0" and candidate not in self._words:
                candidate = candidate.lstrip("0")
            may_be_ordinary = self._words.get(candidate)
            if may_be_ordinary is None:
                if not identifies(candidate) or candidate not in elsewhere:
                    continue
                may_be_ordinary = True
            if not (may_be_ordinary and is_ordinary(candidate)):
                found.add(candidate)
        if is_free and self._groups and any(pair <= group for pair in _neighbours(text) for group in self._groups):
            found.add("")
        return frozenset(found)


def names_elsewhere(run: bytes, elsewhere: Container[str]) -> bool:
    """Whether a run of letters and digits may be a word that identifies somebody in other objects, or a part of one."""
    for text in {run.decode("latin-1"), run.decode("utf-8", "ignore")}:
        for candidate in _candidates(text):
            is_long = len(candidate) >= (_PART_OF_NUMBER if candidate.isdigit() else _PART_OF_WORD)
            if (is_long or is_ideographic(candidate)) and candidate in elsewhere and not is_ordinary(candidate):
                return True
    return False


def _candidates(text: str) -> Iterator[str]:
    """Normal words that stand in a text: its parts, and those that stand side by side together."""
    for one in {text, _IN_NUMBERS.sub("", text)}:
        for run in RUN.findall(one):
            yield from spellings(run)
        parts = [spellings(part) for part in parts_of(one)]
        for index, part in enumerate(parts):
            yield from part
            joined = part
            for following in parts[index + 1 : index + _MOST_JOINED]:
                joined = {first + second for first in joined for second in following}
                yield from joined


def _neighbours(text: str) -> Iterator[set[str]]:
    """Words that stand side by side, in pairs, in all their spellings."""
    found = list(RUN.finditer(text))
    for first, second in pairwise(found):
        if _BETWEEN.fullmatch(text, first.end(), second.start()):
            for one in spellings(first[0]):
                for other in spellings(second[0]):
                    if one != other:
                        yield {one, other}


def _stands_alone(digits: str, text: str) -> bool:
    return re.search(rf"(?<!\d){re.escape(digits)}(?!\d)", text) is not None


def is_ordinary(word: str) -> bool:
    """Whether a word is one of medicine, technique or addresses, so that by itself it names nobody's place."""
    words = descriptor_words()
    return normal_word(word) in words.vocabulary or word in words.context
