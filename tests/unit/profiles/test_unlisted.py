"""Attributes outside of Table E.1-1 that the profile judges by hand or by their kind: texts, labels, terms, UIDs of kinds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]  # documented there

from profiles import ConfidentialityProfile, tags
from profiles.tables import UnlistedRow, listed, unlisted

BASIC = ConfidentialityProfile()
CLEAN_DESC = ConfidentialityProfile.default("CleanDesc")

RETIRED_TEXTS = [
    tag
    for tag, (vr, _, _, retired, _) in DicomDictionary.items()
    if retired and vr in ("LO", "SH", "ST", "LT", "UT", "PN") and tag >> 16 >= 8 and tag not in listed()
]


@pytest.mark.parametrize("tag", [*RETIRED_TEXTS, 0x002804A2], ids=lambda tag: f"{tag:08x}")
def test_a_retired_text_goes_and_is_not_cleaned(tag: int) -> None:
    for profile in (BASIC, CLEAN_DESC, ConfidentialityProfile.default("RetainDeviceIdent,RetainPatientChars,RetainUIDs")):
        assert profile.decide(tag).action.value in ("X", "X/Z/D")


def test_retired_texts_are_many() -> None:
    assert len(RETIRED_TEXTS) > 40
    assert {0x00180030, 0x00201020, 0x0040A067, 0x0040A16A, 0x00401060} <= set(RETIRED_TEXTS)


@pytest.mark.parametrize("tag", [0x00280040, 0x00321055, 0x00200020])
def test_a_retired_or_current_code_string_is_no_text(tag: int) -> None:
    assert BASIC.decide(tag).action.value == "K"


# -- options and terms ----------------------------------------------------------------------------------------------------


def test_the_body_mass_index_is_a_patient_characteristic() -> None:
    retained = ConfidentialityProfile.default("RetainPatientChars").decide(0x00101022)
    assert (BASIC.decide(0x00101022).action.value, retained.action.value, retained.decided_by) == ("X", "K", "RetainPatientChars")


@pytest.mark.parametrize("row", [row for row in unlisted().values() if row.terms], ids=lambda row: row.keyword)
def test_terms_are_capitals_without_blanks_around(row: UnlistedRow) -> None:
    assert all(term and term == term.strip().upper() and b"\\" not in term for term in row.terms)
    assert row.action.value not in ("K", "U")
    assert all(len(term) <= 64 for term in row.terms)


def test_explain_says_that_terms_stay() -> None:
    (line,) = [line for line in BASIC.explain() if line.keyword == "PositionReferenceIndicator"]
    assert line.meaning == "keep known terms; other text: empty"
    (line,) = [line for line in CLEAN_DESC.explain() if line.keyword == "PositionReferenceIndicator"]
    assert (line.action, line.meaning.split(";")[0]) == ("C", "keep known terms")


def test_terms_are_part_of_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    row = unlisted()[0x00201040]
    other = {**unlisted(), row.tag: replace(row, terms=row.terms | {b"ANOTHER"})}
    before = ConfidentialityProfile().digest
    monkeypatch.setattr("profiles.summary.unlisted", lambda: other)
    assert ConfidentialityProfile().digest != before


def test_a_custom_rule_comes_before_terms() -> None:
    removed = ConfidentialityProfile.from_csv_string("PositionReferenceIndicator;X")
    assert not removed.decide(0x00201040).terms


# -- what people type -----------------------------------------------------------------------------------------------------

LABELS = [
    "SegmentLabel",
    "SurfaceModelLabel",
    "ProtocolElementName",
    "HangingProtocolName",
    "FiducialIdentifier",
    "RangeShifterDescription",
    "TemplateName",
]
TEXTS = ["InstructionText", "HangingProtocolDescription", "LensStatusDescription", "TreatmentProtocols"]
IDENTIFIERS = ["CompensatorID", "BolusID", "BlockTrayID", "PatientSupportID", "AccessoryCode", "GridID", "DeviceID"]


@pytest.mark.parametrize(
    ("keywords", "basic", "option", "retained"),
    [(LABELS, "Z/D", "CleanDesc", "C"), (TEXTS, "X/Z/D", "CleanDesc", "C"), (IDENTIFIERS, "X/Z/D", "RetainDeviceIdent", "K")],
    ids=["labels", "texts", "identifiers"],
)
def test_what_people_type_goes_unless_an_option_cleans_or_retains_it(
    keywords: list[str], basic: str, option: str, retained: str
) -> None:
    for keyword in keywords:
        tag = tags()[keyword]
        assert BASIC.decide(tag).action.value == basic, keyword
        assert ConfidentialityProfile.default(option).decide(tag).action.value == retained, keyword


@pytest.mark.parametrize(
    "keyword",
    [
        "Manufacturer",
        "ManufacturerModelName",
        "SoftwareVersions",
        "ConvolutionKernel",
        "FilterType",
        "SequenceName",
        "ReceiveCoilName",
        "Radiopharmaceutical",
        "CodeValue",
        "RescaleType",
        "LUTExplanation",
        "SegmentAlgorithmName",
        "MeasuredAPDimension",
    ],
)
def test_what_devices_write_and_research_needs_stays(keyword: str) -> None:
    assert BASIC.decide(tags()[keyword]).action.value == "K"


def test_each_row_is_of_the_dictionary_and_in_order() -> None:
    rows = [row for row in unlisted().values() if row.keyword != "TypeOfData"]
    assert all(tags()[row.keyword] == row.tag for row in rows)
    assert [row.tag for row in rows] == sorted(row.tag for row in rows)
