"""The grammar of conditions, and its parser.

In EBNF, with white space between words; values are compared without regard to case, but for those behind ``exactly``:

.. code-block:: text

    condition   = conjunction , { "or" , conjunction } ;
    conjunction = negation , { "and" , negation } ;
    negation    = "not" , negation | "(" , condition , ")" | test ;
    test        = attribute , ( "=" | "!=" ) , [ "exactly" ] , value
                | attribute , ( "<" | "<=" | ">" | ">=" ) , value
                | attribute , "in" , [ "exactly" ] , "(" , value , { "," , value } , ")"
                | attribute , ( "contains" | "starts with" | "ends with" ) , [ "exactly" ] , value
                | attribute , "matches" , [ "exactly" ] , value
                | attribute , "is" , ( "present" | "absent" ) ;
    attribute   = keyword , [ "[" , ( number | "*" ) , "]" ] ;
    value       = word | '"' , { character | '""' } , '"' ;

A test holds where any value of the attribute passes it, or the value that the number names, counted from 1, or with ``*`` all
values as one, with backslashes between. Empty values are none: an attribute without a value is absent. ``<`` and its like compare
numbers; what is no number passes none of them. ``matches`` takes a regular expression of RE2 for the whole of a value.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from ..dictionary import tags
from ..errors import MAX_NAME, ProfileError
from .nodes import ALL_VALUES, IN, MATCHES, NUMERIC, PRESENT, TEXTUAL, AllOf, AnyOf, AttributeTest, Node, Not, Values, tests_of
from .rendering import EXACTLY, render

#: what a rule may nest, for its reader's sake
MAX_DEPTH = 32
_QUOTED = r'"(?:[^"]|"")*"'
_WORD = re.compile(r"[\w.+-]+")
_TOKEN = re.compile(rf"\s*(?:(?P<quoted>{_QUOTED})|(?P<word>[\w.+-]+)|(?P<sign><=|>=|!=|[=<>()\[\],*]))")
#: what stands behind an attribute. Only before it a word is repeated: elsewhere it may be a value, and name a person
_COMPARED = re.compile(r"\s*(?:[=<>\[]|!=|(?:in|contains|starts|ends|matches|is)\b)", re.IGNORECASE)
_BLANKS = re.compile(r"\s*")
_QUOTED_OR_BLANKS = re.compile(rf"({_QUOTED})|\s+")


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition: its text and its parsed expression. It may be pickled and hashed."""

    text: str
    node: Node

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition.

        Raises:
            ProfileError: where it isn't one.
        """
        node = _Parser(text).parse()
        return cls(_QUOTED_OR_BLANKS.sub(lambda found: found[1] or " ", text).strip(), node)

    @classmethod
    def of(cls, node: Node) -> Condition:
        """Return the condition with the expression ``node``, and the text for it."""
        return cls(render(node), node)

    def __str__(self) -> str:
        return self.text

    def holds(self, values: Values) -> bool:
        """Evaluate it on the values of an object's attributes; those that are missing are absent."""
        return self.node.holds(values)

    def tests(self) -> Iterator[AttributeTest]:
        """Yield all tests in it."""
        return tests_of(self.node)


class _Parser:
    """A parser of one condition, from left to right, with no step back."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self._position = 0
        self._next = ""
        #: where the last word begins that stands behind a value without quotes
        self._behind_value = -1
        self._advance()

    def parse(self) -> Node:
        node = self._disjunction()
        if self._next:
            self._fail("an end, 'and' or 'or'")
        return node

    def _advance(self) -> str:
        """Take the next token, which may be empty at the end."""
        token = self._next
        if found := _TOKEN.match(self._text, self._position):
            self._next = found.group().lstrip()
            self._position = found.end()
            return token
        blanks = _BLANKS.match(self._text, self._position)
        assert blanks is not None
        self._position = blanks.end()
        self._next = ""
        if self._position < len(self._text):
            self._fail("a keyword, a value or a sign", "; a value with blanks or other signs stands in double quotes")
        return token

    def _fail(self, expected: str, hint: str = "") -> NoReturn:
        place = self._position - len(self._next)
        if place == self._behind_value:
            hint = "; a value with blanks stands in double quotes"
        raise ProfileError(f"condition: {expected} is expected at character {place + 1}{hint}")

    def _fail_at_keyword(self) -> NoReturn:
        """Say that a keyword is expected, and which one may be meant."""
        if not _WORD.fullmatch(self._next) or not _COMPARED.match(self._text, self._position):
            self._fail("the keyword of an attribute")
        word = self._next[:MAX_NAME]
        nearest = difflib.get_close_matches(word, tags(), n=1)
        self._fail("the keyword of an attribute", f": {word!r} is none" + (f"; did you mean {nearest[0]}?" if nearest else ""))

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
        if self._depth > MAX_DEPTH:
            raise ProfileError(f"condition: more than {MAX_DEPTH} levels of brackets and 'not'")
        if self._is("not"):
            node: Node = Not(self._negation())
        elif self._is("("):
            node = self._disjunction()
            self._expect(")")
        else:
            node = self._test()
        self._depth -= 1
        return node

    def _place(self) -> int:
        if not self._is("["):
            return 0
        if self._is("*"):
            place = ALL_VALUES
        else:
            # ASCII: isdecimal knows the digits of all scripts
            if not (self._next.isascii() and self._next.isdecimal()) or len(self._next) > 3 or not int(self._next):
                self._fail("the number of a value, from 1 on, or '*'")
            place = int(self._advance())
        self._expect("]")
        return place

    def _test(self) -> Node:
        tag = tags().get(self._next)
        if tag is None:
            self._fail_at_keyword()
        self._advance()
        place = self._place()
        if self._is("is"):
            if self._is("absent"):
                return Not(AttributeTest(tag, PRESENT, place=place))
            self._expect("present")
            return AttributeTest(tag, PRESENT, place=place)
        if self._is(IN):
            exact = self._is(EXACTLY)
            return AttributeTest(tag, IN, self._list(), place, exact)
        operation = self._next.lower()
        if operation in ("starts", "ends"):
            self._advance()
            self._expect("with")
            operation += " with"
        elif operation in NUMERIC or operation in TEXTUAL or operation == MATCHES:
            self._advance()
        else:
            self._fail("a comparison, 'in', 'contains', 'starts with', 'ends with', 'matches' or 'is'")
        exact = operation not in NUMERIC and self._is(EXACTLY)
        return AttributeTest(tag, operation, (self._value(),), place, exact)

    def _list(self) -> tuple[str, ...]:
        self._expect("(")
        values = [self._value()]
        while self._is(","):
            values.append(self._value())
        self._expect(")")
        return tuple(values)

    def _value(self) -> str:
        token = self._next
        if not token.startswith('"') and not _WORD.fullmatch(token):
            self._fail("a value")
        self._advance()
        if token.startswith('"'):
            return token[1:-1].replace('""', '"')
        if _WORD.fullmatch(self._next):
            self._behind_value = self._position - len(self._next)
        return token
