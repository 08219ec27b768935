"""The lint of pixel rules: rectangles for images of any size, rules that never act, and what couldn't be taken over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..conditions import AllOf, AnyOf, AttributeTest, Node, conjuncts
from .findings import NO_AREAS, READING, SHADOWED, UNGUARDED_SIZE, UNREVIEWED, UNTRANSLATED, Finding
from .rectangles import WHOLE
from .rules import COLUMNS, ROWS, Outcome, PixelRule, Semantics

#: how the provenance of a proposed rule begins, until somebody has looked at images and says so there
PROPOSED = "UNREVIEWED"
#: how a rule says for which size it is, in the words of the tool whose rule it is: the numbers are examples
_GUARDS = {
    Semantics.FIRST: 'its condition should be {(...) * Rows.equals("480") * Columns.equals("640")}, or whatever the size is',
    Semantics.IN_ORDER: "it should have the lines + equals Rows 480 and + equals Columns 640, or whatever the size is",
    Semantics.ALL: "it should have rows and columns",
}


class ReadRule(NamedTuple):
    """A rule as it stands in a file.

    Attributes:
        line: from 1 on.
        rule: as far as it could be taken over.
        untranslated: sentences on the rest; with one, the rule can't be used.
        readings: sentences on what is read otherwise than the tool's code does.
    """

    line: int
    rule: PixelRule
    untranslated: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()


def findings(rules: Sequence[ReadRule], semantics: Semantics) -> Iterator[Finding]:
    """Yield what is to be said about the rules of one file, by their order in it."""
    shadows: list[tuple[str, frozenset[Node]]] = []
    for line, rule, untranslated, readings in rules:
        yield from (Finding(UNTRANSLATED, rule.name, line, sentence) for sentence in untranslated)
        yield from (Finding(READING, rule.name, line, sentence) for sentence in readings)
        if untranslated:
            continue
        if rule.outcome is Outcome.CLEAN and not any(area.blank for area in rule.areas):
            yield Finding(NO_AREAS, rule.name, line, "it blanks nothing; an object that no other source speaks of is refused")
        if rule.provenance.upper().startswith(PROPOSED):
            said = "the program proposed it: look at images, and write into the provenance who decided, and by what"
            yield Finding(UNREVIEWED, rule.name, line, said)
        if not has_size(rule):
            yield Finding(UNGUARDED_SIZE, rule.name, line, f"its rectangles are for images of one size; {_GUARDS[semantics]}")
        if semantics is Semantics.FIRST:
            needed = conjuncts(rule.condition.node if rule.condition is not None else None)
            earlier = next((name for name, others in shadows if _implies(needed, others)), None)
            if earlier is not None:
                yield Finding(SHADOWED, rule.name, line, f"wherever it matches, {earlier} matches before")
            shadows.append((rule.name, needed))


def has_size(rule: PixelRule) -> bool:
    """Return whether the rule has no rectangles, or says for which size of image they are."""
    if rule.rows is not None or all(area[:4] == WHOLE[:4] for area in rule.areas):
        return True
    if rule.condition is None:
        return False
    return all(_pins(rule.condition.node, tag) for tag in (ROWS, COLUMNS))


def _pins(node: Node, tag: int) -> bool:
    """Return whether the attribute has one given value wherever ``node`` holds."""
    if isinstance(node, AttributeTest):
        return node.tag == tag and node.operation == "="
    if isinstance(node, AllOf):
        return any(_pins(part, tag) for part in node.of)
    return isinstance(node, AnyOf) and all(_pins(part, tag) for part in node.of)


def _implies(nodes: frozenset[Node], others: frozenset[Node]) -> bool:
    """Return whether all of ``others`` can be seen to hold where all of ``nodes`` do."""
    return others <= nodes or all(
        other in nodes or (isinstance(other, AnyOf) and any(conjuncts(part) <= nodes for part in other.of)) for other in others
    )
