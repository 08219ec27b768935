"""Rules of custom profiles that can never act: nothing is left for them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from ..errors import ProfileWarning
from ..options import ProfileOptions
from .rules import CustomRule, RulesByTag, first_match


def idle_rules(rules: tuple[CustomRule, ...]) -> Iterator[str]:
    """Yield a message for each rule that can never act, whatever the options and the objects."""
    places = {id(rule): place for place, rule in enumerate(rules)}
    # a standard attribute is no private rule's, and there may be thousands of these
    everywhere = RulesByTag(rule for rule in rules if rule.pattern.is_everywhere and not rule.pattern.names_private)
    private: list[CustomRule] = []
    for rule in rules:
        before: CustomRule | None = None
        for decides in _deciding(rule, private, everywhere, places):
            if decides is rule:
                break
            before = before or decides
        else:
            why = "the engine itself decides on all that it is for"
            if before is not None:
                why = f"before it, {before.origin} decides on all that it is for"
            yield f"{rule.origin}: this rule can never act: {why}"
        if rule.pattern.concerns_private:
            private.append(rule)


def warn_of_idle_rules(rules: tuple[CustomRule, ...], stacklevel: int) -> None:
    """Warn of each rule that can never act. ``stacklevel`` counts as it does for ``warnings.warn``: 2 is the caller."""
    for idle in idle_rules(rules):
        warnings.warn(idle, ProfileWarning, stacklevel=stacklevel)


def _deciding(
    rule: CustomRule, private: list[CustomRule], everywhere: RulesByTag, places: dict[int, int]
) -> Iterator[CustomRule | None]:
    """Yield, under each option that ``rule`` has an action for, which rule decides on each attribute that it is for.

    Of private attributes no list is complete: there it decides unless an earlier one is for as much.

    Args:
        private: earlier rules that may be for private attributes.
        everywhere: rules for which it doesn't matter what holds an attribute.
        places: of all rules, by ``id``.
    """
    for options in (option | ProfileOptions.BasicProfile for option, _ in rule.actions):
        for attribute in () if rule.pattern.names_private else rule.pattern.attributes():
            first = first_match(everywhere.candidates(attribute.tag), (attribute,), options)
            if first is not None and places[id(first)] < places[id(rule)]:
                yield first
            else:
                yield rule if rule.may_decide(attribute, options) else None
        if rule.pattern.concerns_private and not rule.pattern.names_creators:
            covering = (other for other in private if other.pattern.covers(rule.pattern))
            yield next((other for other in covering if other.action(options) is not None), rule)
