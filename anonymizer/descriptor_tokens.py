"""What each token of a description may be, by itself: word lists and the grammar of technique (PS3.15 E.3.5, allow-list)."""

from __future__ import annotations

import re
from enum import Enum
from functools import cache, lru_cache
from typing import NamedTuple

from profiles.words import descriptor_words

from .descriptor_words import STRANGE, normal_word


class Kind(Enum):
    """What a token is; the context pass turns one into another until only words that stay are PLAIN or NAME."""

    PLAIN = "clinical or technical, stays"
    NAME = "clinical, and a name of people or places"
    PHRASE = "stays beside its partner only"
    TRAIT = "patient characteristic"
    LETTER = "one letter for a side"
    DIGIT = "small number without unit"
    NUMBER = "number that goes"
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
#: single letters that stand for a side, and those that mean contrast where a sign or a sequence's name is near
_SIDES, _CONTRAST = frozenset("rl"), "c"
_ELISIONS = frozenset(
    ["l", "d", "s", "n", "c", "j", "m", "t", "qu", "un", "all", "dell", "nell", "sull", "dall", "dal", "quest", "jusqu", "lorsqu"]
)
_ROMAN = frozenset(["ii", "iii", "iv", "vi", "vii", "viii", "ix", "xi", "xii"])
#: lengths of matrices in protocol names; any other number there may be an identifier
_MATRIX = frozenset(["64", "96", "128", "160", "192", "224", "240", "256", "288", "300", "320", "336", "352", "384", "400", "416", "448", "480", "512", "576", "640", "768", "1024"])

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
    r"|t[12](?:w|wi|\*|\*w|rho|map|fs|post|pre|gd|km|ce|c)?(?:[23]d)?|[1-4]d|[1-6](?:vw|vws|v|views?|plane|pl|scan|phases?)"
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
_DECIMAL = re.compile(r"\d+(?:[.,:]\d+)*")
_EDGES = re.compile(r"[^\w]*")
_ENDS = re.compile(r"[^\w]*\Z")
_SEGMENT = re.compile(r"(?<![^\W_])\d+\.\d+[^_\-/+=&*.']*|[^_\-/+=&*.']+|[_\-/+=&*.']")
_RUN = re.compile(r"\d+(?:\.\d+)?|[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+")
_WHOLE_RUN = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")
_RUNS = re.compile(r"[^\W\d_]+|\d+")

#: parts of a compound: only together with words may the last three stay
_ALLOWED = (Kind.PLAIN, Kind.NAME, Kind.PHRASE, Kind.TRAIT)


@lru_cache(maxsize=20_000)
def analyse(chunk: str) -> Token:
    """What ``chunk`` is: text without blanks (but in quantities), as ``fold`` gives it."""
    if chunk.strip(ERASED) == "":
        return Token(Kind.NUMBER, 0, 0)
    if any(sign in chunk for sign in (STRANGE, ERASED, "^", "@")):
        return Token(Kind.UNKNOWN, 0, 0)
    found = _EDGES.match(chunk)
    start = found.end() if found else 0
    if start == len(chunk):
        return Token(Kind.MARK, 0, len(chunk), word=chunk)
    end = _ENDS.search(chunk).start()  # type: ignore[union-attr]
    # a path, not a fraction
    if chunk[0] in "/~" and "/" in chunk[start:end]:
        return Token(Kind.UNKNOWN, 0, 0)
    ends = "." in chunk[end:] or "!" in chunk[end:] or "?" in chunk[end:]
    kind, from_, to = _judged(chunk, start, end)
    core = chunk[start:end]
    if kind is Kind.LETTER and ends:
        kind = Kind.UNKNOWN
    ends = ends and len(core) > 1 and kind not in (Kind.TITLE, Kind.PERSON, Kind.LABEL)
    return Token(kind, from_, to, _asked(core), normal_word(core), ends)


def _judged(chunk: str, start: int, end: int) -> tuple[Kind, int, int]:
    """The kind of a chunk and what of it stays: with signs that say something before and behind it."""
    low = chunk.lower()
    left = start - 1 if start and chunk[start - 1] in "?<>~+" else start
    right = end + 1 if end < len(chunk) and chunk[end] in ".?!%*+" else end
    for first, last in ((0, len(chunk)), (0, end), (left, right), (start, right), (left, end), (start, end)):
        if last - first > 1 and (kind := _technical(chunk[first:last], low[first:last])) is not None:
            return kind, first, last
    core = chunk[start:end]
    left = left if chunk[left] in "?" else start
    right = right if right > end and chunk[end] in ".?!" else end
    if core.isdigit():
        return (Kind.DIGIT if len(core) == 1 else Kind.NUMBER), start, end
    if _DECIMAL.fullmatch(core):
        return (Kind.DIGIT if _THICKNESS.fullmatch(core) else Kind.NUMBER), start, end
    return (_word(core) if core.isalpha() else _compound(core)), left, right


def _technical(part: str, low: str) -> Kind | None:
    """The kind of what the grammar of technique knows."""
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
    """The kind of a normal word by the lists, None if they don't have it."""
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


