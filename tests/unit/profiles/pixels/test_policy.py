"""The option CleanPixelData and pixels="clean" are one; what decides is in the settings and the digest, and who accepted what."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from profiles import ConfidentialityProfile, PixelPolicy, PixelRules, ProfileError, ProfileOptions, ReviewedRectangles, tags
from profiles.pixels.rule_files import built_in_rules

HEAD = "name,condition,rows,columns,outcome,blank,keep,provenance\n"
OURS = HEAD + 'banner,Modality = US,480,640,clean,"0,0,640,40",,Doe\n'
CTP = '{Modality.equals("US")}(0,0,600,20)\n{[0029,1010].equals("x")}(0,0,5,5)'
REVIEWED = "sop_instance_uid,rows,columns,blank,reviewer\n1.2.3,10,20,all,Doe\n"
CLEAN = ProfileOptions.CleanPixelData


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    contents = {"ours.csv": OURS, "site.script": CTP, "more.script": CTP.split("\n")[0], "reviewed.csv": REVIEWED}
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    return {name: tmp_path / name for name in contents}


def test_the_option_and_the_setting_bring_each_other() -> None:
    by_option = ConfidentialityProfile.default("CleanPixelData")
    by_setting = ConfidentialityProfile.default(pixels="clean")
    assert by_option == by_setting == ConfidentialityProfile(CLEAN) == ConfidentialityProfile(pixels=PixelPolicy("clean"))
    assert by_option == ConfidentialityProfile.default("CleanPixelData", pixels="clean")
    assert by_option.digest == by_setting.digest != ConfidentialityProfile().digest
    assert by_option.pixels.cleans and not by_option.pixels.keeps
    assert CLEAN in by_setting.options
    assert by_option.options.names() == ["BasicProfile", "CleanPixelData"]
    assert repr(by_setting) == "ConfidentialityProfile.default('CleanPixelData')"


@pytest.mark.parametrize("pixels", ["keep", "quarantine"])
def test_the_option_and_another_setting_contradict_each_other(pixels: str) -> None:
    with pytest.raises(ProfileError, match="exclude each other"):
        ConfidentialityProfile.default("CleanPixelData", pixels=pixels)


def test_objects_that_are_kept_are_not_cleaned() -> None:
    with pytest.raises(ProfileError, match="exclude each other"):
        ConfidentialityProfile(CLEAN, pixels=PixelPolicy("keep"))


def test_without_either_objects_at_risk_are_refused() -> None:
    profile = ConfidentialityProfile.default("RetainUIDs")
    assert profile.pixels.pixels == "quarantine" and profile.pixels.rules == PixelRules() and CLEAN not in profile.options


def test_the_option_changes_no_attribute() -> None:
    base, clean = ConfidentialityProfile(), ConfidentialityProfile(CLEAN)
    attributes = [[row for row in profile.explain() if "(objects:" not in row.keyword] for profile in (base, clean)]
    assert attributes[0] == attributes[1]
    risks = {row.action for row in clean.explain() if row.keyword.startswith("(objects: ")}
    assert risks == {"clean"}


def test_the_projects_own_rules_come_with_clean_only() -> None:
    assert PixelPolicy("clean").rules.sources == (built_in_rules(),)
    assert PixelPolicy.of("clean", pixel_rules=io.StringIO(OURS)).rules.sources[0] == built_in_rules()
    assert PixelPolicy("keep").rules.sources == ()


@pytest.mark.parametrize("setting", [{"pixel_rules": "ours.csv"}, {"rectangles": "reviewed.csv"}])
@pytest.mark.parametrize("pixels", [None, "quarantine", "keep"])
def test_rules_without_clean_are_an_error_that_says_so(
    setting: dict[str, str], pixels: str | None, files: dict[str, Path]
) -> None:
    ((name, file),) = setting.items()
    settings: dict[str, Any] = {name: files[file], "pixels": pixels}
    with pytest.raises(ProfileError, match="act with pixels=clean"):
        ConfidentialityProfile.default(**settings)
    ConfidentialityProfile.default("CleanPixelData", **{name: files[file]})


def test_the_policy_itself_takes_no_rules_without_clean() -> None:
    rules = PixelPolicy.of("clean", pixel_rules=io.StringIO(OURS)).rules
    with pytest.raises(ProfileError, match="act with pixels=clean"):
        PixelPolicy("keep", rules=rules)
    with pytest.raises(ProfileError, match="act with pixels=clean"):
        PixelPolicy(rectangles=ReviewedRectangles.read(io.StringIO(REVIEWED)))


def test_what_was_given_is_in_the_settings(files: dict[str, Path]) -> None:
    policy = PixelPolicy.of(
        "clean",
        pixel_rules=[files["ours.csv"], files["site.script"], files["more.script"]],
        accept_rules=["ctp-0001", "ctp-0002", "ctp2-0001"],
        rectangles=files["reviewed.csv"],
    )
    settings = policy.settings
    assert [(source["kind"], source["rules"], source["accepted"]) for source in settings["pixel_rules"]] == [
        ("built-in", len(built_in_rules().rules), []),
        ("own", 1, []),
        ("ctp", 1, ["ctp-0001", "ctp-0002"]),
        ("ctp", 1, ["ctp2-0001"]),
    ]
    assert settings["rectangles"] == {"digest": policy.rectangles and policy.rectangles.digest, "lines": 1, "reviewers": ["Doe"]}
    assert settings["pixel_rules_digest"] == policy.rules.digest
    # neither the names of files nor UIDs
    assert not {"ours", "site", "1.2.3"} & set(json.dumps(settings).replace(".csv", " ").split('"'))
    assert [match.rule for match in policy.rules.match({tags()["Modality"]: ("US",)}, 480, 640)] == [
        "banner",
        "ctp-0001",
        "ctp2-0001",
    ]


def test_all_that_decides_is_in_the_profiles_digest(files: dict[str, Path]) -> None:
    (files["ours.csv"].parent / "other.csv").write_text(OURS.replace("40", "41"))
    (files["ours.csv"].parent / "reviewed2.csv").write_text(REVIEWED.replace("1.2.3", "1.2.4"))
    profiles = [
        ConfidentialityProfile.default("CleanPixelData"),
        ConfidentialityProfile.default("CleanPixelData", pixel_rules=files["ours.csv"]),
        ConfidentialityProfile.default("CleanPixelData", pixel_rules=files["ours.csv"].parent / "other.csv"),
        ConfidentialityProfile.default("CleanPixelData", rectangles=files["reviewed.csv"]),
        ConfidentialityProfile.default("CleanPixelData", rectangles=files["reviewed.csv"].parent / "reviewed2.csv"),
        ConfidentialityProfile.default("CleanPixelData", pixel_rules=files["more.script"], accept_rules=["ctp-0001"]),
    ]
    assert len({profile.digest for profile in profiles}) == len(set(profiles)) == len(profiles)
    again = ConfidentialityProfile.default("CleanPixelData", pixel_rules=files["ours.csv"])
    assert again == profiles[1] and again.digest == profiles[1].digest
    assert repr(again) == "ConfidentialityProfile.default('CleanPixelData', pixel_rules=<1 rule>)"
    assert repr(profiles[3]) == "ConfidentialityProfile.default('CleanPixelData', rectangles=<1 line>)"


def test_a_profile_with_rules_may_be_sent_to_another_process(files: dict[str, Path]) -> None:
    profile = ConfidentialityProfile.default(
        pixels="clean", pixel_rules=files["more.script"], accept_rules="ctp-0001", rectangles=files["reviewed.csv"]
    )
    assert profile.digest
    revived = pickle.loads(pickle.dumps(profile))
    assert revived == profile and revived.digest == profile.digest


def test_a_finding_that_is_not_accepted_refuses_the_file(files: dict[str, Path]) -> None:
    with pytest.raises(ProfileError, match=r"site\.script line 2: ctp-0002: untranslated"):
        PixelPolicy.of("clean", pixel_rules=files["site.script"], accept_rules=["ctp-0001"])
    with pytest.raises(ProfileError, match="'banner' is no rule with a finding that must be accepted"):
        PixelPolicy.of("clean", pixel_rules=files["ours.csv"], accept_rules=["banner"])
    with pytest.raises(ProfileError, match="two files have a pixel rule banner"):
        PixelPolicy.of("clean", pixel_rules=[files["ours.csv"], files["ours.csv"]])


def test_an_accepted_rule_without_the_option_is_told_that_it_is_off() -> None:
    with pytest.raises(ProfileError, match=r"accepted rules act with pixels=clean \(--options CleanPixelData\) only"):
        ConfidentialityProfile.default(accept_rules=["ctp-0001"])


def test_a_profile_from_a_file_takes_the_same_settings(files: dict[str, Path]) -> None:
    profile = ConfidentialityProfile.from_csv(
        io.StringIO("PatientName;X"), "CleanPixelData", pixel_rules=files["ours.csv"], rectangles=files["reviewed.csv"]
    )
    assert profile.pixels.cleans and profile.pixels.rectangles is not None
    assert profile.with_rules({"StationName": "X"}).pixels == profile.pixels
