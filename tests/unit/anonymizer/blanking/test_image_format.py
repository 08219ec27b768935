"""The header says how pixels are stored; where it contradicts itself, or says what isn't known, nothing is cleaned."""

from __future__ import annotations

import struct

import pytest

from anonymizer import DeidentificationError
from anonymizer.blanking.fill import fill_cells, fill_text, fill_values
from anonymizer.blanking.image_format import ImageFormat, read_image_format
from anonymizer.blanking.palettes import Palette
from anonymizer.blanking.syntaxes import PixelForm
from anonymizer.dicom.buffer import Buffer, NeedMoreError
from anonymizer.dicom.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from tests.support.objects import BIG, EXPLICIT, IMPLICIT, Element, encode

GREY = {
    0x00280002: Element(0x00280002, "US", 1),
    0x00280004: Element(0x00280004, "CS", "MONOCHROME2"),
    0x00280010: Element(0x00280010, "US", 20),
    0x00280011: Element(0x00280011, "US", 30),
    0x00280100: Element(0x00280100, "US", 16),
    0x00280101: Element(0x00280101, "US", 12),
    0x00280102: Element(0x00280102, "US", 11),
    0x00280103: Element(0x00280103, "US", 0),
}
ENCODINGS = {IMPLICIT: IMPLICIT_LITTLE, EXPLICIT: EXPLICIT_LITTLE, BIG: EXPLICIT_BIG}


def us(tag: int, value: int) -> Element:
    """A number."""
    return Element(tag, "US", value)


def cs(value: str) -> Element:
    """PhotometricInterpretation."""
    return Element(0x00280004, "CS", value)


def parse(
    *others: Element,
    without: int = 0,
    syntax: str = EXPLICIT,
    vr: bytes = b"OW",
    form: PixelForm = PixelForm.NATIVE,
    base: dict[int, Element] = GREY,
) -> ImageFormat:
    """What is read of a header with ``others``."""
    elements = base | {element.tag: element for element in others}
    content = encode([elements[tag] for tag in sorted(elements) if tag != without], syntax)
    return read_image_format(Buffer(content, True), 0, ENCODINGS[syntax], vr, form=form)


def refusal(*others: Element, **options: object) -> str:
    """The reason and tag for which a header is refused."""
    with pytest.raises(DeidentificationError) as caught:
        parse(*others, **options)  # type: ignore[arg-type]
    return str(caught.value)


COLOUR = (us(0x00280002, 3), cs("RGB"), us(0x00280006, 1))
BYTES = (us(0x00280100, 8), us(0x00280101, 8), us(0x00280102, 7))


@pytest.mark.parametrize("syntax", ENCODINGS)
def test_a_header_is_read_in_any_encoding(syntax: str) -> None:
    image = parse(*COLOUR, Element(0x00280008, "IS", "12 "), Element(0x00280120, "US", 7), syntax=syntax)
    expected = ImageFormat(20, 30, 12, 3, 16, 12, 11, False, 1, "RGB", syntax != BIG, True, 7)
    assert image == expected
    assert image.value_length == 20 * 30 * 12 * 3 * 2


def test_signed_padding_is_signed() -> None:
    assert parse(us(0x00280103, 1), Element(0x00280120, "SS", struct.pack("<h", -2000))).padding == -2000


def test_a_header_that_goes_on_is_waited_for() -> None:
    content = encode(list(GREY.values()))
    with pytest.raises(NeedMoreError):
        read_image_format(Buffer(content, False), 0, EXPLICIT_LITTLE, b"OW")


@pytest.mark.parametrize("tag", [tag for tag in GREY if tag != 0x00280004])
def test_what_is_missing_or_empty_is_refused(tag: int) -> None:
    expected = f"pixel-invalid-image at ({tag >> 16:04x},{tag & 0xFFFF:04x})"
    assert refusal(without=tag) == expected
    assert refusal(Element(tag, "US", b"")) == expected
    assert refusal(Element(tag, "US", b"\1\0\1\0")) == expected


