"""Each row of Table E.1-1, at every depth, under each option and each pair: what came out is what the standard's table says."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest

from anonymizer import Anonymizer
from profiles import ConfidentialityProfile, ProfileError
from tests.support.keys import KEY, OTHER_KEY
from tests.support.many_attributes import WORDS, Judge, file_of, many_attributes
from tests.support.objects import CT, Element, ct, part10, read
from tests.support.table import OPTIONS, Combination, attribute_rows, name_of, option_sets, rows, shared_keywords
from tests.support.tokens import Tokens

GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
PET = "1.2.840.10008.5.1.4.1.1.128"
RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
#: retired, and of an IOD that PS3.3 doesn't define any more
STANDALONE_CURVE = "1.2.840.10008.5.1.4.1.1.9"
CLASSES = (CT, STANDALONE_CURVE, GSPS, PET, RT_PLAN, SEGMENTATION, COMPREHENSIVE_SR)

each_option = pytest.mark.parametrize("option", OPTIONS)


@cache
def anonymizer(options: Combination) -> Anonymizer:
    """De-identifies with the tests' key, and lets pass what is at risk: nobody has judged a class that PS3.3 doesn't define."""
    return Anonymizer(ConfidentialityProfile.default(list(options), pixels="keep"), KEY)


@cache
def given(sop_class: str, words: str, references: bool) -> tuple[list[Element], bytes]:
    """An object with every row, and the file it is in."""
    elements = many_attributes(sop_class, Tokens(), words=words, references=references)
    return elements, file_of(elements, sop_class)


def judge(options: Combination, sop_class: str, *, words: str = WORDS, references: bool = False) -> tuple[Judge, list[str]]:
    """De-identify an object with every row: the verdict on all of it, and what is wrong."""
    elements, blob = given(sop_class, words, references)
    verdict = Judge(sop_class, options, references, bool(words))
    return verdict, list(verdict.faults(elements, read(anonymizer(options).anonymize(blob))))


# -- the table ------------------------------------------------------------------------------------------------------------


def test_the_tables_own_rows_are_all_looked_at() -> None:
    assert len(rows()) == 657
    verdict, _ = judge((), CT)
    # 649 are of single attributes of data sets; each stands at three depths
    assert len(attribute_rows()) == 649
    assert verdict.judged >= 3 * 649


@pytest.mark.parametrize("options", option_sets(), ids=name_of)
def test_each_attribute_is_treated_as_the_table_says(options: Combination) -> None:
    # what classes differ in is the types of attributes: pairs of options need no more than a known and an unknown IOD
    for sop_class in CLASSES if len(options) < 2 else CLASSES[:2]:
        for references in (False, True) if len(options) < 2 else (False,):
            _, faults = judge(options, sop_class, references=references)
            assert faults == [], f"class {sop_class}, with references: {references}"


@pytest.mark.parametrize("options", [("CleanDesc",), ("RetainPatientChars",), ("RetainPatientChars", "CleanDesc")], ids=name_of)
@pytest.mark.parametrize("sop_class", [CT, RT_PLAN, STANDALONE_CURVE])
def test_where_cleaning_leaves_nothing_the_profiles_own_action_stands(options: Combination, sop_class: str) -> None:
    assert judge(options, sop_class, words="")[1] == []


@pytest.mark.parametrize("options", [(), *((option,) for option in OPTIONS)], ids=name_of)
def test_commands_file_meta_and_directories_never_stand_in_data_sets(options: Combination) -> None:
    misplaced = [Element(tag, "UI", "1.2.3") for tag in (0x00001000, 0x00001001, 0x00020003, 0x00041511)]
    new = read(anonymizer(options).anonymize(part10(ct(Element(0x00082218, "SQ", [misplaced])))))
    assert len(new.AnatomicRegionSequence[0]) == 0
    assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID


# -- what cleaning does ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sop_class", CLASSES)
def test_all_dates_of_an_object_are_shifted_by_the_same_whole_days(sop_class: str) -> None:
    verdict, faults = judge(("RetainLongModifDates",), sop_class)
    assert faults == []
    assert len(verdict.days) == 1
    assert -3650 <= min(verdict.days) <= -30


def _study_date(anonymize: Anonymizer, patient_id: str, study_date: str, *extra: Element) -> str:
    elements = ct(Element(0x00080020, "DA", study_date), Element(0x00100020, "LO", patient_id), *extra)
    return str(read(anonymize.anonymize(part10(elements))).StudyDate)


def test_a_patients_offset_is_the_same_in_every_study_and_run_and_another_patients_is_not() -> None:
    profile = ConfidentialityProfile.default("RetainLongModifDates")
    first, another_day = Anonymizer(profile, KEY), Anonymizer(profile, KEY)
    other_study = Element(0x0020000D, "UI", "1.2.826.0.1.999.1.77")
    assert _study_date(first, "A", "20200131") == _study_date(another_day, "A", "20200131", other_study)
    assert len({_study_date(first, f"PATIENT-{number}", "20200131") for number in range(20)}) > 10
    assert _study_date(Anonymizer(profile, OTHER_KEY), "A", "20200131") != _study_date(first, "A", "20200131")


def test_birth_dates_are_never_shifted() -> None:
    blob = part10(ct(Element(0x00100030, "DA", "19700101"), Element(0x00100032, "TM", "0815")))
    for options in (("RetainLongModifDates",), ("RetainLongModifDates", "RetainPatientChars"), ("RetainLongFullDates",)):
        new = read(anonymizer(options).anonymize(blob))
        assert not new.PatientBirthDate and not new.get("PatientBirthTime")


@pytest.mark.parametrize("others", [(), ("RetainUIDs",), ("CleanDesc", "RetainPatientChars")], ids=name_of)
def test_equal_application_entity_titles_stay_equal_and_others_apart(others: Combination) -> None:
    verdict, faults = judge(("RetainDeviceIdent", *others), CT)
    assert faults == []
    assert set(verdict.titles) == {"STATION0", "STATION1", "STATION2"}
    assert all(len(new) == 1 for new in verdict.titles.values())
    assert len(set.union(*verdict.titles.values())) == 3


@pytest.mark.parametrize(("reason", "stays"), [("CORRECT", True), ("COERCE", True), ("DOE^JANE", False)])
def test_a_reason_for_a_modification_stays_when_it_is_one_of_the_standards(reason: str, stays: bool) -> None:
    item = [[Element(0x04000565, "CS", reason)]]
    new = read(anonymizer(("CleanDesc",)).anonymize(part10(ct(Element(0x00082218, "SQ", item)))))
    found = new.AnatomicRegionSequence[0].ReasonForTheAttributeModification
    assert (found == reason) is stays and found


def test_where_two_options_differ_no_true_date_stays_and_all_else_is_kept() -> None:
    both = [row for row in rows() if {"K", "C"} <= {row.codes.get("RetainDeviceIdent"), row.codes.get("RetainLongModifDates")}]
    assert {row.keyword for row in both} > {"DateOfLastCalibration", "DateOfManufacture", "BeamHoldTransitionDateTime"}
    elements, blob = given(CT, WORDS, False)
    before = {element.tag: element.value for element in elements}
    # a true date among shifted ones would tell by how much they were shifted; so would one that patients share, shifted or not
    shifted = read(anonymizer(("RetainDeviceIdent", "RetainLongModifDates")).anonymize(blob))
    assert [row.keyword for row in both if row.keyword not in shared_keywords()] == ["BeamHoldTransitionDateTime"]
    assert str(shifted.BeamHoldTransitionDateTime) != before[0x300C0127]
    assert not [row.keyword for row in both if str(shifted.get(row.keyword, "")) == before[row.tag]]
    kept = read(anonymizer(("RetainDeviceIdent", "RetainLongFullDates")).anonymize(blob))
    assert not [row.keyword for row in both if str(kept[row.tag].value) != before[row.tag]]


# -- what the object says of it -------------------------------------------------------------------------------------------


def _codes() -> dict[str, str]:
    with (Path(__file__).resolve().parents[2] / "profiles" / "data" / "cid7050.csv").open(newline="") as stream:
        return {line["option"]: line["code_value"] for line in csv.DictReader(stream)}


@pytest.mark.parametrize("options", option_sets(), ids=name_of)
def test_each_option_adds_its_code_and_says_what_became_of_the_dates(options: Combination) -> None:
    new = read(anonymizer(options).anonymize(part10(ct())))
    expected = sorted(_codes()[option] for option in ("BasicProfile", *options))
    assert sorted(item.CodeValue for item in new.DeidentificationMethodCodeSequence) == expected
    dates = {"RetainLongFullDates": "UNMODIFIED", "RetainLongModifDates": "MODIFIED"}
    longitudinal = [dates[option] for option in options if option in dates] or ["REMOVED"]
    assert new.LongitudinalTemporalInformationModified == longitudinal[0]
    assert new.PatientIdentityRemoved == "YES"


def test_each_option_has_a_code_of_its_own() -> None:
    assert len({_codes()[option] for option in ("BasicProfile", *OPTIONS)}) == 11


@each_option
def test_full_and_modified_dates_exclude_each_other_whatever_else_is_asked_for(option: str) -> None:
    with pytest.raises(ProfileError):
        ConfidentialityProfile.default(["RetainLongFullDates", "RetainLongModifDates", option])
