"""Pixel rules of other tools as they were understood, with what could not be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from ..conditions import ALL_VALUES, AllOf, AnyOf, AttributeTest, Condition, Node, Not, compile_regex
from ..dictionary import dictionary, entry_of
from ..errors import ProfileError


class DraftArea(NamedTuple):
    """A rectangle: half-open, negative numbers counted from the right or bottom edge, an end of 0 the edge itself."""

    x0: int
    y0: int
    x1: int
    y1: int
    blank: bool = True


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule of another tool.

    Attributes:
        name: generated from its place in the file.
        line: of the file, from 1 on.
        condition: None: any object.
        outcome: ``clean``, ``keep`` or ``quarantine``.
        areas: in the order in which they are applied.
        untranslated: sentences on what can't be taken over; the rule is incomplete where there are some.
        readings: sentences on what is read otherwise than the tool's code does.
    """

    name: str
    line: int
    condition: Condition | None
    outcome: str
    areas: tuple[DraftArea, ...]
    untranslated: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()


class Untranslatable(Exception):
    """A part of a rule that can't be taken over: a sentence that says why."""


#: a number of pixels: Rows and Columns are two bytes each
_MAX_PIXELS = 0xFFFF
#: characters of a value that a pattern is made of
_LONGEST_TEXT = 900
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,6}\s*")


def integers(texts: list[str]) -> list[int]:
    """Return the numbers of pixels in ``texts``.

    Raises:
        Untranslatable: one that is none.
    """
    if not all(_INTEGER.fullmatch(text) for text in texts):
        raise Untranslatable("a rectangle has something else than whole numbers")
    numbers = [int(text) for text in texts]
    if not all(abs(number) <= _MAX_PIXELS for number in numbers):
        raise Untranslatable("a rectangle is larger than any image")
    return numbers


def attribute(tag: int | None, name: str, *, nested: bool = False) -> int:
    """Return the tag of an attribute of the data set that a condition can test.

    Args:
        tag: None: there is none of that name.
        nested: whether ``name`` leads into a sequence.

    Raises:
        Untranslatable: nested, private, file meta and unknown attributes.
    """
    if nested:
        raise Untranslatable("an attribute within a sequence can't be tested")
    if tag is None:
        raise Untranslatable(f"{name[:64]!r} is no attribute of PS3.6")
    if tag >> 16 & 1:
        raise Untranslatable("a private attribute can't be tested")
    if tag >> 16 < 0x0008:
        raise Untranslatable("an attribute of the file meta group can't be tested")
    entry = dictionary().get(tag)
    if entry is None or not entry.keyword:
        raise Untranslatable(f"{name[:64]!r} is no attribute of PS3.6")
    return tag


def value_attribute(tag: int) -> int:
    """Return ``tag`` if the attribute has values.

    Raises:
        Untranslatable: of a sequence only its presence can be asked.
    """
    entry = entry_of(tag)
    if entry is not None and entry.vr == "SQ":
        raise Untranslatable("of a sequence only its presence can be asked")
    return tag


def text_test(tag: int, operation: str, text: str, *, exact: bool) -> Node:
    """Return the test of all values of an attribute, as one text, by ``text`` as it stands, with blanks around it.

    Raises:
        Untranslatable: a text too long for that.
    """
    if text == text.strip() and text:
        return AttributeTest(tag, operation, (text,), ALL_VALUES, exact)
    escaped = re.escape(text)
    patterns = {
        "=": escaped,
        "contains": f".*{escaped}.*",
        "starts with": f"{escaped}.*",
        "ends with": f".*{escaped}",
    }
    if len(escaped) > _LONGEST_TEXT:
        raise Untranslatable("a value is too long")
    return AttributeTest(tag, "matches", (patterns[operation],), ALL_VALUES, exact)


def regex_test(tag: int, pattern: str, *, exact: bool, around: str = "") -> AttributeTest:
    """Return the test of all values of an attribute, as one text, by a regular expression whose dot stops at the end of a line.

    Args:
        around: a pattern for what may stand on both sides.

    Raises:
        Untranslatable: RE2 doesn't take it, or reads it otherwise than Java and Python do.
    """
    if _has_class_of_java(pattern) or "{," in pattern:
        raise Untranslatable("a regular expression has a part that RE2 reads otherwise")
    try:
        # alone, too: brackets that don't match would match those around them
        compile_regex(pattern)
        return AttributeTest(tag, "matches", (f"{around}(?-s:{pattern}){around}",), ALL_VALUES, exact)
    except ProfileError:
        raise Untranslatable("a regular expression has look-around, back-references or else what RE2 doesn't take") from None


def matches_nothing(pattern: str) -> bool:
    """Return whether a regular expression that RE2 takes matches the empty text."""
    return compile_regex(pattern, exact=True).fullmatch(b"") is not None


def _has_class_of_java(pattern: str) -> bool:
    """Return whether a character class has a class within it or an intersection, which RE2 reads as plain characters."""
    inside = False
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            position += 2
            continue
        if inside and ((character == "[" and pattern[position + 1 : position + 2] != ":") or pattern.startswith("&&", position)):
            return True
        if character == "[" and not inside:
            inside = True
            # a bracket that closes nothing, right at the beginning
            position += 1 + (pattern[position + 1 : position + 2] == "^")
            position += pattern[position : position + 1] == "]"
            continue
        if character == "]":
            inside = False
        position += 1
    return False


def all_of(nodes: list[Node]) -> Node:
    """Return the conjunction of one node or more."""
    return nodes[0] if len(nodes) == 1 else AllOf(tuple(nodes))


def any_of(nodes: list[Node]) -> Node:
    """Return the disjunction of one node or more."""
    return nodes[0] if len(nodes) == 1 else AnyOf(tuple(nodes))


def absent(tag: int) -> Node:
    """Return the test that an attribute has no value."""
    return Not(AttributeTest(tag, "is present", place=ALL_VALUES))


def condition_of(node: Node | None) -> Condition | None:
    """Return the condition with the expression ``node``, once its text was seen to be readable.

    Raises:
        Untranslatable: it nests too much.
    """
    if node is None:
        return None
    try:
        condition = Condition.of(node)
        assert Condition.parse(condition.text).node == node
    except (ProfileError, RecursionError):
        raise Untranslatable("a condition has too many brackets within brackets") from None
    return condition
