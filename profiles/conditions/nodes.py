"""The expression of a condition: tests of attributes, and, or, not; all that is done for each object."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ProfileError
from .regex import Regex, compile_regex

#: values of an attribute, without padding, by tag
Values = Mapping[int, tuple[str, ...]]

#: a place: all values, with backslashes between, are one value
ALL_VALUES = -1
MAX_PLACE = 999

PRESENT, IN, MATCHES = "is present", "in", "matches"
NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TEXTUAL: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "contains": operator.contains,
    "starts with": str.startswith,
    "ends with": str.endswith,
}
#: comparisons for which case may count
_MAY_BE_EXACT = frozenset({*TEXTUAL, IN, MATCHES})


#: a decimal number (PS3.5 6.2: DS); Python's own ones may also be infinite, or have underscores
_NUMBER = re.compile(r" *[-+]?(?:[0-9]{1,64}\.?[0-9]{0,64}|\.[0-9]{1,64})(?:[eE][-+]?[0-9]{1,3})? *")


@dataclass(frozen=True, slots=True)
class AttributeTest:
    """A test of one attribute.

    Attributes:
        operation: a comparison, ``in``, ``contains``, ``starts with``, ``ends with``, ``matches`` or ``is present``.
        values: what is compared with, without blanks around; in upper case unless ``exact``. A pattern is as it was written.
        place: the value that is meant, from 1 on; 0: any; ALL_VALUES: all of them as one.
        exact: whether case counts.

    Raises:
        ProfileError: values that can't be compared with: none, an empty one, no number, a pattern that RE2 doesn't take.
    """

    tag: int
    operation: str
    values: tuple[str, ...] = ()
    place: int = 0
    exact: bool = False
    _check: Callable[[str], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not ALL_VALUES <= self.place <= MAX_PLACE:
            raise ProfileError("condition: the number of a value is too large")
        if self.exact and self.operation not in _MAY_BE_EXACT:
            raise ProfileError(f"condition: case has no meaning for '{self.operation}'")
        object.__setattr__(self, "values", tuple(self._normal(value) for value in self.values))
        object.__setattr__(self, "_check", self._checker())

    def __reduce__(self) -> tuple[Any, ...]:
        # a compiled pattern stays behind
        return AttributeTest, (self.tag, self.operation, self.values, self.place, self.exact)

    def holds(self, values: Values) -> bool:
        """Return whether any value passes."""
        found = values.get(self.tag, ())
        if self.place > 0:
            found = found[self.place - 1 : self.place]
        elif self.place == ALL_VALUES:
            found = ("\\".join(found),)
        check = self._check
        return any(check(value) for value in found if value)

    def _normal(self, value: str) -> str:
        stripped = value.strip()
        if self.operation == MATCHES and value:
            return value
        if not stripped:
            raise ProfileError("condition: a value is empty; write 'is absent' for an attribute without one")
        return stripped if self.exact else stripped.upper()

    def _checker(self) -> Callable[[str], bool]:
        """Return the comparison with a value that isn't empty. All that is the same for each object is done here."""
        if self.operation == PRESENT:
            return bool
        if not self.values:
            raise ProfileError("condition: a value is needed")
        first = self.values[0]
        if self.operation == MATCHES:
            return _Matches(compile_regex(first, exact=self.exact))
        if self.operation == IN:
            return _IsIn(frozenset(self.values), self.exact)
        if self.operation in NUMERIC:
            if not _NUMBER.fullmatch(first):
                raise ProfileError(f"condition: a number is expected behind {self.operation}")
            return _Number(NUMERIC[self.operation], float(first))
        return _Text(TEXTUAL[self.operation], first, self.exact)


@dataclass(frozen=True, slots=True)
class _Matches:
    regex: Regex

    def __call__(self, value: str) -> bool:
        # a half of a character, as a text of unknown encoding may have, is matched as a question mark
        return self.regex.fullmatch(value.encode(errors="replace")) is not None


@dataclass(frozen=True, slots=True)
class _IsIn:
    values: frozenset[str]
    exact: bool

    def __call__(self, value: str) -> bool:
        return (value if self.exact else value.upper()) in self.values


@dataclass(frozen=True, slots=True)
class _Number:
    compare: Callable[[float, float], bool]
    number: float

    def __call__(self, value: str) -> bool:
        return _NUMBER.fullmatch(value) is not None and self.compare(float(value), self.number)


@dataclass(frozen=True, slots=True)
class _Text:
    compare: Callable[[str, str], bool]
    text: str
    exact: bool

    def __call__(self, value: str) -> bool:
        return self.compare(value if self.exact else value.upper(), self.text)


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


def tests_of(node: Node) -> Iterator[AttributeTest]:
    """Yield all tests in ``node``."""
    if isinstance(node, AttributeTest):
        yield node
        return
    for part in (node.of,) if isinstance(node, Not) else node.of:
        yield from tests_of(part)


def conjuncts(node: Node | None) -> frozenset[Node]:
    """Return the nodes all of which must hold for ``node`` to hold; none for None, which always holds."""
    if node is None:
        return frozenset()
    if isinstance(node, AllOf):
        return frozenset[Node]().union(*map(conjuncts, node.of))
    return frozenset({node})
