"""Ultrasound regions tell where the picture is, if all of them can be believed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from anonymizer.dicom.buffer import Buffer, NeedMoreError
from anonymizer.dicom.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from anonymizer.pixels.regions import RegionEvidence, RegionState, read_regions
from profiles import Rectangle
from tests.support.objects import BIG, EXPLICIT, IMPLICIT, Element, encode

ENCODINGS = {IMPLICIT: IMPLICIT_LITTLE, EXPLICIT: EXPLICIT_LITTLE, BIG: EXPLICIT_BIG}
ABSENT = RegionEvidence(RegionState.ABSENT)


@dataclass(frozen=True)
class How:
    """How a sequence is written."""

    undefined: bool = False
    undefined_items: bool = False
    as_un: bool = False


def region(x0: object, y0: object, x1: object, y1: object, vr: str = "UL") -> list[Element]:
    """An item; None leaves an element out."""
    locations = ((0x00186018, x0), (0x0018601A, y0), (0x0018601C, x1), (0x0018601E, y1))
    others = [Element(0x00186012, "US", 1), Element(0x00186014, "US", 1)]
    return [*others, *(Element(tag, vr, value) for tag, value in locations if value is not None)]


def found(
    *items: list[Element], syntax: str = EXPLICIT, how: How | None = None, rows: int = 100, columns: int = 200
) -> RegionEvidence:
    """What is read of a header with ``items``."""
    how = how or How()
    sequence = Element(0x00186011, "SQ", list(items), how.undefined, how.undefined_items, how.as_un)
    elements = [Element(0x00080060, "CS", "US"), sequence, Element(0x00280010, "US", rows)]
    return read_regions(Buffer(encode(elements, syntax), True), 0, ENCODINGS[syntax], rows, columns)


@pytest.mark.parametrize("syntax", ENCODINGS)
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("undefined_items", [False, True])
@pytest.mark.parametrize("as_un", [False, True])
def test_regions_are_read_in_any_encoding(syntax: str, undefined: bool, undefined_items: bool, as_un: bool) -> None:
    if as_un and syntax != EXPLICIT:
        return
    how = How(undefined, undefined_items, as_un)
    evidence = found(region(10, 20, 109, 79), region(150, 0, 199, 99), syntax=syntax, how=how)
    assert evidence.state is RegionState.VALID
    assert evidence.regions == (Rectangle(10, 20, 110, 80), Rectangle(150, 0, 200, 100))


def refused(evidence: RegionEvidence, why: str = "") -> bool:
    """Whether regions are no evidence, for a cause that is told without any value."""
    return evidence.state is RegionState.INVALID and not evidence.regions and why in evidence.why and bool(evidence.why)


def test_a_region_of_one_pixel_is_one() -> None:
    assert found(region(150, 60, 150, 60)).regions == (Rectangle(150, 60, 151, 61),)


def test_regions_of_a_smaller_image_are_no_evidence() -> None:
    """The image was enlarged to twice the size, and its regions were not: text below them would stay."""
    for one in (region(0, 5, 99, 49), region(0, 5, 99, 79), region(0, 5, 199, 49)):
        assert refused(found(one), "beyond the middle")
    assert found(region(0, 5, 99, 49), region(50, 30, 120, 70)).regions != ()


@pytest.mark.parametrize(
    "item",
    [
        region(None, 20, 109, 79),
        region(10, 20, 109, None),
        region(10, 20, 9, 79),
        region(10, 80, 109, 79),
        region(10, 20, 200, 79),  # of another image size
        region(10, 20, 109, 100),
        region(0, 0, 1 << 31, 1 << 31),
        region(10, 20, 109, 79, "US"),
        region(b"", 20, 109, 79),
        [],
    ],
)
def test_one_invalid_region_makes_all_of_them_no_evidence(item: list[Element]) -> None:
    assert found(region(10, 20, 109, 79)).state is RegionState.VALID
    assert refused(found(item))
    assert refused(found(region(10, 20, 109, 79), item))
    assert refused(found(item, region(10, 20, 109, 79)))


def test_the_cause_is_told() -> None:
    assert refused(found(region(10, 20, 109, None)), "lacks a location")
    assert refused(found(region(10, 20, 9, 79)), "not ordered")
    assert refused(found(region(10, 20, 200, 79)), "not inside the image")


def test_regions_of_nearly_the_whole_image_are_no_evidence() -> None:
    assert found(region(0, 0, 199, 94)).state is RegionState.VALID
    assert refused(found(region(0, 0, 199, 95)), "more than 95 %")
    assert refused(found(region(0, 0, 199, 49), region(0, 50, 199, 99)), "more than 95 %")
    # what overlaps counts once
    assert found(region(0, 0, 199, 59), region(0, 30, 199, 89)).state is RegionState.VALID


def test_no_regions_are_no_evidence() -> None:
    assert found() == ABSENT
    content = encode([Element(0x00280010, "US", 100)])
    assert read_regions(Buffer(content, True), 0, EXPLICIT_LITTLE, 100, 200) == ABSENT
    with pytest.raises(NeedMoreError):
        read_regions(Buffer(content[:-4], False), 0, EXPLICIT_LITTLE, 100, 200)


def test_no_sequence_and_broken_ones_are_no_evidence() -> None:
    text = encode([Element(0x00186011, "LO", "10")])
    assert refused(read_regions(Buffer(text, True), 0, EXPLICIT_LITTLE, 100, 200), "no sequence")
    whole = encode([Element(0x00186011, "SQ", [region(10, 20, 109, 79)])])
    broken = whole[:12] + b"\xfe\xff\x0d\xe0" + whole[16:]
    assert refused(read_regions(Buffer(broken, True), 0, EXPLICIT_LITTLE, 100, 200), "broken")


def test_regions_that_leave_thousands_of_rectangles_around_them_are_no_evidence() -> None:
    columns, rows = ([*range(1, most, 4)] for most in (400, 200))
    combs = [region(x, 0, x, 199) for x in columns] + [region(0, y, 399, y) for y in rows]
    assert len(combs) < 256 and refused(found(*combs, rows=200, columns=400), "1000 rectangles")
    assert found(*combs[: len(columns)], rows=200, columns=400).state is RegionState.VALID


def test_thousands_of_regions_take_no_time() -> None:
    assert refused(found(*[region(5, 5, 5, 5)] * 5000), "more than 256")
