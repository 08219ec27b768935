"""What the rules of custom profiles say, for comparison."""

from __future__ import annotations

from profiles.custom.rules import CustomRule


def said(rules: tuple[CustomRule, ...]) -> list[tuple[str, dict[str, str], str | None, bool]]:
    """What the rules say, without where they stand."""
    return [
        (rule.pattern.text, {str(option.name): code.value for option, code in rule.actions}, rule.value, rule.allows_weakening)
        for rule in rules
    ]