@pytest.mark.parametrize(
    "others",
    [
        (us(0x00280010, 0),),
        (us(0x00280011, 0),),
        (us(0x00280101, 0),),
        (us(0x00280101, 17),),
        (us(0x00280102, 10),),
        (us(0x00280102, 16),),
        (us(0x00280103, 2),),
        (us(0x00280002, 3),),
        (us(0x00280002, 1), cs("RGB")),
        (us(0x00280002, 3), cs("RGB")),
        (*COLOUR, us(0x00280006, 2)),
        (Element(0x00280008, "IS", "0"),),
        (Element(0x00280008, "IS", "-1"),),
        (Element(0x00280008, "IS", "1.5"),),
        (Element(0x00280008, "IS", "1\\2"),),
        (Element(0x00280008, "IS", "99999999999"),),
        (Element(0x00280010, "UL", struct.pack("<L", 20)),),
    ],
)
def test_contradictions_are_refused(others: tuple[Element, ...]) -> None:
    assert refusal(*others).startswith("pixel-invalid-image at (0028,")


@pytest.mark.parametrize(
    "others",
    [
        (cs("YBR_PARTIAL_422"), us(0x00280002, 3), us(0x00280006, 0)),
        (cs("YBR_PARTIAL_420"), us(0x00280002, 3), us(0x00280006, 0)),
        (cs("YBR_RCT"), us(0x00280002, 3), us(0x00280006, 0)),
        (cs("HSV"), us(0x00280002, 3), us(0x00280006, 0)),
        (cs("ARGB"), us(0x00280002, 4), us(0x00280006, 0)),
        (cs("CMYK"), us(0x00280002, 4), us(0x00280006, 0)),
        (cs("monochrome2"),),
        (us(0x00280100, 12),),
        (us(0x00280100, 24),),
        (us(0x00280100, 64),),
        (*COLOUR, us(0x00280103, 1)),
        (us(0x00280100, 1), us(0x00280101, 1), us(0x00280102, 0), us(0x00280103, 1)),
        (us(0x00280100, 1), us(0x00280101, 1), us(0x00280102, 0), *COLOUR),
        (*BYTES, us(0x00280002, 3), cs("YBR_FULL_422"), us(0x00280006, 1)),
        (*BYTES, us(0x00280002, 3), cs("YBR_FULL_422"), us(0x00280006, 0), us(0x00280011, 31)),
        (us(0x00280002, 3), cs("YBR_FULL_422"), us(0x00280006, 0)),
    ],
)
def test_formats_that_are_not_known_are_refused(others: tuple[Element, ...]) -> None:
    assert refusal(*others).startswith("pixel-unsupported-format")


def test_other_vrs_of_pixel_data_are_refused() -> None:
    assert refusal(vr=b"OF") == "pixel-unsupported-format"
    assert refusal(*BYTES, vr=b"UN", syntax=BIG) == "pixel-unsupported-format"
    assert parse(vr=b"UN").allocated == 16
    assert parse(vr=b"OB").words is False


def test_rle_needs_no_planar_configuration_and_has_no_halved_chrominance() -> None:
    colour = (us(0x00280002, 3), cs("RGB"))
    assert parse(*colour, form=PixelForm.RLE).planar == 0
    halved = (*BYTES, us(0x00280002, 3), cs("YBR_FULL_422"), us(0x00280006, 0))
    assert refusal(*halved, form=PixelForm.RLE).startswith("pixel-unsupported-format")
    one_bit = (us(0x00280100, 1), us(0x00280101, 1), us(0x00280102, 0))
    assert refusal(*one_bit, form=PixelForm.RLE).startswith("pixel-unsupported-format")


# -- palettes --------------------------------------------------------------------------------------------------------------


