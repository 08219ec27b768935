"""Conditions on attributes: the one grammar in which the product's rules say which objects they mean.

In EBNF, with white space between words; values are compared without regard to case:

.. code-block:: text

    condition   = conjunction , { "or" , conjunction } ;
    conjunction = negation , { "and" , negation } ;
    negation    = "not" , negation | "(" , condition , ")" | test ;
    test        = attribute , ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) , value
                | attribute , "in" , "(" , value , { "," , value } , ")"
                | attribute , ( "contains" | "starts with" | "ends with" ) , value
                | attribute , "is" , ( "present" | "absent" ) ;
    attribute   = keyword , [ "[" , number , "]" ] ;
    value       = word | '"' , text , '"' ;

A test holds where any value of the attribute passes it, or the value that the number names, counted from 1. Empty values are
none: an attribute without a value is absent. ``<`` and its like compare numbers; what is no number passes none of them.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from .dictionary import tags
from .errors import ProfileError

#: values of an attribute, without padding, by tag
Values = Mapping[int, tuple[str, ...]]

#: what a rule may nest, for its reader's sake
_MAX_DEPTH = 32
_TOKEN = re.compile(r'\s*(?:(?P<quoted>"[^"]*")|(?P<word>[\w.+-]+)|(?P<sign><=|>=|!=|[=<>()\[\],]))')
_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TEXTUAL: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "contains": operator.contains,
    "starts with": str.startswith,
    "ends with": str.endswith,
}


@dataclass(frozen=True, slots=True)
class AttributeTest:
    """A test of one attribute.

    Attributes:
        operation: a comparison, ``in``, ``contains``, ``starts with``, ``ends with`` or ``is present``.
        values: what is compared with, in upper case.
        place: the value that is meant, from 1 on; 0: any.
    """

    tag: int
    operation: str
    values: tuple[str, ...] = ()
    place: int = 0

    def holds(self, values: Values) -> bool:
        """Return whether any value passes."""
        found = values.get(self.tag, ())
        if self.place:
            found = found[self.place - 1 : self.place]
        return any(self._passes(value.upper()) for value in found if value)

    def _passes(self, value: str) -> bool:
        if self.operation == "is present":
            return True
        if self.operation == "in":
            return value in self.values
        if (compare := _NUMERIC.get(self.operation)) is not None:
            try:
                return compare(float(value), float(self.values[0]))
            except ValueError:
                return False
        return _TEXTUAL[self.operation](value, self.values[0])


@dataclass(frozen=True, slots=True)
class Not:
    """The negation of ``of``."""

    of: Node

    def holds(self, values: Values) -> bool:
        """Return whether ``of`` doesn't hold."""
        return not self.of.holds(values)


@dataclass(frozen=True, slots=True)
class AllOf:
    """The conjunction of ``of``."""

    of: tuple[Node, ...]

    def holds(self, values: Values) -> bool:
        """Return whether all of ``of`` hold."""
        return all(node.holds(values) for node in self.of)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The disjunction of ``of``."""

    of: tuple[Node, ...]

    def holds(self, values: Values) -> bool:
        """Return whether one of ``of`` holds."""
        return any(node.holds(values) for node in self.of)


Node = AttributeTest | Not | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition: its text and its parsed expression."""

    text: str
    node: Node

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition.

        Raises:
            ProfileError: where it isn't one.
        """
        return cls(" ".join(text.split()), _Parser(text).parse())

    def holds(self, values: Values) -> bool:
        """Evaluate it on the values of an object's attributes; those that are missing are absent."""
        return self.node.holds(values)

    def tests(self) -> Iterator[AttributeTest]:
        """Yield all tests in it."""
        return _tests(self.node)


def _tests(node: Node) -> Iterator[AttributeTest]:
    if isinstance(node, AttributeTest):
        yield node
        return
    for part in (node.of,) if isinstance(node, Not) else node.of:
        yield from _tests(part)


class _Parser:
    """A parser of one condition, from left to right, with no step back."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self._position = 0
        self._token = self._next = ""
        self._advance()

    def parse(self) -> Node:
        node = self._disjunction()
        if self._next:
            self._fail("an end, 'and' or 'or'")
        return node

    def _advance(self) -> str:
        """Take the next token, which may be empty at the end."""
        token, rest = self._next, self._text[self._position :]
        if not rest.strip():
            self._next = ""
        elif found := _TOKEN.match(rest):
            self._next = found.group().strip()
            self._position += found.end()
        else:
            self._position += len(rest) - len(rest.lstrip())
            self._next = ""
            self._fail("a keyword, a value or a sign")
        return token

    def _fail(self, expected: str) -> NoReturn:
        raise ProfileError(f"condition: {expected} is expected at character {self._position - len(self._next) + 1}")

    def _is(self, word: str) -> bool:
        """Take the next token if it is ``word``, and return whether it was."""
        if self._next.lower() != word:
            return False
        self._advance()
        return True

    def _expect(self, word: str) -> None:
        if not self._is(word):
            self._fail(f"'{word}'")

    def _disjunction(self) -> Node:
        parts = [self._conjunction()]
        while self._is("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _conjunction(self) -> Node:
        parts = [self._negation()]
        while self._is("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _negation(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ProfileError(f"condition: more than {_MAX_DEPTH} levels of brackets and 'not'")
        if self._is("not"):
            node: Node = Not(self._negation())
        elif self._is("("):
            node = self._disjunction()
            self._expect(")")
        else:
            node = self._test()
        self._depth -= 1
        return node

    def _test(self) -> Node:
        tag = tags().get(self._next)
        if tag is None:
            self._fail("the keyword of an attribute")
        self._advance()
        place = 0
        if self._is("["):
            if not self._next.isdecimal() or len(self._next) > 3 or not int(self._next):
                self._fail("the number of a value, from 1 on")
            place = int(self._advance())
            self._expect("]")
        if self._is("is"):
            if self._is("absent"):
                return Not(AttributeTest(tag, "is present", place=place))
            self._expect("present")
            return AttributeTest(tag, "is present", place=place)
        if self._is("in"):
            self._expect("(")
            values = [self._value()]
            while self._is(","):
                values.append(self._value())
            self._expect(")")
            return AttributeTest(tag, "in", tuple(values), place)
        operation = self._next.lower()
        if operation in ("starts", "ends"):
            self._advance()
            self._expect("with")
            operation += " with"
        elif operation in _NUMERIC or operation in _TEXTUAL:
            self._advance()
        else:
            self._fail("a comparison, 'in', 'contains', 'starts with', 'ends with' or 'is'")
        value = self._value()
        if operation in _NUMERIC:
            try:
                float(value)
            except ValueError:
                raise ProfileError(f"condition: a number is expected behind {operation}") from None
        return AttributeTest(tag, operation, (value,), place)

    def _value(self) -> str:
        token = self._next
        if not token.startswith('"') and not re.fullmatch(r"[\w.+-]+", token):
            self._fail("a value")
        self._advance()
        value = token.strip('"').strip().upper()
        if not value:
            raise ProfileError("condition: a value is empty; write 'is absent' for an attribute without one")
        return value
