"""Texts for people who open CSV in spreadsheets: no cell can run as a formula."""

from __future__ import annotations

import re

#: places where a spreadsheet may begin to read a formula, whatever its separators are. A formula begins with one of the signs
#: that OWASP names, or its wide form, also behind blanks, quotes and invisible characters
_BEGINS = re.compile(
    "^(?=[\t\r\n])|(?:^|[;|\t\r\n])(?=[\\s\"'`\x00-\x1f\u200b-\u200f\u2060\ufeff]*[=+\\-@\uff0b\uff0d\uff1d\uff20])"
)
_ESCAPED = re.compile("(^|[;|\t\r\n])'")


def escape_formulas(text: str) -> str:
    """Return ``text`` with an apostrophe before each place where a spreadsheet might begin a formula."""
    return _BEGINS.sub(r"\g<0>'", text)


def unescape_formulas(text: str) -> str:
    """Return the text of which ``escape_formulas`` made ``text``; ``text`` itself where it made none such."""
    plain = _ESCAPED.sub(r"\1", text)
    if escape_formulas(plain) == text:
        return plain
    # an apostrophe of its own somewhere: those before formulas alone
    starts = [match.end() for match in _BEGINS.finditer(text)]
    kept = "".join(sign for place, sign in enumerate(text) if not (sign == "'" and place in starts))
    return kept if escape_formulas(kept) == text else text