def palette(
    entries: list[int],
    *,
    first: int = 0,
    bits: int = 16,
    count: int | None = None,
    data: bytes | None = None,
    segmented: bool = False,
) -> list[Element]:
    """A palette with the same entries for all colours."""
    data = struct.pack(f"<{len(entries)}H", *entries) if data is None else data
    count = len(entries) if count is None else count
    descriptor = struct.pack("<HHH", count % 65536, first % 65536, bits)
    base = 0x00281221 if segmented else 0x00281201
    return [
        *BYTES,
        cs("PALETTE COLOR"),
        *(Element(0x00281101 + number, "US", descriptor) for number in range(3)),
        *(Element(base + number, "OW", data) for number in range(3)),
    ]


@pytest.mark.parametrize(
    ("elements", "darkest"),
    [
        (palette([9, 5, 0, 7]), 2),
        (palette([9, 5, 0, 7], first=100), 102),
        (palette([9, 5, 0, 0], first=100), 102),
        (palette([], bits=8, count=4, data=bytes([9, 5, 0, 7])), 2),
        (palette([], bits=8, count=3, data=bytes([9, 5, 6, 0])), 1),
        (palette([9, 5, 0, 7], bits=8), 2),
        (palette([1 + number % 255 for number in range(300)], first=0), 0),
        (palette([1000 - number for number in range(300)]), 255),  # 256 and more need more bits
        (palette([5, *[9] * 299, 0], first=0), 0),
        (palette([7] * 65536, count=65536), 0),
        (palette([9, 5, 0, 7], first=300), 255),  # all values show the first colour
        (palette([0, 1, 50, 1, 10, 0, 0, 1, 9], count=12, segmented=True), 10),
        (palette([], bits=8, count=12, data=bytes([0, 1, 50, 1, 10, 0, 0, 1, 9]), segmented=True), 10),
        (palette([0, 2, 9, 8, 1, 2, 4], count=4, segmented=True), 3),
    ],
)
def test_the_darkest_colour_that_a_pixel_can_have(elements: list[Element], darkest: int) -> None:
    image = parse(*elements)
    assert image.darkest == darkest
    assert fill_values(image) == (darkest,)


def test_colours_are_compared_by_luma() -> None:
    assert Palette(0, [255, 0, 0, 60], [0, 255, 0, 60], [0, 0, 255, 60]).darkest(0, 255) == 2
    assert Palette(-3, [9, 5, 7], [9, 5, 7], [9, 5, 7]).darkest(-128, 127) == -2


def test_signed_pixels_have_signed_first_values() -> None:
    assert parse(*palette([9, 5, 0, 7], first=-2), us(0x00280103, 1)).darkest == 0


@pytest.mark.parametrize(
    "elements",
    [
        palette([9, 5, 0], count=4),
        palette([9, 5, 0, 7], count=3),
        palette([9, 5, 0], count=0),
        palette([], bits=8, count=300, data=bytes(298)),
        palette([9, 5, 0], bits=12),
        palette([9, 5])[:-1],
        palette([9, 5])[:-4] + palette([9, 5])[-3:],
        [*palette([9, 5, 0, 1]), Element(0x00281102, "US", struct.pack("<HHH", 4, 1, 16))],
        [*palette([9, 5, 0, 1]), Element(0x00281102, "US", b"\1\0")],
        palette([0, 5, 1, 2], count=5, segmented=True),  # cut short
        palette([0, 1, 5], count=5, segmented=True),  # too few
        palette([0, 6, 1, 2, 3, 4, 5, 6], count=5, segmented=True),  # too many
        palette([0, 1, 5, 1, 60000, 7], count=5, segmented=True),
        palette([1, 5, 7], count=5, segmented=True),  # a line from nowhere
        palette([3, 5, 7], count=5, segmented=True),
        palette([0, 0, 7], count=5, segmented=True),
    ],
)
def test_a_palette_cut_short_is_refused(elements: list[Element]) -> None:
    assert refusal(*elements).startswith("pixel-invalid-image at (0028,1")


def test_palettes_of_repeated_segments_are_refused() -> None:
    assert refusal(*palette([0, 1, 5, 2, 1, 0, 0], count=5, segmented=True)).startswith("pixel-unsupported-format at (0028,1221)")


