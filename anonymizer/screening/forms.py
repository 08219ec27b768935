"""Forms in which an identifying value may occur elsewhere: as words, joined, in other spellings and character sets."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations

from profiles import IdentityKind

from ..descriptors import spellings
from ..dicom.character_sets import best_text, encode_alike
from ..identity.known_values import NO_NAMES

#: minimum lengths that identify alone: letters or ideographs of a name, characters of an identifier, digits of a number
_LETTERS, _IDEOGRAPHS, _CHARACTERS, _DIGITS = 4, 2, 5, 6
#: minimum length of an identifier with punctuation, as written
_WRITTEN = 6
RUN = re.compile(r"[^\W_]+")
#: runs of digits, and words split at capital letters
_PARTS = re.compile(r"\d+|[A-ZÀ-Þ]?[a-zß-ÿ]+|[A-ZÀ-Þ]+(?![a-zß-ÿ])|[^\W\d_]+")
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
#: separators between the parts of a name
_SEPARATORS = ("", " ", "^", "_", "-", ".", ", ", ",", "/", "  ", " - ", ". ", ": ", ":", ";", "; ", "+", "&", "=", " (", "|")
#: maximum number of parts of one name that are combined in pairs
_MOST_PAIRED = 4
_UMLAUTS = {"ae": "ä", "oe": "ö", "ue": "ü"}
_UMLAUT = re.compile("ae|oe|ue")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
#: placeholders for an unknown date
_NO_DATES = ("00010101", "19000101")


@dataclass(frozen=True, slots=True)
class Forms:
    """Forms of one identifying value.

    Attributes:
        words: normalized words and compounds that identify alone, each mapped to whether it may also be an ordinary word
            (part of a place name, an identifier of letters).
        groups: the parts of each name that has parts too short to identify alone.
        texts: lowercase forms with punctuation: dates, identifiers.
        needles: byte patterns to search for, with ASCII letters in lowercase.
        joined: letters and digits of identifiers of several parts; any punctuation, or none, may separate them.
    """

    words: dict[str, bool]
    groups: tuple[frozenset[str], ...] = ()
    texts: frozenset[str] = frozenset()
    needles: frozenset[bytes] = frozenset()
    joined: frozenset[bytes] = frozenset()


def parts_of(text: str) -> list[str]:
    """Split a text into runs of digits and words, with words of any alphabet split at capital letters."""
    parts: list[str] = _PARTS.findall(text)
    if text.isascii():
        return parts
    return [divided for part in parts for divided in _divided(part)]


def _divided(word: str) -> Iterator[str]:
    """Yield the parts of a word with letters outside Latin-1, split at capital letters."""
    start = 0
    for at in range(1, len(word)):
        if word[at].isupper() and (word[at - 1].islower() or word[at + 1 : at + 2].islower()):
            yield word[start:at]
            start = at
    yield word[start:]


def is_ideographic(word: str) -> bool:
    """Return whether a word holds ideographs, kana or hangul, which are written without spaces between words."""
    return _IDEOGRAPH.search(word) is not None


def identifies(word: str) -> bool:
    """Return whether a normalized word is long enough to identify by itself."""
    if word.isdigit():
        return len(word) >= _DIGITS
    if word.isalpha():
        return len(word) >= (_LETTERS if word.isascii() or not is_ideographic(word) else _IDEOGRAPHS)
    return len(word) >= _CHARACTERS


@lru_cache(maxsize=4096)  # physicians, places and patients repeat across objects
def forms_of(kind: IdentityKind, value: bytes, charset: str, *, in_pairs: bool = True) -> Forms:
    """Return the forms of a value.

    Args:
        value: the value field without padding, in ``charset``.
        charset: the SpecificCharacterSet of ``value``.
        in_pairs: whether to search for adjacent short parts of a name, too.
    """
    text = unicodedata.normalize("NFC", best_text(value, charset))
    if kind is IdentityKind.DATE:
        return _date(text)
    words: dict[str, bool] = {}
    needles: set[str] = set()
    joined: set[str] = set()
    texts: set[str] = set()
    groups: list[frozenset[str]] = []
    for one in re.split(r"[\\=]", text) if kind is IdentityKind.NAME else text.split("\\"):
        if kind is IdentityKind.NAME:
            groups += _name(one, words, needles, in_pairs=in_pairs)
        elif kind is IdentityKind.PLACE:
            _place(one, words, needles)
        else:
            joined |= _identifier(one, words, needles, phone=kind is IdentityKind.PHONE)
            written = one.strip().lower()
            if len(written) >= _WRITTEN and any(map(str.isdigit, written)) and not written.isalnum():
                # it may have too few digits to identify without the punctuation
                texts.add(written)
                needles.add(written)
    found = {form for needle in needles for form in byte_forms(needle, charset)}
    if not value.isascii():
        # bytes that can't be decoded are searched for unchanged
        found |= {part.lower() for part in re.split(rb"[\\=^ ,]+", value) if len(part) >= _LETTERS}
    return Forms(words, tuple(groups), frozenset(texts), frozenset(found), frozenset(one.encode() for one in joined))


def _name(text: str, words: dict[str, bool], needles: set[str], *, in_pairs: bool) -> list[frozenset[str]]:
    """Add the forms of a person name, and return its parts if some of them are too short to identify alone."""
    named = text.split("^")
    for one in named:
        if any(map(str.isdigit, one)):
            # an identifier in place of a name: ordinary words in it name nobody
            _identifier(one, words, needles, phone=False)
            for part in parts_of(one):
                _add(part, words, needles, ordinary=True)
    components = [RUN.findall(one) for one in named if not any(map(str.isdigit, one))]
    parts = [part for component in components for part in component]
    for part in parts:
        _add(part, words, needles)
    for component in components:
        if len(component) > 1:
            # Smith-Jones, O'Brien, van der Berg
            _add("".join(component), words, needles)
    joined = ["".join(component) for component in components if component][:2]
    if len(joined) == 2:
        for pair in permutations(joined):
            _add("".join(pair), words, needles)
    # single letters are left out: as initials they occur beside any word
    weak = [part for part in parts if not identifies(part.casefold()) and (len(part) > 1 or is_ideographic(part))]
    if len(weak) < 2 or not in_pairs:
        return []
    for first, second in permutations(weak[:_MOST_PAIRED], 2):
        needles.update(first + separator + second for separator in _SEPARATORS)
    return [frozenset(spelling for part in parts if len(part) > 1 or is_ideographic(part) for spelling in spellings(part))]


def _place(text: str, words: dict[str, bool], needles: set[str]) -> None:
    runs = RUN.findall(text)
    for run in runs:
        _add(run, words, needles, ordinary=run.isalpha())
    if len(runs) > 1:
        _add("".join(runs), words, needles)
        needles.add(text.strip())


def _identifier(text: str, words: dict[str, bool], needles: set[str], *, phone: bool) -> set[str]:
    """Add the forms of an identifier or a number, and return it without punctuation if it may be punctuated differently."""
    runs = RUN.findall(text)
    whole = "".join(runs)
    has_digits = any(character.isdigit() for character in whole)
    _add(whole, words, needles, ordinary=not has_digits)
    if len(runs) > 1 and identifies(whole.casefold()):
        needles.add(text.strip())
        needles.update(separator.join(runs) for separator in ("_", "-", " ", ".", "^", "/"))
    for run in runs if len(runs) > 1 and not phone else ():
        # a project's letters, a year and a number: beside digits, letters alone identify nobody
        if not run.isalpha() or not has_digits:
            _add(run, words, needles, ordinary=run.isalpha())
    # the number after a site's letters, with and without leading zeros
    for digits in re.findall(r"\d+", text):
        _add(digits, words, needles)
        _add(digits.lstrip("0"), words, needles)
    small = whole.lower()
    # punctuation may also separate letters from digits
    if small in NO_NAMES:
        return set()
    has_parts = len(runs) > 1 or len(parts_of(whole)) > 1 or len(small) > _DIGITS
    return {small} if small.isascii() and has_parts and identifies(small) and len(small) >= _DIGITS else set()


def _add(word: str, words: dict[str, bool], needles: set[str], *, ordinary: bool = False) -> None:
    for spelling in spellings(word):
        if identifies(spelling) and spelling not in NO_NAMES:
            # a word that identifies for certain in one value does so in all
            words[spelling] = words.get(spelling, True) and ordinary
            needles.add(spelling)
            needles.add(word)


def _date(text: str) -> Forms:
    digits = text.replace(".", "").strip()
    if len(digits) != 8 or not digits.isdigit() or digits in _NO_DATES:
        return Forms({})
    year, month, day = digits[:4], digits[4:6], digits[6:]
    words = {digits: False, day + month + year: False, month + day + year: False}
    texts = set()
    for sign in "-/. ":
        for first, second in ((day, month), (month, day)):
            short = first.lstrip("0"), second.lstrip("0")
            texts |= {sign.join(parts) for parts in ((first, second, year), (*short, year), (first, second, year[2:]))}
            texts.add(sign.join((*short, year[2:])))
        texts |= {sign.join((year, month, day)), sign.join((year, month.lstrip("0"), day.lstrip("0")))}
    if 1 <= int(month) <= 12:
        name = _MONTHS[int(month) - 1]
        for month in (name, name[:3]):
            for written in {day, day.lstrip("0")}:
                texts |= {f"{written}{sign}{month}{sign}{year}" for sign in ("", " ", "-", "/", ".")}
                texts.add(f"{year}-{month}-{written}")
                texts |= {f"{written}. {month} {year}", f"{month} {written}, {year}", f"{month} {written} {year}"}
    return Forms(words, (), frozenset(texts), frozenset(form.encode() for form in (*words, *texts)))


def byte_forms(text: str, charset: str) -> set[bytes]:
    """Return the byte encodings of a text that may occur in an object: ASCII in lowercase, other letters in both cases.

    Args:
        charset: the object's SpecificCharacterSet.
    """
    small = text.casefold()
    variants = {text.lower(), *spellings(text)} if " " not in text else {text.lower(), small}
    if _UMLAUT.search(small):
        variants.add(_UMLAUT.sub(lambda match: _UMLAUTS[match[0]], small))
    found: set[bytes] = set()
    for variant in variants:
        if variant.isascii():
            found.add(variant.encode())
            continue
        for cased in {variant, variant.upper(), variant.title()}:
            found |= {form.lower() for form in encode_alike(cased, charset)}
        found.add(unicodedata.normalize("NFD", variant).encode())
    return found
