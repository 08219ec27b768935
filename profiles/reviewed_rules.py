"""The rules that take the place of others where a reviewer decided on a value (``Verdicts``)."""

from __future__ import annotations

from functools import lru_cache

from .actions import Action
from .dummies import dummy_value
from .options import ProfileOptions
from .rules import Operation, Rule

#: what a text that stays uncleaned goes against, whichever of them would have cleaned it
_WEAKENED = ProfileOptions.BasicProfile | ProfileOptions.CleanDesc | ProfileOptions.CleanStructdCont | ProfileOptions.CleanGraph
_CONSTANT = (Operation.REMOVE, Operation.EMPTY, Operation.REPLACE)
#: why an attribute was treated so, as the audit shows it
VERDICT = "verdict"


@lru_cache(maxsize=4096)
def allowed_rule(rule: Rule) -> Rule:
    """Return the rule that keeps a text which ``rule`` would clean; the screen may still take it away."""
    return _rule(rule, Operation.KEEP, Action.K, weakens=_WEAKENED)


@lru_cache(maxsize=4096)
def removed_rule(rule: Rule) -> Rule:
    """Return the rule for a text of which nothing may stay: what ``rule`` does where cleaning leaves nothing."""
    new = rule.otherwise
    assert new is not None
    if new.operation not in _CONSTANT or new.action is None:
        return new
    return _rule(rule, new.operation, new.action, value=new.value)


@lru_cache(maxsize=4096)
def dummy_rule(rule: Rule, sop_class_uid: str) -> Rule:
    """Return the rule that puts a dummy in the place of a value."""
    return _rule(rule, Operation.REPLACE, Action.D, value=dummy_value(rule.keyword, rule.vr, sop_class_uid))


def _rule(rule: Rule, operation: Operation, action: Action, **needs: object) -> Rule:
    about = rule.tag, rule.keyword, rule.vr, rule.label
    return Rule(operation, action, *about, creator=rule.creator, reason=VERDICT, **needs)  # type: ignore[arg-type]
