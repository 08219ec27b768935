"""What an object says of itself follows from what was done to it: (0012,0062), (0012,0064), (0028,0303)."""

from __future__ import annotations

import pytest

from anonymizer import Key
from anonymizer.internals import Engine
from profiles import ConfidentialityProfile
from tests.support.content import code
from tests.support.objects import SYNTAXES, Element, ct, part10, read
from tests.support.running import SECRET, rewrite

each_encoding = pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())

DESCRIPTION, NAME = Element(0x0008103E, "LO", "axial 5 mm"), Element(0x00100010, "PN", "Doe^Jane")
STUDY_DATE, SERIES_DATE = Element(0x00080020, "DA", "20200131"), Element(0x00080021, "DA", "20200131")
#: behind the stamps
STEP_DATE = Element(0x00400244, "DA", "20200131")
BURNED_IN = Element(0x00280301, "CS", "YES")
PRIVATE = [Element(0x00290011, "LO", "ACME"), Element(0x00291101, "LO", "kernel")]
BEHIND = [Element(0x7FE10010, "LO", "ACME"), Element(0x7FE11001, "LO", "kernel")]


def local_code(designator: str, value: str = "1") -> Element:
    """A code in AnatomicRegionSequence."""
    return Element(0x00082218, "SQ", [code(value, designator, "Zyq ward")])


def said(
    rules: str, *elements: Element, options: str = "", syntax: str = SYNTAXES["explicit"], **settings: object
) -> tuple[str, list[str], str]:
    """PatientIdentityRemoved, the codes and LongitudinalTemporalInformationModified of an object under ``rules``."""
    if rules:
        profile = ConfidentialityProfile.from_csv_string(rules, options, **settings)
    else:
        profile = ConfidentialityProfile.default(options, **settings)  # type: ignore[arg-type]
    dataset = read(rewrite(part10(ct(*elements), syntax), Engine(profile, Key(SECRET))))
    assert "DeidentificationMethodCodeSequence" not in dataset or dataset.DeidentificationMethodCodeSequence
    codes = [item.CodeValue for item in dataset.get("DeidentificationMethodCodeSequence", [])]
    return dataset.PatientIdentityRemoved, codes, dataset.LongitudinalTemporalInformationModified


@each_encoding
@pytest.mark.parametrize("long", [False, True], ids=["in the buffer", "beyond it"])
def test_a_rule_that_left_something_is_told_where_it_did(syntax: str, long: bool) -> None:
    pixels = [Element(0x7FE00010, "OW", bytes(300_000))] * long
    untouched = ("YES", ["113100"], "REMOVED")
    assert said("SeriesDescription;K!", DESCRIPTION, *pixels, syntax=syntax) == ("NO", [], "REMOVED")
    assert said("SeriesDescription;K!", *pixels, syntax=syntax) == untouched
    assert said("SeriesDescription;K!", Element(0x0008103E, "LO", " "), *pixels, syntax=syntax) == untouched
    # what comes behind the stamps counts, too
    rule = "PerformedProcedureStepDescription;K!"
    assert said(rule, Element(0x00400254, "LO", "head"), *pixels, syntax=syntax) == ("NO", [], "REMOVED")


@pytest.mark.parametrize(
    ("rules", "elements", "options", "codes"),
    [
        ("*;K!", [NAME], "", []),
        ("*;K!", [NAME], "RetainUIDs", ["113110"]),
        ("PatientName;C!", [Element(0x00100010, "PN", "Doe^Jane")], "", ["113100"]),
        ("PatientComments;C!", [Element(0x00104000, "LT", "brain")], "", []),
        ("0029{ACME}01;K!", PRIVATE, "", []),
        # what an option cleans wasn't cleaned as it says
        ("SeriesDescription;K!", [DESCRIPTION], "CleanDesc,RetainUIDs", ["113110"]),
        ("StudyDate;K!", [STUDY_DATE], "RetainLongModifDates", []),
        # ... and what it retains is no weakening
        ("StudyDate;K", [STUDY_DATE], "RetainLongFullDates", ["113100", "113106"]),
        ("Manufacturer;K!", [Element(0x00080070, "LO", "ACME")], "", ["113100"]),
        # the table keeps it, but not such a value
        ("SliceThickness;K!", [Element(0x00180050, "DS", "5")], "", ["113100"]),
        ("SliceThickness;K!", [Element(0x00180050, "DS", "5 Zyq")], "", []),
        ("BodyPartExamined;K!", [Element(0x00180015, "CS", "Zyq^name")], "", []),
        ("CodeMeaning;K!", [local_code("DCM")], "", ["113100"]),
        ("CodeMeaning;K!", [local_code("WEX")], "", []),
        ("CodingSchemeDesignator;K!", [local_code("WEX")], "", []),
        ("CodeValue;K!", [local_code("WEX", "Zyq Kowalski")], "", []),
        # what a sequence that goes holds
        ("IconImageSequence;K!", [Element(0x00880200, "SQ", [[Element(0x00280010, "US", 1)]])], "", []),
        ("IconImageSequence;K!", [Element(0x00880200, "SQ", [])], "", ["113100"]),
        ("ReferencedStudySequence>PatientName;K!", [NAME], "", ["113100"]),
    ],
)
def test_codes_of_what_was_left_out_are_not_claimed(rules: str, elements: list[Element], options: str, codes: list[str]) -> None:
    identity, found, _ = said(rules, *elements, options=options)
    assert found == codes
    assert (identity == "YES") == ("113100" in codes)


