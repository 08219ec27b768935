"""Kept values are what their VR says (PS3.5 6.2): legal and legacy ones stay byte for byte, others don't."""

from __future__ import annotations

import pytest

from anonymizer import Report
from tests.support.objects import SYNTAXES, Element, ct, data_set_of, nested, part10, read
from tests.support.running import engine, reason, rewrite_with_report

each_encoding = pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())

THICKNESS, WEIGHT, AGE, NUMBER, BODY_PART, SCAN_OPTIONS = 0x00180050, 0x00101030, 0x00101010, 0x00200012, 0x00180015, 0x00180022
STUDY_DATE, STUDY_TIME, ACQUIRED, PIXEL_SPACING, POSITION = 0x00080020, 0x00080030, 0x0008002A, 0x00280030, 0x00200032
FULL, PATIENT, UIDS = "RetainLongFullDates", "RetainPatientChars", "RetainUIDs"
STAYS: list[tuple[int, str, str, list[str]]] = [
    (
        THICKNESS,
        "DS",
        "",
        ["5", "+1.50e-3 ", "0.12345678901234567890", "1,5", ".5", "12.", "nan", "-1.#IND00", "<5", "1\\2\\\\3"],
    ),
    (WEIGHT, "DS", PATIENT, ["70.5", " 70"]),
    (NUMBER, "IS", "", ["7", "007 ", "12.0", "-3", "123456789012345"]),
    (AGE, "AS", PATIENT, ["045Y", "45Y", "24", "003M", "0y"]),
    (BODY_PART, "CS", "", ["HEAD", "ABC_1 2", "Head", "chest "]),
    (SCAN_OPTIONS, "CS", "", ["FS\\PFP", "HELICAL MODE", "Helical mode"]),
    (STUDY_DATE, "DA", FULL, ["20200131", "1999.01.02", "1999-01-02", "1999", "199901", "20200131-20200202", "00000000"]),
    (STUDY_TIME, "TM", FULL, ["101112", "10:11:12", "10", "1011", "101112.123456", "101112.1234567 ", "9:05"]),
    (ACQUIRED, "DT", FULL, ["20200131101112.5+0100", "2020", "20200131", "1999.01.02 10:11:12"]),
    (0x00080014, "UI", UIDS, ["1.2.34", "1.2.3\\1.2.34", "1.2.3."]),
]
NAMES = ["Zwickelbauer", "Doe^Jane", "MRN0012345", "555-12-3456", "12 b"]
GOES: list[tuple[int, str, str, list[str], str | None]] = [
    (THICKNESS, "DS", "", [*NAMES, "5 mm", "1\\Doe", "1.2.3"], ""),
    (WEIGHT, "DS", PATIENT, [*NAMES, "70 kg"], None),
    (NUMBER, "IS", "", [*NAMES, "seven"], ""),
    (AGE, "AS", PATIENT, [*NAMES, "45 years", "1234Y"], None),
    (BODY_PART, "CS", "", ["Zwickelbauer", "DOE^JANE", "St. Elsewhere", "HEAD OF MR SMITHEE", "head/neck of Doe"], None),
    (STUDY_DATE, "DA", FULL, [*NAMES, "48392716", "31.01.2020", "20200131X"], ""),
    (STUDY_TIME, "TM", FULL, [*NAMES, "noon", "99:99:99"], ""),
    (ACQUIRED, "DT", FULL, [*NAMES, "today"], None),
]


def passed(*elements: Element, options: str = "", syntax: str = SYNTAXES["explicit"]) -> tuple[bytes, Report]:
    """What came of a CT image with ``elements``."""
    return rewrite_with_report(part10(ct(*elements), syntax), engine(options))