# -- black -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "values", "cells"),
    [
        (ImageFormat(1, 1, 1, 1, 8, 8, 7, False, 0, "MONOCHROME2"), "0", (0,)),
        (ImageFormat(1, 1, 1, 1, 8, 8, 7, False, 0, "MONOCHROME1"), "255", (255,)),
        (ImageFormat(1, 1, 1, 1, 16, 12, 11, False, 0, "MONOCHROME1"), "4095", (0x0FFF,)),
        (ImageFormat(1, 1, 1, 1, 16, 12, 15, False, 0, "MONOCHROME1"), "4095", (0xFFF0,)),
        (ImageFormat(1, 1, 1, 1, 16, 12, 11, True, 0, "MONOCHROME1"), "2047", (0x07FF,)),
        (ImageFormat(1, 1, 1, 1, 16, 12, 11, True, 0, "MONOCHROME2"), "-2048", (0xF800,)),
        (ImageFormat(1, 1, 1, 1, 16, 12, 13, True, 0, "MONOCHROME2"), "-2048", (0xE000,)),
        (ImageFormat(1, 1, 1, 1, 16, 12, 11, True, 0, "MONOCHROME2", padding=-2000), "-2000", (0xF830,)),
        (ImageFormat(1, 1, 1, 1, 16, 12, 11, True, 0, "MONOCHROME2", padding=-2049), "-2048", (0xF800,)),
        (ImageFormat(1, 1, 1, 1, 16, 12, 11, True, 0, "MONOCHROME2", padding=2047), "-2048", (0xF800,)),
        (ImageFormat(1, 1, 1, 1, 16, 12, 11, False, 0, "MONOCHROME2", padding=4000), "0", (0,)),
        (ImageFormat(1, 1, 1, 1, 32, 32, 31, True, 0, "MONOCHROME2"), "-2147483648", (1 << 31,)),
        (ImageFormat(1, 1, 1, 1, 32, 32, 31, True, 0, "MONOCHROME2", False), "-2147450880", (0x80008000,)),
        (ImageFormat(1, 1, 1, 1, 1, 1, 0, False, 0, "MONOCHROME1"), "1", (1,)),
        (ImageFormat(1, 1, 1, 3, 8, 8, 7, False, 0, "RGB"), "0,0,0", (0, 0, 0)),
        (ImageFormat(1, 1, 1, 3, 8, 8, 7, False, 1, "YBR_FULL"), "0,128,128", (0, 128, 128)),
        (ImageFormat(1, 2, 1, 3, 8, 8, 7, False, 0, "YBR_FULL_422"), "0,128,128", (0, 128, 128)),
        (ImageFormat(1, 1, 1, 3, 16, 16, 15, False, 0, "YBR_FULL"), "0,32768,32768", (0, 32768, 32768)),
        (ImageFormat(1, 1, 1, 1, 8, 8, 7, False, 0, "PALETTE COLOR", darkest=17), "17", (17,)),
        (ImageFormat(1, 1, 1, 1, 8, 8, 7, True, 0, "PALETTE COLOR", darkest=-3), "-3", (253,)),
    ],
)
def test_black_of_each_kind(image: ImageFormat, values: str, cells: tuple[int, ...]) -> None:
    assert fill_cells(image) == cells
    assert fill_text(image) == values


@pytest.mark.parametrize(
    "image",
    [
        ImageFormat(1, 1, 1, 1, 32, 20, 19, False, 0, "MONOCHROME1", False),
        ImageFormat(1, 1, 1, 1, 16, 12, 11, False, 0, "MONOCHROME1", False, False),
        ImageFormat(1, 1, 1, 3, 16, 16, 15, False, 0, "YBR_FULL", False, False),
    ],
)
def test_black_that_readers_would_take_for_something_else_is_refused(image: ImageFormat) -> None:
    with pytest.raises(DeidentificationError, match="pixel-unsupported-format"):
        fill_cells(image)
    assert fill_cells(ImageFormat(1, 1, 1, 3, 16, 16, 15, False, 0, "RGB", False, False)) == (0, 0, 0)
