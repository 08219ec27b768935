"""What the screen leaves alone, what takes the place of a value that goes, and what the report says of it."""

from __future__ import annotations

import pytest

from anonymizer import DeidentificationError, Note
from tests.support.objects import CT, INSTANCE, SERIES, STUDY, SYNTAXES, Element, ct, data_set_of, nested, part10, read
from tests.support.running import rewrite
from tests.support.screening import (
    BIRTH,
    ICC,
    INSTITUTION,
    KEPT,
    NAME,
    NUMBER,
    OPERATOR,
    PATIENT_ID,
    THICKNESS,
    VERSION,
    WHO,
    ZWICKEL,
    left,
    outcome_of,
    passed,
    screening,
)

STAMPS = (0x00120062, 0x00120064)


def code(value: str, scheme: str, meaning: str) -> Element:
    """AnatomicRegionSequence with one code."""
    return Element(
        0x00082218,
        "SQ",
        [[Element(0x00080100, "SH", value), Element(0x00080102, "SH", scheme), Element(0x00080104, "LO", meaning)]],
    )


#: values that any CT has, all of them public
PUBLIC = [
    Element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
    Element(0x00080070, "LO", "Philips Medical Systems"),
    Element(0x00081090, "LO", "Ingenuity TF PET/CT"),
    Element(0x00180015, "CS", "HEAD"),
    Element(0x00180022, "CS", "HELICAL MODE"),
    Element(0x00181210, "SH", "STANDARD"),
    Element(0x00185100, "CS", "HFS"),
    Element(0x00200020, "CS", "L\\P"),
    Element(0x00280004, "CS", "MONOCHROME2"),
    Element(0x00281054, "LO", "HU"),
    code("69536005", "SCT", "Head"),
]
PEOPLE = [
    "Head",
    "Gray",
    "Philips",
    "Stern",
    "Chest",
    "Standard",
    "Axial",
    "Medical",
    "Systems",
    "Primary",
    "Original",
    "Helical",
]
PEOPLE += [
    "Monochrome",
    "Mode",
    "Bone",
    "Ingenuity",
    "Head^Philips",
    "Gray^Stern^Chest",
    "Anonymous",
    "Removed",
    "Unknown",
    "None",
]
PEOPLE += ["Test", "Basic^Profile", "Clean^Option", "Confidentiality"]


def of_both(*elements: Element, options: str = "") -> tuple[bytes, bytes]:
    """The data set with the screen and without it, both without their stamps."""
    blob = part10(ct(*elements))
    both = []
    for screen in (True, False):
        output, _ = passed(blob, screening(options, screen=screen))
        dataset = read(output)
        for tag in STAMPS:
            dataset.pop(tag, None)
        both.append(dataset.to_json().encode())
    return both[0], both[1]


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("tag", [NAME, OPERATOR, 0x00080090, INSTITUTION])
def test_public_values_stay_whoever_is_called_so(who: str, tag: int) -> None:
    named = Element(tag, "LO" if tag == INSTITUTION else "PN", who)
    with_screen, without = of_both(*PUBLIC, named)
    assert with_screen == without


@pytest.mark.parametrize(
    "place", ["UCLA PET/CT", "Head and Neck Clinic", "Philips Medical Center", "Chest Hospital", "Standard Radiology CT"]
)
def test_and_whatever_the_place_is_called(place: str) -> None:
    with_screen, without = of_both(*PUBLIC, Element(INSTITUTION, "LO", place), Element(VERSION, "LO", "PET/CT 4.1 Head"))
    assert with_screen == without


@pytest.mark.parametrize("who", ["DICOM^Test", "Annex"])
def test_what_was_done_is_said_whoever_is_called_so(who: str) -> None:
    with_screen, without = of_both(Element(NAME, "PN", who))
    assert with_screen == without


@pytest.mark.parametrize("who", ["Head", "Philips"])
def test_the_same_word_costs_its_value_where_it_is_no_term(who: str) -> None:
    for text in (f"by {who}", f"4.1\\by {who}2"):
        assert left(part10(ct(Element(NAME, "PN", f"{who}^Ann"), Element(VERSION, "LO", text))), text) == []


@pytest.mark.parametrize(
    ("value", "scheme", "stays"),
    [
        ("69536005", "SCT", True),
        ("69536004", "SCT", False),
        ("69536005", "99LOCAL", False),
        ("121071", "DCM", True),
        ("24627-2", "LN", True),
        ("24627-3", "LN", False),
    ],
)
def test_codes_of_published_schemes_stay_by_their_form_and_check_digit(value: str, scheme: str, stays: bool) -> None:
    blob = part10(ct(Element(PATIENT_ID, "LO", value), code(value, scheme, "Liver")))
    assert bool(left(blob, value)) is stays
    # a code needs its attributes
    (item,) = read(passed(blob)[0]).AnatomicRegionSequence
    assert item.CodeValue and item.CodingSchemeDesignator and item.CodeMeaning


