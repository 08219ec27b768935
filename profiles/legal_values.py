"""Legal forms of values by their VR (PS3.5 6.2), and as ACR-NEMA and devices write them.

A value that stays and looks otherwise is no number, date or term but something else, which nobody can tell to be harmless. What
only breaks a length stays: geometry is worth more than form. Each pattern is written so that there is but one way to match.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cache

from .content_items import CODE_MEANING, CODE_VALUE, CODING_SCHEME, CODING_SCHEME_VERSION
from .terms import published_schemes, terms_of

#: numbers, also with a comma, as bounds, and what C writes in their place; IS may have a fraction
_DIGITS = rb"(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?"
_NUMBER = rb"[<>]?=?[-+]?%b|[-+]?(?i:inf(?:inity)?|nan|1\.#(?:inf|ind|[qs]nan)0*)" % _DIGITS
_MONTH, _DAY = rb"(?:0[0-9]|1[0-2])", rb"(?:[0-2][0-9]|3[01])"
#: YYYY, YYYYMM, YYYYMMDD, and with the signs of ACR-NEMA and others between
_DATE = rb"[0-9]{4}(?:%(m)b(?:%(d)b)?|\.%(m)b\.%(d)b|/%(m)b/%(d)b|-%(m)b-%(d)b)?" % {b"m": _MONTH, b"d": _DAY}
_HOUR, _MINUTE = rb"(?:[01][0-9]|2[0-4])", rb"(?:[0-5][0-9]|60)"
#: more digits than the standard's six are common
_FRACTION = rb"(?:\.[0-9]{0,9})?"
_TIME = rb"%(h)b(?:%(m)b(?:%(m)b%(f)b)?)?|[0-9]?[0-9]:%(m)b(?::%(m)b%(f)b)?" % {b"h": _HOUR, b"m": _MINUTE, b"f": _FRACTION}
_ZONE = rb"(?:[-+][01][0-9][0-5][0-9])?"
_CLOCK = rb"(?:%b(?:%b(?:%b%b)?)?)?" % (_HOUR, _MINUTE, _MINUTE, _FRACTION)
_MOMENT = rb"[0-9]{4}(?:%b(?:%b%b)?)?%b|%b[ T](?:%b)" % (_MONTH, _DAY, _CLOCK, _ZONE, _DATE, _TIME)


def _range(value: bytes) -> bytes:
    return rb"(?:%b)(?:-(?:%b)?)?|-(?:%b)" % (value, value, value)


#: one value each, without the blanks around it
_VALUES = {
    "AS": rb"[0-9]{1,3} ?[DWMYdwmy]?",
    "CS": rb"[A-Z0-9_ ]{1,16}",
    "DA": _range(_DATE),
    "DS": _NUMBER,
    "DT": _range(_MOMENT),
    "IS": _NUMBER,
    "TM": _range(_TIME),
    "UI": rb"[0-9.]+",
}
_ONE = {vr: re.compile(value) for vr, value in _VALUES.items()}
#: all values of an element, unless they are very many; padding is a blank, or a NUL behind UIDs
_ELEMENT = rb" *(?:(?:%(v)b) *)?(?:\\ *(?:(?:%(v)b) *)?){0,63}\0?"
_ELEMENTS = {vr: re.compile(_ELEMENT % {b"v": value}) for vr, value in _VALUES.items()}
_ELEMENTS["CS"] = re.compile(rb"[A-Z0-9_ ]{0,16}(?:\\[A-Z0-9_ ]{0,16})*")
#: what most numbers look like comes first
_PLAIN = rb"-?[0-9]+(?:\.[0-9]+)?"
_NUMBERS = re.compile(rb"%(p)b(?:\\%(p)b){0,63} ?|%(e)b" % {b"p": _PLAIN, b"e": _ELEMENT % {b"v": _NUMBER}})
_ELEMENTS |= dict.fromkeys(("DS", "IS"), _NUMBERS)
_OF_UNITS = re.compile(rb" *([-+]?%b) *(?:[A-Za-z%%\xb0\xb5]{1,8}(?:/[a-z]{1,4})?)? *" % _DIGITS)
#: bytes from which on not each number is looked at: such lists are coordinates
_LONG = 512
_LONG_LIST = re.compile(rb"[-+0-9.,eE\\ ]*")
_BEFORE_SIGNS = (b"\\", b"e", b"E", b" ")
#: codes are short, and no text: some published schemes' have blanks
_CODE = re.compile(rb"[!-\[\]-~]{0,16} ?")
#: bytes from a designator's tag to the value of CodeMeaning, with a version between
_NEAR = 96
#: characters that no text holds (PS3.5 6.1.3: TAB, LF, FF, CR and ESC may occur)
_NO_CONTROL = re.compile(rb"[^\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]*")


def accepts(tag: int, vr: str) -> Callable[..., object]:
    """Return a test of a text ``vr``: by bytes, begin and end, whether an element may stay. Others are looked at closely."""
    special = _BY_TAG.get(tag)
    if special is not None:
        return special
    return _ELEMENTS.get(vr, _NO_CONTROL).fullmatch


def _follows_designator(content: bytes, begin: int = 0, end: int = sys.maxsize) -> bool:
    return begin == end or (has_designator_before(content, begin) and _NO_CONTROL.fullmatch(content, begin, end) is not None)


def has_designator_before(content: bytes, begin: int) -> bool:
    """Return whether the CodingSchemeDesignator of the same item stands shortly before a value.

    Whoever walks the item came by the designator, and knows whether it is a public one.
    """
    first = max(0, begin - _NEAR)
    # in either byte order
    little, big = content.rfind(b"\x08\0\x02\x01", first, begin), content.rfind(b"\0\x08\x01\x02", first, begin)
    at, item = (little, b"\xfe\xff") if little > big else (big, b"\xff\xfe")
    return at >= 0 and content.find(item, at, begin) < 0


def _is_published_scheme(content: bytes, begin: int = 0, end: int = sys.maxsize) -> bool:
    return content[begin:end].rstrip(b" ") in _published_schemes()


#: attributes whose values are looked at in other ways
_BY_TAG: dict[int, Callable[..., object]] = {
    CODING_SCHEME: _is_published_scheme,
    CODE_VALUE: _CODE.fullmatch,
    CODING_SCHEME_VERSION: _follows_designator,
    CODE_MEANING: _follows_designator,
}


@cache
def _published_schemes() -> frozenset[bytes]:
    return frozenset(map(str.encode, published_schemes()))


def has_grammar(vr: str) -> bool:
    """Return whether values of ``vr`` have a form by which they are known."""
    return vr in _ONE


def are_legal(tag: int, vr: str, text: bytes) -> bool:
    """Return whether all values of an attribute have the form of its VR, or are its terms; False where the VR has no form.

    Args:
        text: without padding.
    """
    if not has_grammar(vr):
        return False
    if vr in ("DS", "IS") and len(text) >= _LONG:
        return _is_long_list(text)
    return all(is_legal(tag, vr, value) for value in text.split(b"\\"))


def number_before_unit(value: bytes) -> bytes | None:
    """Return the number of a value that is a number and a unit. None for anything else: a number may be a part of it (1/2)."""
    found = _OF_UNITS.fullmatch(value)
    return found[1] if found is not None else None


def _is_long_list(text: bytes) -> bool:
    if not _LONG_LIST.fullmatch(text):
        return False
    # each sign before a number: dashes between digits are dates, telephone numbers and the like
    for sign in (b"-", b"+"):
        known = sum(text.count(before + sign) for before in _BEFORE_SIGNS)
        if text.count(sign) != known + text.startswith(sign):
            return False
    return True


def is_legal(tag: int, vr: str, value: bytes) -> bool:
    """Return whether one value of an attribute may stay: by its VR, or as one of its terms, whatever its case.

    Args:
        vr: one that ``has_grammar``.
        value: without padding.
    """
    value = value.strip(b" ")
    return not value or _ONE[vr].fullmatch(value) is not None or (vr == "CS" and _text(value) in terms_of(tag))


def _text(value: bytes) -> str:
    return value.decode("latin-1").upper()
