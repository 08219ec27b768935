"""The analysis of each token of a description by itself: word lists and the grammar of technique (PS3.15 E.3.5)."""

from __future__ import annotations

import re
from enum import Enum
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from profiles import descriptor_words

from .words import STRANGE, normal_word


class Kind(Enum):
    """The kind of a token; the context pass turns one into another until only words that stay are PLAIN or NAME."""

    PLAIN = "clinical or technical, stays"
    NAME = "clinical, and a name of people or places"
    PHRASE = "stays beside its partner only"
    TRAIT = "patient characteristic"
    LETTER = "one letter for a side"
    DIGIT = "small number without unit"
    NUMBER = "number that goes"
    GRADE = "number with a letter, stays behind what it grades"
    UNKNOWN = "goes, and may be part of a name"
    GONE = "goes"
    TITLE = "a person's name follows"
    PERSON = "a person may follow"
    LABEL = "an identifier or a place in a house may follow"
    INSTITUTION = "closes the name of an institution"
    CLINIC = "opens the name of an institution"
    STREET = "closes an address"
    ROAD = "opens an address"
    TIME = "unit of time, for ages"
    MONTH = "month or weekday, or a name"
    MARK = "punctuation"


#: numbers that may belong to a date, an age, an identifier
NUMERIC = (Kind.DIGIT, Kind.NUMBER)


class Token(NamedTuple):
    """A token's analysis, the same wherever it stands.

    Attributes:
        start, end: what would stay of it, by index.
        words: the normal words to ask for, of all its parts.
        word: itself as a normal word.
        ends_sentence: whether a full stop follows it.
    """

    kind: Kind
    start: int
    end: int
    words: tuple[str, ...] = ()
    word: str = ""
    ends_sentence: bool = False


#: stands for what a pattern has found: a time, an age, a postal code
ERASED = "\x02"

_LISTS = descriptor_words()
_KINDS = {
    "title": Kind.TITLE,
    "person": Kind.PERSON,
    "label": Kind.LABEL,
    "institution": Kind.INSTITUTION,
    "clinic": Kind.CLINIC,
    "street": Kind.STREET,
    "road": Kind.ROAD,
    "time": Kind.TIME,
    "month": Kind.MONTH,
}
#: single letters that stand for a side
_SIDES = frozenset("rl")
_ROMAN = frozenset(["ii", "iii", "iv", "vi", "vii", "viii", "ix", "xi", "xii"])
#: lengths of matrices in protocol names; any other number there may be an identifier
_MATRIX = frozenset(
    map(str, (64, 96, 128, 160, 192, 224, 240, 256, 288, 300, 320, 336, 352, 384, 400, 416, 448, 480, 512, 576, 640, 768, 1024))
)

_NUMBER = r"\d{1,3}(?:[.,]\d{1,3})?"
_UNITS = (
    r"mm|cm|cc|kvp?|mas?|µ?m?gy|c?gy|msv|sec|secs|seconds|min|mins|minutes|bpm|deg|degrees|°|%|mhz|khz|t|tesla|kev|mev|mci|ug|mcg"
)
_LONG_UNITS = r"ml|msec|hu|m?bq|gbq|mgy[*.]?cm|mgy|hz|mas|s|mmol|mmhg"
_PER = r"(?:/(?:s|sec|min|kg|ml|l|mm2?))?"
_WEIGHT_UNITS = r"kgs?|lbs?|pounds|kilos?"
#: a number with its unit, glued or not; ranges and dimensions
QUANTITY = (
    rf"(?i:[<>~+-]?=?{_NUMBER}(?:\s?[x*-]\s?{_NUMBER}){{0,2}}\s?(?:{_UNITS}|{_WEIGHT_UNITS})(?:[23]\b)?{_PER}"
    rf"|[<>~+-]?=?\d{{1,4}}(?:[.,]\d{{1,3}})?\s?(?:{_LONG_UNITS}|(?-i:ms)){_PER})"
)
#: b = 1000 and the like: multiples of 50
B_VALUE = (
    r"(?i:b[ =_-]{0,3}(?:0|50|(?:[1-9]|[1-3]\d)(?:00|50)|4000|5000|10000)(?:[ ,/+_-](?:0|50|(?:[1-9]|[1-3]\d)(?:00|50))){0,4})"
)
_QUANTITY = re.compile(QUANTITY)
_B_VALUE = re.compile(B_VALUE)
_BODY_SIZE = re.compile(rf"\d\s?(?:{_WEIGHT_UNITS})$|[1-9]\d\d(?:[.,]\d+)?\s?cm$", re.IGNORECASE)