def test_a_name_in_a_code_is_replaced() -> None:
    for planted in (code(WHO[:12], "99X", "Liver"), code("1", WHO[:12].upper(), "Liver"), code("69536005", "SCT", WHO)):
        output, _ = passed(part10(ct(Element(NAME, "PN", f"{WHO}^{WHO[:12]}"), planted)))
        assert WHO[:12].lower().encode() not in data_set_of(output).lower()
        (item,) = read(output).AnatomicRegionSequence
        assert item.CodeValue and item.CodingSchemeDesignator and item.CodeMeaning


# -- by type -----------------------------------------------------------------------------------------------------------------


def test_what_is_optional_is_removed() -> None:
    assert VERSION not in read(passed(part10(ct(ZWICKEL, Element(VERSION, "LO", WHO))))[0])


def test_what_may_be_empty_is_emptied() -> None:
    output, report = passed(part10(ct(ZWICKEL, Element(0x00080070, "LO", WHO))))
    assert read(output)[0x00080070].value == ""
    assert [(action.path, action.action) for action in report.actions if action.reason] == [("(0008,0070)", "Z")]


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00280030, "DS", "0.5\\471134"),
        (0x00200037, "DS", "1\\0\\0\\0\\471134\\0"),
        (0x00200032, "DS", "1\\471134\\0"),
        (0x00280004, "CS", WHO.upper()),
        (0x00080060, "CS", WHO.upper()),
        (0x00281054, "LO", WHO),
        (0x00080008, "CS", f"ORIGINAL\\PRIMARY\\{WHO.upper()}"),
    ],
)
def test_what_would_be_untrue_is_refused_with_its_tag(tag: int, vr: str, value: str | bytes) -> None:
    known = [Element(NAME, "PN", f"{WHO}^Ann"), Element(PATIENT_ID, "LO", "MRN471134")]
    assert outcome_of(part10(ct(*known, Element(tag, vr, value)))) == f"identifier-left at ({tag >> 16:04x},{tag & 0xFFFF:04x})"


# -- UIDs --------------------------------------------------------------------------------------------------------------------

ELSEWHERE = "1.2.826.0.1.999.77"


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
@pytest.mark.parametrize("uid", [INSTANCE, STUDY, SERIES, ELSEWHERE])
def test_original_uids_go_from_texts_wherever_they_stood(syntax: str, uid: str) -> None:
    gone = Element(0x00400275, "SQ", [[Element(0x0020000D, "UI", ELSEWHERE)]])
    for text in (uid, f"see {uid}!", f"UID={uid}\\x"):
        for depth in (0, 2):
            blob = part10(ct(gone, nested(depth, Element(VERSION, "LO", text))), syntax)
            assert left(blob, uid) == []
    assert left(part10(ct(gone, Element(ICC, "OB", b"icc " + uid.encode())), syntax), uid) == []


@pytest.mark.parametrize("text", [f"CT.{STUDY}.dcm", f"SOP.{STUDY}"])
def test_original_uids_go_from_the_names_of_files(text: str) -> None:
    assert left(part10(ct(Element(VERSION, "LO", text))), STUDY) == []


@pytest.mark.parametrize("undefined", [False, True])
def test_original_uids_of_a_sequence_that_is_written_as_un_go(undefined: bool) -> None:
    gone = Element(0x00400275, "SQ", [[Element(0x0020000D, "UI", ELSEWHERE)]], as_un=True, undefined=undefined)
    assert left(part10(ct(gone, Element(VERSION, "LO", f"see {ELSEWHERE}"))), ELSEWHERE) == []


def test_other_uids_stay_and_so_do_retained_ones() -> None:
    assert left(part10(ct(Element(VERSION, "LO", ELSEWHERE))), ELSEWHERE) == [ELSEWHERE.encode()]
    assert left(part10(ct(Element(VERSION, "LO", f"{CT} 4.1.3.2"))), CT, "4.1.3.2") == [CT.encode(), b"4.1.3.2"]
    assert left(part10(ct(Element(VERSION, "LO", STUDY))), STUDY, using=screening("RetainUIDs")) == [STUDY.encode()]


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
@pytest.mark.parametrize("identifier", ["12-3456", "1234567"])
def test_digits_of_neighbours_are_no_identifier(syntax: str, identifier: str) -> None:
    digits = identifier.replace("-", "")
    elements = [
        Element(THICKNESS, "DS", digits[:2]),
        Element(0x00180060, "DS", digits[2:]),
        Element(PATIENT_ID, "LO", identifier),
    ]
    output, report = passed(part10(ct(*elements), syntax))
    assert read(output)[0x00180060].value == int(digits[2:]) and not report.notes


# -- retained ----------------------------------------------------------------------------------------------------------------


