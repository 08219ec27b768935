"""Which attributes a tag pattern is for, and which texts are none."""

from __future__ import annotations

import pickle
import time

import pytest
from pydicom.datadict import keyword_for_tag

from profiles import ProfileError
from profiles.custom.patterns import Attribute, TagPattern, standard_attributes

PATIENT_NAME = Attribute(0x00100010, "PatientName", "PN")
PATIENT_ID = Attribute(0x00100020, "PatientID", "LO")
STUDY_DATE = Attribute(0x00080020, "StudyDate", "DA")
REQUEST = Attribute(0x00400275, "RequestAttributesSequence", "SQ")
STEP_ID = Attribute(0x00400009, "ScheduledProcedureStepID", "SH")
OVERLAY_DATA = Attribute(0x60023000, "OverlayData", "OB or OW")
SMALLEST = Attribute(0x00280106, "SmallestImagePixelValue", "US or SS")
CURVE = Attribute(0x500A3000, "CurveData", "OB or OW")
UNKNOWN = Attribute(0x00189999, "", "")
SIEMENS = Attribute(0x00291110, "", "OB", "SIEMENS CSA HEADER")
ODD_OVERLAY = Attribute(0x60013000, "", "OB", "ACME")


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("0010,0010", PATIENT_NAME),
        ("(0010,0010)", PATIENT_NAME),
        ("(0010, 0010)", PATIENT_NAME),
        ("00100010", PATIENT_NAME),
        ("  0010,0010 ", PATIENT_NAME),
        ("0010,00x0", PATIENT_NAME),
        ("001X,xxx0", PATIENT_NAME),
        ("xxxxxxxx", PATIENT_NAME),
        ("50xx,xxxx", CURVE),
        ("500A,3000", CURVE),
        ("500a,3000", CURVE),
        ("PatientName", PATIENT_NAME),
        ("OverlayData", OVERLAY_DATA),
        ("Patient*", PATIENT_NAME),
        ("*Date", STUDY_DATE),
        ("Study?ate", STUDY_DATE),
        ("*", PATIENT_NAME),
        ("{PN}", PATIENT_NAME),
        ("{pn}", PATIENT_NAME),
        ("{US}", SMALLEST),
        ("{SS}", SMALLEST),
        ("0018,9999", UNKNOWN),
        ("0029{SIEMENS CSA HEADER}10", SIEMENS),
        ("0029{ SIEMENS CSA HEADER }1x", SIEMENS),
        ("00xx{SIEMENS CSA HEADER}xx", SIEMENS),
        ("0029,xx10", SIEMENS),
        ("{OB}", SIEMENS),
        ("gggg,eeee", SIEMENS),
        ("(gggg,eeee) where gggg is odd", SIEMENS),
        ("[0-9A-F]{3}[13579BDF],[0-9A-F]{4}", SIEMENS),
        ("0029,..10:siemens", SIEMENS),
        ("^0010,0010$", PATIENT_NAME),
        ("10,00.0", PATIENT_NAME),
        ("(?<group>0010),0010", PATIENT_NAME),
        ("60[0-9A-F]{2},3000", OVERLAY_DATA),
        ("500A,300[0-5]", CURVE),
    ],
)
def test_a_pattern_matches_its_attribute_at_every_depth(text: str, attribute: Attribute) -> None:
    pattern = TagPattern.parse(text)
    assert pattern.matches((attribute,))
    assert pattern.matches((REQUEST, attribute))
    assert pattern.matches((REQUEST, REQUEST, attribute))


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("0010,0010", PATIENT_ID),
        ("0010,001x", PATIENT_ID),
        ("PatientName", PATIENT_ID),
        ("*Name", PATIENT_ID),
        ("*Time", STUDY_DATE),
        ("StudyDat?", PATIENT_NAME),
        ("{PN}", PATIENT_ID),
        ("{US}", PATIENT_ID),
        ("OverlayData", ODD_OVERLAY),
        ("*", SIEMENS),
        ("*", UNKNOWN),
        ("gggg,eeee", OVERLAY_DATA),
        ("0029{SIEMENS CSA}10", SIEMENS),
        ("0029{siemens csa header}10", SIEMENS),
        ("0029{SIEMENS CSA HEADER}11", SIEMENS),
        ("0019{SIEMENS CSA HEADER}10", SIEMENS),
        ("0029{SIEMENS CSA HEADER}10", Attribute(0x00291110, "", "OB")),
        ("0029,10..:SIEMENS", SIEMENS),
        ("^0010,0010$", PATIENT_ID),
    ],
)
def test_and_no_other(text: str, attribute: Attribute) -> None:
    assert not TagPattern.parse(text).matches((attribute,))


