"""The decision of a custom rule for one attribute, beside the standard's."""

from __future__ import annotations

from collections.abc import Iterable

from ..actions import Action
from ..decisions import Decision
from ..options import ProfileOptions
from ..tables import DATE_VRS, shared_dates
from .patterns import Attribute
from .rules import KEEPING, CustomRule, weakens

#: codes and numbers hold no text
_NOTHING_TO_CLEAN = frozenset({"CS", "DS", "IS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"})


def custom_decision(rule: CustomRule, attribute: Attribute, standard: Decision, options: ProfileOptions) -> Decision | None:
    """Return the decision of ``rule``, which is the first that matches ``attribute``.

    Args:
        standard: the decision without custom rules.

    Returns:
        None where the standard's decision stands.
    """
    action = rule.action(options)
    if action is None or (weakens(action, standard.action) and not rule.allows_weakening):
        # a rule that fits the table may still be weaker than what can be done: binary values can't be cleaned
        return None
    otherwise = standard.action if standard.action not in KEEPING else Action.X_Z_D
    if action is Action.C and attribute.tag in shared_dates():
        # moved, it would tell how far others moved
        action = otherwise
    vr = attribute.vr
    if action is Action.C and standard.action is Action.K and vr in _NOTHING_TO_CLEAN:
        # what the table keeps has no text
        return None
    # what an option cleans is not cleaned as it says, either
    cleaned_by = standard.option if standard.action is Action.C else ProfileOptions(0)
    weakens_what = ProfileOptions.BasicProfile | cleaned_by if weakens(action, standard.action) else ProfileOptions(0)
    return Decision(
        action,
        rule.origin,
        listed=True,
        otherwise=otherwise,
        value=rule.value,
        # what the table keeps anyway is no less screened for it
        retained=action is Action.K and rule.allows_weakening and bool(weakens_what),
        allows_weakening=action is Action.K and rule.allows_weakening,
        undated=vr in DATE_VRS and action not in KEEPING and standard.action in KEEPING,
        weakens=weakens_what,
    )


def undates(rules: Iterable[CustomRule], options: ProfileOptions, longitudinal: str) -> bool:
    """Return whether a custom rule takes out dates that an option leaves.

    Args:
        longitudinal: LongitudinalTemporalInformationModified without custom rules.
    """
    if longitudinal == "REMOVED":
        return False
    acting = (rule for rule in rules if rule.action(options) not in (None, *KEEPING))
    return any(attribute.vr in DATE_VRS for rule in acting for attribute in rule.pattern.attributes())
