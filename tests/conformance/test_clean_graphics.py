"""Clean Graphics (PS3.15 E.3.3): what is drawn stays, what is written is cleaned, what may be either goes."""

from __future__ import annotations

import struct
from functools import cache

import pytest
from pydicom import Dataset

from anonymizer import Anonymizer, DeidentificationError, Reason
from profiles import ConfidentialityProfile
from tests.support.keys import KEY
from tests.support.many_attributes import raw_value
from tests.support.objects import EXPLICIT, IMPLICIT, Element, ct, part10, read
from tests.support.table import Combination

GRAPHICS = ("CleanGraph",)
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
TEXT = "MRI brain without contrast QX000001ZK"
each_group = pytest.mark.parametrize("number", [0, 2, 0x1E])
each_encoding = pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT], ids=["implicit", "explicit"])


@cache
def anonymizer(options: Combination = GRAPHICS) -> Anonymizer:
    """De-identifies with the tests' key."""
    return Anonymizer(ConfidentialityProfile.default(list(options)), KEY)


def overlay(kind: str, number: int = 0, **others: int) -> list[Element]:
    """A plane of type ``kind`` with data and texts."""
    group = 0x60000000 + (number << 16)
    return [
        Element(group + 0x10, "US", 2),
        Element(group + 0x11, "US", 2),
        Element(group + 0x22, "LO", TEXT),
        Element(group + 0x40, "CS", kind),
        Element(group + 0x50, "SS", struct.pack("<2h", 1, 1)),
        Element(group + 0x100, "US", others.get("bits", 1)),
        Element(group + 0x102, "US", others.get("position", 0)),
        Element(group + 0x1500, "LO", TEXT),
        Element(group + 0x3000, "OW", b"\x0b\x00"),
        Element(group + 0x4000, "LT", TEXT),
    ]


def curve(number: int = 0) -> list[Element]:
    """A curve with numbers, texts and audio."""
    group = 0x50000000 + (number << 16)
    return [
        Element(group + 0x05, "US", 2),
        Element(group + 0x10, "US", 2),
        Element(group + 0x20, "CS", "ROI"),
        Element(group + 0x22, "LO", TEXT),
        Element(group + 0x103, "US", 0),
        Element(group + 0x2000, "US", 1),
        Element(group + 0x2002, "US", 0),
        Element(group + 0x200C, "OW", b"VOICETOKEN"),
        Element(group + 0x200E, "LT", TEXT),
        Element(group + 0x2500, "LO", TEXT),
        Element(group + 0x3000, "OW", struct.pack("<4H", 1, 2, 3, 4)),
    ]


def anonymized(*elements: Element, options: Combination = GRAPHICS, syntax: str = EXPLICIT) -> Dataset:
    """A small CT with ``elements``, de-identified; no token of theirs is in it."""
    output = anonymizer(options).anonymize(part10(ct(*elements), syntax))
    assert b"QX000001ZK" not in output and b"VOICETOKEN" not in output
    return read(output)


def groups(dataset: Dataset) -> set[int]:
    """The repeating groups in ``dataset``."""
    return {tag.group for tag in list(dataset.keys()) if tag.group & 0xFF00 in (0x5000, 0x6000)}


def is_clean(text: str) -> bool:
    """Whether the words of ``TEXT`` are left of it."""
    return set(TEXT.lower().split()[:-1]) <= set(text.lower().split())


@each_encoding
@each_group
def test_regions_of_interest_stay_bit_by_bit(number: int, syntax: str) -> None:
    new = anonymized(*overlay("R", number), syntax=syntax)
    group = 0x60000000 + (number << 16)
    assert new.get_item(group + 0x3000).value == b"\x0b\x00"
    assert is_clean(new[group + 0x4000].value)
    assert (new[group + 0x10].value, new[group + 0x40].value, new[group + 0x100].value) == (2, "R", 1)


@each_group
@pytest.mark.parametrize("kind", ["G", "", "R\\G", "X"])
def test_graphics_may_hold_text_and_go_as_a_whole(number: int, kind: str) -> None:
    assert groups(anonymized(*overlay(kind, number))) == set()