def test_a_private_attribute_is_the_same_in_any_block() -> None:
    pattern = TagPattern.parse("0029{ACME}10")
    assert all(pattern.matches((Attribute(0x00290010 | block << 8, "", "LO", "ACME"),)) for block in range(0x10, 0x100))


def test_a_path_is_how_the_attributes_own_path_ends() -> None:
    for text in (
        "0040,0275>0040,0009",
        "RequestAttributesSequence>*ID",
        "RequestAttributesSequence > {SH}",
        "(0040,0275)>00400009",
    ):
        pattern = TagPattern.parse(text)
        assert pattern.matches((REQUEST, STEP_ID))
        assert pattern.matches((SIEMENS, REQUEST, STEP_ID))
        assert not pattern.matches((STEP_ID,))
        assert not pattern.matches((REQUEST, SIEMENS, STEP_ID))
        assert not pattern.matches((REQUEST, PATIENT_NAME))


def test_a_leading_sign_says_that_the_path_begins_there() -> None:
    assert TagPattern.parse(">PatientName").matches((PATIENT_NAME,))
    assert not TagPattern.parse(">PatientName").matches((REQUEST, PATIENT_NAME))
    assert TagPattern.parse(">RequestAttributesSequence>*ID").matches((REQUEST, STEP_ID))
    assert not TagPattern.parse(">RequestAttributesSequence>*ID").matches((REQUEST, REQUEST, STEP_ID))


def test_a_creator_may_hold_what_divides_paths() -> None:
    creator = Attribute(0x00291001, "", "LO", "A>B; C, D")
    assert TagPattern.parse("0029{A>B; C, D}01").matches((creator,))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("PatientNam", "PatientName"),
        ("patientname", "PatientName"),
        ("Patient Name", "PatientName"),
        ("Patient's Name", "PatientName"),
        ("patient_name", "PatientName"),
        ("StudyInstanceUid", "StudyInstanceUID"),
        ("RequestAttributeSequence>ScheduledProcedureStepID", "RequestAttributesSequence"),
    ],
)
def test_a_misspelt_keyword_is_an_error_that_suggests_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(ProfileError, match=f"did you mean {meant}?"):
        TagPattern.parse(typed)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "needed"),
        ("   ", "needed"),
        ("0010,001", "no whole tag"),
        ("0010,", "no whole tag"),
        ("(0010,0010", "no whole tag"),
        ("0010,00100", "no whole tag"),
        ("0010,00*", "no whole tag"),
        ("50*,*", "no whole tag"),
        ("0010,001?", "no whole tag"),
        ("0x00100010", "no whole tag"),
        ("0010*", "x stands for any digit"),
        ("*date", "no keyword is like"),
        ("Patient*Nam", "no keyword is like"),
        ("xyz", "no keyword"),
        ("{XX}", "no VR XX"),
        ("0028{ACME}10", "not private"),
        ("0029{}10", "creator is needed"),
        ("0029{ACME}1", "no private attribute"),
        ("0029{ACME}1010", "no private attribute"),
        ("PatientName>PatientID", "PatientName is no sequence"),
        ("RequestAttributesSequence>", "can't be a part of a path"),
        (">>PatientName", "can't be a part of a path"),
        ("RequestAttributesSequence>0040,00[01]9", "can't be a part of a path"),
        ("Patient.*", "keywords take"),
        ("[Pp]atientName", "keywords take"),
        ("PatientName$", "keywords take"),
        ("50xx,[0-9]{4}", "searched for in tags"),
        ("0010,00[10", "no regular expression"),
        ("[[0-9],0010", "no regular expression"),
        ("0010,001\\", "no regular expression"),
        ("[0-9-[5]],0010", "classes"),
        ("([0-9]+)+,0010", "groups repeated"),
        ("(0010|0020){1,}", "groups repeated"),
        (".*.*.*.*.*0010", "repetitions"),
        ("0010,0010\x00", "printable"),
        ("0010\n,0010", "printable"),
        ("." * 501, "500"),
    ],
)
def test_what_is_no_pattern_is_an_error_and_never_silently_an_expression(text: str, reason: str) -> None:
    with pytest.raises(ProfileError, match=reason):
        TagPattern.parse(text)


