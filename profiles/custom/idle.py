"""Rules of custom profiles that can never act: nothing is left for them."""

from __future__ import annotations

from collections.abc import Iterator

from ..options import ProfileOptions
from .patterns import Attribute
from .rules import CustomRule, RulesByTag, first_match


def idle_rules(rules: tuple[CustomRule, ...]) -> Iterator[str]:
    """Yield what is to be said of each rule that can never act, whatever the options and the objects."""
    by_tag = RulesByTag(rules)
    for index, rule in enumerate(rules):
        before: CustomRule | None = None
        for options in (option | ProfileOptions.BasicProfile for option, _ in rule.actions):
            acting = list(_acting(rule, rules[:index], by_tag, options))
            if rule in acting:
                break
            before = next(filter(None, acting), before)
        else:
            why = "the engine itself decides on all that it is for"
            if before is not None:
                why = f"before it, {before.origin} decides on all that it is for"
            yield f"{rule.origin}: this rule can never act: {why}"


def _acting(
    rule: CustomRule, earlier: tuple[CustomRule, ...], by_tag: RulesByTag, options: ProfileOptions
) -> Iterator[CustomRule | None]:
    """Yield the rule that decides on each attribute that ``rule`` is for, up to the first on which it decides itself.

    Of private attributes, and of what only certain sequences hold, no list is complete: there it decides unless an earlier rule
    is for just as much.
    """
    everywhere = [other for other in earlier if other.pattern.is_everywhere]
    for attribute in rule.pattern.attributes():
        if rule.pattern.is_everywhere:
            decides = first_match(by_tag.candidates(attribute.tag), (attribute,), options)
        else:
            decides = first_match(everywhere, (attribute,), options) or _alone(rule, attribute, options)
        yield decides
        if decides is rule:
            return
    if rule.pattern.concerns_private:
        same = (other for other in earlier if other.pattern.text == rule.pattern.text and other.action(options) is not None)
        yield next(same, rule)


def _alone(rule: CustomRule, attribute: Attribute, options: ProfileOptions) -> CustomRule | None:
    """``rule``, if it may decide on ``attribute`` where nothing else does."""
    return rule if rule.may_decide(attribute, options) else None
