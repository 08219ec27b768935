"""Custom rules at work: on objects, in the stamps, in the audit."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset

from anonymizer import Key
from anonymizer.internals import Engine
from profiles import ConfidentialityProfile, ProfileError, diff
from tests.support.objects import EXPLICIT, IMPLICIT, Element, ct, nested, part10, read
from tests.support.running import SECRET, rewrite, rewrite_with_report


def using(rules: str, options: str = "") -> Engine:
    return Engine(ConfidentialityProfile.from_csv_string(rules, options), Key(SECRET))


def new(rules: str, *extra: Element, options: str = "", syntax: str = EXPLICIT) -> Dataset:
    """The object with ``extra`` elements after the rules."""
    return read(rewrite(part10(ct(*extra), syntax), using(rules, options)))


DESCRIPTION = Element(0x00081030, "LO", "Doe")
MANUFACTURER = Element(0x00080070, "LO", "ACME")


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("Manufacturer;X", None),
        ("0008,0070;Z", ""),
        ("(0008,0070);D", "ANONYMIZED"),
        ("00080070;D;Nobody", "Nobody"),
        ("Manufacture?;D;Nobody", "Nobody"),
        ("0008,xxxx;Z", ""),
        ("{LO};X", None),
        ("^0008,0070$;X", None),
        ("Manufacturer;K", "ACME"),
    ],
)
def test_a_rule_decides(rule: str, expected: str | None, syntax: str) -> None:
    assert new(rule, MANUFACTURER, syntax=syntax).get("Manufacturer") == expected


@pytest.mark.filterwarnings("ignore::profiles.ProfileWarning")
def test_the_first_matching_rule_wins() -> None:
    assert new("Manufacturer;D;First\n{LO};X", MANUFACTURER).Manufacturer == "First"
    assert "Manufacturer" not in new("{LO};X\nManufacturer;D;First", MANUFACTURER)


def test_rules_come_before_options() -> None:
    institution = Element(0x00080080, "LO", "St. Elsewhere")
    assert "InstitutionName" not in new("InstitutionName;X", institution, options="RetainInstitutionIdent")


def test_what_no_rule_matches_is_as_the_standard_says() -> None:
    dataset = new("Manufacturer;X", DESCRIPTION)
    assert "StudyDescription" not in dataset and dataset.PatientName == ""


def test_a_rule_that_keeps_more_must_insist_and_is_recorded() -> None:
    with pytest.raises(ProfileError, match="StudyDescription;K: leaves more of StudyDescription"):
        using("StudyDescription;K")
    engine = using("StudyDescription;K!")
    blob, report = rewrite_with_report(part10(ct(DESCRIPTION)), engine)
    dataset = read(blob)
    assert dataset.StudyDescription == "Doe"
    assert ("(0008,1030)", "K") in {(action.path, action.action) for action in report.actions}
    assert engine.profile.weakening_rules == ("CSV text line 1: StudyDescription;K!",)
    # it is not the Basic Profile any more
    assert "113100" not in [code.CodeValue for code in dataset.get("DeidentificationMethodCodeSequence", [])]
    assert "DICOM PS3.15" in str(dataset.DeidentificationMethod)


def test_rules_hold_at_every_depth_or_where_their_path_says() -> None:
    inner = nested(2, MANUFACTURER)
    everywhere = new("Manufacturer;X", MANUFACTURER, inner)
    assert "Manufacturer" not in everywhere and "Manufacturer" not in everywhere[0x00081115].value[0][0x00081115].value[0]
    below = new("ReferencedSeriesSequence>Manufacturer;X", MANUFACTURER, inner)
    assert below.Manufacturer == "ACME" and "Manufacturer" not in below[0x00081115].value[0][0x00081115].value[0]
    top = new(">Manufacturer;X", MANUFACTURER, inner)
    assert "Manufacturer" not in top and top[0x00081115].value[0][0x00081115].value[0].Manufacturer == "ACME"


PRIVATE = [Element(0x00290011, "LO", "ACME"), Element(0x00291101, "LO", "kernel"), Element(0x00291102, "LO", "Doe^Jane")]


def test_a_private_attribute_stays_by_its_creator_in_whatever_block() -> None:
    dataset = new("0029{ACME}01;K!", *PRIVATE)
    assert [int(tag) for tag in list(dataset.keys()) if tag.is_private] == [0x00290011, 0x00291101]
    assert not [tag for tag in list(new("0029{ACME 2}01;K!", *PRIVATE).keys()) if tag.is_private]


def test_safe_private_attributes_can_be_taken_out() -> None:
    siemens = [Element(0x00190010, "LO", "SIEMENS MR HEADER"), Element(0x0019100C, "IS", "1000")]
    assert 0x0019100C in new("Manufacturer;X", *siemens, options="RetainSafePrivate")
    assert 0x0019100C not in new("0019{SIEMENS MR HEADER}0c;X", *siemens, options="RetainSafePrivate")


def test_rules_come_before_what_the_object_declares() -> None:
    about = [Element(0x00080301, "US", 0x29), Element(0x00080302, "LO", "ACME"), Element(0x00080303, "CS", "SAFE")]
    declared = Element(0x00080300, "SQ", [about])
    assert 0x00291101 in new("Manufacturer;X", declared, *PRIVATE, options="RetainSafePrivate")
    assert 0x00291101 not in new("0029{ACME}01;X", declared, *PRIVATE, options="RetainSafePrivate")


def test_the_engines_attributes_are_no_rules_business() -> None:
    dataset = new("{UI};X\n{CS};X\n{LO};X", DESCRIPTION)
    assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2" and dataset.PatientIdentityRemoved == "YES"
    assert dataset.SOPInstanceUID and dataset.StudyInstanceUID


def test_pixels_can_be_taken_out() -> None:
    assert "PixelData" not in new("PixelData;X")


def test_a_weaker_rule_never_reaches_what_cannot_be_cleaned() -> None:
    voice = Element(0x5000200C, "OW", b"voice!")
    dataset = read(rewrite(part10(ct(voice)), using("50xx,xxxx;C", "CleanGraph")))
    assert 0x5000200C not in dataset


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("from_csv", "Manufacturer;D;Nobody"),
        ("from_json", '[{"Tag": "0008,0070", "Action": "D", "Value": "Nobody"}]'),
        ("from_xml", "<root><item><tag>0008,0070</tag><action>D</action><value>Nobody</value></item></root>"),
    ],
)
def test_the_three_formats_are_read_from_paths_streams_and_texts(tmp_path: Path, method: str, text: str) -> None:
    path = tmp_path / f"rules.{method.removeprefix('from_')}"
    path.write_text(text)
    make = getattr(ConfidentialityProfile, method)
    profiles = [make(path), make(str(path)), getattr(ConfidentialityProfile, f"{method}_string")(text)]
    profiles.append(ConfidentialityProfile.from_file(path))
    with path.open() as text_stream, path.open("rb") as bytes_stream:
        profiles += [make(text_stream), make(bytes_stream)]
    for profile in profiles:
        blob = rewrite(part10(ct(MANUFACTURER)), Engine(profile, Key(SECRET)))
        assert read(blob).Manufacturer == "Nobody"


def test_a_profile_is_not_another_one_with_other_rules() -> None:
    one, other = (ConfidentialityProfile.from_csv_string(f"Manufacturer;D;{name}") for name in ("One", "Two"))
    assert one != other and one.digest != other.digest
    assert one == ConfidentialityProfile.from_csv_string("Manufacturer;D;One")
    assert len({one, other, ConfidentialityProfile()}) == 3


def test_a_profile_is_the_same_under_another_name(tmp_path: Path) -> None:
    digests = set()
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("\nManufacturer;X\n" if name == "two.csv" else "Manufacturer;X")
        digests.add(ConfidentialityProfile.from_csv(tmp_path / name).digest)
    assert len(digests) == 1


def test_explain_shows_the_rule_that_decides() -> None:
    profile = ConfidentialityProfile.from_csv_string("Rows;X\n*TelephoneNumbers;Z\n0029{ACME}01;K!\nStudyDate;D;20200101")
    rows = {row.keyword: row for row in profile.explain()}
    assert (rows["Rows"].action, rows["Rows"].decided_by) == ("X", "CSV text line 1: Rows;X")
    assert rows["PatientTelephoneNumbers"].decided_by == "CSV text line 2: *TelephoneNumbers;Z"
    assert rows["StudyDate"].meaning == "replace with the value of the rule"
    assert [row.action for row in profile.explain() if row.tag == "0029{ACME}01"] == ["K"]


def test_diff_shows_what_differs_and_nothing_else() -> None:
    first = ConfidentialityProfile.from_csv_string("Rows;X\nStudyDate;Z", "RetainInstitutionIdent")
    second = ConfidentialityProfile()
    found = {(one or other).keyword: (one.action, other.action) for one, other in diff(first, second) if one and other}  # type: ignore[union-attr]
    assert found["Rows"] == ("X", "K")
    assert found["InstitutionName"] == ("K", "X/Z/D")
    assert "StudyDate" not in found and "PatientName" not in found
    assert list(diff(second, ConfidentialityProfile())) == []


@pytest.mark.parametrize("rules", ["PatientID;C!", "{LO};C!", "*;C!"])
def test_a_patient_of_whom_cleaning_leaves_nothing_gets_a_pseudonym(rules: str) -> None:
    dataset = new(rules, Element(0x00100020, "LO", "MRN-4711"))
    assert dataset.PatientID and "4711" not in dataset.PatientID
    assert dataset.PatientID == new("Manufacturer;X", Element(0x00100020, "LO", "MRN-4711")).PatientID


def test_what_has_nothing_to_clean_stays_as_the_table_says() -> None:
    dataset = new("*;C!", Element(0x00080008, "CS", "ORIGINAL\\PRIMARY"), Element(0x00280004, "CS", "MONOCHROME2"))
    assert (dataset.Modality, dataset.PhotometricInterpretation, dataset.Rows) == ("CT", "MONOCHROME2", 2)
    assert list(dataset.ImageType) == ["ORIGINAL", "PRIMARY"]


def test_ids_in_graphic_annotations_are_pseudonyms_too() -> None:
    inner = [Element(0x00100020, "LO", "MRN-4711")]
    dataset = new("Manufacturer;X", Element(0x00700001, "SQ", [inner]), options="CleanGraph")
    assert "4711" not in str(dataset) and dataset[0x00700001].value[0].PatientID == dataset.PatientID