_VERTEBRA = r"(?:c[1-7]|(?:t|th|d)(?:1[0-2]|[1-9])|l[1-6]|s[1-5])"
#: electrodes of EEG montages
_LEAD = "(?:fp|af|fc|ft|cp|tp|po|[fctpoa])"
_GRAMMAR = re.compile(
    rf"{_VERTEBRA}(?:[-/]{_VERTEBRA}|[-/](?:1[0-2]|[1-9]))*"
    r"|[sedvm]?t[12](?:w|wi|\*|\*w|rho|map|fs|post|pre|gd|km|ce|c)?(?:[23]d)?|[1-4]d|[1-6](?:vw|vws|v|views?|plane|pl|scan|phases?)"
    r"|[1-4](?:st|nd|rd|th)"
    r"|(?:(?:br|bv|bl|bf|hr|hv|hc|hp|qr|ur|ub|sa|sd|tr)\d\d[dfhsu]?|[bhjitud]\d\d[fhsmr]|fc\d\d)"
    r"|\*?(?:re_|ep_|tgse_)?[a-z]{2,6}[23]d\d?(?:[_-]?\d{1,2}(?:ns|pp|r|rr|st)?|r)?"
    r"|te\d{1,2}|tr[1-9]\d?(?:00|50)|ti[1-9]\d?(?:00|50)|fa\d{1,2}|etl\d{1,2}|n(?:ex|sa)\d|fov\d{2,3}|[pr][1-9]|ipat\d"
    r"|n[0-3x]|m[01x]"
    r"|(?:bi-?|pi-?|li-?|ti-?|lung-?)?rads-?[0-6][abcm]?"
    rf"|a?v[1-9]|av[rlf]|{_LEAD}(?:10|[1-9])(?:-{_LEAD}(?:10|[1-9]|z))?|{_LEAD}z-{_LEAD}(?:10|[1-9]|z)"
    r"|\d{1,3}(?:x\d{1,3}){1,2}|(?:sn)?\d{2,3}kvp?|(?:lao|rao|cran|caud)\d{1,2}|(?:1[4-9]|2[0-7])g"
    r"|[+-]/?-?c|c[+-]|c[+-]/c[+-]|[+-]?(?:gd|km|iv|mdc|civ|pdc)[+-]?"
)
#: stages (TNM); cT1, but CT1 is a device
_STAGE = re.compile(r"[ypcr]{0,3}T(?:[0-4][a-d]?|is|x|X)(?:[NM][0-3xX][a-c]?){0,2}|[ypcr]{1,2}[NM][0-3xX][a-c]?")
#: thickness in protocol names (5.0, 0.75); no day is 0, no month is 0
_THICKNESS = re.compile(r"(?:[1-9]|10)\.0|0[.,]\d{1,3}")
_GRADE = re.compile(r"[0-6][a-d]", re.IGNORECASE)
_DECIMAL = re.compile(r"\d+(?:[.,:]\d+)*")
_LEADING, _TRAILING = re.compile(r"\A[\W_]+"), re.compile(r"[\W_]+\Z")
_SEGMENT = re.compile(r"(?<![^\W_])\d+\.\d+[^_\-/+=&*.']*|[^_\-/+=&*.']+|[_\-/+=&*.']")
_RUN = re.compile(r"\d+(?:\.\d+)?|[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+")
_WHOLE_RUN = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")
_RUNS = re.compile(r"[^\W\d_]+|\d+")

