"""What a de-identified object says of itself, and what it keeps of what an earlier de-identification said."""

from __future__ import annotations

import pytest

from tests.support.objects import BIG, CT, DEFLATED, EXPLICIT, IMPLICIT, SYNTAXES, Element, ct, data_set_of, part10, read, tags
from tests.support.running import engine, outcome, rewrite

each_encoding = pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())

IDENTITY_REMOVED, METHOD, CODES, LONGITUDINAL = 0x00120062, 0x00120063, 0x00120064, 0x00280303


def code(value: str, scheme: str = "DCM", meaning: str = "Meaning") -> list[Element]:
    """An item of a code sequence."""
    return [Element(0x00080100, "SH", value), Element(0x00080102, "SH", scheme), Element(0x00080104, "LO", meaning)]


def codes_of(blob: bytes) -> list[tuple[str, str]]:
    """(0012,0064) of ``blob``."""
    return [(item.CodeValue, item.CodingSchemeDesignator) for item in read(blob).DeidentificationMethodCodeSequence]


@each_encoding
def test_each_object_says_what_was_done(syntax: str) -> None:
    new = read(rewrite(part10(ct(), syntax)))
    assert new.PatientIdentityRemoved == "YES"
    assert "2026d" in new.DeidentificationMethod and len(new.DeidentificationMethod) <= 64
    assert new.LongitudinalTemporalInformationModified == "REMOVED"
    items = [(item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning) for item in new.DeidentificationMethodCodeSequence]
    assert items == [("113100", "DCM", "Basic Application Confidentiality Profile")]


@each_encoding
def test_each_option_adds_its_code(syntax: str) -> None:
    blob = rewrite(part10(ct(), syntax), engine("RetainUIDs,RetainLongFullDates,RetainInstitutionIdent"))
    assert {value for value, _ in codes_of(blob)} == {"113100", "113106", "113110", "113112"}
    assert read(blob).LongitudinalTemporalInformationModified == "UNMODIFIED"


@each_encoding
@pytest.mark.parametrize("gone", [(), (0x00280010, 0x00280011, 0x7FE00010), (0x00100010, 0x00100020), (0x00080020, 0x00080060)])
def test_the_stamps_stand_in_order_whatever_is_around_them(syntax: str, gone: tuple[int, ...]) -> None:
    found = tags(read(rewrite(part10(ct(without=gone), syntax))))
    assert {IDENTITY_REMOVED, METHOD, CODES, LONGITUDINAL} <= set(found)
    # pydicom sorts nothing when it reads
    assert found == sorted(found)


def test_the_stamps_are_not_set_in_items() -> None:
    item = [Element(0x00280010, "US", 1)]
    new = read(rewrite(part10(ct(Element(0x00081115, "SQ", [item])))))
    assert [element.keyword for element in new.ReferencedSeriesSequence[0]] == ["Rows"]


@each_encoding
@pytest.mark.parametrize("undefined", [False, True])
def test_earlier_codes_of_options_stay_and_nothing_else_is_trusted(syntax: str, undefined: bool) -> None:
    # 113100, 113101 and 113102 hold by what is done now only
    codes = [
        code("113105", meaning="STAMPTOKEN"),
        code("LOCAL", "99STAMPTOKEN"),
        code("113101"),
        code("113102"),
        code("113106", "99X"),
    ]
    earlier = [
        Element(IDENTITY_REMOVED, "CS", "NO"),
        Element(METHOD, "LO", "by STAMPTOKEN\\And another "),
        Element(CODES, "SQ", codes, undefined, undefined),
    ]
    blob = rewrite(part10(ct(*earlier), syntax))
    assert codes_of(blob) == [("113100", "DCM"), ("113105", "DCM")]
    assert b"STAMPTOKEN" not in data_set_of(blob)
    new = read(blob)
    assert new.DeidentificationMethodCodeSequence[1].CodeMeaning == "Clean Descriptors Option"
    assert new.DeidentificationMethod == read(rewrite(part10(ct(), syntax))).DeidentificationMethod
    assert new.PatientIdentityRemoved == "YES"


@each_encoding
def test_a_code_that_is_already_there_is_not_added_again(syntax: str) -> None:
    blob = rewrite(part10(ct(Element(CODES, "SQ", [code("113100"), code("113110")])), syntax), engine("RetainUIDs"))
    assert sorted(codes_of(blob)) == [("113100", "DCM"), ("113110", "DCM")]


@pytest.mark.parametrize("undefined", [False, True])
def test_earlier_codes_disguised_as_un_are_read(undefined: bool) -> None:
    blob = rewrite(part10(ct(Element(CODES, "SQ", [code("113105")], undefined, undefined, as_un=True))))
    assert codes_of(blob) == [("113100", "DCM"), ("113105", "DCM")]
    assert read(blob)[CODES].VR == "SQ"


