"""Words where a name, an identifier, an address, an age or a date is expected (PS3.15 E.3.5)."""

from __future__ import annotations

from enum import Enum

from .line import PARTS, Line
from .neighbours import look_at_neighbours
from .tokens import NUMERIC, Kind, in_vocabulary, is_kept, is_phrase

_WORDS = (Kind.PLAIN, Kind.NAME, Kind.UNKNOWN, Kind.PHRASE, Kind.LETTER, Kind.TRAIT)
#: most words of a street's or an institution's name that are looked for
_REACH = 3


class Expected(Enum):
    """The kinds of words that may follow a word."""

    NOTHING = "nothing"
    PERSON = "a name, unless a clinical word follows"
    SURNAME = "a name, whatever follows"
    IDENTIFIER = "an identifier, a number in a house"
    ROAD = "the name of a road, a number"
    CLINIC = "the name of an institution"
    TOWN = "the name of a place, perhaps"


_OPENED = {
    Kind.TITLE.name: Expected.SURNAME,
    Kind.PERSON.name: Expected.PERSON,
    Kind.LABEL.name: Expected.IDENTIFIER,
    Kind.ROAD.name: Expected.ROAD,
    Kind.CLINIC.name: Expected.CLINIC,
}


def settle(line: Line, expected: Expected) -> Expected:
    """Look at each token's context; afterwards PLAIN, NAME and MARK are all that stays.

    Args:
        expected: what the line before lets expect.

    Returns:
        What the next line may begin with.
    """
    kinds = line.kinds
    if expected is Expected.NOTHING and all(kind is Kind.PLAIN or kind is Kind.MARK for kind in kinds):
        return expected
    if Kind.PHRASE in kinds:
        _phrases(line)
    if Kind.TIME in kinds or Kind.MONTH in kinds or Kind.NUMBER in kinds:
        _times(line)
    expected = _behind_triggers(line, expected)
    for index, kind in enumerate(kinds):
        if kind is Kind.INSTITUTION:
            _institution(line, index)
        elif kind is Kind.STREET:
            _street(line, index)
    look_at_neighbours(line)
    return expected


def _phrases(line: Line) -> None:
    kinds = line.kinds
    for index, kind in enumerate(kinds[:-1]):
        if Kind.UNKNOWN not in (kind, kinds[index + 1]) and is_phrase(line.word(index), line.word(index + 1)):
            kinds[index] = kinds[index + 1] = Kind.PLAIN
    kinds[:] = [Kind.UNKNOWN if kind is Kind.PHRASE else kind for kind in kinds]


def _times(line: Line) -> None:
    """Drop ages and dates: a unit of time takes the number before it along, a month those on both sides."""
    kinds = line.kinds
    for index, kind in enumerate(list(kinds)):
        if kind is not Kind.TIME and kind is not Kind.MONTH and not line.said(index, "maybe_month"):
            continue
        before, after = line.beyond_marks(index, -1), line.beyond_marks(index, 1)
        if line.said(before, "particle") and line.is_number(before - 1):
            # 3rd of March
            kinds[before] = Kind.GONE
            before -= 1
        numbers = [other for other in (before, after) if line.is_number(other)]
        counted = before >= 0 and (line.said(before, "count") or line.placed[before].token.kind is Kind.TIME)
        if kind is Kind.TIME and counted:
            numbers.append(before)
        if kind is Kind.TIME or kind is Kind.MONTH:
            kinds[index] = Kind.GONE if numbers else _otherwise(line, index)
        elif any(kinds[other] is Kind.NUMBER for other in numbers):
            kinds[index] = Kind.GONE
        else:
            continue
        for other in numbers:
            kinds[other] = Kind.GONE


def _otherwise(line: Line, index: int) -> Kind:
    """Judge a unit of time or a month without a number: perhaps another word, perhaps April's name."""
    if in_vocabulary(line.word(index)):
        return Kind.PLAIN
    return Kind.UNKNOWN if line.kinds[index] is Kind.MONTH else Kind.GONE


def _behind_triggers(line: Line, expected: Expected) -> Expected:
    kinds, count = line.kinds, 0
    for index, placed in enumerate(line.placed):
        kind = kinds[index]
        if kind is Kind.MARK:
            address = expected is Expected.ROAD or expected is Expected.CLINIC
            if placed.text != ":" and (placed.text in PARTS or (placed.text == "," and address)):
                expected = Expected.NOTHING
            continue
        opened = _opened(line, index)
        if opened is not None:
            expected, count = (expected if opened is Expected.PERSON and expected is Expected.SURNAME else opened), 0
            continue
        if expected is not Expected.NOTHING:
            count += 1
            expected = _judge(line, index, expected, count)
        if expected is Expected.NOTHING and is_kept(kind) and line.said(index, "place"):
            expected = Expected.TOWN
        if placed.token.ends_sentence:
            expected = Expected.NOTHING
    return expected


def _opened(line: Line, index: int) -> Expected | None:
    """Return what a trigger makes expect; None if there is no trigger. The trigger itself goes."""
    kind = line.kinds[index]
    opened = _OPENED.get(kind.name)
    if opened is None:
        return None
    if kind is Kind.TITLE and _is_modality(line, index):
        line.kinds[index] = Kind.PLAIN
        return Expected.NOTHING
    if kind is Kind.LABEL and in_vocabulary(line.word(index)):
        # the pelvic floor isn't the third floor
        if line.kind(line.beyond_marks(index, 1)) not in NUMERIC and "." not in line.text(index):
            line.kinds[index] = Kind.PLAIN
            return None
    line.kinds[index] = Kind.GONE
    return Expected.NOTHING if line.text(index) == "ms" and line.kind(index - 1) in NUMERIC else opened