def test_an_expression_can_be_as_hostile_as_allowed_and_takes_no_time() -> None:
    pattern = TagPattern.parse(".*.*.*.*[^0-9a-f,:]")
    hostile = Attribute(0x00291010, "", "LO", "0" * 10_000)
    started = time.perf_counter()
    pattern.matches((hostile,))
    assert time.perf_counter() - started < 2


def test_a_creator_that_looks_like_a_tag_is_none() -> None:
    assert not TagPattern.parse("0010,00[12]0").matches((Attribute(0x00291010, "", "LO", "0010,0010"),))


@pytest.mark.parametrize(
    ("text", "concerns", "names"),
    [
        ("0010,0010", False, False),
        ("001x,0010", True, False),
        ("0029,1010", True, True),
        ("xxx9,xxxx", True, True),
        ("PatientName", False, False),
        ("*", False, False),
        ("OverlayData", False, False),
        ("{LO}", True, False),
        ("0029{ACME}10", True, True),
        ("0029{ACME}10>PatientName", True, False),
        ("(gggg,eeee)", True, True),
        ("[0-9A-F]{3}[13579BDF],[0-9A-F]{4}", True, True),
        ("0029,10[0-9]{2}:ACME", True, True),
        (".*", True, False),
        ("60[0-9A-F]{2},3000", True, False),
        ("0010,00[12]0", False, False),
        ("^0010,", False, False),
        ("0010,0010|0029,1010", True, False),
        ("0010,{0}", True, False),
    ],
)
def test_it_knows_whether_it_could_match_private_attributes(text: str, concerns: bool, names: bool) -> None:
    pattern = TagPattern.parse(text)
    assert (pattern.concerns_private, pattern.names_private) == (concerns, names)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("0010,0010", 0x00100010),
        ("PatientName", 0x00100010),
        (">PatientName", 0x00100010),
        ("RequestAttributesSequence>PatientName", 0x00100010),
        ("0018,9999", 0x00189999),
        ("0010,001x", None),
        ("0029,1010", None),
        ("0029{ACME}10", None),
        ("OverlayData", None),
        ("Patient*", None),
        ("{PN}", None),
        ("^0010,0010$", None),
    ],
)
def test_it_knows_the_one_tag_that_it_names(text: str, tag: int | None) -> None:
    assert TagPattern.parse(text).single_tag == tag


def test_it_lists_the_standard_attributes_that_it_is_for() -> None:
    assert [attribute.keyword for attribute in TagPattern.parse("0010,00[12]0").attributes()] == ["PatientName", "PatientID"]
    assert {keyword_for_tag(attribute.tag)[-4:] for attribute in TagPattern.parse("*Date").attributes()} == {"Date"}
    assert [attribute.tag for attribute in TagPattern.parse("OverlayData").attributes()] == [0x60003000]
    assert list(TagPattern.parse("0018,9999").attributes()) == [UNKNOWN]
    assert list(TagPattern.parse("0029{ACME}10").attributes()) == []
    assert len(standard_attributes()) > 5000


def test_patterns_are_equal_by_text_and_travel() -> None:
    pattern = TagPattern.parse("RequestAttributesSequence>*ID")
    travelled = pickle.loads(pickle.dumps(pattern))
    assert travelled == pattern
    assert hash(travelled) == hash(pattern)
    assert travelled.matches((REQUEST, STEP_ID))
    assert not travelled.matches((STEP_ID,))
    assert pattern != TagPattern.parse("RequestAttributesSequence>*UID")
