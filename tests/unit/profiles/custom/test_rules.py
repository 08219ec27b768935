"""Rules of custom profiles: which of them decides, what they may do, and which values they may give."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
from pydicom.dataelem import DataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element

from profiles import STAMPED, Action, ConfidentialityProfile, ProfileError, ProfileOptions
from profiles.custom.files import read_csv
from profiles.custom.patterns import Attribute
from profiles.custom.rules import (
    IDENTITY,
    PROTECTED,
    CustomRule,
    RulesByTag,
    check_strength,
    first_match,
    make_rule,
    typed_value,
    weakens,
)

BASIC = ProfileOptions.BasicProfile
UIDS = BASIC | ProfileOptions.RetainUIDs
DATES = BASIC | ProfileOptions.RetainLongModifDates
DEVICE = BASIC | ProfileOptions.RetainDeviceIdent

PATIENT_NAME = Attribute(0x00100010, "PatientName", "PN")
PATIENT_ID = Attribute(0x00100020, "PatientID", "LO")
THICKNESS = Attribute(0x00180050, "SliceThickness", "DS")
INSTANCE = Attribute(0x00080018, "SOPInstanceUID", "UI")
FRAME = Attribute(0x00200052, "FrameOfReferenceUID", "UI")
CALIBRATION = Attribute(0x00181200, "DateOfLastCalibration", "DA")
REQUEST = Attribute(0x00400275, "RequestAttributesSequence", "SQ")
PRIVATE = Attribute(0x00291010, "", "LO", "ACME")
UNKNOWN = Attribute(0x00189999, "", "")


def rule(text: str) -> CustomRule:
    return read_csv(text, "my.csv")[0]


def action(text: str, attribute: Attribute, options: ProfileOptions = BASIC) -> str | None:
    """The action that the first matching rule of ``text`` has for ``attribute``."""
    found = first_match(read_csv(text, "my.csv"), (attribute,), options)
    decided = found.action(options) if found else None
    return decided.value if decided else None


def standard(options: ProfileOptions) -> Callable[[int], Action]:
    return ConfidentialityProfile(options).standard_action


# -- which rule decides ----------------------------------------------------------------------------------------------


def test_the_first_matching_rule_wins() -> None:
    assert action("PatientName;D\nPatient*;X", PATIENT_NAME) == "D"
    assert action("Patient*;X\nPatientName;D", PATIENT_NAME) == "X"
    assert action("PatientID;X\nPatientName;D", PATIENT_NAME) == "D"
    assert action("PatientID;X", PATIENT_NAME) is None


def test_a_rule_that_says_nothing_under_the_options_leaves_the_word_to_the_next() -> None:
    text = "PatientName;;;Z;;;;;;;;\nPatient*;X;;;;;;;;;;"
    assert action(text, PATIENT_NAME) == "X"
    assert action(text, PATIENT_NAME, UIDS) == "Z"


def test_of_several_options_the_last_column_counts_as_in_fo_dicom() -> None:
    text = "0018,1200;X;;;K!;;;K!;C!;;;"
    assert action(text, CALIBRATION) == "X"
    assert action(text, CALIBRATION, DEVICE) == "K"
    assert action(text, CALIBRATION, DEVICE | DATES) == "C"


def test_nesting_counts_for_paths() -> None:
    rules = read_csv("RequestAttributesSequence>PatientID;X\nPatientID;Z", "my.csv")
    assert first_match(rules, (REQUEST, PATIENT_ID), BASIC) is rules[0]
    assert first_match(rules, (PATIENT_ID,), BASIC) is rules[1]


@pytest.mark.parametrize("tag", sorted(PROTECTED))
def test_what_the_engine_writes_or_reads_by_has_no_rule(tag: int) -> None:
    name = f"{tag >> 16:04x},{tag & 0xFFFF:04x}"
    for code in ("X", "K!", "Z", "D"):
        with pytest.raises(ProfileError, match="engine itself"):
            rule(f"{name};{code}")
    wide = read_csv(f"{name[:8]}x;X\n.*;X", "my.csv")
    assert first_match(wide, (Attribute(tag, "x", "CS"),), BASIC) is None


def test_the_stamps_are_among_them() -> None:
    assert set(STAMPED) < PROTECTED


@pytest.mark.parametrize("tag", [0x00020016, 0x00000010, 0x00041511, 0x00100000, 0x00080001, 0x00290010])
def test_lengths_file_meta_and_private_creators_are_the_engines_too(tag: int) -> None:
    assert first_match(read_csv("xxxx,xxxx;K!\n.*;K!", "my.csv"), (Attribute(tag, "", "LO"),), BASIC) is None


@pytest.mark.parametrize("tag", sorted(IDENTITY))
def test_the_uids_that_objects_are_filed_under_can_be_new_or_kept_and_nothing_else(tag: int) -> None:
    attribute = Attribute(tag, "UID", "UI")
    name = f"{tag >> 16:04x},{tag & 0xFFFF:04x}"
    for code in ("X", "Z", "D", "C!", "X/Z/D"):
        with pytest.raises(ProfileError, match="only U and K"):
            rule(f"{name};{code}")
    assert action(f"{name};U", attribute) == "U"
    assert action(f"{name};K!", attribute) == "K"
    assert action("{UI};X", attribute) is None
    assert action("{UI};X\n{UI};U", attribute) == "U"


def test_a_rule_keeps_only_those_private_attributes_that_it_is_for() -> None:
    assert action("0029{ACME}10;K!", PRIVATE) == "K"
    assert action("0029,1010;K!", PRIVATE) == "K"
    assert action("[0-9A-F]{3}[13579BDF],[0-9A-F]{4};K!", PRIVATE) == "K"
    assert action("{LO};K!", PRIVATE) is None
    assert action("002x,1010;K!", PRIVATE) is None
    assert action(".*;K!", PRIVATE) is None
    assert action("{LO};X", PRIVATE) == "X"
    assert action(".*;X", PRIVATE) == "X"


def test_attributes_that_no_dictionary_knows_are_kept_only_when_the_rule_insists() -> None:
    assert action("0018,xxxx;K", UNKNOWN) is None
    assert action("0018,xxxx;K!", UNKNOWN) == "K"
    assert action("0018,xxxx;X", UNKNOWN) == "X"


def test_looking_up_by_tag_gives_the_same_answers() -> None:
    text = "PatientID;X\n*Name;Z\nPatientName;D\n{PN};X\n0029{ACME}10;X\nPatientID;Z\n0018,xxxx;X"
    rules = read_csv(text, "my.csv")
    by_tag = RulesByTag(rules)
    for attribute in (PATIENT_NAME, PATIENT_ID, THICKNESS, PRIVATE, UNKNOWN, FRAME, Attribute(0x00080090, "x", "PN")):
        assert first_match(by_tag.candidates(attribute.tag), (attribute,), BASIC) is first_match(rules, (attribute,), BASIC)
    assert len(by_tag.candidates(FRAME.tag)) < len(rules)


# -- how strong it is ------------------------------------------------------------------------------------------------


def test_keeping_is_weaker_than_cleaning_and_cleaning_than_all_else() -> None:
    strong = set(Action) - {Action.K, Action.C}
    assert all(weakens(Action.K, other) for other in strong | {Action.C})
    assert all(weakens(Action.C, other) for other in strong)
    assert not any(weakens(one, other) for one in strong for other in Action)
    assert not weakens(Action.C, Action.K)
    assert not weakens(Action.K, Action.K)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("PatientName;K", "line 1: PatientName;K: leaves more of PatientName"),
        ("PatientName;C", "line 1: PatientName;C: leaves more of PatientName"),
        ("Patient*;K", "leaves more of Patient"),
        ("{PN};K", "leaves more of ReferringPhysicianName"),
        ("RequestAttributesSequence>PatientID;K", "leaves more of PatientID"),
        ("RequestAttributesSequence;K", "leaves more of RequestAttributesSequence"),
        ("FrameOfReferenceUID;K", "leaves more of FrameOfReferenceUID"),
        ("0018,9999;K", "leaves more of .0018,9999"),
        ("0029{ACME}10;K", "leaves more of private attributes"),
        ("0029{ACME}10;C", "leaves more of private attributes"),
        ("0029,1010;K", "leaves more of private attributes"),
        ("SliceThickness;X\nPatientName;K", "line 2: .*PatientName"),
        (">PatientName;X\nPatientName;K", "line 2: .*PatientName"),
    ],
)
def test_a_rule_that_leaves_more_than_the_standard_has_to_say_so(text: str, what: str) -> None:
    with pytest.raises(ProfileError, match=what):
        check_strength(read_csv(text, "my.csv"), BASIC, standard(BASIC))
    insisting = text.replace(";K", ";K!").replace(";C", ";C!")
    check_strength(read_csv(insisting, "my.csv"), BASIC, standard(BASIC))


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("SliceThickness;K", BASIC),
        ("PatientName;X", BASIC),
        ("FrameOfReferenceUID;K", UIDS),
        ("FrameOfReferenceUID;U;;K;;;;;;;;", BASIC),
        ("FrameOfReferenceUID;U;;K;;;;;;;;", UIDS),
        ("StudyDate;C", DATES),
        ("PatientName;X\nPatient*Name;Z\n0010,0010;K", BASIC),
        ("[0-9A-F]{3}[13579BDF],[0-9A-F]{4};X;C;;;;;;;;;", BASIC | ProfileOptions.RetainSafePrivate),
        ("0400,0310;X;;;;;;K;C;;;", DATES),
        ("50[0-9A-F]{2},[0-9A-F]{4};X;;;;;;;;;;C", BASIC | ProfileOptions.CleanGraph),
        ("SOPInstance?ID;K", UIDS),
        ("0008,001x;X\nSOPInstanceUID;U", BASIC),
    ],
)
def test_a_rule_that_does_not_needs_no_sign(text: str, options: ProfileOptions) -> None:
    check_strength(read_csv(text, "my.csv"), options, standard(options))


def test_a_rule_that_an_earlier_one_does_not_shadow_has_to_say_so() -> None:
    text = "{UI};X\nSOPInstanceUID;K"
    with pytest.raises(ProfileError, match="SOPInstanceUID"):
        check_strength(read_csv(text, "my.csv"), BASIC, standard(BASIC))


def test_a_wide_pattern_has_to_say_so_too() -> None:
    for text in ("{LO};K", "*Date;K", "0018,xxxx;K", "Patient*;C", "00xx,xxxx;K", ".*;K"):
        rules = read_csv(text, "my.csv")
        with pytest.raises(ProfileError, match="leaves more"):
            check_strength(rules, BASIC, standard(BASIC))


# -- what a rule may say ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [action.value for action in Action])
def test_every_code_is_an_action_in_any_case_and_with_blanks(code: str) -> None:
    for text in (code, code.lower(), f" {' '.join(code)} "):
        assert rule(f"ReferencedImageSequence;{text}").actions == ((BASIC, Action(code)),)


def test_the_sign_behind_an_action_says_that_the_rule_insists() -> None:
    assert rule("PatientName;K!").allows_weakening
    assert rule("PatientName;c !").allows_weakening
    assert not rule("PatientName;K").allows_weakening
    assert rule("FrameOfReferenceUID;U;;K!;;;;;;;;").allows_weakening
    with pytest.raises(ProfileError, match="only K and C"):
        rule("PatientName;X!")


@pytest.mark.parametrize("code", ["Q", "remove", "XX", "X/K", "!", "K!!", "X/Z/Z", "D/X"])
def test_what_is_no_action_is_an_error_that_lists_them(code: str) -> None:
    with pytest.raises(ProfileError, match=r"my.csv line 1: PatientName;.*is no action; there are D, Z, X"):
        rule(f"PatientName;{code}")


def test_new_uids_are_for_uids_and_sequences() -> None:
    assert rule("{UI};U").actions == ((BASIC, Action.U),)
    assert rule("ReferencedImageSequence;U").actions == ((BASIC, Action.U),)
    for text in ("PatientID;U", "0018,xxxx;U", "Patient*;U", "PatientID;X;;U;;;;;;;;"):
        with pytest.raises(ProfileError, match="U is for UIDs, and"):
            rule(text)


def test_its_origin_tells_people_where_it_stands() -> None:
    assert rule("// a\n\n PatientName ; d ").origin == "my.csv line 3: PatientName;d"
    assert rule("0008,0018;U;;K;;;;;;;;").origin == "my.csv line 1: 0008,0018;BasicProfile U;RetainUIDs K"
    assert "Case" not in rule("PatientName;D;Case^1").origin
    assert len(make_rule("place", "0029{" + "A" * 400 + "}10", {BASIC: "X"}).origin) < 150


def test_rules_travel_and_can_be_keys() -> None:
    original = rule("RequestAttributesSequence>Scheduled*ID;D;1234")
    assert pickle.loads(pickle.dumps(original)) == original
    assert hash(pickle.loads(pickle.dumps(original))) == hash(original)


# -- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PatientName", "Case^One=Case^一"),
        ("PatientID", "CASE 1"),
        ("PatientSex", "O"),
        ("PatientBirthDate", "20000229"),
        ("StudyTime", "1200"),
        ("AcquisitionDateTime", "2020"),
        ("AcquisitionDateTime", "20200101120000.5-0500"),
        ("PatientAge", "045Y"),
        ("PatientWeight", "70.5"),
        ("InstanceNumber", "-1"),
        ("ImageType", "DERIVED\\SECONDARY\\AXIAL"),
        ("ImagePositionPatient", "0\\0\\0"),
        ("PatientComments", "two\nlines \\ no separator"),
        ("RetrieveURL", "http://example.org/a"),
        ("Rows", "512"),
        ("PixelPaddingValue", "0"),
        ("RedPaletteColorLookupTableDescriptor", "256\\0\\16"),
        ("FrameOfReferenceUID", "1.2.3"),
        ("StationAETitle", "AE"),
        ("FrameTimeVector", "1\\2\\3\\4"),
        ("VerticesOfThePolygonalShutter", "1\\2\\3\\4"),
        ("ReferencePixelX0", "-5"),
        ("ExposureTimeInms", "1.5e3"),
        ("*Date", "20200101"),
        ("0010,00[12]0", "Case"),
        ("0018,9999", "anything"),
        ("0029{ACME}10", "anything"),
        ("StudyID", "1"),
    ],
)
def test_a_legal_value_is_taken_and_can_be_written(name: str, value: str) -> None:
    made = make_rule("my.csv line 1", name, {BASIC: "D"}, value)
    assert made.value == value
    for attribute in made.pattern.attributes():
        if attribute.vr:
            stream = DicomBytesIO()
            stream.is_little_endian, stream.is_implicit_VR = True, False
            element = DataElement(attribute.tag, attribute.vr.split(" ")[0], typed_value(value, attribute.vr))
            write_data_element(stream, element, ["utf-8"])
            assert len(stream.getvalue()) > 8


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PatientName", "A" * 65),
        ("PatientName", "a=b=c=d"),
        ("PatientName", "A\\B"),
        ("PatientID", "A" * 65),
        ("PatientID", "a\nb"),
        ("PatientID", "a\x1bb"),
        ("PatientID", "\\"),
        ("PatientSex", "other"),
        ("PatientBirthDate", "2000"),
        ("PatientBirthDate", "20230229"),
        ("PatientBirthDate", "20200101-20210101"),
        ("StudyTime", "2500"),
        ("StudyTime", "1000-1100"),
        ("AcquisitionDateTime", "20230229"),
        ("AcquisitionDateTime", "2020-2021"),
        ("PatientAge", "45"),
        ("PatientWeight", "heavy"),
        ("PatientWeight", "1" * 17),
        ("InstanceNumber", "1.5"),
        ("InstanceNumber", "99999999999"),
        ("ImageType", "a"),
        ("ImagePositionPatient", "0\\0"),
        ("VerticesOfThePolygonalShutter", "1\\2\\3"),
        ("PatientComments", "a\x07b"),
        ("RetrieveURL", "no url"),
        ("Rows", "70000"),
        ("Rows", "-1"),
        ("Rows", "many"),
        ("Rows", "1\\2"),
        ("ReferencePixelX0", "3000000000"),
        ("ExposureTimeInms", "nan"),
        ("ExposureTimeInms", "1e999"),
        ("FrameOfReferenceUID", "1.02"),
        ("PixelData", "abc"),
        ("RequestAttributesSequence", "abc"),
        ("FrameIncrementPointer", "0018,1063"),
        ("Patient*", "Case"),
        ("0010,xxxx", "Case"),
    ],
)
def test_an_illegal_one_is_refused_at_once_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(ProfileError, match=r"my.csv line 1: .*the value is not legal for [A-Z]") as caught:
        make_rule("my.csv line 1", name, {BASIC: "D"}, value)
    assert len(value) < 6 or value not in str(caught.value)


@pytest.mark.parametrize("code", ["X", "Z", "K!", "U", "Z/D", "X/Z/D"])
def test_a_value_needs_the_action_d(code: str) -> None:
    with pytest.raises(ProfileError, match="a value needs the action D"):
        make_rule("my.csv line 1", "FrameOfReferenceUID", {BASIC: code}, "1.2.3")


def test_numbers_become_numbers() -> None:
    assert typed_value("512", "US") == 512
    assert typed_value("1\\-2", "SS") == [1, -2]
    assert typed_value("1.5", "FD") == 1.5
    assert typed_value("7", "US or SS") == 7
    assert typed_value("1.50", "DS") == "1.50"
