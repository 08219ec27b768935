"""Public values by the standard's definition of their attribute: its terms, names of devices, codes of published schemes.

Tables: ``terms.csv``, one attribute a row, by kind: E for Enumerated Values, D for Defined Terms and what is commonly written in
their place, W for attributes whose values are made of words, their own or, where the row has none, those of ``device_words.txt``.
``coding_schemes.csv`` says how codes are formed, with the test of their last digit. Each is read on first use.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import NamedTuple

from .tables import CURVES, DATA, OVERLAYS, modalities, parse_tag, read_rows

#: words, and single letters of scripts where one may be a name
_WORD = re.compile(r"[^\W\d_]{2,}|[^\W\d_a-zA-Z]")


#: designators of private schemes begin with it (PS3.16 8.2)
_PRIVATE_SCHEME = "99"
#: takes the place of the designator of a site's scheme
DUMMY_SCHEME = "99ANONYMIZED"


class _Terms(NamedTuple):
    kind: str
    terms: frozenset[str]


class _CodingScheme(NamedTuple):
    pattern: re.Pattern[str] | None
    check: str


@cache
def _table() -> dict[int, _Terms]:
    return {
        parse_tag(row["tag"]): _Terms(row["kind"], frozenset(row["terms"].upper().split("\\")) - {""})
        for row in read_rows("terms.csv")
    }


@cache
def _device_words() -> frozenset[str]:
    with (DATA / "device_words.txt").open(encoding="ascii") as stream:
        return frozenset(line.strip().upper() for line in stream if not line.startswith("#"))


def _row(tag: int) -> _Terms | None:
    """Return the attribute's row; of a repeating group, that of its first."""
    return _table().get(tag & 0xFF00FFFF if tag >> 16 & 0xFF00 in (CURVES, OVERLAYS) else tag)


def terms_of(tag: int) -> frozenset[str]:
    """Return the terms of the attribute in upper case, or the words of its values if these are made of words; perhaps none."""
    row = _row(tag)
    return row.terms if row else frozenset()


def is_enumerated(tag: int) -> bool:
    """Return whether the attribute has Enumerated Values wherever the standard uses it, so that no other value is legal."""
    row = _row(tag)
    return row is not None and row.kind == "E"


def is_made_of_words(tag: int) -> bool:
    """Return whether values of the attribute are made of known words, and are no terms as they stand."""
    row = _row(tag)
    return row is not None and row.kind == "W"


def is_defined_term(tag: int, value: str) -> bool:
    """Return whether one value is, as a whole, a term of the attribute; blanks around it and case don't matter."""
    row = _row(tag)
    return row is not None and row.kind != "W" and value.strip().upper() in row.terms


def is_term(tag: int, value: str) -> bool:
    """Return whether one value is a term of the attribute; blanks around it and case don't matter.

    Where values are made of words, all of them must be known and there must be one. Digits and signs are not looked at, and
    neither are single Latin letters: a number among known words may be anybody's.
    """
    row = _row(tag)
    if row is None or row.kind != "W":
        return is_defined_term(tag, value)
    words = _WORD.findall(value.strip().upper())
    return bool(words) and (row.terms or _device_words()).issuperset(words)


@cache
def _schemes() -> dict[str, _CodingScheme]:
    return {
        row["designator"]: _CodingScheme(re.compile(row["pattern"], re.ASCII) if row["pattern"] else None, row["check"])
        for row in read_rows("coding_schemes.csv")
    }


def published_schemes() -> frozenset[str]:
    """Return the designators of the coding schemes that PS3.16 section 8 and this project know."""
    return frozenset(_schemes())


@lru_cache(maxsize=4096)  # bounded: hostile objects may have any
def is_public_scheme(designator: str) -> bool:
    """Return whether a coding scheme is published, or a device maker's. Others may be anybody's, and so may be their names.

    Args:
        designator: without padding.
    """
    if designator in _schemes() or designator == DUMMY_SCHEME:
        return True
    words = _WORD.findall(designator)
    return designator.startswith(_PRIVATE_SCHEME) and bool(words) and _device_words().issuperset(map(str.upper, words))


@cache
def coding_scheme_uids() -> frozenset[str]:
    """Return the UIDs of published coding schemes."""
    return frozenset(row["uid"] for row in read_rows("coding_schemes.csv")) - {""}


def scheme_has_code(designator: str, value: str) -> bool:
    """Return whether ``value`` is formed like a code of the published scheme, with a correct check digit.

    No list of codes is looked up: short numbers are formed like codes of many schemes.
    """
    scheme = _schemes().get(designator.strip())
    if scheme is None or scheme.pattern is None:
        return False
    value = value.strip()
    if scheme.check == "modality" and value in modalities():
        return True
    return bool(scheme.pattern.fullmatch(value)) and _CHECKS[scheme.check](value)


def _has_mod10_digit(code: str) -> bool:
    """Return whether the digit after the dash is LOINC's check digit, which is Luhn's."""
    digits = [int(digit) for digit in reversed(code.replace("-", ""))]
    return sum(digits[0::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


def _has_verhoeff_digit(code: str) -> bool:
    """Return whether the last digit is Verhoeff's, as in SNOMED CT: digits are symmetries of a pentagon, from 5 reflections."""
    permutation, product = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), 0
    for place, digit in enumerate(map(int, reversed(code))):
        for _ in range(place % 8):
            digit = permutation[digit]
        turn = (product - digit) % 5 if product >= 5 else (product + digit) % 5
        product = turn + (5 if (product >= 5) != (digit >= 5) else 0)
    return product == 0


_CHECKS: dict[str, Callable[[str], bool]] = {
    "": lambda code: True,
    "modality": lambda code: True,
    "mod10": _has_mod10_digit,
    "verhoeff": _has_verhoeff_digit,
}
