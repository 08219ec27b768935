"""Structured content that is cleaned: items by Table E.3.4-1 and value type, references that still point to their targets."""

from __future__ import annotations

import struct

import pytest
from pydicom import Dataset

from anonymizer import Key
from anonymizer.internals import Engine
from profiles import ConfidentialityProfile
from tests.support.objects import BIG, COMPREHENSIVE_SR, EXPLICIT, IMPLICIT, Element, ct, part10, read
from tests.support.running import SECRET, engine, reason, rewrite

REPORT = engine("CleanStructdCont")
#: Accession Number, X as TEXT; Device Serial Number, X/D; Finding, in no row
ACCESSION, SERIAL, FINDING = ("121022", "DCM"), ("113880", "DCM"), ("121071", "DCM")

Code = tuple[str, str]


def concept(code: Code) -> Element:
    """A concept name."""
    value, scheme = code
    item = [Element(0x00080100, "SH", value), Element(0x00080102, "SH", scheme), Element(0x00080104, "LO", "meaning")]
    return Element(0x0040A043, "SQ", [item])


def item(kind: str, code: Code, *value: Element, children: list[list[Element]] | None = None) -> list[Element]:
    """A content item."""
    elements = [Element(0x0040A010, "CS", "CONTAINS"), Element(0x0040A040, "CS", kind), concept(code), *value]
    if children is not None:
        elements.append(Element(0x0040A730, "SQ", children))
    return sorted(elements, key=lambda element: element.tag)


def text(value: str, code: Code = FINDING) -> list[Element]:
    """A TEXT item."""
    return item("TEXT", code, Element(0x0040A160, "UT", value))


def reference(*position: int) -> list[Element]:
    """An item that refers to another one by its position."""
    value = Element(0x0040DB73, "UL", struct.pack(f"<{len(position)}L", *position))
    return [Element(0x0040A010, "CS", "INFERRED FROM"), value]


def report(*items: list[Element], using: Engine = REPORT, undefined: bool = False, syntax: str = EXPLICIT) -> list[Dataset]:
    """The items that are left of a report's ``items``."""
    tree = Element(0x0040A730, "SQ", list(items), undefined=undefined, undefined_items=undefined)
    blob = part10(ct(tree, sop_class=COMPREHENSIVE_SR, without=(0x7FE00010,)), syntax, sop_class=COMPREHENSIVE_SR)
    return list(read(rewrite(blob, using)).ContentSequence)


def test_without_the_option_a_dummy_tree_stands_there() -> None:
    (only,) = report(text("Doe"), text("Jane"), using=engine())
    assert (only.ValueType, only.TextValue) == ("TEXT", "ANONYMIZED")


def test_items_go_by_concept_and_value_type() -> None:
    left = report(
        text("ACC-1", ACCESSION),
        text("Doe", FINDING),
        item("CODE", ACCESSION, Element(0x0040A168, "SQ", [[Element(0x00080100, "SH", "1")]])),
        text("SN-4711", SERIAL),
    )
    assert [(found.ValueType, found.get("TextValue")) for found in left] == [
        ("TEXT", "ANONYMIZED"),
        ("CODE", None),
        ("TEXT", "ANONYMIZED"),
    ]


def test_what_an_option_retains_stays() -> None:
    (kept,) = report(text("SN-4711", SERIAL), using=engine("CleanStructdCont,RetainDeviceIdent"))
    assert kept.TextValue == "SN-4711"


@pytest.mark.parametrize("scheme", ["SCT", "SRT", "SNM3", "99SDM"])
def test_a_concept_is_known_by_its_earlier_codes(scheme: str) -> None:
    value = "371524004" if scheme == "SCT" else "R-42B89"
    assert [found.get("TextValue") for found in report(text("Doe", (value, scheme)), text("x"))] == ["ANONYMIZED"]


#: Start DateTime, D as DATETIME; Content Date, X/D as DATE; Content Time, X/D as TIME
MOMENTS = [
    item("DATETIME", ("398201009", "SCT"), Element(0x0040A120, "DT", "20200131120000")),
    item("DATE", ("111018", "DCM"), Element(0x0040A121, "DA", "20200131")),
    item("TIME", ("111019", "DCM"), Element(0x0040A122, "TM", "120000")),
    item("DATETIME", FINDING, Element(0x0040A120, "DT", "20200131120000")),
]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ["19000101000000", "19000101", "000000", "19000101000000"]),
        ("RetainLongFullDates", ["20200131120000", "20200131", "120000", "20200131120000"]),
    ],
)
def test_dates_go_by_the_date_options(options: str, expected: list[str]) -> None:
    left = report(*MOMENTS, using=engine(f"CleanStructdCont,{options}"))
    assert [str(found.get("DateTime") or found.get("Date") or found.get("Time")) for found in left] == expected


def test_dates_move_together() -> None:
    first, day, time, other = report(*MOMENTS, using=engine("CleanStructdCont,RetainLongModifDates"))
    assert first.DateTime == other.DateTime != "20200131120000"
    assert str(first.DateTime) == f"{day.Date}{time.Time}"


