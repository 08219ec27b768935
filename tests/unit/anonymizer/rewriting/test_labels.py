"""Labels, names and identifiers that people type: gone by default, cleaned or retained by options, never as they were typed."""

from __future__ import annotations

import pytest

from tests.support.objects import Element, ct, part10, read
from tests.support.running import engine, rewrite

SEGMENTATION, RT_PLAN, HANGING_PROTOCOL = (
    "1.2.840.10008.5.1.4.1.1.66.4",
    "1.2.840.10008.5.1.4.1.1.481.5",
    "1.2.840.10008.5.1.4.38.1",
)
SURNAME = "Zwickelbauer"


@pytest.mark.parametrize(
    "options",
    [
        "",
        "CleanDesc",
        "RetainPatientChars",
        "RetainDeviceIdent",
        "RetainInstitutionIdent",
        "RetainUIDs",
        "RetainSafePrivate",
        "RetainLongFullDates",
        "RetainLongModifDates",
        "CleanGraph",
        "CleanStructdCont",
        "CleanDesc,CleanGraph,CleanStructdCont,RetainPatientChars,RetainDeviceIdent,RetainUIDs",
    ],
)
def test_a_surname_in_a_segments_label_is_gone_under_every_option(options: str) -> None:
    segment = [Element(0x00620004, "US", 1), Element(0x00620005, "LO", f"{SURNAME} liver")]
    blob = part10(ct(Element(0x00620002, "SQ", [segment]), sop_class=SEGMENTATION), sop_class=SEGMENTATION)
    output = rewrite(blob, engine(options))
    (segment_out,) = read(output).SegmentSequence
    assert SURNAME.encode() not in output
    assert segment_out.SegmentLabel == ("liver" if "CleanDesc" in options else "ANONYMIZED")


@pytest.mark.parametrize(
    ("sop_class", "tag", "vr", "expected"),
    [
        (HANGING_PROTOCOL, 0x00720002, "SH", "ANONYMIZED"),
        (HANGING_PROTOCOL, 0x00720004, "LO", "ANONYMIZED"),
        (SEGMENTATION, 0x00700080, "CS", "ANONYMIZED"),
        (RT_PLAN, 0x00181006, "LO", None),
    ],
)
def test_what_is_required_has_a_dummy_and_the_rest_goes(sop_class: str, tag: int, vr: str, expected: str | None) -> None:
    output = rewrite(part10(ct(Element(tag, vr, "ZWICKELBAUER"), sop_class=sop_class), sop_class=sop_class))
    assert b"ZWICKELBAUER" not in output
    assert (read(output)[tag].value if tag in read(output) else None) == expected


def test_identifiers_of_accessories_are_devices() -> None:
    wedge = [Element(0x300A00D4, "SH", "W-0815"), Element(0x300A00F9, "LO", "4711")]
    blob = part10(ct(Element(0x300A00D1, "SQ", [wedge]), sop_class=RT_PLAN), sop_class=RT_PLAN)
    plain, retained = rewrite(blob), rewrite(blob, engine("RetainDeviceIdent"))
    assert b"W-0815" not in plain and b"4711" not in plain
    assert b"W-0815" in retained and b"4711" in retained
    assert b"W-0815" not in rewrite(blob, engine("CleanDesc"))


@pytest.mark.parametrize(("name", "stays"), [("Ir-192", True), ("192-IR", True), ("Zwickelbauer-192", False)])
def test_an_isotope_keeps_its_name(name: str, stays: bool) -> None:
    source = [Element(0x300A0226, "LO", name)]
    output = rewrite(part10(ct(Element(0x300A0210, "SQ", [source]), sop_class=RT_PLAN), sop_class=RT_PLAN))
    assert (name.encode() in output) is stays


def test_what_devices_write_stays() -> None:
    kept = [
        Element(0x00080070, "LO", "SIEMENS"),
        Element(0x00180024, "SH", "*ep_b0"),
        Element(0x00181020, "LO", "syngo MR B17"),
        Element(0x00181160, "SH", "BODY FILTER"),
        Element(0x00181210, "SH", "B30s"),
        Element(0x00181250, "SH", "HEAD"),
        Element(0x00281054, "LO", "HU"),
        Element(0x00283003, "LO", "Regional Cerebral Blood Flow"),
    ]
    output = read(rewrite(part10(ct(*kept))))
    assert [str(output[element.tag].value) for element in kept] == [element.value for element in kept]