#: of what a compound may consist
_ALLOWED = (Kind.PLAIN, Kind.NAME, Kind.PHRASE, Kind.TRAIT)


@lru_cache(maxsize=20_000)
def analyse(chunk: str) -> Token:
    """Return the analysis of ``chunk``: text without blanks (but in quantities), as ``fold`` gives it."""
    if chunk.strip(ERASED) == "":
        return Token(Kind.NUMBER, 0, 0)
    if any(sign in chunk for sign in (STRANGE, ERASED, "^", "@")):
        return Token(Kind.UNKNOWN, 0, 0)
    start, end = len(chunk) - len(_LEADING.sub("", chunk)), len(_TRAILING.sub("", chunk))
    if start == len(chunk):
        return Token(Kind.MARK, 0, start, word=chunk)
    # a path, not a fraction
    if chunk[0] in "/~" and "/" in chunk[start:end]:
        return Token(Kind.UNKNOWN, 0, 0)
    ends = "." in chunk[end:] or "!" in chunk[end:] or "?" in chunk[end:]
    kind, from_, to = _judged(chunk, start, end)
    core = chunk[start:end]
    if kind is Kind.LETTER and ends:
        kind = Kind.UNKNOWN
    ends = ends and len(core) > 1 and kind not in (Kind.TITLE, Kind.PERSON, Kind.LABEL)
    return Token(kind, from_, to, _asked(core), normal_word(core.replace("-", "")), ends)


def _judged(chunk: str, start: int, end: int) -> tuple[Kind, int, int]:
    """Return the kind of a chunk and its part that stays: with signs that say something before and behind it."""
    low = chunk.lower()
    left = start - 1 if start and chunk[start - 1] in "?<>~+" else start
    right = end + 1 if end < len(chunk) and chunk[end] in ".?!%*+" else end
    for first, last in ((0, len(chunk)), (0, end), (left, right), (start, right), (left, end), (start, end)):
        if last - first > 1 and (kind := _technical(chunk[first:last], low[first:last])) is not None:
            return kind, first, (last + 1 if last == end and chunk[end : end + 1] in (".", "?", "!") else last)
    core = chunk[start:end]
    if not core.isalpha() and core.lower() in _LISTS.context:
        return _listed(core.lower()) or Kind.UNKNOWN, start, end
    left = left if chunk[left] == "?" else start
    right = right if right > end and chunk[end] in ".?!" else end
    if core.isdigit():
        return (Kind.DIGIT if len(core) == 1 else Kind.NUMBER), start, end
    if _GRADE.fullmatch(core):
        return Kind.GRADE, start, end
    if _DECIMAL.fullmatch(core):
        return (Kind.DIGIT if _THICKNESS.fullmatch(core) else Kind.NUMBER), start, end
    return (_word(core) if core.isalpha() else _compound(core)), left, right


def _technical(part: str, low: str) -> Kind | None:
    """Return the kind by the grammar of technique."""
    if (
        (low in _LISTS.technique and not low.isalpha())
        or _GRAMMAR.fullmatch(low)
        or _STAGE.fullmatch(part)
        or _B_VALUE.fullmatch(low)
    ):
        return Kind.PLAIN
    if _QUANTITY.fullmatch(part):
        return Kind.TRAIT if _BODY_SIZE.search(part) else Kind.PLAIN
    return None


@cache
def _listed(word: str) -> Kind | None:
    """Return the kind of a normal word by the lists, None if they don't have it."""
    kinds = _LISTS.context.get(word, frozenset())
    for name, kind in _KINDS.items():
        if name in kinds:
            return kind
    if word in _LISTS.traits:
        return Kind.TRAIT
    if word in _LISTS.names or word in _ROMAN:
        return Kind.NAME
    if word in _LISTS.vocabulary:
        return Kind.PLAIN
    return Kind.PHRASE if word in _PHRASE_WORDS else None