def test_an_option_for_dates_is_not_claimed_where_a_rule_took_them_all() -> None:
    assert said("{DA};X", STUDY_DATE, options="RetainLongFullDates,RetainUIDs")[1] == ["113100", "113110"]


def test_a_rule_that_keeps_what_stays_anyway_is_no_way_around_the_screen() -> None:
    name = Element(0x00100010, "PN", "Zwickelbauer^Jane")
    blob = part10(ct(name, Element(0x00080070, "LO", "Zwickelbauer Imaging")))
    output = rewrite(blob, Engine(ConfidentialityProfile.from_csv_string("Manufacturer;K!"), Key(SECRET)))
    assert b"wickel" not in output and read(output).PatientIdentityRemoved == "YES"


def test_rules_for_what_stands_behind_the_pixels_are_told_beforehand() -> None:
    assert said("7fe1{ACME}01;K!", *BEHIND)[:2] == ("NO", [])
    assert said("7fe1{ACME}01;K!")[:2] == ("NO", [])
    assert said("0029{ACME}01;K!")[:2] == ("YES", ["113100"])


@pytest.mark.parametrize(
    ("rules", "options", "elements", "says"),
    [
        # one of two stays
        ("StudyDate;K!", "", [STUDY_DATE, SERIES_DATE], "MODIFIED"),
        ("StudyDate;K!", "", [STUDY_DATE, STEP_DATE], "MODIFIED"),
        ("{DA};K!", "", [STUDY_DATE, SERIES_DATE, STEP_DATE], "UNMODIFIED"),
        ("StudyDate;K!", "", [SERIES_DATE], "REMOVED"),
        ("StudyDate;K!", "", [Element(0x00080020, "DA", "")], "REMOVED"),
        ("PerformedProcedureStepStartDate;K!", "", [STEP_DATE], "UNMODIFIED"),
        ("StudyDate;C!", "", [STUDY_DATE, SERIES_DATE], "MODIFIED"),
        # kept beside moved ones, and moved beside kept ones
        ("StudyDate;K!", "RetainLongModifDates", [STUDY_DATE, SERIES_DATE], "MODIFIED"),
        ("{DA};K!", "RetainLongModifDates", [STUDY_DATE, SERIES_DATE], "UNMODIFIED"),
        ("StudyDate;C", "RetainLongFullDates", [STUDY_DATE, SERIES_DATE], "MODIFIED"),
        ("StudyDate;C", "RetainLongFullDates", [SERIES_DATE], "UNMODIFIED"),
        ("Manufacturer;X", "RetainLongFullDates", [STUDY_DATE], "UNMODIFIED"),
        # taken out in spite of the option
        ("{DA};X", "RetainLongFullDates", [STUDY_DATE, SERIES_DATE], "REMOVED"),
        ("{DA};X", "RetainLongModifDates", [STUDY_DATE, SERIES_DATE], "REMOVED"),
        ("StudyDate;X", "RetainLongFullDates", [STUDY_DATE, SERIES_DATE], "MODIFIED"),
        ("StudyDate;Z", "RetainLongModifDates", [STUDY_DATE, SERIES_DATE], "MODIFIED"),
        ("StudyDate;X", "RetainLongFullDates", [SERIES_DATE], "UNMODIFIED"),
        ("StudyDate;D", "RetainLongFullDates", [STUDY_DATE, STEP_DATE], "MODIFIED"),
    ],
)
def test_what_happened_to_dates_is_said(rules: str, options: str, elements: list[Element], says: str) -> None:
    assert said(rules, *elements, options=options)[2] == says


@each_encoding
def test_kept_pixels_and_values_that_were_not_screened_are_no_removed_identity(syntax: str) -> None:
    assert said("", BURNED_IN, syntax=syntax, pixels="keep")[:2] == ("NO", [])
    assert said("", syntax=syntax, pixels="keep")[:2] == ("YES", ["113100"])
    assert said("", syntax=syntax, options="CleanDesc", screen=False)[:2] == ("NO", ["113105"])
    assert said("SeriesDescription;K!", DESCRIPTION, BURNED_IN, options="RetainUIDs", pixels="keep")[:2] == ("NO", ["113110"])
