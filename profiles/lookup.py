"""The attribute that a name means, and all that a profile and the options do to it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import NamedTuple

from .actions import Action
from .content_items import VALUE_ATTRIBUTES
from .custom import Attribute
from .decisions import ExplainedAttribute, attribute_keyword, attribute_vr
from .dictionary import dictionary, repeating
from .errors import ProfileError
from .explain import explain_decision, explain_tag, in_its_vr
from .options import ProfileOptions
from .profile import ConfidentialityProfile
from .tables import listed, table_rows, tag_and_mask, tag_text

_TAG = re.compile(r"(\()?([0-9a-fx]{4}), ?([0-9a-fx]{4})(?(1)\))|([0-9a-fx]{8})", re.IGNORECASE)
#: as the audit writes a private attribute, and as custom rules do
_PRIVATE = (
    re.compile(r"\(([0-9a-f]{4}), ?\"([^\"]+)\", ?([0-9a-f]{2})\)", re.IGNORECASE),
    re.compile(r"([0-9a-f]{4})\{(.+)\}([0-9a-f]{2})", re.IGNORECASE),
)
_SUGGESTED = 3
#: groups beyond look like curves and overlays and are none (PS3.5 7.6)
_LAST_PLANE = 0x1E
_GRAPHIC_ANNOTATIONS = 0x00700001


class NamedAttribute(NamedTuple):
    """An attribute that somebody named.

    Attributes:
        tag: of one that repeats, the first; of a private one with its creator, as in the first block.
        text: how to show the tag.
        creator: the private creator; ``""`` for public attributes, and where none was given.
    """

    tag: int
    text: str
    creator: str = ""

    @property
    def is_private(self) -> bool:
        """Return whether its group is odd."""
        return bool(self.tag & 0x10000)


class Explanation(NamedTuple):
    """The actions on one attribute.

    Attributes:
        line: by the profile.
        basic: by the Basic Profile without options and custom rules.
        options: by the Basic Profile with one option each, where that differs.
        inside: where it stands -> by the profile there, as far as rules for places speak of it.
    """

    line: ExplainedAttribute
    basic: ExplainedAttribute
    options: dict[str, ExplainedAttribute]
    inside: dict[str, ExplainedAttribute]


def find_attribute(name: str) -> NamedAttribute:
    """Return the attribute of that name.

    Args:
        name: a keyword, in upper or lower case; ``(gggg,eeee)``, ``gggg,eeee`` or ``ggggeeee``, with x for digits that vary;
            ``(gggg,"CREATOR",ee)`` or ``gggg{CREATOR}ee`` for a private one.

    Raises:
        ProfileError: there is none; the message suggests keywords that are near.
    """
    name = name.strip()
    for pattern in _PRIVATE:
        if found := pattern.fullmatch(name):
            return _private(int(found[1], 16), found[2].strip(), int(found[3], 16))
    if found := _TAG.fullmatch(name):
        return _by_tag((found[4] or found[2] + found[3]).lower())
    keywords = _keywords()
    by_case = {keyword.lower(): keyword for keyword in keywords}
    if keyword := by_case.get(name.lower()):
        return keywords[keyword]
    nearest = [by_case[near] for near in difflib.get_close_matches(name.lower(), by_case, n=_SUGGESTED, cutoff=0.6)]
    hint = (
        f"did you mean {' or '.join(nearest)}?" if nearest else "give a keyword such as PatientName, or a tag such as 0010,0010"
    )
    raise ProfileError(f"there is no such attribute; {hint}")


def _private(group: int, creator: str, element: int) -> NamedAttribute:
    if not group & 1 or not creator:
        raise ProfileError("a private attribute has an odd group and a creator: write it as 0019{CREATOR}0c")
    return NamedAttribute(group << 16 | 0x1000 | element, f'({group:04x},"{creator}",{element:02x})', creator)


def _by_tag(digits: str) -> NamedAttribute:
    tag, mask = tag_and_mask(digits)
    text = f"({digits[:4]},{digits[4:]})"
    if tag not in dictionary() and not tag & 0x10000 and tag >> 16 & 0xFF <= _LAST_PLANE:
        for row in repeating():
            if mask == 0xFFFFFFFF and tag & row.mask == row.tag:
                return NamedAttribute(row.tag, row.text)
    if mask == 0xFFFFFFFF or text in {row.text for row in repeating()} | {row.tag for row in table_rows()}:
        return NamedAttribute(tag, text)
    raise ProfileError("x stands for digits that vary in the dictionary, as in 60xx,3000: give one attribute's tag or keyword")


def _keywords() -> dict[str, NamedAttribute]:
    single = {tag: attribute_keyword(tag) for tag in (*dictionary(), *listed())}
    found = {keyword: NamedAttribute(tag, tag_text(tag)) for tag, keyword in single.items() if keyword}
    return found | {row.entry.keyword: NamedAttribute(row.tag, row.text) for row in repeating()}


def explain_attribute(profile: ConfidentialityProfile, named: NamedAttribute) -> Explanation:
    """Return what ``profile``, and each option, does to the attribute."""
    basic = _line(_with(profile, ProfileOptions.BasicProfile), named)
    options = {}
    for option in ProfileOptions:
        if option is not ProfileOptions.BasicProfile:
            line = _line(_with(profile, option), named)
            if (line.action, line.meaning) != (basic.action, basic.meaning):
                options[str(option.name)] = line
    return Explanation(_line(profile, named), basic, options, dict(_inside(profile, named)))


def _with(profile: ConfidentialityProfile, option: ProfileOptions) -> ConfidentialityProfile:
    """Return the Basic Profile with one option and ``profile``'s settings, without custom rules."""
    return ConfidentialityProfile(
        option,
        profile.patient_name,
        profile.patient_id,
        cap_ages=profile.cap_ages,
        strict=profile.strict,
        safe_private=profile.safe_private if option is ProfileOptions.RetainSafePrivate else (),
    )


def _line(profile: ConfidentialityProfile, named: NamedAttribute) -> ExplainedAttribute:
    if not named.is_private:
        return in_its_vr(explain_tag(profile, named.tag, named.text))
    vr = profile.safe_vr(named.creator, named.tag)
    return in_its_vr(explain_decision(named.text, "", vr, profile.decide_private(named.creator, named.tag, vr)))


def _inside(profile: ConfidentialityProfile, named: NamedAttribute) -> Iterator[tuple[str, ExplainedAttribute]]:
    tag, keyword, vr = named.tag, "" if named.is_private else attribute_keyword(named.tag), attribute_vr(named.tag)
    attribute = Attribute(tag, keyword, vr, named.creator)
    for rule in profile.custom:
        action = rule.action(profile.options)
        if action is not None and not rule.pattern.is_everywhere and rule.pattern.ends_with(attribute):
            meaning = action.meaning if rule.value is None else "replace with the value of the rule"
            yield rule.pattern.text, ExplainedAttribute(named.text, keyword, vr, action.value, meaning, rule.origin)
    if named.is_private:
        return
    annotations = (Attribute(_GRAPHIC_ANNOTATIONS, "GraphicAnnotationSequence", "SQ"),)
    if (there := profile.decide(tag, annotations)) != profile.decide(tag) and there.decided_by == "CleanGraph":
        yield "GraphicAnnotationSequence", explain_decision(named.text, keyword, vr, there)
    if ProfileOptions.CleanStructdCont in profile.options and tag in VALUE_ATTRIBUTES.values():
        meaning = "by concept name and value type"
        yield "content items", ExplainedAttribute(named.text, keyword, vr, Action.C.value, meaning, "E.3.4-1")