@each_encoding
@pytest.mark.parametrize(("tag", "vr", "options", "values"), STAYS, ids=lambda value: value if isinstance(value, str) else None)
def test_legal_and_legacy_values_stay_byte_for_byte(tag: int, vr: str, options: str, values: list[str], syntax: str) -> None:
    for depth in (0, 2):
        for value in values:
            element = Element(tag, vr, value)
            output, report = passed(nested(depth, element, 0x00081250), options=options, syntax=syntax)
            assert report.notes == (), value
            assert f"{value} "[: (len(value) + 1) // 2 * 2].encode() in data_set_of(output), value


@each_encoding
@pytest.mark.parametrize(
    ("tag", "vr", "options", "values", "left"), GOES, ids=lambda value: value if isinstance(value, str) else None
)
def test_illegal_ones_get_the_action_without_the_option(
    tag: int, vr: str, options: str, values: list[str], left: str | None, syntax: str
) -> None:
    for value in values:
        output, report = passed(Element(tag, vr, value), options=options, syntax=syntax)
        assert value.encode() not in data_set_of(output), value
        dataset = read(output)
        assert (dataset[tag].value or "" if tag in dataset else None) == left, value
        assert [str(note) for note in report.notes] == ["illegal-value-removed"]
        (done,) = [action for action in report.actions if action.reason]
        assert (done.path, done.count, done.reason) == (f"({tag >> 16:04x},{tag & 0xFFFF:04x})", 1, "illegal-value")
        assert value not in repr(report)


def test_of_several_terms_the_legal_ones_stay() -> None:
    output, _ = passed(Element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\Doe^Jane"))
    assert list(read(output).ImageType) == ["ORIGINAL", "PRIMARY", "ANONYMIZED"]


def test_text_in_the_place_of_a_uid_is_a_new_uid() -> None:
    output, _ = passed(Element(0x00080014, "UI", "Doe^Jane"), options=UIDS)
    assert read(output).InstanceCreatorUID.startswith("2.25.")


@pytest.mark.parametrize("tag", [PIXEL_SPACING, POSITION, 0x00281052, 0x00281053, 0x00181164])
def test_geometry_is_never_lost(tag: int) -> None:
    for legal in ("0.48828125000000000001\\0.5\\1e-7", "1\\2\\3", "1,5\\2"):
        output, report = passed(Element(tag, "DS", legal))
        assert legal.encode() in output and not report.notes
    output, _ = passed(Element(tag, "DS", "0.5mm\\0.5mm"))
    assert b"0.5\\0.5 " in output and b"mm" not in data_set_of(output)
    output, _ = passed(Element(tag, "DS", "-1,5 mm\\.5 mm"))
    assert b"-1,5\\.5 " in output
    # anything else may be a part of the number
    for odd in ("wide", "1/2", "1-2\\3", "1.0D+02", "1 000.5", "0x10", "1.5 2", "Doe 5"):
        assert reason(part10(ct(Element(tag, "DS", odd)))) == "invalid-value", odd


def test_what_says_how_pixels_are_to_be_read_is_not_made_up() -> None:
    assert reason(part10(ct(Element(0x00280004, "CS", "Doe^Jane")))) == "invalid-value"
    # type 1C
    output, _ = passed(Element(0x00281050, "DS", "40 HU"))
    assert read(output).WindowCenter == 40


def test_long_lists_of_numbers_stay_and_names_in_them_do_not() -> None:
    numbers = "\\".join(f"{number}.5" for number in range(9_000))
    output, _ = passed(Element(0x30060050, "DS", numbers))
    assert numbers.encode() in output
    for planted in ("Doe", "1971-05-06", "030-555-1234", "+1+2"):
        blob = part10(ct(Element(0x30060050, "DS", f"{numbers}\\{planted}\\-1e-5")))
        assert planted.encode() not in data_set_of(rewrite_with_report(blob, engine())[0])


def test_numbers_as_text_are_looked_at_whatever_vr_they_should_have() -> None:
    # of VR FD, as many as there are
    assert reason(part10(ct(Element(0x00189461, "DS", "Zwickelbauer")))) == "vr-mismatch"
    assert b"1.5\\2 " in passed(Element(0x00189461, "DS", "1.5\\2 "))[0]
    private = [Element(0x00190010, "LO", "SIEMENS MR HEADER"), Element(0x0019100C, "IS", "Doe")]
    output, report = rewrite_with_report(part10(ct(*private)), engine("RetainSafePrivate"))
    assert 0x0019100C not in read(output) and [str(note) for note in report.notes] == ["illegal-value-removed"]
    assert b"SIEMENS" not in data_set_of(output)


@each_encoding
@pytest.mark.parametrize("charset", ["ISO_IR 100\\Zyq^Kowalski", "Zyq Kowalski^", "ZYQ", "DOE 100"])
def test_a_character_set_is_one_or_the_object_is_refused(charset: str, syntax: str) -> None:
    for depth in (0, 2):
        planted = nested(depth, Element(0x00080005, "CS", charset), 0x00081250)
        assert reason(part10(ct(planted), syntax), engine("CleanDesc")) == "invalid-value"


@pytest.mark.parametrize(
    "charset",
    ["", "\\ISO 2022 IR 87", "ISO_IR 192", "GBK", "GB18030", "ISO-IR-100", "ISO8859-1", "utf8", "UTF-8", "latin1", "ISO IR 100"],
)
def test_misspelt_ones_stay(charset: str) -> None:
    output, report = passed(Element(0x00080005, "CS", charset))
    assert not report.notes and charset.encode() in output


def test_an_annotation_groups_uid_has_no_dummy_but_a_new_uid() -> None:
    output, _ = passed(Element(0x006A0003, "UI", "Zyqname"), options=UIDS)
    assert read(output)[0x006A0003].value.startswith("2.25.")
