"""The identifying values of an object in all their forms, for searches of bytes and of texts."""

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

#: maximum number of parts of a text that are joined: as many as most identifiers have
_MOST_JOINED = 6
#: minimum digits and characters in the first search for words of other objects, which ignores their neighbours
_PART_OF_NUMBER, _PART_OF_WORD = 3, 4
#: maximum number of values of an object for which adjacent short parts of names are searched for
_MOST_IN_PAIRS = 1000
#: minimum length of a word in a binary value: shorter runs of letters occur there by chance
_LONG = 6
_BETWEEN = re.compile(r"[\W_]{0,3}")
#: separators between the digits of a telephone number
_IN_NUMBERS = re.compile(r"(?<=\d)[ ()/.-]{1,3}(?=\d)")


class KnownIdentity:
    """The identifying values of one object.

    Attributes:
        search: the search of any bytes.
        binary: the search of binary values, in which short words occur by chance.
        charset: the object's SpecificCharacterSet.
    """

    def __init__(self, values: Sequence[KnownValue], charset: str) -> None:
        """Collect the forms of ``values``.

        Args:
            values: the identifying values of the object.
            charset: the object's SpecificCharacterSet.
        """
        # many content items name the same observer
        distinct = dict.fromkeys(
            (value.kind, value.value, charset if value.charset is None else value.charset) for value in values
        )
        # each pair of short parts has dozens of forms
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
        """The words by which the values are recognised in other objects."""
        return known_words(self._values, self.charset)

    def _is_dull(self, needle: bytes) -> bool:
        """Return whether a match in bytes is an ordinary word, which identifies nobody."""
        word = needle.decode("latin-1")
        return self._words.get(word, False) and is_ordinary(word)

    def is_number(self, value: str, elsewhere: Container[str] = frozenset()) -> bool:
        """Return whether a value of VR IS or DS is an identifying number of six digits or more.

        Args:
            elsewhere: words that identify persons in other objects of the patient or study.
        """
        found = re.fullmatch(r"[-+]?(\d+)(?:\.0*)?", value.strip())
        if found is None or len(found[1]) < _LONG:
            return False
        return any(number in self._words or number in elsewhere for number in {found[1], found[1].lstrip("0")})

    def named_in(self, text: str, elsewhere: Container[str], *, is_free: bool) -> frozenset[str]:
        """Return the words of a text that identify a person; "" represents a date, identifier or pair of short name parts.

        Args:
            elsewhere: words that identify persons in other objects of the patient or study.
            is_free: whether the text is free text, in which adjacent short parts of a name identify together.
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
    """Return whether a run of letters and digits may be a word, or part of one, that identifies persons in other objects.

    Args:
        run: the bytes of the run, in Latin-1 or UTF-8.
    """
    for text in {run.decode("latin-1"), run.decode("utf-8", "ignore")}:
        for candidate in _candidates(text):
            is_long = len(candidate) >= (_PART_OF_NUMBER if candidate.isdigit() else _PART_OF_WORD)
            if (is_long or is_ideographic(candidate)) and candidate in elsewhere and not is_ordinary(candidate):
                return True
    return False


def _candidates(text: str) -> Iterator[str]:
    """Yield the normalized words of a text: its parts, and adjacent parts joined."""
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
    """Yield the pairs of adjacent words in a text, in all their spellings."""
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
    """Return whether a word is a common one of medicine, technique or addresses, which alone identifies nobody."""
    words = descriptor_words()
    return normal_word(word) in words.vocabulary or word in words.context