def test_names_and_uids_are_replaced() -> None:
    person = item("PNAME", ("76", "NCDR [2.0b]"), Element(0x0040A123, "PN", "Doe^Jane"))
    unlisted = item("PNAME", FINDING, Element(0x0040A123, "PN", "Doe^Jane"))
    uid = item("UIDREF", FINDING, Element(0x0040A124, "UI", "1.2.3.4"))
    left = report(person, unlisted, uid)
    assert [str(found.PersonName) for found in left[:2]] == ["ANONYMIZED"] * 2
    assert left[2].UID.startswith("2.25.")


IMAGE = item(
    "IMAGE",
    ("113795", "DCM"),
    Element(0x00081199, "SQ", [[Element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"), Element(0x00081155, "UI", "1.2.3.4")]]),
)


@pytest.mark.parametrize(("options", "stays"), [("", False), ("RetainUIDs", True)])
def test_images_are_referred_to_by_their_new_uids(options: str, stays: bool) -> None:
    (left,) = report(IMAGE, using=engine(f"CleanStructdCont,{options}"))
    assert (left.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.4") is stays


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_references_point_to_where_their_targets_went(undefined: bool, syntax: str) -> None:
    target = item("CONTAINER", FINDING, children=[text("ACC-2", ACCESSION), text("first"), text("second")])
    left = report(reference(1, 4, 3), text("ACC-1", ACCESSION), reference(1, 4, 2), target, undefined=undefined, syntax=syntax)
    assert left[0].ReferencedContentItemIdentifier == [1, 3, 2]
    assert left[1].ReferencedContentItemIdentifier == [1, 3, 1]
    assert [found.TextValue for found in left[2].ContentSequence] == ["ANONYMIZED", "ANONYMIZED"]


def test_references_in_big_endian_are_renumbered_too() -> None:
    position = [Element(0x0040A010, "CS", "INFERRED FROM"), Element(0x0040DB73, "UL", struct.pack(">2L", 1, 3))]
    left = report(text("ACC-1", ACCESSION), position, text("target"), syntax=BIG)
    assert left[0].ReferencedContentItemIdentifier == [1, 2]


def test_references_to_what_is_gone_go_too_and_so_do_references_to_those() -> None:
    left = report(text("ACC-1", ACCESSION), reference(1, 1), reference(1, 2), reference(1, 5), text("stays"))
    assert len(left) == 2
    assert left[0].ReferencedContentItemIdentifier == [1, 2]


def test_a_reference_that_is_no_position_is_refused() -> None:
    broken = [Element(0x0040A010, "CS", "INFERRED FROM"), Element(0x0040DB73, "UL", b"\1\0")]
    tree = Element(0x0040A730, "SQ", [broken])
    blob = part10(ct(tree, sop_class=COMPREHENSIVE_SR, without=(0x7FE00010,)), sop_class=COMPREHENSIVE_SR)
    assert reason(blob, REPORT) == "invalid-value"


def test_text_is_cleaned_where_both_options_say_so() -> None:
    using = engine("CleanStructdCont,CleanDesc")
    left = report(
        text("MRI brain of Jane Doe"), text("Zzyx", FINDING), text("chest without contrast", ("121106", "DCM")), using=using
    )
    assert left[0].TextValue.startswith("MRI brain") and "Doe" not in left[0].TextValue
    assert left[1].TextValue == "ANONYMIZED"
    assert left[2].TextValue == "chest without contrast"


def test_items_deep_in_the_tree_keep_their_required_values() -> None:
    tree = item("CONTAINER", FINDING, children=[item("CONTAINER", FINDING, children=[text("Doe")])])
    (outer,) = report(tree)
    assert outer.ContentSequence[0].ContentSequence[0].TextValue == "ANONYMIZED"


def test_acquisition_context_is_content_too() -> None:
    sequence = Element(0x00400555, "SQ", [text("ACC-1", ACCESSION), text("Doe"), item("NUM", FINDING)])
    new = read(rewrite(part10(ct(sequence)), REPORT))
    assert [found.ValueType for found in new.AcquisitionContextSequence] == ["TEXT", "NUM"]
    assert b"Doe" not in rewrite(part10(ct(sequence)), REPORT).replace(b"Doe^Jane", b"")


def test_the_profile_decides_not_the_order_of_calls() -> None:
    tree = [text("ACC-1", ACCESSION), reference(1, 3), text("x")]
    one = Engine(ConfidentialityProfile.default("CleanStructdCont"), Key(SECRET))
    assert report(*tree, using=one) == report(*tree, using=one) == report(*tree)


def test_a_reference_outside_of_the_tree_stays_as_it_is() -> None:
    sequence = Element(0x00400555, "SQ", [[*text("x"), Element(0x0040DB73, "UL", struct.pack("<2L", 1, 2))]])
    new = read(rewrite(part10(ct(sequence)), REPORT))
    assert new.AcquisitionContextSequence[0].ReferencedContentItemIdentifier == [1, 2]
