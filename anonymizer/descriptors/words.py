"""Words as the cleaner of descriptions compares them."""

from __future__ import annotations

import re
import unicodedata

#: letters that Unicode doesn't decompose
_LETTERS = {"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h"}
_SPECIAL = re.compile("[" + "".join(_LETTERS) + "]")
#: what people write for an umlaut where they have none
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}
_UMLAUT = re.compile("[" + "".join(_UMLAUTS) + "]")
_WRITTEN_OUT = re.compile("([aou])e|aa")
_PIECE = re.compile(r"[^\s^=,;\\/]+")
_RUN = re.compile(r"[^\W_]+")
_PARTS = re.compile(r"\d+|[A-ZÀ-Þ]?[a-zß-ÿ]+|[A-ZÀ-Þ]+(?![a-zß-ÿ])|[^\W\d_]+")

#: stands for a character that no description needs: the word that holds it is dropped
STRANGE = "\x01"
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad\ufe58\ufe63\uff0d")
_SIGNS = {"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u00b4": "'", "\u201c": '"', "\u201d": '"', "\u00d7": "x", "\u00b5": "u"}
_SIGNS |= {"\u03bc": "u", "\u00b1": "~", "\u00ba": "°", "\u2264": "<", "\u2265": ">", "\u2044": "/", "\u00b7": ".", "\uff0e": "."}


def _folded(character: str) -> str:
    """Return the one character that is judged in the place of ``character``."""
    if character in _SIGNS:
        return _SIGNS[character]
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    if character in _DASHES or category == "Pd":
        return "-"
    if category[0] == "Z" or character == "\t":
        return " "
    base = unicodedata.normalize("NFKD", character)
    plain = "".join(part for part in base if not unicodedata.combining(part))
    if len(plain) == 1 and plain.isascii() and plain.isprintable():
        return plain
    return character if category[0] == "L" or character == "°" else STRANGE


class _Fold(dict[int, str]):
    """A table of folded characters, filled as they are met; Unicode bounds it."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _folded(chr(code))
        return folded


_FOLD = _Fold()


def fold(text: str) -> str:
    """Return ``text`` in plain characters, of the same length: ASCII digits, dashes and blanks, letters without diacritics."""
    return text if text.isascii() and text.isprintable() else text.translate(_FOLD)


def normal_word(word: str) -> str:
    """Return ``word`` as words are compared: casefold, NFKD without diacritics, digits in ASCII."""
    if word.isascii():
        return word.lower()
    # a small dotted capital I is two characters
    small = unicodedata.normalize("NFC", word).casefold().replace("i\u0307", "i")
    word = unicodedata.normalize("NFKD", fold(small).casefold())
    word = _SPECIAL.sub(lambda match: _LETTERS[match[0]], word)
    return "".join(character for character in word if not unicodedata.combining(character))


def identifying_words(text: str) -> frozenset[str]:
    """Return the normal words by which a name, an identifier, an address or a place may be recognised in a description.

    Args:
        text: a value of any text VR; PN values with their ``^`` and ``=`` (PS3.5 6.2).

    Returns:
        Words of two letters or more and runs of two digits or more; parts of compounds and the compounds as one word, umlauts in
        both spellings. Two letters that are glued to digits are left out: CT01 isn't recognised by its CT.
    """
    found: set[str] = set()
    for piece in _PIECE.findall(unicodedata.normalize("NFC", text)):
        runs = _RUN.findall(piece)
        for run in runs:
            parts = _PARTS.findall(run)
            mixed = any(character.isdigit() for character in run)
            found |= spellings(run)
            for part in parts:
                if len(part) > (2 if mixed and part.isalpha() else 1):
                    found |= spellings(part)
        if len(runs) > 1:
            found |= spellings("".join(runs))
    return frozenset(word for word in found if len(word) > 1)


def spellings(word: str) -> set[str]:
    """Return the normal words of one word: as it is, with umlauts written out, and with written-out ones contracted."""
    if word.isascii() and not _WRITTEN_OUT.search(small := word.lower()):
        return {small}
    small = word.casefold()
    long = _UMLAUT.sub(lambda match: _UMLAUTS[match[0]], small)
    return {normal_word(small), normal_word(long), _WRITTEN_OUT.sub(lambda match: match[1] or "a", normal_word(small))}
