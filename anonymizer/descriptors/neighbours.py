"""Words that may be names, initials and numbers, judged by their neighbours (PS3.15 E.3.5)."""

from __future__ import annotations

from .line import PARTS, Line
from .tokens import NUMERIC, Kind, has_kind, is_kept, is_technique


def look_at_neighbours(line: Line) -> None:
    """Drop words that may be part of a name, by their neighbours."""
    kinds = line.kinds
    if Kind.NAME in kinds:
        _initials(line)
    if Kind.NAME in kinds or Kind.UNKNOWN in kinds:
        _odd_cases(line)
    if Kind.UNKNOWN in kinds:
        _beside_unknown(line)
    if Kind.UNKNOWN in kinds or Kind.NUMBER in kinds:
        _islands(line)
    if Kind.LETTER in kinds or Kind.DIGIT in kinds or Kind.GRADE in kinds:
        _letters_and_digits(line)


def _initials(line: Line) -> None:
    """Drop two letters that may be initials, but between words that stay, or, if they say technique, beside such."""
    for index, kind in enumerate(line.kinds):
        word = line.word(index)
        if kind is not Kind.NAME or len(word) != 2 or has_kind(word, "modality"):
            continue
        sides = [at for at in (index - 1, index + 1) if is_kept(line.kind(at))]
        technical = is_technique(word) and any(is_technique(line.word(at)) or line.said(at, "modality") for at in sides)
        if len(sides) < 2 and not technical:
            line.kinds[index] = Kind.UNKNOWN


def _odd_cases(line: Line) -> None:
    """Drop names by their capitals: CHEST PAIN Stone, chest pain STONE, and John Hip where other words are small."""
    texts = [placed.text for placed in line.placed if len(placed.text) > 3 and placed.text.isalpha()]
    upper, title = sum(map(str.isupper, texts)), sum(map(str.istitle, texts))
    begins_with_capital = line.text(0).istitle()
    small: bool | None = None
    for index, kind in enumerate(line.kinds):
        text = line.text(index)
        if not index or not is_kept(kind) or len(text) < 3:
            continue
        if kind is Kind.NAME and len(texts) > 1 and len(text) > 3:
            if (text.isupper() and upper == 1) or (text.istitle() and title == 1 and not begins_with_capital):
                line.kinds[index] = Kind.UNKNOWN
                continue
        if not text.istitle() or line.kinds[index - 1] is Kind.MARK or line.placed[index - 1].token.ends_sentence:
            continue
        if any(line.kind(at) is Kind.UNKNOWN and line.text(at).istitle() for at in (index - 1, index + 1)):
            if small is None:
                small = sum(placed.text.islower() for placed in line.placed if len(placed.text) > 1) > 1
            if small and not line.said(index, "modality"):
                line.kinds[index] = Kind.UNKNOWN


def _beside_unknown(line: Line) -> None:
    """Drop words that may be names beside a word that isn't understood, and so on along them."""
    forwards = range(len(line.kinds))
    for order in (forwards, forwards[::-1]):
        unknown = False
        for index in order:
            kind = line.kinds[index]
            if kind is Kind.MARK:
                unknown = unknown and line.text(index) not in PARTS
                continue
            ends = line.placed[index].token.ends_sentence
            unknown = unknown and not (ends and order is not forwards)
            if kind is Kind.NAME and unknown:
                line.kinds[index] = Kind.UNKNOWN
            else:
                unknown = kind is Kind.UNKNOWN
            unknown = unknown and not (ends and order is forwards)


def _islands(line: Line) -> None:
    """Drop one word among unknown ones, as in Jones and Jimenez, 12 Walker Path, ILL 78596."""
    was = list(line.kinds)
    for index, kind in enumerate(was):
        if not is_kept(kind):
            continue
        word = line.word(index)
        sides = [None if at is None else was[at] for at in (line.across(index, -1), line.across(index, 1))]
        unknown = sides.count(Kind.UNKNOWN)
        if unknown == 1 and not any(map(is_kept, sides)):
            short = len(word) < 3 or has_kind(word, "stop")
            housed = line.kind(index - 1) is Kind.UNKNOWN and line.kind(index - 2) in (*NUMERIC, Kind.GONE)
            unknown += short or housed
        if unknown > 1 or _is_plate(line, index):
            line.kinds[index] = Kind.UNKNOWN


def _is_plate(line: Line, index: int) -> bool:
    """Return whether letters before a number are like those of a number plate, and no technique."""
    word = line.word(index)
    if line.kind(index + 1) is not Kind.NUMBER or len(line.text(index + 1)) < 3 or len(word) > 3 or not word.isalpha():
        return False
    return not is_technique(word) and not has_kind(word, "modality") and not has_kind(word, "stop")


def _letters_and_digits(line: Line) -> None:
    """Drop letters and digits, but a letter for a side, a small number and a grade beside a word that stays."""
    was = list(line.kinds)
    for index, kind in enumerate(was):
        if kind is not Kind.LETTER and kind is not Kind.DIGIT and kind is not Kind.GRADE:
            continue
        beside = [at for at in (index - 1, index + 1) if 0 <= at < len(was)]
        beyond = [at for at in (line.beyond_marks(index, -1), line.beyond_marks(index, 1)) if 0 <= at < len(was)]
        if kind is Kind.GRADE:
            stays = line.said(line.beyond_marks(index, -1), "graded") and is_kept(was[beyond[0]])
        elif any(was[at] is Kind.UNKNOWN for at in beyond):
            stays = False
        elif kind is Kind.LETTER:
            stays = any(was[at] is Kind.PLAIN or (was[at] is Kind.NAME and line.said(at, "paired")) for at in beside)
        else:
            timed = any(line.placed[at].token.kind in (*NUMERIC, Kind.TIME, Kind.MONTH) for at in beyond)
            stays = not timed and any(is_kept(was[at]) for at in beside)
        line.kinds[index] = Kind.PLAIN if stays else Kind.GONE