def test_earlier_codes_are_de_identified_themselves() -> None:
    item = [*code("113105"), Element(0x00090010, "LO", "STAMPTOKEN"), Element(0x00104000, "LT", "STAMPTOKEN")]
    blob = rewrite(part10(ct(Element(CODES, "SQ", [item]))))
    assert b"STAMPTOKEN" not in blob and ("113105", "DCM") in codes_of(blob)


@pytest.mark.parametrize("value", [b"", b"  ", b"\0\0"])
def test_empty_earlier_stamps_count_as_none(value: bytes) -> None:
    earlier = [Element(METHOD, "LO", value), Element(CODES, "SQ", []), Element(LONGITUDINAL, "CS", value)]
    assert rewrite(part10(ct(*earlier))) == rewrite(part10(ct()))


@pytest.mark.parametrize(
    ("options", "earlier", "now"),
    [
        ("", "UNMODIFIED", "REMOVED"),
        ("", "MODIFIED", "REMOVED"),
        ("RetainLongFullDates", "MODIFIED", "MODIFIED"),
        ("RetainLongFullDates", "REMOVED", "MODIFIED"),
        ("RetainLongFullDates", "UNMODIFIED", "UNMODIFIED"),
        ("RetainLongFullDates", "DOE^JANE", "MODIFIED"),
        ("RetainLongFullDates", "UNMODIFIED\\REMOVED", "MODIFIED"),
        ("RetainLongModifDates", "REMOVED", "MODIFIED"),
        ("RetainLongFullDates", "modified", "MODIFIED"),
        ("RetainLongFullDates", "", "UNMODIFIED"),
    ],
)
def test_what_an_earlier_run_did_to_dates_cannot_be_undone(options: str, earlier: str, now: str) -> None:
    new = read(rewrite(part10(ct(Element(LONGITUDINAL, "CS", earlier))), engine(options)))
    assert new.LongitudinalTemporalInformationModified == now


@each_encoding
def test_a_second_run_changes_nothing_but_what_is_keyed(syntax: str) -> None:
    using = engine("RetainUIDs", patient_id="CASE", patient_name="Case")
    once = rewrite(part10(ct(), syntax), using)
    assert rewrite(once, using) == once
    twice = read(rewrite(rewrite(part10(ct(), syntax))))
    single = read(rewrite(part10(ct(), syntax)))
    keyed = {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID"}
    assert [element for element in twice if element.keyword not in keyed] == [
        element for element in single if element.keyword not in keyed
    ]
    assert list(twice.keys()) == list(single.keys())


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_two_profiles_one_after_the_other_leave_both_codes(syntax: str) -> None:
    first = rewrite(part10(ct(), syntax), engine("RetainUIDs"))
    both = rewrite(first, engine("RetainInstitutionIdent"))
    assert sorted(value for value, _ in codes_of(both)) == ["113100", "113110", "113112"]
    assert data_set_of(both).count(b"by dicom-deid") == 1


@pytest.mark.parametrize("content", [b"junkjunk", b"\xfe\xff\x00\xe0\x40\0\0\0", b"\0" * 12])
def test_earlier_codes_that_cannot_be_read_are_refused(content: bytes) -> None:
    assert outcome(part10(ct(Element(CODES, "SQ", content)))) in ("invalid-item", "invalid-length", "truncated")


def test_an_earlier_code_that_is_no_text_is_refused_or_kept_but_never_a_crash() -> None:
    for odd in (Element(0x00080100, "US", 7), Element(0x00080100, "SH", b"\xff\xfe\x1b$"), Element(0x00080100, "SQ", [[]])):
        assert outcome(part10(ct(Element(CODES, "SQ", [[odd]]), sop_class=CT)))


def test_an_empty_earlier_sequence_of_a_wrong_vr_does_not_stay_beside_the_new_one() -> None:
    new = rewrite(part10(ct(Element(0x00120064, "OB", b""))))
    assert new.count(b"\x12\0\x64\0") == 1
    assert read(new).DeidentificationMethodCodeSequence[0].CodeValue == "113100"


@each_encoding
def test_what_items_say_of_it_goes(syntax: str) -> None:
    item = [
        Element(IDENTITY_REMOVED, "CS", "YES"),
        Element(METHOD, "LO", "by STAMPTOKEN"),
        Element(CODES, "SQ", [code("113100", meaning="STAMPTOKEN")]),
        Element(LONGITUDINAL, "CS", "UNMODIFIED"),
    ]
    blob = rewrite(part10(ct(Element(0x00081250, "SQ", [item]), Element(0x52009229, "SQ", [item])), syntax))
    assert b"STAMPTOKEN" not in data_set_of(blob)
    assert [list(read(blob)[tag].value[0].keys()) for tag in (0x00081250, 0x52009229)] == [[], []]
