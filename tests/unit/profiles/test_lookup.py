"""Every attribute of the dictionary has a line, which says what plans do."""

from __future__ import annotations

import pytest

from profiles import (
    Action,
    ConfidentialityProfile,
    Operation,
    ProfileOptions,
    compile_plan,
    dictionary,
    explain_attribute,
    find_attribute,
    tag_text,
)

_CT = "1.2.840.10008.5.1.4.1.1.2"
#: what an operation may be called that an attribute's line says K, or X, of
_KEEPING = {Operation.KEEP, Operation.KEEP_SCHEME, Operation.ITEMS, Operation.STAMP, Operation.RENUMBER}
_PROFILES = ["", "RetainUIDs,RetainDeviceIdent", "RetainLongModifDates,CleanDesc,CleanGraph,RetainPatientChars"]


@pytest.mark.parametrize("options", _PROFILES)
@pytest.mark.parametrize("strict", [False, True])
def test_the_whole_listing_has_each_attribute_once_and_all_that_the_short_one_has(options: str, strict: bool) -> None:
    profile = ConfidentialityProfile.default(options, strict=strict)
    lines = list(profile.explain_all())
    tags = [line.tag for line in lines if line.tag]
    assert len(tags) == len(set(tags))
    assert {tag_text(tag) for tag in dictionary()} <= set(tags)
    assert all(line.meaning and line.decided_by for line in lines)
    known = {(line.tag, line.keyword, line.vr, line.action, line.decided_by) for line in lines}
    assert {(line.tag, line.keyword, line.vr, line.action, line.decided_by) for line in profile.explain()} <= known


@pytest.mark.parametrize("options", _PROFILES)
def test_a_line_says_what_a_plan_does(options: str) -> None:
    profile = ConfidentialityProfile.default(options)
    root = compile_plan(profile, _CT).root
    for line in profile.explain_all():
        if not line.tag or "x" in line.tag or "g" in line.tag or line.tag.startswith("(0002,"):
            continue
        rule = root[find_attribute(line.tag).tag]
        if line.action == Action.K.value:
            assert rule.operation in _KEEPING, line
        elif line.action == Action.X.value:
            # a type of the IOD may ask for something else
            assert rule.operation not in _KEEPING, line
        elif line.action == Action.U.value:
            assert rule.operation is Operation.NEW_UID or line.vr == "SQ", line


def test_the_digest_is_of_the_short_listing() -> None:
    # outputs that were made before the whole one was there are gone on with
    assert not [
        line.tag for line in ConfidentialityProfile().explain() if line.decided_by == "unlisted technical attribute" and line.tag
    ]


def test_one_attribute_says_what_its_line_says() -> None:
    profile = ConfidentialityProfile.default(ProfileOptions.CleanDesc, strict=True)
    for line in list(profile.explain_all())[::40]:
        if line.tag and "g" not in line.tag and line.tag != "(0002,xxxx)":
            assert explain_attribute(profile, find_attribute(line.tag)).line == line


def test_options_are_told_without_the_profiles_own_rules() -> None:
    profile = ConfidentialityProfile.from_csv_string("StudyDate;X\nRows;X", "RetainLongFullDates", cap_ages=True)
    found = explain_attribute(profile, find_attribute("StudyDate"))
    assert (found.line.action, found.basic.action) == ("X", "Z")
    assert {name: line.action for name, line in found.options.items()} == {
        "RetainLongFullDates": "K",
        "RetainLongModifDates": "C",
    }
    assert explain_attribute(profile, find_attribute("Rows")).basic.action == "K"