_PHRASE_WORDS = frozenset(word for pair in _LISTS.phrases for word in pair)
#: Schulterschmerzen, Beinvenenthrombose: one word of two
_GERMAN = re.compile(
    "(?:{})(?:s|e?n|es?)?(?:{})".format(
        *("|".join(word for word, kinds in _LISTS.context.items() if part in kinds) for part in ("first_part", "last_part"))
    )
)


def _word(word: str) -> Kind:
    """Return the kind of letters, as one word or, where capitals divide them, several."""
    kind = _listed(normal_word(word))
    if kind is not None:
        return kind
    if len(word) == 1:
        return Kind.LETTER if word.lower() in _SIDES else Kind.UNKNOWN
    runs = _RUN.findall(word)
    if len(runs) > 1:
        return _together([_listed(normal_word(run)) for run in runs])
    return Kind.PLAIN if _GERMAN.fullmatch(normal_word(word)) else Kind.UNKNOWN


def _together(kinds: list[Kind | None]) -> Kind:
    """Return the kind of a compound of words: each of them must be allowed."""
    if any(kind not in _ALLOWED for kind in kinds):
        return Kind.UNKNOWN
    for kind in (Kind.PHRASE, Kind.TRAIT, Kind.NAME):
        if kind in kinds:
            return Kind.UNKNOWN if kind is Kind.PHRASE else kind
    return Kind.PLAIN


def _compound(core: str) -> Kind:
    """Return the kind of parts with signs, digits or capitals between them."""
    segments = _SEGMENT.findall(core)
    kinds: list[Kind | None] = []
    words: list[str] = []
    values = False
    technique = sum(segment.lower() in _LISTS.technique or bool(_GRAMMAR.fullmatch(segment.lower())) for segment in segments)
    for index, segment in enumerate(segments):
        before = segments[index - 1] if index else ""
        after = segments[index + 1] if index + 1 < len(segments) else ""
        if segment in "_-/+=&*.'":
            continue
        kind = _segment(segment, before, after, technique, "_" in segments)
        if kind is Kind.NUMBER and values and _B_VALUE.fullmatch(f"b{segment}"):
            kind = Kind.PLAIN
        values = kind is Kind.PLAIN and (values or bool(_B_VALUE.fullmatch(segment.lower())))
        if "." in (before, after) and segment.isalpha() and len(segment) < 3 and segment.lower() not in _LISTS.technique:
            # the last part of a host's name
            kind = Kind.UNKNOWN
        kinds.append(kind)
        words.append(normal_word(segment))
    if kinds[-1] in (Kind.TITLE, Kind.PERSON) and len(kinds) < 4:
        return kinds[-1]
    return _of_parts(kinds, words, core)


def _of_parts(kinds: list[Kind | None], words: list[str], core: str) -> Kind:
    """Return the kind of a compound, by those of its parts."""
    numbers = [kind in NUMERIC for kind in kinds]
    times = [kind is Kind.TIME for kind in kinds]
    if all(numbers) or (any(times) and all(map(_is_counted, kinds, words))):
        return Kind.NUMBER
    paired = {at + side for at, pair in enumerate(pairwise(words)) if pair in _LISTS.phrases for side in (0, 1)}
    rest: list[tuple[Kind | None, str]] = []
    for at, (kind, word) in enumerate(zip(kinds, words, strict=True)):
        # MR_Head is a modality; Mr_Head isn't
        modality = kind is Kind.TITLE and has_kind(word, "dual") and core.isupper()
        if modality or (kind is Kind.PHRASE and at in paired):
            rest.append((Kind.PLAIN, word))
        elif kind not in NUMERIC and kind is not Kind.LETTER:
            rest.append((kind, word))
    left = [kind for kind, _ in rest]
    sided = Kind.PLAIN in left or any(has_kind(word, "paired") for word in words)
    if not rest or (Kind.LETTER in kinds and not sided):
        return Kind.UNKNOWN
    together = _together(left)
    if together is Kind.NAME and left.count(Kind.PLAIN) > 1 and all(_is_technical_name(*part) for part in rest):
        together = Kind.PLAIN
    # numbers beside each other may be a date, long ones an identifier
    numbered = Kind.NUMBER in kinds or any(map(all, pairwise(numbers)))
    return Kind.GONE if numbered and together is not Kind.UNKNOWN else together