def test_a_retained_institution_stays_and_is_no_secret_elsewhere() -> None:
    blob = part10(ct(ZWICKEL, Element(INSTITUTION, "LO", f"Klinikum {WHO}"), Element(VERSION, "LO", "Klinikum 4")))
    output, report = passed(blob, screening("RetainInstitutionIdent"))
    assert read(output).InstitutionName == f"Klinikum {WHO}"
    assert not report.notes
    mentioned = part10(ct(Element(INSTITUTION, "LO", "Klinikum Zwettl"), Element(VERSION, "LO", "at Zwettl")))
    assert left(mentioned, "at Zwettl", using=screening("RetainInstitutionIdent")) == [b"at Zwettl"]
    assert left(mentioned, "at Zwettl") == []


def test_a_retained_device_stays_and_others_are_screened() -> None:
    blob = part10(ct(ZWICKEL, Element(0x00181000, "LO", f"SN {WHO}"), Element(VERSION, "LO", f"by {WHO}")))
    output, _ = passed(blob, screening("RetainDeviceIdent"))
    assert read(output).DeviceSerialNumber == f"SN {WHO}"
    assert VERSION not in read(output)


@pytest.mark.parametrize("depth", [0, 2])
def test_what_a_custom_rule_keeps_stays(depth: int) -> None:
    blob = part10(ct(ZWICKEL, nested(depth, Element(0x00081030, "LO", f"for {WHO}")), Element(VERSION, "LO", f"by {WHO}")))
    using = screening(rules="(0008,1030);K!\n")
    assert left(blob, f"for {WHO}", f"by {WHO}", using=using) == [f"for {WHO}".encode()]


def test_a_kept_physician_is_no_secret_elsewhere() -> None:
    blob = part10(ct(Element(OPERATOR, "PN", f"{WHO}^Eva"), Element(VERSION, "LO", f"by {WHO}")))
    assert left(blob, f"by {WHO}", using=screening(rules="(0008,1070);K!\n")) == [f"by {WHO}".encode()]


# -- without it --------------------------------------------------------------------------------------------------------------


def test_without_the_screen_values_stay_and_the_object_says_so() -> None:
    blob = part10(ct(ZWICKEL, Element(VERSION, "LO", f"by {WHO}")))
    output, report = passed(blob, screening(screen=False))
    dataset = read(output)
    assert (dataset.SoftwareVersions, dataset.PatientIdentityRemoved) == (f"by {WHO}", "NO")
    assert "113100" not in [item.CodeValue for item in dataset.get("DeidentificationMethodCodeSequence", [])]
    assert report.notes == (Note.IDENTITY_NOT_REMOVED,) and not [action for action in report.actions if action.reason]
    screened = read(rewrite(blob))
    assert screened.PatientIdentityRemoved == "YES"
    assert [item.CodeValue for item in screened.DeidentificationMethodCodeSequence] == ["113100"]


# -- the report --------------------------------------------------------------------------------------------------------------


def test_the_report_says_where_and_how_often_and_never_what() -> None:
    inner = [Element(VERSION, "LO", f"by {WHO}")]
    elements = [
        Element(0x00081115, "SQ", [inner, inner, [Element(VERSION, "LO", "4.1")]]),
        Element(VERSION, "LO", f"by {WHO}\\MRN-471134"),
        Element(NUMBER, "IS", "471134"),
        Element(PATIENT_ID, "LO", "MRN-471134"),
        Element(BIRTH, "DA", "19700312"),
        Element(THICKNESS, "DS", "19700312"),
    ]
    _, report = passed(part10(ct(ZWICKEL, *elements)))
    assert [str(note) for note in report.notes] == [KEPT]
    actions = [action for action in report.actions if action.reason == KEPT]
    assert [(action.path, action.count) for action in actions] == [
        ("(0008,1115)>(0018,1020)", 2),
        ("(0018,0050)", 1),
        ("(0018,1020)", 1),
        ("(0020,0012)", 1),
    ]
    assert {action.action for action in actions} <= {"X", "Z", "D"}
    # each element is counted once
    assert sum(action.count for action in report.actions if action.path == "(0010,0010)") == 1
    for secret in (WHO, "471134", "1970"):
        assert secret.lower() not in repr(report).lower()


def test_no_error_says_what_it_found() -> None:
    blob = part10(ct(ZWICKEL, Element(0x54001010, "OW", WHO.encode() * 40_000), without=[0x7FE00010]))
    with pytest.raises(DeidentificationError) as caught:
        rewrite(blob)
    assert WHO not in repr(caught.value) + str(caught.value)
    assert (caught.value.reason.value, caught.value.tag) == ("identifier-left", "(5400,1010)")


def test_no_private_tag_stands_in_an_error() -> None:
    block = [Element(0x2001_0010, "LO", "Philips Imaging DD 097"), Element(0x2001102F, "OB", WHO.encode() * 40_000)]
    found = outcome_of(part10(ct(ZWICKEL, *block)), screening("RetainSafePrivate"))
    assert not isinstance(found, str) or "2001" not in found
