"""Dates that patients share, of devices, sources, protocols: one that moved would tell how far all others of a patient did."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom import Dataset
from pydicom.datadict import DicomDictionary

from anonymizer import Anonymizer, Key
from pipeline.cli import main
from profiles import Action, ConfidentialityProfile, Operation, ProfileError, compile_plan, dictionary
from tests.support import content
from tests.support.content import code, content_item, document
from tests.support.keys import KEY
from tests.support.objects import COMPREHENSIVE_SR, CT, Element, ct, part10, read
from tests.support.table import shared_dates

RT_RECORD, RT_PLAN, HANGING_PROTOCOL = (f"1.2.840.10008.5.1.4.{end}" for end in ("1.1.481.4", "1.1.481.5", "38.1"))
OPTIONS = "RetainLongModifDates,RetainDeviceIdent,RetainSafePrivate,CleanDesc,CleanStructdCont,RetainPatientChars"
MOVING = ConfidentialityProfile.default("RetainLongModifDates")
#: what happened to every device of the tests, and the day on which each patient came
SHARED, VISITS = datetime(2019, 11, 7, 3, 14, 15), (datetime(2020, 1, 31, 9, 30), datetime(2020, 6, 2, 16, 45))
REGION = 0x00082218
#: in keywords of dates: about things that patients share, or so it may seem
HINT = re.compile(
    "Calibrat|Manufact|Install|Expir|Firmware|Software|Source|Strength|Detector|Device|Equipment|Product|Lot|Vial|Kit|Gain"
    "|Phantom|Approv|Version|Protocol|Template|Creat|Effective|Issue|Inventory|Maint|Service|Selector|Assert|Modif|Valid|Certif"
    "|Capture|BeamHold"
)
DATES = {"DA", "TM", "DT"}


def test_each_date_that_may_be_shared_was_judged() -> None:
    known = {tag: (keyword, vr) for tag, (vr, _, _, _, keyword) in DicomDictionary.items()}
    known |= {tag: (entry.keyword, entry.vr) for tag, entry in dictionary().items()}
    judged = {row["keyword"]: row for row in shared_dates()}
    assert all(row["reason"] and row["whose"] for row in judged.values()) and len(judged) == len(shared_dates())
    hinted = {keyword for keyword, vr in known.values() if vr in DATES and HINT.search(keyword)}
    assert len(hinted) > 50
    assert hinted - judged.keys() == set()
    # nor is anything judged that is no date
    of_tags = {f"({tag >> 16:04x},{tag & 0xFFFF:04x})": entry for tag, entry in known.items()}
    for row in shared_dates():
        if row["tag"]:
            assert of_tags[row["tag"]][0] == row["keyword"] and of_tags[row["tag"]][1] in DATES


def shared_tags() -> dict[int, str]:
    """The shared dates by tag, and their VRs."""
    return {
        int(row["tag"][1:5] + row["tag"][6:10], 16): dictionary()[int(row["tag"][1:5] + row["tag"][6:10], 16)].vr
        for row in shared_dates()
        if row["whose"] != "patient" and row["tag"]
    }


def _text(vr: str, moment: datetime) -> str:
    return moment.strftime({"DA": "%Y%m%d", "TM": "%H%M%S", "DT": "%Y%m%d%H%M%S"}[vr])


def scan(patient: int, sop_class: str = CT) -> bytes:
    """An object of one of the patients: with each shared date, at three depths, beside the patient's own."""
    shared = [Element(tag, vr, _text(vr, SHARED)) for tag, vr in shared_tags().items()]
    original = Element(0x04000561, "SQ", [[Element(0x04000550, "SQ", [shared])]])
    characteristics = [
        [
            Element(0x00080301, "US", 0x0029),
            Element(0x00080302, "LO", "ACME"),
            Element(0x00080303, "CS", "SAFE"),
        ]
    ]
    private = [Element(0x00290010, "LO", "ACME"), Element(0x00291001, "DA", _text("DA", SHARED))]
    private.append(Element(0x00291002, "DT", _text("DT", SHARED)))
    day = VISITS[patient]
    own = [
        Element(0x00080020, "DA", _text("DA", day)),
        Element(0x00080030, "TM", _text("TM", day)),
        Element(0x00100020, "LO", f"MRN-{patient}"),
        Element(0x0020000D, "UI", f"1.2.826.0.1.999.1.{patient}"),
    ]
    nested = [Element(REGION, "SQ", [shared]), original, Element(0x00080300, "SQ", characteristics)]
    report = document(
        content_item("DATETIME", code("113723", "DCM", "Calibration DateTime"), content.moment(_text("DT", SHARED)))
    )
    elements = {element.tag: element for element in [*ct(sop_class=sop_class), *report, *shared, *nested, *private, *own]}
    return part10(sorted(elements.values(), key=lambda element: element.tag), sop_class=sop_class)


