"""A line's words that stay, as a text that reads well: no double signs, no lone brackets."""

from __future__ import annotations

import re

from .line import Line
from .tokens import Kind, is_kept

_OPENING, _CLOSING = "([{<", ")]}>"
#: of several signs between two words that stay, the first of these remains
_SEPARATORS = ".;,:|/-&=+"
_SPACED = frozenset("|/-&=+")
_TIDY = re.compile(r"[,;:.|/&=+-]? ?| [,;:.|/&=+-] ?|\s")


def rendered(text: str, line: Line, *, is_last: bool) -> str:
    """Return the words that stay of ``text``: between two of them the original signs or, where a word went, the most telling one.

    Args:
        is_last: no other line follows in the text.
    """
    _trim(line, is_last)
    says = (at for at, kind in enumerate(line.kinds) if is_kept(kind) and not line.said(at, "stop") and len(line.word(at)) > 1)
    if next(says, None) is None:
        return ""
    if all(map(is_kept, line.kinds)):
        # runs of blanks included: nothing went
        return text[line.placed[0].start + line.placed[0].token.start : line.placed[-1].start + line.placed[-1].token.end]
    brackets = _brackets(line)
    parts: list[str] = []
    behind, went, signs = 0, False, ""
    for index, (token, mark, position) in enumerate(line.placed):
        if line.kinds[index] is Kind.MARK:
            lone = mark in _OPENING + _CLOSING and index not in brackets
            went = went or lone
            signs += "" if lone else mark
        elif is_kept(line.kinds[index]):
            start, end = position + token.start, position + token.end
            gap = text[behind:start]
            if not parts:
                parts.append("".join(sign for sign in signs if sign in _OPENING))
            else:
                parts.append(gap if not went and _TIDY.fullmatch(gap) else _separator(signs, len(gap)))
            parts.append(text[start:end])
            behind, went, signs = end, False, ""
        else:
            went = True
    parts.append("".join(sign for sign in signs if sign in _CLOSING))
    return "".join(parts)


def _trim(line: Line, is_last: bool) -> None:
    """Drop the words that say nothing without what went behind them (seen at, since), or without an end of the text."""
    went, ends = False, True
    for index in range(len(line.kinds) - 1, -1, -1):
        if line.kinds[index] is Kind.MARK:
            is_last, ends = is_last and ends, True
        elif not is_kept(line.kinds[index]):
            went = True
        elif ends and line.said(index, "stop") and (went or (is_last and not line.said(index, "ending"))):
            line.kinds[index] = Kind.GONE
        else:
            went = ends = is_last = False


def _separator(signs: str, length: int) -> str:
    """Return closing brackets, a sign, opening brackets; not longer than the ``length`` of the original."""
    closing = "".join(sign for sign in signs if sign in _CLOSING)
    opening = "".join(sign for sign in signs if sign in _OPENING)
    sign = next((sign for sign in _SEPARATORS if sign in signs), "")
    long = f"{closing} {sign} {opening}" if sign in _SPACED and sign else f"{closing}{sign} {opening}"
    return long if len(long) <= length else closing + sign + opening or " "


def _brackets(line: Line) -> set[int]:
    """Return the brackets that have a partner, and a word that stays between."""
    found: set[int] = set()
    waiting: list[tuple[int, str]] = []
    last = -1
    for index, kind in enumerate(line.kinds):
        mark = line.text(index)
        if is_kept(kind):
            last = index
        elif kind is Kind.MARK and mark in _OPENING:
            waiting.append((index, mark))
        elif kind is Kind.MARK and mark in _CLOSING:
            while waiting:
                at, opening = waiting.pop()
                if _OPENING.index(opening) == _CLOSING.index(mark):
                    found |= {at, index} if last > at else set()
                    break
    return found
