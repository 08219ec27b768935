"""Whose object it is: pseudonyms, tables, and dates that move by patient."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydicom import Dataset

from anonymizer import Anonymizer, Key, PatientTable
from anonymizer.internals import Engine, Patient, Pseudonyms
from profiles import ConfidentialityProfile
from tests.support.objects import BIG, EXPLICIT, IMPLICIT, INSTANCE, STUDY, Element, ct, nested, part10, read
from tests.support.running import SECRET, engine, reason, rewrite

NAME, PATIENT_ID, ISSUER = 0x00100010, 0x00100020, 0x00100021
SHIFTING = engine("RetainLongModifDates")


def new(*extra: Element, using: Engine | None = None, syntax: str = EXPLICIT, without: tuple[int, ...] = ()) -> Dataset:
    """The object with ``extra`` elements, de-identified."""
    return read(rewrite(part10(ct(*extra, without=without), syntax), using))


def pseudonym(patient_id: str, issuer: str = "") -> str:
    return Pseudonyms(Key(SECRET)).patient_id(Patient.of(patient_id, issuer)).decode()


# -- pseudonyms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_one_id_from_two_issuers_is_two_patients(syntax: str) -> None:
    one = new(Element(ISSUER, "LO", "HOSPITAL A"), syntax=syntax).PatientID
    other = new(Element(ISSUER, "LO", "HOSPITAL B"), syntax=syntax).PatientID
    assert len({one, other, new(syntax=syntax).PatientID}) == 3
    assert one == pseudonym("MRN-4711", "HOSPITAL A")


def test_an_issuer_without_a_value_is_none() -> None:
    assert new(Element(ISSUER, "LO", "  ")).PatientID == new().PatientID == pseudonym("MRN-4711")


@pytest.mark.parametrize("undefined", [True, False])
def test_the_issuers_universal_id_counts_where_it_has_no_name(undefined: bool) -> None:
    qualifiers = Element(
        0x00100024, "SQ", [[Element(0x00400032, "UT", "1.2.3"), Element(0x00400033, "CS", "ISO")]], undefined, undefined
    )
    assert new(qualifiers).PatientID == pseudonym("MRN-4711", "1.2.3")
    assert new(Element(ISSUER, "LO", "A"), qualifiers).PatientID == pseudonym("MRN-4711", "A")


def test_a_patient_in_an_item_has_the_issuer_of_the_item() -> None:
    item = nested(1, Element(PATIENT_ID, "LO", "MRN-4711"))
    inside = new(item, Element(ISSUER, "LO", "HOSPITAL A"))[0x00081115].value[0]
    assert inside.PatientID == pseudonym("MRN-4711")


@pytest.mark.parametrize("value", [b"", b"  ", b"\0\0"])
def test_patients_without_an_id_are_not_joined(value: bytes) -> None:
    assert new(Element(PATIENT_ID, "LO", value), Element(ISSUER, "LO", "A")).PatientID == ""


# -- lookup tables ---------------------------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "patients.csv"
    path.write_text("PatientID,IssuerOfPatientID,NewPatientID,NewPatientName\nMRN-4711,,CASE-1,Case^One\nMRN-4711,B,CASE-2,\n")
    return path


def with_table(table: Path, options: str = "") -> Engine:
    return Engine(ConfidentialityProfile.default(options), Key(SECRET), patients=PatientTable.load(table))


@pytest.mark.parametrize(
    ("issuer", "patient_id", "name"), [("", "CASE-1", "Case^One"), ("B", "CASE-2", ""), ("C", "CASE-1", "Case^One")]
)
def test_patients_get_their_names_from_the_table(table: Path, issuer: str, patient_id: str, name: str) -> None:
    dataset = new(Element(ISSUER, "LO", issuer), using=with_table(table))
    assert (dataset.PatientID, str(dataset.PatientName)) == (patient_id, name)


@pytest.mark.parametrize("patient_id", ["MRN-4712", ""])
def test_a_patient_whom_the_table_lacks_is_refused(table: Path, patient_id: str) -> None:
    blob = part10(ct(Element(PATIENT_ID, "LO", patient_id)))
    assert reason(blob, with_table(table)) == "patient-not-in-table"


def test_the_python_api_takes_a_table(table: Path) -> None:
    blob = part10(ct())
    for patients in (table, str(table), PatientTable.load(table)):
        assert read(Anonymizer(key=SECRET, patients=patients).anonymize(blob)).PatientID == "CASE-1"


# -- dates -----------------------------------------------------------------------------------------------------------

DATES = [
    Element(0x00080020, "DA", "20200228"),
    Element(0x00080021, "DA", "20200301"),
    Element(0x0008002A, "DT", "20200229235959.5+0100"),
    Element(0x00080030, "TM", "2359"),
]


def day(text: object) -> datetime:
    return datetime.strptime(str(text)[:8], "%Y%m%d")


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_all_dates_of_a_patient_move_by_one_number_of_days(syntax: str) -> None:
    dataset = new(*DATES, using=SHIFTING, syntax=syntax)
    moved = {day(dataset.StudyDate) - datetime(2020, 2, 28), day(dataset.SeriesDate) - datetime(2020, 3, 1)}
    moved.add(day(dataset.AcquisitionDateTime) - datetime(2020, 2, 29))
    (shift,) = moved
    assert timedelta(days=-3650) <= shift <= timedelta(days=-30)
    assert str(dataset.AcquisitionDateTime)[8:] == "235959.5+0100" and dataset.StudyTime == "2359"
    assert dataset.LongitudinalTemporalInformationModified == "MODIFIED"


def shift_of(*extra: Element, using: Engine = SHIFTING) -> timedelta:
    return day(new(*DATES, *extra, using=using).StudyDate) - datetime(2020, 2, 28)


def test_a_patient_has_one_shift_in_every_study_and_patients_have_their_own() -> None:
    other_study = Element(0x0020000D, "UI", "1.2.3.4.5")
    assert shift_of() == shift_of(other_study)
    patients = {shift_of(Element(PATIENT_ID, "LO", f"P{number}")) for number in range(40)}
    assert len(patients) > 30


def test_without_an_id_a_study_has_one_shift_and_studies_have_their_own() -> None:
    nobody = Element(PATIENT_ID, "LO", "")
    shifts = {shift_of(nobody, Element(0x0020000D, "UI", f"1.2.3.{number}")) for number in range(40)}
    assert len(shifts) > 30
    assert shift_of(nobody) == shift_of(nobody, Element(0x00080018, "UI", "1.2.3.9"))


def test_dates_in_items_move_too() -> None:
    dataset = new(*DATES, nested(2, DATES[0]), using=SHIFTING)
    assert dataset[0x00081115].value[0][0x00081115].value[0].StudyDate == dataset.StudyDate


def test_what_is_no_date_gets_the_basic_profiles_action() -> None:
    dataset = new(Element(0x00080020, "DA", "yesterday"), Element(0x00080021, "DA", "20201301"), using=SHIFTING)
    assert dataset.StudyDate == "" and "SeriesDate" not in dataset


def test_the_birth_date_is_not_moved() -> None:
    both = engine("RetainLongModifDates,RetainPatientChars")
    dataset = new(Element(0x00100030, "DA", "19400229"), Element(0x00101010, "AS", "080Y"), using=both)
    assert (dataset.PatientBirthDate, dataset.PatientAge) == ("", "080Y")


def test_date_and_time_cross_midnight_together() -> None:
    profile = ConfidentialityProfile.default("RetainLongModifDates", date_shift="-100d..-30d/1h")
    using = Engine(profile, Key(SECRET))
    for patient in range(12):
        times = [
            Element(0x00080030, "TM", "233000"),
            Element(0x00080031, "TM", "003000.25"),
            Element(PATIENT_ID, "LO", f"P{patient}"),
        ]
        dataset = new(DATES[0], Element(0x00080021, "DA", "20200229"), *times, using=using)
        start = datetime.strptime(f"{dataset.StudyDate}{dataset.StudyTime}", "%Y%m%d%H%M%S")
        end = datetime.strptime(f"{dataset.SeriesDate}{dataset.SeriesTime}", "%Y%m%d%H%M%S.%f")
        assert end - start == timedelta(hours=1, milliseconds=250)


def test_the_time_zone_stays_where_it_is_one() -> None:
    assert new(Element(0x00080201, "SH", "+0100"), using=SHIFTING).TimezoneOffsetFromUTC == "+0100"
    assert "TimezoneOffsetFromUTC" not in new(Element(0x00080201, "SH", "Doe"), using=SHIFTING)


def test_objects_that_name_neither_patient_nor_study_lose_their_dates() -> None:
    dataset = Dataset()
    dataset.StudyDate = "20200228"
    assert Anonymizer(ConfidentialityProfile.default("RetainLongModifDates")).anonymize(dataset).StudyDate == ""


def test_a_large_object_moves_as_a_small_one() -> None:
    pixels = Element(0x7FE00010, "OW", bytes(6 << 20))
    assert new(*DATES, pixels, using=SHIFTING).StudyDate == new(*DATES, using=SHIFTING).StudyDate


# -- ages, devices ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "capped"), [("089Y", "089Y"), ("090Y", "090Y"), ("104Y", "090Y"), ("", "")])
def test_old_ages_become_one_when_asked(age: str, capped: str) -> None:
    profile = ConfidentialityProfile.default("RetainPatientChars", cap_ages=True)
    element = Element(0x00101010, "AS", age)
    assert new(element, using=Engine(profile, Key(SECRET))).PatientAge == capped
    assert new(element, using=engine("RetainPatientChars")).PatientAge == age


def test_what_is_no_age_goes_where_ages_are_capped() -> None:
    profile = ConfidentialityProfile.default("RetainPatientChars", cap_ages=True)
    assert not new(Element(0x00101010, "AS", "Doe"), using=Engine(profile, Key(SECRET))).get("PatientAge")


def test_devices_stay_distinct_and_unnamed() -> None:
    using = engine("RetainDeviceIdent")
    titles = {
        new(Element(0x00080055, "AE", title), using=using).StationAETitle for title in ("CT_WARD3", "CT_WARD4", "CT_WARD3 ")
    }
    assert len(titles) == 2 and not any("WARD" in title for title in titles)
    assert new(Element(0x00080055, "AE", ""), using=using).StationAETitle in ("", None)


def test_the_identity_is_found_behind_anything() -> None:
    sequence = Element(0x00081115, "SQ", [[Element(0x00081155, "UI", INSTANCE)]], undefined=True, undefined_items=True)
    disguised = Element(0x00081140, "SQ", [[Element(0x00081155, "UI", STUDY)]], undefined=True, as_un=True)
    assert new(*DATES, sequence, disguised, using=SHIFTING).StudyDate == new(*DATES, using=SHIFTING).StudyDate


def test_the_table_must_have_whoever_the_object_is_of_and_asks_nothing_of_items(table: Path) -> None:
    using = with_table(table)
    assert reason(part10(ct(without=(NAME, PATIENT_ID))), using) == "patient-not-in-table"
    named = new(nested(1, Element(NAME, "PN", "Doe^Jane")), using=using)
    assert str(named[0x00081115].value[0].PatientName) == "" and named.PatientID == "CASE-1"


def test_an_issuer_that_cannot_be_read_still_tells_patients_apart() -> None:
    one, other = (new(Element(ISSUER, "LO", issuer)).PatientID for issuer in (b"\xff\xfe", b"\xff\xfd"))
    assert one != other
