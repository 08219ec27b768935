"""The actions of a profile on all attributes, line by line, and the lines in which two profiles differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from .actions import Action
from .custom import CustomRule
from .decisions import (
    OBJECT_RULES,
    OUTSIDE_DATA_SET,
    PUBLIC_DATES,
    RETIRED_LENGTH,
    RETIRED_TEXT,
    SAFE_PRIVATE,
    SCREENED,
    SHORT_STRING,
    TECHNICAL,
    UNKNOWN,
    Decision,
    ExplainedAttribute,
    attribute_keyword,
    attribute_vr,
)
from .dictionary import dictionary, repeating
from .options import ProfileOptions
from .pixels import PixelPolicy, explained_risks
from .tables import (
    CURVES,
    RETIRED_TEXT_VRS,
    UNLISTED_VRS,
    TableRow,
    listed,
    parse_tag,
    shared_dates,
    table_rows,
    tag_text,
    unlisted,
)

#: what stands in the place of a keyword where a custom rule isn't for one attribute
_CUSTOM = "(custom rule)"
_FILE_META = 0x0002


class Policy(Protocol):
    """A confidentiality profile, as far as explaining it needs."""

    @property
    def options(self) -> ProfileOptions: ...
    @property
    def custom(self) -> tuple[CustomRule, ...]: ...
    @property
    def strict(self) -> bool: ...
    @property
    def patient_name(self) -> str | None: ...
    @property
    def patient_id(self) -> str | None: ...
    @property
    def pixels(self) -> PixelPolicy: ...
    @property
    def screen(self) -> bool: ...
    def decide(self, tag: int) -> Decision: ...
    def decide_private(self, creator: str, tag: int, vr: str) -> Decision: ...
    def decide_by_vr(self, vr: str) -> Decision: ...


def explained(profile: Policy) -> Iterator[ExplainedAttribute]:
    """Yield a line for each row of Table E.1-1, each attribute that this project or a custom rule names, each rule for others."""
    named = set()
    for row in table_rows():
        if "x" not in row.tag and "g" not in row.tag:
            named.add(parse_tag(row.tag))
        yield _row(profile, row)
    for unlisted_row in (row for row in unlisted().values() if row.tag >> 24 != CURVES >> 8):
        named.add(unlisted_row.tag)
        yield _explained(unlisted_row.tag, profile.decide(unlisted_row.tag))
    if ProfileOptions.RetainLongModifDates in profile.options:
        for tag in sorted(shared_dates().keys() - named):
            named.add(tag)
            yield _explained(tag, profile.decide(tag))
    if profile.custom:
        yield from _custom(profile, named)
    yield explain_decision("", "(retired attributes)", ", ".join(sorted(RETIRED_TEXT_VRS)), RETIRED_TEXT)
    for vr in sorted(UNLISTED_VRS | {"UI", "SQ"}):
        yield explain_decision("", "(other standard attributes)", vr, profile.decide_by_vr(vr))
    if profile.strict:
        yield explain_decision("", "(other standard attributes)", "LO, SH", SHORT_STRING)
    yield explain_decision("", "(other standard attributes)", "", TECHNICAL)
    yield explain_decision("", "(unknown attributes)", "", UNKNOWN)
    yield explain_decision("(gggg,0000)", "(group lengths)", "UL", RETIRED_LENGTH)
    yield explain_decision("(0002,xxxx)", "(groups 0000 to 0006)", "", OUTSIDE_DATA_SET)
    if ProfileOptions.CleanStructdCont in profile.options:
        yield ExplainedAttribute("", "(content items)", "", "C", "by concept name and value type", "E.3.4-1")
    for what, action, meaning, why in (*explained_risks(profile.pixels), *OBJECT_RULES):
        if what == SCREENED and not profile.screen:
            continue
        yield ExplainedAttribute("", what, "", action, meaning, why)


def explained_all(profile: Policy) -> Iterator[ExplainedAttribute]:
    """Yield the lines of ``explained`` and of all other attributes of the dictionary, by tag, then those of the rules."""
    attributes, rules = {}, []
    for line in explained(profile):
        if line.tag and line.keyword != _CUSTOM:
            attributes[line.tag] = line
        else:
            rules.append(line)
    for tag in dictionary():
        text = tag_text(tag)
        if text not in attributes:
            attributes[text] = explain_tag(profile, tag)
    for row in repeating():
        if row.text not in attributes:
            attributes[row.text] = explain_tag(profile, row.tag, row.text)
    yield from (in_its_vr(attributes[text]) for text in sorted(attributes))
    yield from rules


def in_its_vr(line: ExplainedAttribute) -> ExplainedAttribute:
    """Return the line with a meaning that speaks of the attribute's own VR: K means something else for sequences."""
    if line.action != Action.K.value or not line.vr:
        return line
    return replace(line, meaning="keep, and de-identify its items" if line.vr == "SQ" else "keep")


def explain_tag(profile: Policy, tag: int, text: str = "") -> ExplainedAttribute:
    """Return the line of one standard or unknown attribute.

    Args:
        text: of one that repeats, its tag with x for digits that vary.
    """
    text = text or tag_text(tag)
    repeated = (row for row in table_rows() if row.tag == text) if "x" in text else iter(())
    if row := listed().get(tag) or next(repeated, None):
        return _row(profile, row)
    if tag >> 16 == _FILE_META:
        keyword, vr = attribute_keyword(tag), attribute_vr(tag)
        return ExplainedAttribute(text, keyword, vr, "X", "write anew; remove inside a data set", "PS3.15 E.1.1")
    return explain_decision(text, attribute_keyword(tag), attribute_vr(tag), profile.decide(tag))