def moments(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Each date, time or moment in it that has a value, with its keyword or tag."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from moments(item)
        elif element.VR in DATES and element.value:
            yield element.keyword or str(element.tag), str(element.value)


@pytest.mark.parametrize("sop_class", [CT, COMPREHENSIVE_SR, RT_RECORD, RT_PLAN, HANGING_PROTOCOL, "1.2.840.10008.5.1.4.1.1.9"])
@pytest.mark.parametrize("shift", [None, "-2400h..-720h/1h"])
def test_no_date_of_two_patients_of_one_scanner_tells_how_far_apart_their_dates_moved(sop_class: str, shift: str | None) -> None:
    profile = ConfidentialityProfile.default(OPTIONS, date_shift=shift, pixels="keep")
    anonymizer = Anonymizer(profile, KEY)
    outcomes = [read(anonymizer.anonymize(scan(patient, sop_class))) for patient in (0, 1)]
    offsets = [
        datetime.strptime(new.StudyDate + new.StudyTime, "%Y%m%d%H%M%S") - day for new, day in zip(outcomes, VISITS, strict=True)
    ]
    assert offsets[0] != offsets[1]
    found = [list(moments(outcome)) for outcome in outcomes]
    shared = {_text(vr, SHARED) for vr in ("DA", "TM", "DT")}
    for pairs, offset in zip(found, offsets, strict=True):
        values = {value for _, value in pairs}
        assert not values & shared
        assert not values & {_text(vr, SHARED + offset) for vr in ("DA", "TM", "DT")}
    # and what both have in common are dummies
    names = {keyword for pairs in found for keyword, value in pairs if not value.startswith(("19000101", "000000"))}
    assert names & {"StudyDate"} and not names & {row["keyword"] for row in shared_dates() if row["whose"] != "patient"}


def action(profile: ConfidentialityProfile, tag: int) -> Action:
    return profile.decide(tag).action


@pytest.mark.parametrize("device", ["", ",RetainDeviceIdent"])
def test_they_get_what_they_would_get_without_the_option(device: str) -> None:
    moving, without = ConfidentialityProfile.default(f"RetainLongModifDates{device}"), ConfidentialityProfile.default()
    for tag in shared_tags():
        assert action(moving, tag) is action(without, tag), hex(tag)


def test_with_full_dates_nothing_changes() -> None:
    full = ConfidentialityProfile.default("RetainLongFullDates")
    assert {action(full, tag) for tag in shared_tags()} == {Action.K}
    device = ConfidentialityProfile.default("RetainDeviceIdent")
    assert action(device, 0x00181200) is Action.K


def test_nothing_but_what_moves_dates_depends_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def digests() -> dict[str, str]:
        options = ("", "RetainDeviceIdent", "RetainLongFullDates", "RetainLongModifDates")
        return {option: ConfidentialityProfile.default(option).digest for option in options}

    judged = digests()
    for module in ("standard", "explain", "custom.decision"):
        monkeypatch.setattr(f"profiles.{module}.shared_dates", dict)
    assert {option for option, digest in digests().items() if digest != judged[option]} == {"RetainLongModifDates"}


@pytest.mark.parametrize("options", ["", "RetainLongModifDates", "RetainLongFullDates", "RetainLongModifDates,RetainDeviceIdent"])
@pytest.mark.parametrize("rule", ["CalibrationDate;C!", "(0014,xxxx);C!", "DateOfGainCalibration;C!"])
def test_a_rule_that_cleans_dates_moves_none_of_them(rule: str, options: str) -> None:
    profile = ConfidentialityProfile.from_csv_string(rule, options)
    for path in (0x0014407E, 0x00143076):
        if profile.decide(path).decided_by.startswith("CSV text"):
            assert action(profile, path) is not Action.C
            assert compile_plan(profile, CT).root[path].operation in (Operation.REMOVE, Operation.EMPTY, Operation.REPLACE)


def test_a_rule_that_keeps_one_must_insist() -> None:
    both = "RetainLongModifDates,RetainDeviceIdent"
    with pytest.raises(ProfileError, match="write K!"):
        ConfidentialityProfile.from_csv_string("DateOfManufacture;K", "RetainLongModifDates")
    for options in ("RetainLongModifDates", both):
        assert action(ConfidentialityProfile.from_csv_string("DateOfManufacture;K!", options), 0x00181204) is Action.K
    # what repeats the standard's own table says nothing of them
    for rule in ("DateOfManufacture;C", "DateOfManufacture;K"):
        assert action(ConfidentialityProfile.from_csv_string(rule, both), 0x00181204) is Action.X


def test_a_private_date_moves_only_where_a_rule_says_so() -> None:
    kept = "RetainSafePrivate,RetainLongModifDates"
    private = [Element(0x00290010, "LO", "ACME"), Element(0x00291001, "DA", "20200131")]
    own = [Element(0x00080020, "DA", "20200131"), Element(0x00100020, "LO", "MRN-1")]
    blob = part10(ct(*own, *private))
    profile = ConfidentialityProfile.from_csv_string('"0029{ACME}01";C!', kept)
    new = read(Anonymizer(profile, Key(KEY)).anonymize(blob))
    assert new[0x00291001].value == new.StudyDate != "20200131"
    assert 0x00291001 not in read(Anonymizer(ConfidentialityProfile.default(kept), Key(KEY)).anonymize(blob))
    # an object that says of its own attribute how it is to be cleaned knows nothing of other patients
    block = [Element(0x00080301, "US", 0x0029), Element(0x00080302, "LO", "ACME"), Element(0x00080303, "CS", "MIXED")]
    cleaned = [Element(0x00080306, "US", 0x01), Element(0x00080307, "CS", "C")]
    declared = Element(0x00080300, "SQ", [[*block, Element(0x00080305, "SQ", [cleaned])]])
    blob = part10(ct(*own, declared, *private))
    assert 0x00291001 not in read(Anonymizer(ConfidentialityProfile.default(kept), Key(KEY)).anonymize(blob))


def test_explain_shows_each_of_them_with_its_reason() -> None:
    shown = CliRunner().invoke(main, ["explain", "--csv", "--options", "RetainLongModifDates"]).output
    rows = {row["keyword"]: row for row in csv.DictReader(StringIO(shown))}
    for row in shared_dates():
        if row["tag"] and row["whose"] != "patient":
            line = rows[row["keyword"]]
            assert line["decided by"] == f"RetainLongModifDates, but shared by patients: {row['reason']}"
            assert line["action"] != "C"
    assert list(rows).count("DateOfGainCalibration") == 1


def test_the_page_for_privacy_officers_names_the_list() -> None:
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "privacy.md").read_text()
    assert "profiles/data/shared_dates.csv" in page
