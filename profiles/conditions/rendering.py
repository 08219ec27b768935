"""Conditions as text: what reads it again gets the same expression."""

from __future__ import annotations

import re

from ..dictionary import dictionary
from .nodes import ALL_VALUES, IN, PRESENT, AllOf, AnyOf, AttributeTest, Node, Not

_WORD = re.compile(r"[\w.+-]+")
#: what means something else where a value is expected
EXACTLY = "exactly"


def render(node: Node) -> str:
    """Return ``node`` in the grammar of conditions."""
    if isinstance(node, AttributeTest):
        return _test(node)
    if isinstance(node, Not):
        inner = node.of
        if isinstance(inner, AttributeTest) and inner.operation == PRESENT:
            return f"{_attribute(inner)} is absent"
        return f"not {_bracketed(inner)}"
    word = " and " if isinstance(node, AllOf) else " or "
    return word.join(map(_bracketed, node.of))


def _bracketed(node: Node) -> str:
    text = render(node)
    return f"({text})" if isinstance(node, AllOf | AnyOf) else text


def _test(test: AttributeTest) -> str:
    start = f"{_attribute(test)} {test.operation}"
    if test.operation == PRESENT:
        return start
    if test.exact:
        start += f" {EXACTLY}"
    if test.operation == IN:
        return f"{start} ({', '.join(map(_value, test.values))})"
    return f"{start} {_value(test.values[0])}"


def _attribute(test: AttributeTest) -> str:
    place = "*" if test.place == ALL_VALUES else test.place
    return f"{dictionary()[test.tag].keyword}[{place}]" if place else dictionary()[test.tag].keyword


def _value(value: str) -> str:
    if _WORD.fullmatch(value) and value.lower() != EXACTLY:
        return value
    return '"' + value.replace('"', '""') + '"'
