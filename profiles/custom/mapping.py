"""Custom rules from Python: tag patterns, and what is done to the attributes that they match."""

from __future__ import annotations

from collections.abc import Mapping

from ..actions import Action
from ..errors import ProfileError
from ..options import ProfileOptions
from .rules import KEEPING, CustomRule, make_rule

#: what a rule does: an action or its code as files have it (``"X/Z"``, ``"K!"``); with D perhaps the new value behind it
RuleAction = Action | str | tuple[Action | str, str]

#: stands where rules of files have the file's name and line
_PLACE = "with_rules"


def rules_from_mapping(rules: Mapping[str, RuleAction], *, insist: bool = False) -> tuple[CustomRule, ...]:
    """Return the rules of ``rules``, in their order.

    Args:
        rules: tag pattern -> what is done.
        insist: whether each K and C says that it knowingly leaves more than the standard, as ``!`` behind it does.

    Raises:
        ProfileError: the rule that can't be used, and what is wrong with it.
    """
    if not isinstance(rules, Mapping):
        raise ProfileError(f"{_PLACE}: a mapping is needed: {{tag pattern: action}}")
    return tuple(_rule(pattern, action, insist) for pattern, action in rules.items())


def _rule(pattern: str, action: RuleAction, insist: bool) -> CustomRule:
    if not isinstance(pattern, str):
        raise ProfileError(f"{_PLACE}: a tag pattern is a text, such as 'PatientName' or '0010,0010'")
    code, value = action if isinstance(action, tuple) and len(action) == 2 else (action, "")
    if isinstance(code, Action):
        code = code.value
    if not isinstance(code, str) or not code.strip() or not isinstance(value, str):
        raise ProfileError(f"{_PLACE}: {pattern[:100]!r} needs an action, or (Action.D, value)")
    if isinstance(action, tuple) and not value.strip():
        raise ProfileError(f"{_PLACE}: {pattern[:100]!r}: the value is empty; Action.Z empties, and Action.D alone puts a dummy")
    if insist and code.strip() in {action.value for action in KEEPING}:
        code = f"{code.strip()}!"
    return make_rule(_PLACE, pattern, {ProfileOptions.BasicProfile: code}, value)