def _row(profile: Policy, row: TableRow) -> ExplainedAttribute:
    """Return the line of a row of Table E.1-1, as it comes out where that is more than its code."""
    tag = parse_tag(row.tag) if "g" not in row.tag else 0x00090000
    keyword = row.keyword or {"5": "(curves)", "g": "(private attributes)"}[row.tag[1]]
    if "g" in row.tag:
        if ProfileOptions.RetainSafePrivate in profile.options:
            return ExplainedAttribute(row.tag, keyword, row.vr, "C", "keep safe ones, remove the others", SAFE_PRIVATE.decided_by)
        return explain_decision(row.tag, keyword, row.vr, profile.decide_private("", tag, ""))
    if row.tag.startswith("(50xx"):
        # the row stands for all elements of a curve; its data speak for them
        return explain_decision(row.tag, keyword, row.vr, profile.decide(tag | 0x3000))
    decision = profile.decide(tag)
    alias = {"PatientName": profile.patient_name, "PatientID": profile.patient_id}.get(row.keyword)
    replaceable = decision.action in (Action.Z, Action.D, Action.Z_D) and decision.value is None
    if alias is not None and replaceable:
        return ExplainedAttribute(row.tag, row.keyword, row.vr, "D", "replace with the text given", "alias")
    if row.keyword == "PatientID" and replaceable:
        return ExplainedAttribute(row.tag, row.keyword, row.vr, "D", "replace with a keyed pseudonym", decision.decided_by)
    if row.keyword == "MediaStorageSOPInstanceUID":
        return ExplainedAttribute(row.tag, row.keyword, row.vr, "U", Action.U.meaning, "file meta is written anew")
    if row.vr == "UI" and decision.action is Action.D:
        return ExplainedAttribute(row.tag, row.keyword, row.vr, "U", Action.U.meaning, decision.decided_by)
    return explain_decision(row.tag, keyword, row.vr, decision)


def _custom(profile: Policy, named: set[int]) -> Iterator[ExplainedAttribute]:
    """Yield the attributes of the dictionary that only a custom rule names; then the rules for nested and private ones."""
    rules = {rule.origin for rule in profile.custom}
    for tag in sorted(dictionary().keys() - named):
        decision = profile.decide(tag)
        if decision.decided_by in rules:
            yield _explained(tag, decision)
    for rule in profile.custom:
        action = rule.action(profile.options)
        if action is not None and (rule.pattern.concerns_private or ">" in rule.pattern.text):
            yield ExplainedAttribute(rule.pattern.text, _CUSTOM, "", action.value, _meaning(action, "", rule.value), rule.origin)


def _explained(tag: int, decision: Decision) -> ExplainedAttribute:
    return explain_decision(tag_text(tag), attribute_keyword(tag), attribute_vr(tag), decision)


def explain_decision(tag: str, keyword: str, vr: str, decision: Decision) -> ExplainedAttribute:
    meaning = _meaning(decision.action, vr, decision.value)
    if decision.action is Action.C and keyword in PUBLIC_DATES:
        meaning = "replace with a dummy value: a public date would tell how far others moved"
    if decision.terms and decision.action is not Action.K:
        meaning = f"keep known terms; other text: {meaning}"
    return ExplainedAttribute(tag, keyword, vr, decision.action.value, meaning, decision.decided_by)


def _meaning(action: Action, vr: str, value: str | None) -> str:
    if value is not None:
        return "replace with the value of the rule"
    if action is Action.C:
        return _CLEANING.get(vr, "clean the text, or the standard's action where nothing stays")
    return action.meaning


_CLEANING = {
    "": "keep numbers, clean texts, remove sound",
    "AS": "ages of 90 years and more become 90 years",
    "SQ": "keep, and clean its items",
    "DA": "shift by the patient's offset",
    "TM": "shift by the patient's offset",
    "DT": "shift by the patient's offset",
    "AE": "replace with a keyed pseudonym",
    "UI": "replace with a new UID",
    "OB/OW": "keep planes of type R, which hold no text",
}


def diff(first: Policy, second: Policy) -> Iterator[tuple[ExplainedAttribute | None, ExplainedAttribute | None]]:
    """Yield the lines of ``explain`` in which two profiles differ in the action or its meaning, as (first, second)."""
    lines = {_identity(row): row for row in explained(second)}
    for row in explained(first):
        other = lines.pop(_identity(row), None)
        if other is None:
            other = _elsewhere(second, row)
        if other is None or (row.action, row.meaning) != (other.action, other.meaning):
            yield row, other
    for row in lines.values():
        other = _elsewhere(first, row)
        if other is None or (row.action, row.meaning) != (other.action, other.meaning):
            yield other, row


def _identity(row: ExplainedAttribute) -> tuple[str, str, str]:
    return row.tag, row.keyword, row.vr


def _elsewhere(profile: Policy, row: ExplainedAttribute) -> ExplainedAttribute | None:
    """Return the line of an attribute that only the other profile names."""
    if not row.tag.startswith("(") or "x" in row.tag or ">" in row.tag or "g" in row.tag:
        return None
    tag = parse_tag(row.tag)
    return _explained(tag, profile.decide(tag)) if not tag >> 16 & 1 else None