def _is_modality(line: Line, index: int) -> bool:
    """Return whether MR, DR, MS or ST is a modality, an illness, a wave: no full stop, no title's case, no name behind."""
    text, following = line.text(index), line.placed[index + 1 :]
    if not line.said(index, "dual") or not text.strip("?()").isalpha():
        return False
    if text[-1].islower() and (text[0].isupper() or any(placed.text.islower() for placed in line.placed)):
        return False
    after = line.kind(index + 1)
    if after is None or after is Kind.PLAIN or line.text(index + 1) in (")", ",", ";"):
        return True
    if index or line.word(index) != "mr" or after is not Kind.NAME or not line.said(index + 1, "imaged"):
        return False
    words = [kind for kind in line.kinds[index + 1 :] if kind is not Kind.MARK]
    return Kind.UNKNOWN not in words[:_REACH] and not any(line.said(at + index + 1, "modality") for at in range(len(following)))


def _judge(line: Line, index: int, expected: Expected, count: int) -> Expected:
    """Drop the token if it may be what was expected, the ``count``-th since; return what is still expected."""
    kinds, kind = line.kinds, line.kinds[index]
    if expected is Expected.SURNAME:
        if kind in NUMERIC or kind is Kind.GONE:
            return expected
        kinds[index] = Kind.UNKNOWN
        return Expected.PERSON
    if expected is Expected.TOWN:
        mixed = any(placed.text.islower() for placed in line.placed)
        if kind is Kind.NAME and line.text(index).istitle() and mixed:
            kinds[index] = Kind.UNKNOWN
        return Expected.NOTHING
    if expected is Expected.PERSON:
        if line.said(index, "particle"):
            return expected if count < _REACH else Expected.NOTHING
        if kind is Kind.LETTER or (kind is Kind.NAME and not _is_obvious(line, index)):
            kinds[index] = Kind.UNKNOWN
        return Expected.NOTHING if is_kept(kinds[index]) else expected
    if expected is Expected.IDENTIFIER:
        if kind is Kind.LETTER or any(character.isdigit() for character in line.text(index)):
            kinds[index] = Kind.GONE
        elif kind is Kind.NAME:
            kinds[index] = Kind.UNKNOWN
        return expected if kinds[index] is not Kind.PLAIN and count < _REACH else Expected.NOTHING
    if expected is Expected.CLINIC and line.said(index, "modality"):
        return Expected.NOTHING
    kinds[index] = Kind.UNKNOWN
    return Expected.NOTHING if kind in NUMERIC or count > _REACH - (expected is Expected.CLINIC) else expected


def _is_obvious(line: Line, index: int) -> bool:
    """Return whether a word that may be a name is obviously none: small where capitals are used, a clinical word behind it."""
    if line.kind(index + 1) is not Kind.PLAIN or line.said(index + 1, "stop") or not line.text(index).islower():
        return False
    return any(placed.text.isalpha() and not placed.text.islower() for placed in line.placed)


def _institution(line: Line, index: int) -> None:
    """Mark institutions as unknown: Mercy Medical Center, Brain and Spine Institute, Hospital of the City."""
    kinds = line.kinds
    kinds[index] = Kind.UNKNOWN
    at, seen, clinical = index - 1, 0, True
    while at >= 0 and seen <= _REACH:
        if line.text(at) in ("&", "-", "/"):
            clinical = True
        elif seen and line.said(at, "and") and line.kind(at - 1) in _WORDS:
            clinical = True
            kinds[at] = Kind.UNKNOWN
        elif line.said(at, "stop") or kinds[at] not in _WORDS or (kinds[at] is Kind.PLAIN and not clinical):
            break
        else:
            clinical = False
            kinds[at] = Kind.UNKNOWN
            seen += 1
        at -= 1
    after = []
    for at in range(index + 1, min(index + 2 + _REACH, len(kinds))):
        person = line.placed[at].token.kind in (Kind.TITLE, Kind.PERSON)
        if (kinds[at] not in _WORDS and not person) or line.said(at, "modality"):
            break
        after.append(at)
    named = line.said(index + 1, "stop") or line.said(index + 1, "particle")
    while after and not named and kinds[after[-1]] not in (Kind.UNKNOWN, Kind.NAME):
        after.pop()
    for at in after:
        kinds[at] = Kind.UNKNOWN


def _street(line: Line, index: int) -> None:
    """Mark streets as unknown: 12 High Street, Long Lane; a number before takes all words behind it along."""
    kinds, first = line.kinds, index - 1
    for at in range(index - 1, max(index - 2 - _REACH, -1), -1):
        if kinds[at] is Kind.MARK or line.said(at, "stop"):
            break
        if any(character.isdigit() for character in line.text(at)):
            first = at
            break
    for at in range(max(first, 0), index + 1):
        kinds[at] = Kind.UNKNOWN if kinds[at] is not Kind.MARK else Kind.MARK
    if line.kind(index + 1) in NUMERIC:
        kinds[index + 1] = Kind.GONE