def _is_technical_name(kind: Kind | None, word: str) -> bool:
    """Return whether a part is no name, or one of technique: in t1_tse_fs_gd, fs and gd are no initials."""
    return kind is not Kind.NAME or (len(word) == 2 and word in _LISTS.technique)


def _is_counted(kind: Kind | None, word: str) -> bool:
    return kind is Kind.TIME or kind in NUMERIC or has_kind(word, "count")


def _segment(segment: str, before: str, after: str, technique: int, joined: bool) -> Kind | None:
    """Return the kind of a part between signs, None if it is nothing known."""
    low = segment.lower()
    if len(segment) > 1 and (kind := _technical(segment, low)) is not None:
        return kind
    if segment.isdigit():
        if joined and technique > 1 and segment in _MATRIX:
            return Kind.PLAIN
        return Kind.DIGIT if len(segment) == 1 else Kind.NUMBER
    if segment.isalpha():
        return Kind.PLAIN if _is_affix(low, before, after, technique) else _word(segment)
    if _THICKNESS.fullmatch(segment):
        return Kind.DIGIT
    runs = _WHOLE_RUN.findall(segment)
    return (
        _of_parts([_run(run) for run in runs], [normal_word(run) for run in runs], segment) if "".join(runs) == segment else None
    )


def _is_affix(low: str, before: str, after: str, technique: int) -> bool:
    """Return whether it is an affix: the l of l'abdomen, the s of Crohn's, the C of T1+C, the w of w/contrast."""
    if "'" in (before, after):
        return (after == "'" and has_kind(low, "elision")) or (before == "'" and low == "s")
    if low == "c":
        return before == "+" or after in ("+", "-") or (before in ("-", "_") and technique > 0)
    return low == "w" and after == "/"


def _run(run: str) -> Kind | None:
    """Return the kind of letters or digits that are glued to the others; CT1 and PET2 are devices, Scout2 and 3plane aren't."""
    if run[0].isdigit():
        return Kind.DIGIT if len(run) == 1 or _THICKNESS.fullmatch(run) else Kind.NUMBER
    word = normal_word(run)
    return None if has_kind(word, "modality") or (len(run) < 4 and word not in _LISTS.technique) else _word(run)


@lru_cache(maxsize=20_000)
def _asked(core: str) -> tuple[str, ...]:
    """Return the normal words by which ``core`` and its parts may be known to identify somebody."""
    found: dict[str, None] = {}
    for whole in {core, *re.split(r"[_\-/+=&*.']+", core)}:
        joined = "".join(_RUNS.findall(whole))
        for part in (joined, *_RUNS.findall(whole), *_RUN.findall(whole)):
            word = normal_word(part)
            if len(word) > 1:
                found[word] = None
                if word.endswith("s") and len(word) > 3:
                    found[word[:-1]] = None
    return tuple(sorted(found))


def is_kept(kind: Kind | None) -> bool:
    """Return whether a token of this kind stays, once its context was looked at."""
    return kind is Kind.PLAIN or kind is Kind.NAME


def has_kind(word: str, kind: str) -> bool:
    """Return whether ``context_words.csv`` gives the normal word that kind."""
    return kind in _LISTS.context.get(word, ())


def is_phrase(first: str, second: str) -> bool:
    """Return whether both words may stand side by side."""
    return (first, second) in _LISTS.phrases


def in_vocabulary(word: str) -> bool:
    """Return whether the normal word may stay by the lists, whatever else it may mean."""
    return word in _LISTS.vocabulary


def is_technique(word: str) -> bool:
    """Return whether the normal word says how an image was made: a sequence, a plane, a modality, or a token with digits."""
    return word in _LISTS.technique or not word.isalpha()
