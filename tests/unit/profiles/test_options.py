"""Options as users name them."""

from __future__ import annotations

import pytest

from profiles import ConfidentialityProfile, ProfileError, ProfileOptions

SHORT_NAMES = [
    "BasicProfile",
    "RetainSafePrivate",
    "RetainUIDs",
    "RetainDeviceIdent",
    "RetainInstitutionIdent",
    "RetainPatientChars",
    "RetainLongFullDates",
    "RetainLongModifDates",
    "CleanDesc",
    "CleanStructdCont",
    "CleanGraph",
    "CleanPixelData",
]


def test_the_option_names_are_those_that_users_know() -> None:
    assert [option.name for option in ProfileOptions] == SHORT_NAMES


@pytest.mark.parametrize("name", SHORT_NAMES)
def test_a_short_name_is_understood_in_any_case(name: str) -> None:
    expected = ProfileOptions[name] | ProfileOptions.BasicProfile
    assert ProfileOptions.parse(name) == expected
    assert ProfileOptions.parse(name.upper()) == expected
    assert ProfileOptions.parse(name.lower()) == expected


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("Basic Application Level Confidentiality Profile", ProfileOptions.BasicProfile),
        ("Retain Safe Private Option", ProfileOptions.RetainSafePrivate),
        ("Retain UIDs Option", ProfileOptions.RetainUIDs),
        ("Retain Device Identity Option", ProfileOptions.RetainDeviceIdent),
        ("retain institution identity", ProfileOptions.RetainInstitutionIdent),
        ("Retain Patient Characteristics Option", ProfileOptions.RetainPatientChars),
        ("Retain Longitudinal Temporal Information Full Dates Option", ProfileOptions.RetainLongFullDates),
        ("Retain Longitudinal Temporal Information With Full Dates Option", ProfileOptions.RetainLongFullDates),
        ("Retain Longitudinal Temporal Information Modified Dates Option", ProfileOptions.RetainLongModifDates),
        ("Clean Descriptors Option", ProfileOptions.CleanDesc),
        ("Clean Structured Content Option", ProfileOptions.CleanStructdCont),
        ("CLEAN GRAPHICS OPTION", ProfileOptions.CleanGraph),
        ("Clean Pixel Data Option", ProfileOptions.CleanPixelData),
    ],
)
def test_the_standards_long_names_are_understood(name: str, option: ProfileOptions) -> None:
    assert ProfileOptions.parse(name) == option | ProfileOptions.BasicProfile


def test_several_options_are_separated_by_commas() -> None:
    parsed = ProfileOptions.parse(" RetainUIDs , retaininstitutionident,,")
    assert parsed.names() == ["BasicProfile", "RetainUIDs", "RetainInstitutionIdent"]


def test_no_option_is_the_basic_profile() -> None:
    assert ProfileOptions.parse("") == ProfileOptions.BasicProfile


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("RetainUID", "RetainUIDs"),
        ("RetainInstitution", "RetainInstitutionIdent"),
        ("CleanDescr", "CleanDesc"),
        ("CleanGrpah", "CleanGraph"),
        ("basicprofil", "BasicProfile"),
        ("RetainLongFulDates", "RetainLongFullDates"),
    ],
)
def test_a_misspelt_option_is_an_error_that_suggests_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(ProfileError, match=f"did you mean {meant}"):
        ProfileOptions.parse(typed)


def test_a_name_like_no_option_is_an_error_without_a_suggestion() -> None:
    with pytest.raises(ProfileError, match="unknown option") as caught:
        ProfileOptions.parse("RetainUIDs,zzqqxx")
    assert "did you mean" not in str(caught.value)


def test_full_and_modified_dates_exclude_each_other() -> None:
    both = ProfileOptions.RetainLongFullDates | ProfileOptions.RetainLongModifDates
    with pytest.raises(ProfileError, match="exclude each other"):
        ConfidentialityProfile(both)


@pytest.mark.parametrize("name", SHORT_NAMES)
def test_each_option_is_taken_alone(name: str) -> None:
    assert ProfileOptions[name] in ConfidentialityProfile.default(name).options


def test_the_basic_profile_is_always_part_of_it() -> None:
    profile = ConfidentialityProfile(ProfileOptions.RetainUIDs)
    assert profile.options == ProfileOptions.RetainUIDs | ProfileOptions.BasicProfile
    assert profile == ConfidentialityProfile.default("RetainUIDs")


def test_all_is_the_union_of_the_options_and_none_itself() -> None:
    assert ProfileOptions.All.names() == SHORT_NAMES
    assert ProfileOptions.All not in list(ProfileOptions) and "All" not in ProfileOptions.__members__
    assert ProfileOptions.parse("all") == ProfileOptions.collect(["All"]) == ProfileOptions.All


@pytest.mark.parametrize("options", [ProfileOptions.All, "All", ["RetainUIDs", "ALL"]])
def test_all_is_refused_as_a_choice_for_its_dates_contradict_each_other(options: ProfileOptions | str | list[str]) -> None:
    with pytest.raises(ProfileError, match=r"exclude each other \(PS3.15 E.3.6\); All has both: take All & ~RetainLongFullDates"):
        ConfidentialityProfile.default(options)


@pytest.mark.parametrize("without", [ProfileOptions.RetainLongFullDates, ProfileOptions.RetainLongModifDates])
def test_all_but_one_kind_of_dates_is_a_choice(without: ProfileOptions) -> None:
    profile = ConfidentialityProfile(ProfileOptions.All & ~without)
    assert profile.options.names() == [name for name in SHORT_NAMES if name != without.name]


def test_all_is_no_column_of_a_file() -> None:
    with pytest.raises(ProfileError, match="line 1: 'All' is not known"):
        ConfidentialityProfile.from_csv_string("Tag;All\nPatientName;X")
