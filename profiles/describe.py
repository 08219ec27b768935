"""The profile in words, for ``docs/reference/attributes.md``: a test keeps the two equal."""

from __future__ import annotations

from collections import defaultdict

from .dictionary import uids_by_keyword
from .pixels import pixel_risks
from .profile import ConfidentialityProfile


def describe(profile: ConfidentialityProfile) -> str:
    """Return Markdown: the number of attributes of Table E.1-1 for each action, and each rule for what the table lacks."""
    actions: dict[str, list[str]] = defaultdict(list)
    rules: dict[str, list[str]] = defaultdict(list)
    meanings: dict[str, str] = {}
    for row in profile.explain():
        meanings.setdefault(row.action, row.meaning)
        if row.decided_by.startswith("unlisted: "):
            rules[f"{row.action} | {row.decided_by.removeprefix('unlisted: ')}"].append(row.keyword)
        elif row.tag:
            actions[row.action].append(row.keyword)
        else:
            rules[f"{row.action} | {row.decided_by}"].append(row.vr or row.keyword)
    lines = ["| action | meaning | rows | for example |", "|---|---|---|---|"]
    for action, keywords in sorted(actions.items(), key=lambda item: -len(item[1])):
        lines.append(
            f"| {action} | {meanings[action]} | {len(keywords)} | {', '.join(keywords[: -(-len(keywords) // 4) : 20][:3])} |"
        )
    lines += ["", "| attributes outside the table | action | why |", "|---|---|---|"]
    for rule, names in rules.items():
        action, why = rule.split(" | ", 1)
        lines.append(f"| {', '.join(names)} | {action} | {why} |")
    return "\n".join(lines)


def describe_risks() -> str:
    """Return Markdown: the table of pixel risks, for ``docs/reference/pixels.md``: a test keeps the two equal."""
    keywords = {uid: keyword for keyword, uid in uids_by_keyword().items()}
    lines = ["| reason | classes | if | BurnedInAnnotation NO | why |", "|---|---|---|---|---|"]
    for row in pixel_risks():
        classes = ", ".join(sorted(keywords.get(uid, uid) for uid in row.sop_classes))
        condition = f"`{row.condition.text}`" if row.condition is not None else ""
        lines.append(f"| `{row.reason}` | {classes} | {condition} | {row.burned_in_no} | {row.why} |")
    return "\n".join(lines)
