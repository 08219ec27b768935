"""Tag patterns: how rules of custom profiles say which attributes they are for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache
from typing import NamedTuple, NoReturn

from ..decisions import attribute_keyword, attribute_vr
from ..dictionary import dictionary, repeating, vrs
from ..errors import ProfileError
from ..tables import listed, tag_and_mask


class Attribute(NamedTuple):
    """An attribute as patterns see it.

    Attributes:
        tag: as it stands in the data set; of a private attribute, its block number included.
        keyword: ``""`` for private and unknown ones.
        vr: ``US or SS`` and the like where the dictionary says so.
        creator: the private creator without padding, ``""`` for public attributes and for the creators themselves.
    """

    tag: int
    keyword: str
    vr: str
    creator: str = ""


#: the attribute itself is the last one, before it the sequences that hold it
Path = tuple[Attribute, ...]

_MAX_LENGTH = 500
#: of a private creator, as much as a legal one has (LO): what an expression looks at has to be short
_MAX_CREATOR = 64
#: more of them in one alternative could look at a text too often
_MAX_REPETITIONS = 4

_TAG = re.compile(r"(\()?([0-9a-fx]{4}), ?([0-9a-fx]{4})(?(1)\))|([0-9a-fx]{4})([0-9a-fx]{4})", re.IGNORECASE)
_PRIVATE = re.compile(r"([0-9a-fx]{4})\{(.*)\}([0-9a-fx]{2})", re.IGNORECASE | re.DOTALL)
#: the last row of Table E.1-1, as the standard writes it
_ANY_PRIVATE = re.compile(r"\(?gggg,eeee\)?( where gggg is odd)?")
_KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_GLOB = re.compile(r"[A-Za-z0-9*?]*[*?][A-Za-z0-9*?]*")
_VR = re.compile(r"\{([A-Za-z]{2})\}")
_GREATER = re.compile(r">(?![^{}]*\})")

#: what only regular expressions have: brackets around a tag, and * and ? behind it, are how people write other things
_EXPRESSION_SIGN = re.compile(r"[\[\]\\^$|.{]|\(\?")
_TAG_CHARACTERS = re.compile(r"[0-9a-fx,()*?+ ]*", re.IGNORECASE)
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
#: what Python warns of: it may mean something else in a version to come, and in .NET
_SET_OPERATION = re.compile(r"\[(\[|\^?\]?[^\]]*(--|&&|~~|\|\|))")
_LATE_FLAGS = re.compile(r"(?<!^)\(\?[a-z]+\)")
_GROUP_HEAD = re.compile(r"\(\?(P?<[A-Za-z_]\w*>|<?[=!]|[a-z]*:|[a-z]+\)|P=\w+\)|>)")
_REPETITION = re.compile(r"[*+?]|\{\d*,?\d*\}")
_OPEN_REPETITION = re.compile(r"[*+?]|\{\d*,\d*\}")
_REPEATED_GROUP = re.compile(r"\)([*+]|\{\d*,\d*\})")
_EVEN_GROUP = re.compile(r"\^?[0-9a-f]{3}[02468ace],(?![*+?{])", re.IGNORECASE)


class _Part:
    """One step of a path: the attributes that may stand there."""

    __slots__ = ()
    concerns_private = False
    names_private = False
    names_creator = False
    names_creators = False
    single_tag: int | None = None

    def matches(self, attribute: Attribute) -> bool:
        raise NotImplementedError

    def covers(self, other: _Part) -> bool:
        """Return whether it surely matches all that ``other`` does."""
        return False

    @property
    def highest_private(self) -> int:
        """An upper limit of the private tags that it matches."""
        return 0xFFFFFFFF if self.concerns_private else 0


class _Tags(_Part):
    """A tag, some of its digits free; a private one with its creator."""

    __slots__ = (
        "_creator",
        "_mask",
        "_tag",
        "concerns_private",
        "names_creator",
        "names_creators",
        "names_private",
        "single_tag",
    )

    def __init__(self, tag: int, mask: int = 0xFFFFFFFF, creator: str | None = None) -> None:
        self._tag = tag
        self._mask = mask
        self._creator = creator
        self.names_creator = creator is not None
        self.names_private = bool(tag & mask & 0x10000)
        self.concerns_private = self.names_private or not mask & 0x10000
        self.names_creators = self.names_private and mask & 0xFF00 == 0xFF00 and not tag & 0xFF00
        self.single_tag = tag if mask == 0xFFFFFFFF and not self.names_private else None

    def matches(self, attribute: Attribute) -> bool:
        return attribute.tag & self._mask == self._tag and (self._creator is None or self._creator == attribute.creator)

    def covers(self, other: _Part) -> bool:
        return (
            isinstance(other, _Tags)
            and self._mask & other._mask == self._mask
            and other._tag & self._mask == self._tag
            and self._creator in (None, other._creator)
        )

    @property
    def highest_private(self) -> int:
        return self._tag | ~self._mask & 0xFFFFFFFF if self.concerns_private else 0


class _Keywords(_Part):
    """Keywords with * and ?."""

    __slots__ = ("_glob",)

    def __init__(self, glob: str) -> None:
        self._glob = re.compile(translate(glob))

    def matches(self, attribute: Attribute) -> bool:
        return attribute.keyword != "" and self._glob.match(attribute.keyword) is not None


class _Vr(_Part):
    """Attributes of a VR, those of ``US or SS`` for US and for SS."""

    __slots__ = ("_vr",)
    concerns_private = True

    def __init__(self, vr: str) -> None:
        self._vr = vr

    def matches(self, attribute: Attribute) -> bool:
        return self._vr in attribute.vr


class _Expression(_Part):
    """A regular expression that is searched for in ``gggg,eeee`` or ``gggg,eeee:CREATOR``, as fo-dicom does."""

    __slots__ = ("_expression", "concerns_private", "names_private")

    def __init__(self, expression: re.Pattern[str], concerns_private: bool) -> None:
        self._expression = expression
        self.concerns_private = concerns_private
        self.names_private = concerns_private and not any(map(self.matches, standard_attributes()))

    def matches(self, attribute: Attribute) -> bool:
        subject = f"{attribute.tag >> 16:04x},{attribute.tag & 0xFFFF:04x}"
        if attribute.creator:
            subject += f":{attribute.creator[:_MAX_CREATOR]}"
        found = self._expression.search(subject)
        # a creator may be named like the tag of another attribute
        return found is not None and found.start() <= 9


@dataclass(frozen=True)
class TagPattern:
    """A pattern of the attributes that a rule is for.

    ``gggg,eeee``, ``(gggg,eeee)`` or ``ggggeeee`` with x for any digit; ``gggg{Creator}ee`` for a private attribute, whatever
    block it is in; a keyword, or several by ``*`` and ``?``; ``{VR}``; some of these divided by ``>``: a path, which must be how
    the attribute's own path ends (with a leading ``>``: all of it); or a regular expression, in any case, that is searched for
    in ``gggg,eeee``, of private attributes in ``gggg,eeee:CREATOR``. What has no leading ``>`` matches at every depth.

    Attributes:
        text: as the user wrote it.
        is_everywhere: whether it doesn't matter what holds the attribute.
    """

    text: str
    is_everywhere: bool = field(init=False, repr=False, compare=False)
    _parts: tuple[_Part, ...] = field(init=False, repr=False, compare=False)
    _anchored: bool = field(init=False, repr=False, compare=False)
    _last: _Part = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts, anchored = _parse(self.text)
        object.__setattr__(self, "is_everywhere", len(parts) == 1 and not anchored)
        object.__setattr__(self, "_parts", parts)
        object.__setattr__(self, "_anchored", anchored)
        object.__setattr__(self, "_last", parts[-1])

    def __reduce__(self) -> tuple[type[TagPattern], tuple[str]]:
        return TagPattern, (self.text,)

    @classmethod
    def parse(cls, text: str) -> TagPattern:
        """Return the pattern that ``text`` is.

        Raises:
            ProfileError: it is none, or a keyword that doesn't exist; the message suggests the nearest one.
        """
        return cls(text.strip())

    def matches(self, path: Path) -> bool:
        """Return whether the pattern is for the attribute at ``path``."""
        if not self._last.matches(path[-1]):
            return False
        if self.is_everywhere:
            return True
        missing = len(path) - len(self._parts)
        if missing < 0 or (self._anchored and missing):
            return False
        return all(part.matches(path[missing + index]) for index, part in enumerate(self._parts[:-1]))

    def ends_with(self, attribute: Attribute) -> bool:
        """Return whether it is for the attribute somewhere, whatever sequences it needs around it."""
        return self._last.matches(attribute)

    @property
    def concerns_private(self) -> bool:
        """Return whether it could match private attributes, or attributes in private sequences."""
        return any(part.concerns_private for part in self._parts)

    @property
    def names_creators(self) -> bool:
        """Return whether it is for private creators only, which follow their blocks."""
        return self._last.names_creators

    def covers(self, other: TagPattern) -> bool:
        """Return whether it surely matches all that ``other`` does, private attributes included."""
        return self.text == other.text or (self.is_everywhere and self._last.covers(other._last))

    def reaches_beyond(self, tag: int) -> bool:
        """Return whether it could match top-level attributes behind ``tag``, or attributes in sequences there that it names."""
        first = self._parts[0]
        return first.highest_private > tag or any(map(first.matches, _behind(tag)))

    @property
    def names_private(self) -> bool:
        """Return whether it is for private attributes only: others, such as VRs, may match some by the way."""
        return self._last.names_private

    @property
    def names_creator(self) -> bool:
        """Return whether it is for private attributes of one creator."""
        return self._last.names_creator

    @property
    def single_tag(self) -> int | None:
        """The one public tag that it names, wherever that stands; None where it names several, or private ones."""
        return self._last.single_tag

    def attributes(self) -> Iterator[Attribute]:
        """Yield the standard attributes that it is for, repeating groups by their first, and a tag that no dictionary knows."""
        if self.single_tag is not None:
            yield Attribute(self.single_tag, attribute_keyword(self.single_tag), attribute_vr(self.single_tag))
            return
        yield from filter(self._last.matches, standard_attributes())


@cache
def _behind(tag: int) -> tuple[Attribute, ...]:
    return tuple(attribute for attribute in standard_attributes() if attribute.tag > tag)


@cache
def standard_attributes() -> tuple[Attribute, ...]:
    """Return the attributes of PS3.6 and of Table E.1-1; of repeating groups, the first."""
    tags = {*dictionary(), *listed(), *(row.tag for row in repeating())}
    return tuple(Attribute(tag, attribute_keyword(tag), attribute_vr(tag)) for tag in sorted(tags))


@cache
def _keywords() -> dict[str, _Tags]:
    parts = {attribute.keyword: _Tags(attribute.tag) for attribute in standard_attributes() if attribute.keyword}
    return parts | {row.entry.keyword: _Tags(row.tag, row.mask) for row in repeating()}


def _refuse(reason: str) -> NoReturn:
    raise ProfileError(reason)


def _parse(text: str) -> tuple[tuple[_Part, ...], bool]:
    if not text:
        _refuse("a tag, a keyword or another tag pattern is needed")
    if len(text) > _MAX_LENGTH or not text.isprintable():
        _refuse(f"a tag pattern has up to {_MAX_LENGTH} printable characters")
    steps = [step.strip() for step in _GREATER.split(text)]
    if len(steps) == 1 or "(?" in text:
        return (_simple(text) or _expression(text),), False
    anchored = steps[0] == ""
    parts = []
    for step in steps[1:] if anchored else steps:
        part = _simple(step)
        if part is None:
            _refuse(f"{step!r} can't be a part of a path: tags, keywords and VRs can")
        parts.append(part)
    for part in parts[:-1]:
        if part.single_tag is not None and attribute_vr(part.single_tag) not in ("SQ", ""):
            _refuse(f"{attribute_keyword(part.single_tag)} is no sequence, and nothing is in it")
    return tuple(parts), anchored


def _simple(text: str) -> _Part | None:
    """Return the part that ``text`` is if it is no regular expression; None: it can only be one."""
    if found := _TAG.fullmatch(text):
        return _Tags(*tag_and_mask((found[2] or found[4]) + (found[3] or found[5])))
    if found := _PRIVATE.fullmatch(text):
        return _private(found[1], found[2].strip(), found[3])
    if _ANY_PRIVATE.fullmatch(text):
        return _Tags(0x10000, 0x10000)
    if _KEYWORD.fullmatch(text):
        return _keywords().get(text) or _misspelt(text)
    if _GLOB.fullmatch(text):
        part = _Keywords(text)
        if not any(map(part.matches, standard_attributes())):
            _refuse(f"no keyword is like {text!r}; in a tag, x stands for any digit: 0010,xxxx")
        return part
    if found := _VR.fullmatch(text):
        if (vr := found[1].upper()) not in vrs():
            _refuse(f"there is no VR {vr}")
        return _Vr(vr)
    return None


def _private(group: str, creator: str, element: str) -> _Tags:
    number, mask = tag_and_mask(f"{group}xx{element}")
    if not creator:
        _refuse("a private creator is needed between { and }")
    if mask & 0x10000 and not number & 0x10000:
        _refuse(f"group {group} is not private: private groups are odd")
    return _Tags(number | 0x10000, mask | 0x10000, creator)


def _misspelt(text: str) -> NoReturn:
    words = re.sub(r"[^A-Za-z0-9]", "", text)
    nearest = difflib.get_close_matches(words, _keywords(), n=1, cutoff=0.6)
    hint = f"; did you mean {nearest[0]}?" if nearest else "; tags are written as 0010,0010"
    _refuse(f"there is no keyword {text!r}{hint}")


def _expression(text: str) -> _Expression:
    """Return the regular expression that ``text`` is. It has a sign that only expressions have, and no letter that no tag has."""
    bare = _CLASS.sub(".", _ESCAPE.sub(".", text))
    literal = _GROUP_HEAD.sub("(", bare)
    if not _EXPRESSION_SIGN.search(text):
        if not _TAG_CHARACTERS.fullmatch(text):
            _misspelt(text)
        _refuse(f"{text!r} is no whole tag: 4 digits, a comma and 4 digits, x for any digit; for a part of it write ^0010,")
    if "{" in _REPETITION.sub("", literal):
        _refuse(f"{text!r} is no private attribute: they are written as 0029{{CREATOR}}10")
    if ":" not in literal and re.search(r"[g-z]", literal, re.IGNORECASE):
        _refuse(f"{text!r}: regular expressions are searched for in tags (0010,0010 or 0029,1010:CREATOR); keywords take * and ?")
    escaped = _ESCAPE.sub(".", text)
    if _SET_OPERATION.search(escaped) or _LATE_FLAGS.search(escaped):
        _refuse(f"{text!r} is no regular expression here: no [[ -- && ~~ || in classes, and flags at the beginning only")
    if "-[" in text or _REPEATED_GROUP.search(literal):
        _refuse(f"{text!r}: classes without classes, and groups repeated up to a number of times at most: {{2}}")
    if any(len(_OPEN_REPETITION.findall(alternative)) > _MAX_REPETITIONS for alternative in literal.split("|")):
        _refuse(f"{text!r}: at most {_MAX_REPETITIONS} repetitions can be searched for")
    try:
        expression = re.compile(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", text), re.IGNORECASE | re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise ProfileError(f"{text!r} is no regular expression: {error}") from None
    return _Expression(expression, concerns_private="|" in literal or not _EVEN_GROUP.match(text))
