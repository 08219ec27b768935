"""Codes of schemes that nobody published are text of a site: their designators and meanings name it."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from anonymizer import Key
from anonymizer.internals import Engine
from profiles import ConfidentialityProfile
from tests.support.content import code, content_item, text
from tests.support.objects import SYNTAXES, Element, ct, data_set_of, part10, read
from tests.support.running import SECRET, engine, rewrite, rewrite_with_report

each_encoding = pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())
REGION = 0x00082218


def code_in(*item: Element, options: str = "", syntax: str = SYNTAXES["explicit"]) -> Dataset:
    """What becomes of a code."""
    item_of = sorted(item, key=lambda element: element.tag)
    new: Dataset = read(rewrite(part10(ct(Element(REGION, "SQ", [item_of])), syntax), engine(options)))[REGION].value[0]
    return new


@each_encoding
@pytest.mark.parametrize("designator", ["WEXLERTON", "St. Elsewhere Hospital", "99WEXLERTON", "GEIIS", "BROKER", "L", "", "99"])
def test_a_sites_codes_keep_their_value_only(designator: str, syntax: str) -> None:
    version = Element(0x00080103, "SH", "Wexlerton 2")
    new = code_in(*code("RC301", designator, "WEX MR pelvis"), version, syntax=syntax)
    assert (new.CodeValue, new.CodingSchemeDesignator, new.CodeMeaning) == ("RC301", "99ANONYMIZED", "ANONYMIZED")
    assert "CodingSchemeVersion" not in new
    for options in ("CleanDesc", "CleanStructdCont"):
        cleaned = code_in(*code("RC301", designator, "WEX MR pelvis"), options=options, syntax=syntax)
        assert (cleaned.CodingSchemeDesignator, cleaned.CodeMeaning) == ("99ANONYMIZED", "MR pelvis")


@each_encoding
@pytest.mark.parametrize("designator", ["DCM", "SCT", "SRT", "99PMP", "99SMS_RAD", "99GEMS", "SCPECG", "UCUM "])
def test_public_codes_stay_byte_for_byte(designator: str, syntax: str) -> None:
    item = [*code("T-A0100", designator, "Brain of nobody"), Element(0x00080103, "SH", "1.0")]
    new = code_in(*item, syntax=syntax)
    assert (new.CodeValue, new.CodingSchemeDesignator, new.CodeMeaning, new.CodingSchemeVersion) == (
        "T-A0100",
        designator.strip(),
        "Brain of nobody",
        "1.0",
    )


@pytest.mark.parametrize("value", ["Zwickelbauer Hanne", "MR of Doe", "x" * 17, "a\tb"])
def test_a_value_that_is_no_code_goes_unless_its_scheme_is_published(value: str) -> None:
    assert code_in(*code(value, "99X", "m")).CodeValue == "ANONYMIZED"
    if "\t" not in value:
        assert code_in(*code(value, "DCM", "m")).CodeValue == value


def test_what_was_done_is_told() -> None:
    blob = part10(ct(Element(REGION, "SQ", [code("Doe J", "WEX", "Doe")])))
    report = rewrite_with_report(blob)[1]
    assert {(action.keyword, action.action, action.reason) for action in report.actions if action.reason} == {
        ("CodeValue", "D", "illegal-value"),
        ("CodingSchemeDesignator", "D", "local-code"),
        ("CodeMeaning", "D", "local-code"),
    }


def test_each_item_is_judged_by_its_own_scheme() -> None:
    items = [code("1", "WEX", "one"), code("2", "DCM", "two"), code("3", "WEX", "three")]
    new = read(rewrite(part10(ct(Element(REGION, "SQ", items)))))[REGION].value
    assert [item.CodeMeaning for item in new] == ["ANONYMIZED", "two", "ANONYMIZED"]


@each_encoding
def test_concept_names_and_units_of_a_site_are_cleaned_with_the_report(syntax: str) -> None:
    item = content_item("TEXT", code("1111", "WEX", "Wexlerton diagnosis"), text("brain"))
    blob = part10(ct(Element(0x0040A730, "SQ", [item]), sop_class="1.2.840.10008.5.1.4.1.1.88.33"), syntax)
    output = rewrite(blob, engine("CleanStructdCont"))
    assert b"Wexlerton" not in data_set_of(output) and b"WEX" not in data_set_of(output)
    assert read(output).ContentSequence[0].ConceptNameCodeSequence[0].CodeMeaning == "diagnosis"


def test_custom_rules_come_first() -> None:
    profile = ConfidentialityProfile.from_csv_string("CodeMeaning;K!\nCodingSchemeDesignator;K!")
    blob = part10(ct(Element(REGION, "SQ", [code("1", "WEX", "Wexlerton")])))
    new = read(rewrite(blob, Engine(profile, Key(SECRET))))[REGION].value[0]
    assert (new.CodingSchemeDesignator, new.CodeMeaning) == ("WEX", "Wexlerton")


@each_encoding
@pytest.mark.parametrize("scheme", ["WEX", "DCM", None])
@pytest.mark.parametrize("first", [0x00080104, 0x00080103])
def test_order_and_absence_of_the_designator_make_no_way_out(scheme: str | None, first: int, syntax: str) -> None:
    item = [*code("1", scheme or "", "Wexlerton ward"), Element(0x00080103, "SH", "Wexlerton")]
    item = [element for element in item if scheme is not None or element.tag != 0x00080102]
    item.sort(key=lambda element: (element.tag != first, element.tag))
    content = data_set_of(rewrite(part10(ct(Element(REGION, "SQ", [code("2", "DCM", "x"), item])), syntax)))
    # what stands before its designator is judged without it
    assert (b"Wexlerton ward" in content) == (scheme == "DCM" and first != 0x00080104)


@pytest.mark.parametrize("tag", [0x00080119, 0x00080120])
def test_long_codes_without_a_scheme_have_no_meaning_either(tag: int) -> None:
    item = [Element(0x00080104, "LO", "Wexlerton"), Element(tag, "UC" if tag == 0x00080119 else "UR", "Wexlerton:1")]
    assert b"Wexlerton" not in rewrite(part10(ct(Element(REGION, "SQ", [item]))))


def test_padding_with_nuls_makes_no_local_code() -> None:
    item = [Element(0x00080100, "SH", b"T-A0100\0"), Element(0x00080102, "SH", b"SRT\0"), Element(0x00080104, "LO", b"Brain\0")]
    new = code_in(*item)
    assert (new.CodeValue, new.CodingSchemeDesignator, new.CodeMeaning) == ("T-A0100", "SRT", "Brain")


@pytest.mark.parametrize(
    ("version", "stays"), [("0", True), ("1.0 ", True), ("Wex 2", False), ("20200131", False), ("4711", False)]
)
def test_a_plain_number_is_no_sites_version(version: str, stays: bool) -> None:
    new = code_in(*code("1", "WEX", "m"), Element(0x00080103, "SH", version))
    assert ("CodingSchemeVersion" in new) == stays
