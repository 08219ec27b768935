"""CTP DicomPixelAnonymizer scripts: ``{condition}(x,y,w,h)(x,y,w,h)...``, of which the first signature that matches applies.

All text outside of braces and round brackets is comment. A value is compared as one text, with backslashes between several; a
missing attribute reads as the empty text. Case counts but for methods that end in ``IgnoreCase``. A rectangle with a negative x
or y begins that far from the right or bottom edge. CTP blanks one column and one row more than the width and height.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..conditions import ALL_VALUES, MAX_DEPTH, AttributeTest, Node, Not
from ..dictionary import entry_of, tags
from .drafts import (
    DraftArea,
    RuleDraft,
    Untranslatable,
    absent,
    all_of,
    any_of,
    attribute,
    condition_of,
    integers,
    matches_nothing,
    regex_test,
    text_test,
    value_attribute,
)

_SIGNATURE = re.compile(r"\{([^}]*)\}")
_BRACKETS = re.compile(r"\(([^)]*)\)")
_METHOD = re.compile(r"\.\s*(?:equals|contains|startsWith|endsWith|matches|is(?:Less|Greater)Than)\w*\s*\(\s*\"")
#: characters of a condition, and rectangles of a signature: more is no rule that a person can check
_LONGEST, _MOST_AREAS = 20_000, 1000
_TAG = re.compile(r"\[\s*([0-9A-Fa-f]{4})\s*,\s*([0-9A-Fa-f]{4})\s*\]")
_CONSTANT = re.compile(r"(true|false)\s*(?=[)*+]|$)")
_TEXTUAL = {"equals": "=", "contains": "contains", "startsWith": "starts with", "endsWith": "ends with"}
_NUMERIC = {"isLessThan": "<", "isGreaterThan": ">"}
_NUMBERS = frozenset({"US", "UL", "SS", "SL", "UV", "SV", "IS", "DS", "FL", "FD"})
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")

#: an expression; a truth value where it is one for every object
_Expression = Node | bool


def is_ctp_script(text: str) -> bool:
    """Return whether ``text`` looks like a script: a method of a condition stands in braces."""
    return any(_METHOD.search(signature[1]) for signature in _found(_SIGNATURE, text, "}"))


def _found(pattern: re.Pattern[str], text: str, end: str) -> Iterator[re.Match[str]]:
    """Yield what is in brackets that ``end`` closes, in time linear in ``text``: no open bracket is looked at to its end."""
    return pattern.finditer(text, 0, text.rfind(end) + 1)


def read_ctp_script(text: str, prefix: str = "ctp") -> Iterator[RuleDraft]:
    """Yield the signatures of a script in their order.

    Args:
        prefix: what the generated names begin with.
    """
    found = list(_found(_SIGNATURE, text, "}"))
    line, position = 1, 0
    for number, signature in enumerate(found, 1):
        line += text.count("\n", position, signature.start())
        position = signature.start()
        end = found[number].start() if number < len(found) else len(text)
        yield _draft(f"{prefix}-{number:04}", line, signature[1], text[signature.end() : end])


def _draft(name: str, line: int, script: str, behind: str) -> RuleDraft:
    problems: list[str] = []
    condition = None
    areas: list[DraftArea] = []
    try:
        expression = _Script(script).parse()
        if expression is False:
            raise Untranslatable("the condition never holds")
        condition = condition_of(None if expression is True else expression)
    except Untranslatable as error:
        problems.append(str(error))
    for brackets in _found(_BRACKETS, behind, ")"):
        if len(areas) == _MOST_AREAS:
            problems.append(f"there are more than {_MOST_AREAS} rectangles")
            break
        try:
            areas.extend(_areas(brackets[1]))
        except Untranslatable as error:
            problems.append(str(error))
    return RuleDraft(name, line, condition, "clean", tuple(areas), tuple(dict.fromkeys(problems)))


def _areas(text: str) -> Iterator[DraftArea]:
    """Yield the rectangle that stands in brackets; none if they belong to a comment."""
    parts = text.split(",")
    looks_like_one = all(part.strip().lstrip("+-").isdigit() for part in parts)
    if not looks_like_one and (len(parts) != 4 or not any(character.isdigit() for character in text)):
        return
    if len(parts) != 4:
        raise Untranslatable("a rectangle hasn't four numbers")
    x, y, width, height = integers(parts)
    if width < 0 or height < 0:
        raise Untranslatable("a rectangle has a negative width or height")
    yield DraftArea(x, y, _end(x, width), _end(y, height))


def _end(start: int, length: int) -> int:
    """Return the end of a side: one pixel further than the length says, and at the edge at most."""
    end = start + length + 1
    return end if start >= 0 else min(end, 0)


class _Script:
    """A parser of one condition, as CTP reads it: ``!`` binds more than ``*``, and that more than ``+``."""

    def __init__(self, script: str) -> None:
        if len(script) > _LONGEST:
            raise Untranslatable("the condition is too long")
        self._script = script
        self._position = 0
        self._depth = 0

    def parse(self) -> _Expression:
        expression = self._disjunction()
        if self._peek():
            raise Untranslatable("the condition can't be read to its end")
        return expression

    def _peek(self) -> str:
        """Return the next character behind blanks and comments, ``""`` at the end."""
        script = self._script
        while self._position < len(script):
            if script.startswith("//", self._position):
                end = script.find("\n", self._position)
                self._position = end if end >= 0 else len(script)
            elif script[self._position].isspace():
                self._position += 1
            else:
                return script[self._position]
        return ""

    def _take(self, sign: str) -> bool:
        if self._peek() != sign:
            return False
        self._position += 1
        return True

    def _disjunction(self) -> _Expression:
        parts = [self._conjunction()]
        while self._take("+"):
            parts.append(self._conjunction())
        if True in parts:
            return True
        nodes = [part for part in parts if not isinstance(part, bool)]
        return any_of(nodes) if nodes else False

    def _conjunction(self) -> _Expression:
        parts = [self._negation()]
        while self._take("*"):
            parts.append(self._negation())
        if False in parts:
            return False
        nodes = [part for part in parts if not isinstance(part, bool)]
        return all_of(nodes) if nodes else True

    def _negation(self) -> _Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Untranslatable("a condition has too many brackets within brackets")
        if self._take("!"):
            inner = self._negation()
            expression: _Expression = not inner if isinstance(inner, bool) else Not(inner)
        elif self._take("("):
            expression = self._disjunction()
            if not self._take(")"):
                raise Untranslatable("a bracket of the condition isn't closed")
        else:
            expression = self._operand()
        self._depth -= 1
        return expression

    def _field(self, end: str) -> str:
        """Take the text before ``end``, which doesn't count within quotes."""
        start = self._position
        quoted = False
        while self._position < len(self._script):
            character = self._script[self._position]
            self._position += 1
            if character == '"':
                quoted = not quoted
            elif character == end and not quoted:
                return self._script[start : self._position - 1].strip()
        raise Untranslatable("the condition can't be read")

    def _operand(self) -> _Expression:
        character = self._peek()
        if not (character == "[" or character.isalpha()):
            raise Untranslatable("the condition can't be read")
        if constant := _CONSTANT.match(self._script, self._position):
            self._position = constant.end()
            return constant[1] == "true"
        name = self._field(".")
        method = self._field("(")
        value = self._field(")")
        if len(value) < 2 or value[0] != '"' or value[-1] != '"' or '"' in value[1:-1]:
            raise Untranslatable("a value isn't one text in quotes")
        return _test(_tag(name), method, value[1:-1])


