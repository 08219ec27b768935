"""Settings of a run by which its outputs keep or pass more than the profile alone: what a reader must not miss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from profiles import attribute_keyword, parse_tag, tags

from .source import ReportSource
from .words import ACTIONS

#: pattern in ``run.json`` that has words which a person may have chosen
_HIDDEN = "(pattern)"


def deviations_of(source: ReportSource) -> tuple[str, ...]:
    """Return all deviations in words, the gravest first."""
    return tuple(_deviations(source))


def _deviations(source: ReportSource) -> Iterator[str]:
    settings, origin, account = source.settings, source.origin, source.account
    pixels = settings.get("pixels") or origin.get("pixels")
    kept = [counts.get("kept", 0) for counts in account.get("pixel_risks", {}).values()]
    if pixels == "keep" and any(kept):
        yield (
            "Images that may show a name or a person passed without being cleaned (--pixels keep). They say "
            f"PatientIdentityRemoved NO and do not claim the Basic Profile. Objects concerned, once for each "
            f"risk: {source.total(kept)}."
        )
    if settings.get("screen") is False:
        yield (
            "Values that stay were not searched for known names and numbers of the patient (--screen off). All objects say "
            "PatientIdentityRemoved NO and do not claim the Basic Profile."
        )
    allowed = (settings.get("verdicts") or {}).get("allowed", 0)
    if (rules := settings.get("weakening_rules", 0) - allowed) > 0:
        yield from _weakening(source, rules)
    if allowed:
        yield (
            f"Reviewers let texts stay as they were that would have been cleaned: {allowed} different texts (--verdicts). "
            "Objects in which one stayed say PatientIdentityRemoved NO, and claim neither the Basic Profile nor the cleaning."
        )
    if settings.get("trust_burned_in_no") or origin.get("trust_burned_in_no"):
        yield (
            "Ultrasound and captured images passed that say of themselves that no text is burned in (--trust-burned-in-no). "
            "Scanners often say so unasked."
        )
    if (settings.get("text") or {}).get("keep"):
        yield "Text in images that was found to be measurements or clinical words stays (--keep-text)."
    if accepted := sum(len(file.get("accepted") or ()) for file in settings.get("pixel_rules") or ()):
        yield f"Rules for pixels were used although the check of rules had objections to them: {accepted} (--accept-rule)."
    if settings.get("more_safe_private"):
        yield (
            f"Private attributes stay that the releasing organisation itself called safe: {settings['more_safe_private']} "
            "entries beside the standard's list (--safe-private)."
        )
    if source.made_otherwise:
        other = account.get("other_settings") or {}
        yield (
            "Not all objects in the output were made with these settings and this version. Made by another version: "
            f"{source.count(other.get('versions', 0))}; with other settings: {source.count(other.get('settings', 0))}. What this "
            "report says of profile, options, dates and pixels does not hold for these: see the reports of the runs that wrote "
            "them."
        )
    if source.uncounted:
        yield (
            f"Earlier runs wrote {source.uncounted} objects into the output that no table of this run has. This report does not "
            "count them, and nothing that it says holds for them: see the reports of these runs, or hand out no more than the "
            "tables have."
        )
    if source.says_no and not source.is_plan:
        yield f"Objects that say PatientIdentityRemoved NO: {source.count(source.says_no)}."
    if account.get("superseded"):
        yield (
            f"Objects that an earlier run wrote and that are refused now still lie in the output: "
            f"{source.count(account['superseded'])}. They must be removed before the data are handed out."
        )
    if origin.get("audit_in_output"):
        yield "The audit lies within the output. It must not be handed out."


def _weakening(source: ReportSource, number: int) -> Iterator[str]:
    names = Counter(rule_in_words(rule) for rule, _ in source.rules if rule.get("insists"))
    hidden = names.pop("", 0)
    said = "; ".join(f"{name} ({count} rules)" if count > 1 else name for name, count in sorted(names.items()))
    if hidden:
        said = "; ".join(filter(None, (said, f"{hidden} for private or other attributes")))
    yield (
        f"Rules of the releasing organisation keep more than the standard allows: {number}. "
        f"Objects in which such a rule left a value say PatientIdentityRemoved NO and do not claim the Basic Profile. "
        f"Attributes: {said or 'see the settings'}."
    )


def rule_in_words(rule: Mapping[str, Any]) -> str:
    """Return a rule by standard keyword and action; ``""`` where its pattern isn't that of standard attributes."""
    pattern = str(rule.get("pattern", _HIDDEN))
    parts = [_keyword(part.strip()) for part in pattern.split(">") if part.strip()]
    if not parts or not all(parts):
        return ""
    actions = sorted({ACTIONS.get(str(action), "") for action in (rule.get("actions") or {}).values()} - {""})
    return " in ".join(reversed(parts)) + (f": {', '.join(actions)}" if actions else "")


def _keyword(part: str) -> str:
    if part in tags():
        return part
    try:
        return attribute_keyword(parse_tag(part))
    except ValueError:
        return ""
