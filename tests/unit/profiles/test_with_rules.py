"""Rules from Python: the same as in a file, before those that are there already."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from profiles import Action, ConfidentialityProfile, ProfileError, ProfileOptions, ProfileWarning, RuleAction

BASIC = ConfidentialityProfile()
PATIENT_NAME, PATIENT_ID, STATION, PHONES, FRAME = 0x00100010, 0x00100020, 0x00081010, 0x00102154, 0x00200052


@pytest.fixture(autouse=True)
def _warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"*TelephoneNumbers": Action.X}, "*TelephoneNumbers;X"),
        ({"(0008,0080)": Action.Z}, "(0008,0080);Z"),
        ({"00080080": "Z"}, "00080080;Z"),
        ({"{PN}": "X/Z", "50xx,xxxx": Action.X_Z_U}, "{PN};X/Z\n50xx,xxxx;X/Z/U*"),
        ({"RequestAttributesSequence>*ID": Action.X}, "RequestAttributesSequence>*ID;X"),
        ({">ReferencedStudySequence>0008,1155": Action.U}, ">ReferencedStudySequence>0008,1155;U"),
        ({"^0018,11[0-9]{2}": Action.Z}, "^0018,11[0-9]{2};Z"),
        ({"0029{ACME HEADER}0c": "K!"}, "0029{ACME HEADER}0c;K!"),
        ({"PatientName": (Action.D, "Case^One"), "StationName": ("D", "CT")}, "PatientName;D;Case^One\nStationName;D;CT"),
    ],
)
def test_they_are_what_a_file_with_these_lines_is(rules: dict[str, RuleAction], text: str) -> None:
    from_python, from_file = BASIC.with_rules(rules), ConfidentialityProfile.from_csv_string(text)
    assert from_python.digest == from_file.digest != BASIC.digest
    told = [(rule.pattern, rule.actions, rule.value, rule.allows_weakening) for rule in from_python.custom]
    assert told == [(rule.pattern, rule.actions, rule.value, rule.allows_weakening) for rule in from_file.custom]
    same = [(row.tag, row.action, row.meaning) for row in from_python.explain()]
    assert same == [(row.tag, row.action, row.meaning) for row in from_file.explain()]


def test_the_profile_itself_stays_as_it_is() -> None:
    profile = ConfidentialityProfile.default("RetainUIDs", patient_id="CASE-1", cap_ages=True)
    more = profile.with_rules({"StationName": Action.X})
    assert profile.custom == () and profile == ConfidentialityProfile.default("RetainUIDs", patient_id="CASE-1", cap_ages=True)
    assert (more.options, more.patient_id, more.cap_ages) == (profile.options, "CASE-1", True)
    assert pickle.loads(pickle.dumps(more)) == more
    assert profile.with_rules({}) == profile


def test_the_first_rule_of_a_call_that_matches_decides() -> None:
    rules: dict[str, RuleAction] = {"StationName": Action.Z, "*Name": Action.X}
    profile = BASIC.with_rules(rules)
    assert profile.decide(STATION).action is Action.Z and profile.decide(PATIENT_NAME).action is Action.X
    assert profile.decide(STATION).decided_by == "with_rules: StationName;Z"


def test_rules_of_a_later_call_come_before_those_that_are_there() -> None:
    profile = ConfidentialityProfile.from_csv_string("StationName;Z\nPatientID;D;CASE-1")
    # what is overruled was asked for: no warning
    later = profile.with_rules({"StationName": Action.X})
    assert later.decide(STATION).action is Action.X and later.decide(PATIENT_ID).value == "CASE-1"
    assert [rule.origin for rule in later.custom] == [
        "with_rules: StationName;X",
        "CSV text line 1: StationName;Z",
        "CSV text line 2: PatientID;D",
    ]
    # it is still told of who asks
    assert len(later.idle_rules) == 1 and later.idle_rules[0].startswith("CSV text line 1: StationName;Z: ")
    assert later.with_rules({"StationName": Action.D}).decide(STATION).action is Action.D


def test_a_rule_that_leaves_more_than_the_standard_must_be_insisted_on() -> None:
    for action in (Action.K, Action.C, "K", "C"):
        with pytest.raises(ProfileError, match=r"with_rules: PatientName;.: leaves more of PatientName .* insist=True"):
            BASIC.with_rules({"PatientName": action})
    profile = BASIC.with_rules({"PatientName": Action.K, "StationName": Action.X}, insist=True)
    assert profile.decide(PATIENT_NAME).action is Action.K and profile.decide(STATION).action is Action.X
    assert profile.digest == ConfidentialityProfile.from_csv_string("PatientName;K!\nStationName;X").digest
    assert profile.weakening_rules == ("with_rules: PatientName;K!",)
    assert BASIC.with_rules({"PatientName": "K!"}).digest == BASIC.with_rules({"PatientName": "K!"}, insist=True).digest


def test_a_rule_that_the_options_allow_needs_no_insisting() -> None:
    profile = ConfidentialityProfile.default("RetainUIDs").with_rules({"FrameOfReferenceUID": Action.K})
    assert profile.decide(FRAME).action is Action.K and profile.weakening_rules == ()


def test_a_rule_that_can_never_act_is_warned_of_where_it_is_given() -> None:
    with pytest.warns(
        ProfileWarning, match="with_rules: StationName;Z: this rule can never act: before it, with_rules: .*Name;X"
    ):
        BASIC.with_rules({"*Name": Action.X, "StationName": Action.Z})


def test_a_warning_points_to_who_gave_the_rule(tmp_path: Path) -> None:
    (tmp_path / "rules.csv").write_text("0002,0010;X")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        BASIC.with_rules({"0002,0010": Action.X})
        ConfidentialityProfile.from_csv_string("0002,0010;X")
        ConfidentialityProfile.from_file(tmp_path / "rules.csv")
    assert [warning.filename for warning in caught] == [__file__] * 3


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"PatientNam": Action.X}, "with_rules: PatientNam;X: there is no keyword 'PatientNam'; did you mean PatientName"),
        ({"PatientName": "Q"}, "with_rules: PatientName;Q: 'Q' is no action"),
        ({"PatientName": "X!"}, "only K and C can have a !"),
        ({"": Action.X}, "a tag, a keyword or another tag pattern is needed"),
        ({"PatientBirthDate": (Action.D, "yesterday")}, "the value is not legal for PatientBirthDate: no legal DA"),
        ({"PatientName": (Action.X, "Case")}, "a value needs the action D"),
        ({"PatientName": (Action.D, " ")}, "'PatientName': the value is empty"),
        ({"PatientName": None}, "'PatientName' needs an action"),
        ({"PatientName": ""}, "'PatientName' needs an action"),
        ({"PatientName": (Action.D, "a", "b")}, "'PatientName' needs an action"),
        ({PATIENT_NAME: Action.X}, "a tag pattern is a text, such as"),
        ({"SOPClassUID": Action.X}, "the engine itself keeps or writes this attribute"),
        ([("PatientName", Action.X)], "a mapping is needed"),
    ],
)
def test_what_can_not_be_used_is_named(rules: dict[str, RuleAction], message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        BASIC.with_rules(rules)
    assert message in str(caught.value)


def test_options_choose_as_always() -> None:
    profile = ConfidentialityProfile.default(ProfileOptions.RetainDeviceIdent)
    assert profile.decide(STATION).action is Action.K
    assert profile.with_rules({"StationName": Action.X}).decide(STATION).action is Action.X