def test_an_overlay_of_no_stated_type_goes_as_a_whole() -> None:
    assert groups(anonymized(*(element for element in overlay("R") if element.tag != 0x60000040))) == set()


def test_each_plane_is_judged_by_its_own_type() -> None:
    assert groups(anonymized(*overlay("R", 0), *overlay("G", 2), *overlay("R", 4), *curve(0))) == {0x6000, 0x6004, 0x5000}


@each_encoding
@each_group
def test_curves_stay_as_numbers_without_audio(number: int, syntax: str) -> None:
    new = anonymized(*curve(number), syntax=syntax)
    group = 0x50000000 + (number << 16)
    assert raw_value(new, group + 0x3000) == struct.pack("<4H", 1, 2, 3, 4)
    assert (new[group + 0x05].value, new[group + 0x10].value) == (2, 2)
    assert not [tag for tag in list(new.keys()) if tag.group & 0xFF00 == 0x5000 and 0x2000 <= tag.element <= 0x200E]
    for description in (0x22, 0x2500):
        assert group + description not in new or is_clean(new[group + description].value)


@pytest.mark.parametrize("options", [(), ("CleanDesc",), ("RetainUIDs", "CleanStructdCont")])
def test_without_the_option_they_all_go(options: Combination) -> None:
    assert groups(anonymized(*overlay("R"), *curve(), options=options)) == set()


@pytest.mark.parametrize("group", [0x60010000, 0x50010000, 0x60200000, 0x50200000])
def test_what_only_looks_like_an_overlay_or_a_curve_goes(group: int) -> None:
    assert not [tag for tag in list(anonymized(Element(group + 0x3000, "OW", b"VOICETOKEN")).keys()) if tag >> 16 == group >> 16]


@pytest.mark.parametrize("options", [(), GRAPHICS])
def test_an_overlay_in_the_bits_of_the_pixels_is_masked_or_refused(options: Combination) -> None:
    bits = [Element(0x00280100, "US", 16), Element(0x00280101, "US", 12), Element(0x00280102, "US", 11)]
    pixels = Element(0x7FE00010, "OW", struct.pack("<4H", 0xF001, 0x1002, 0x0003, 0xFFFF))
    embedded = [element for element in overlay("G", bits=16, position=12) if element.tag != 0x60003000]
    try:
        new = anonymized(*bits, *embedded, pixels, options=options)
    except DeidentificationError as error:
        assert error.reason is Reason.EMBEDDED_OVERLAY  # noqa: PT017  # either will do
        return
    assert groups(new) == set()
    # the plane's own bit goes, and nothing else
    assert new.PixelData == struct.pack("<4H", 0xE001, 0x0002, 0x0003, 0xEFFF)


@each_encoding
def test_graphic_annotations_stay_with_their_texts_cleaned(syntax: str) -> None:
    def annotation(text: str) -> list[Element]:
        graphic = [Element(0x00700022, "FL", struct.pack("<4f", 1, 2, 3, 4)), Element(0x00700023, "CS", "POLYLINE")]
        objects = [Element(0x00700008, "SQ", [[Element(0x00700006, "ST", text)]]), Element(0x00700009, "SQ", [graphic])]
        return [Element(0x00700002, "CS", "LAYER"), *objects]

    sequence = Element(0x00700001, "SQ", [annotation(TEXT), annotation("QX000001ZK")])
    output = anonymizer().anonymize(part10(ct(sequence, sop_class=GSPS), syntax, sop_class=GSPS))
    assert b"QX000001ZK" not in output
    first, second = read(output).GraphicAnnotationSequence
    assert is_clean(first.TextObjectSequence[0].UnformattedTextValue)
    # a text object needs a text
    assert second.TextObjectSequence[0].UnformattedTextValue
    for item in (first, second):
        assert list(item.GraphicObjectSequence[0].GraphicData) == [1, 2, 3, 4]