def _word(word: str) -> Kind:
    """The kind of letters, as one word or, where capitals divide them, several."""
    kind = _listed(normal_word(word))
    if kind is not None:
        return kind
    if len(word) == 1:
        return Kind.LETTER if word.lower() in _SIDES else Kind.UNKNOWN
    runs = _RUN.findall(word)
    return _together([_listed(normal_word(run)) for run in runs]) if len(runs) > 1 else Kind.UNKNOWN


def _together(kinds: list[Kind | None]) -> Kind:
    """The kind of a compound of words: each of them must be allowed."""
    if any(kind not in _ALLOWED for kind in kinds):
        return Kind.UNKNOWN
    for kind in (Kind.PHRASE, Kind.TRAIT, Kind.NAME):
        if kind in kinds:
            return Kind.UNKNOWN if kind is Kind.PHRASE else kind
    return Kind.PLAIN


def _compound(core: str) -> Kind:
    """The kind of parts with signs, digits or capitals between them."""
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
    numbers = [kind in (Kind.DIGIT, Kind.NUMBER) for kind in kinds]
    if all(numbers):
        return Kind.NUMBER
    # MR_Head is a modality; Mr_Head isn't
    kinds = [Kind.PLAIN if kind is Kind.TITLE and word in DUAL and core.isupper() else kind for kind, word in zip(kinds, words)]
    pairs = zip(words, words[1:])
    paired = {index + side for index, pair in enumerate(pairs) if pair in _LISTS.phrases for side in (0, 1)}
    kinds = [Kind.PLAIN if kind is Kind.PHRASE and index in paired else kind for index, kind in enumerate(kinds)]
    if Kind.TIME in kinds and all(
        kind in (Kind.TIME, Kind.DIGIT, Kind.NUMBER) or has_kind(word, "count") for kind, word in zip(kinds, words)
    ):
        return Kind.NUMBER
    rest = [kind for kind in kinds if kind not in (Kind.DIGIT, Kind.NUMBER, Kind.LETTER)]
    if not rest:
        return Kind.UNKNOWN
    kind = _together(rest)
    if kind is Kind.UNKNOWN:
        return kind
    if Kind.LETTER in kinds and Kind.PLAIN not in rest and not PAIRED & set(words):
        return Kind.UNKNOWN
    # numbers beside each other may be a date, long ones an identifier
    if Kind.NUMBER in kinds or any(first and second for first, second in zip(numbers, numbers[1:])):
        return Kind.GONE
    return kind


def _segment(segment: str, before: str, after: str, technique: int, joined: bool) -> Kind | None:
    low = segment.lower()
    if (kind := _technical(segment, low)) is not None and len(segment) > 1:
        return kind
    if segment.isdigit():
        if joined and technique > 1 and segment in _MATRIX:
            return Kind.PLAIN
        return Kind.DIGIT if len(segment) == 1 else Kind.NUMBER
    if segment.isalpha():
        if "'" in (before, after):
            if (after == "'" and low in _ELISIONS) or (before == "'" and low == "s"):
                return Kind.PLAIN
        elif (low == _CONTRAST and (before == "+" or after in ("+", "-") or (before in ("-", "_") and technique))) or (low == "w" and after == "/"):
            return Kind.PLAIN
        return _word(segment)
    if _THICKNESS.fullmatch(segment):
        return Kind.DIGIT
    runs = _WHOLE_RUN.findall(segment)
    if "".join(runs) != segment:
        return None
    kinds: list[Kind | None] = []
    for run in runs:
        if run[0].isdigit():
            kinds.append(Kind.DIGIT if len(run) == 1 else Kind.NUMBER)
        else:
            # CT1 and PET2 are devices, Scout2 and 3plane aren't
            kind = _word(run)
            kinds.append(None if kind is Kind.PLAIN and len(run) < 4 else kind)
    return _of_parts(kinds, [normal_word(run) for run in runs], segment)


@lru_cache(maxsize=20_000)
def _asked(core: str) -> tuple[str, ...]:
    """The normal words by which ``core`` and its parts may be known to identify somebody."""
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


#: abbreviations of a modality, an illness or a wave that are titles as well
DUAL = frozenset(["mr", "dr", "ms", "mrs", "st"])
#: paired parts of the body whose names are surnames, too: a letter beside them is a side
PAIRED = frozenset(
    ["hand", "foot", "arm", "leg", "knee", "ankle", "wrist", "heel", "toe", "finger", "ear", "eye", "kidney", "lung"]
)
#: parts that MR is made of whose names are surnames, too
IMAGED = PAIRED | {"head", "neck", "brain", "heart", "body", "leg"}


def is_kept(kind: Kind) -> bool:
    """Whether a token of this kind stays, once its context was looked at."""
    return kind is Kind.PLAIN or kind is Kind.NAME


def has_kind(word: str, kind: str) -> bool:
    """Whether ``context_words.csv`` gives the normal word that kind."""
    return kind in _LISTS.context.get(word, ())


def is_phrase(first: str, second: str) -> bool:
    """Whether both words may stand side by side."""
    return (first, second) in _LISTS.phrases


def in_vocabulary(word: str) -> bool:
    """Whether the normal word may stay by the lists, whatever else it may mean."""
    return word in _LISTS.vocabulary


def is_technique(word: str) -> bool:
    """Whether the normal word says how an image was made: a sequence, a plane, a modality, or a token with digits."""
    return word in _LISTS.technique or not word.isalpha()