def _tag(name: str) -> int:
    nested = "::" in name
    if found := _TAG.fullmatch(name):
        return attribute(int(found[1] + found[2], 16), name, nested=nested)
    if name.startswith("[") and not nested:
        raise Untranslatable("a private attribute can't be tested")
    return attribute(tags().get(name), name, nested=nested)


def _test(tag: int, method: str, value: str) -> _Expression:
    value_attribute(tag)
    base = method.removesuffix("IgnoreCase")
    exact = base == method
    if base in _TEXTUAL:
        if value:
            return text_test(tag, _TEXTUAL[base], value, exact=exact)
        # a missing attribute reads as an empty text, and each text has an empty one in it
        return absent(tag) if base == "equals" else True
    if base == "matches":
        if not value:
            return absent(tag)
        found = regex_test(tag, value, exact=exact)
        return any_of([found, absent(tag)]) if matches_nothing(value) else found
    if method in _NUMERIC:
        entry = entry_of(tag)
        if not _NUMBER.fullmatch(value) or entry is None or entry.vr.split(" or ")[0] not in _NUMBERS:
            raise Untranslatable(f"{method} is taken over for attributes that are numbers, compared with a number without a sign")
        return AttributeTest(tag, _NUMERIC[method], (value,), ALL_VALUES)
    raise Untranslatable(f"there is no method {method[:32]!r}")
