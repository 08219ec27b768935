"""Overlays of the retired kind, in unused bits of the pixels: the bits are cleared, whatever the profile."""

from __future__ import annotations

import struct
from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.dicom.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE
from anonymizer.pixels.overlays import CellMask
from tests.support.objects import BIG, EXPLICIT, IMPLICIT, JPEG, Element, ct, part10, read
from tests.support.running import engine, notes, reason, rewrite

PIXELS = [0xF123, 0x1FFF, 0x0000, 0xEABC]


def cells(allocated: int = 16, stored: int = 12, high: int | None = None) -> list[Element]:
    """How the pixels' bits are used."""
    high = stored - 1 if high is None else high
    return [Element(0x00280100, "US", allocated), Element(0x00280101, "US", stored), Element(0x00280102, "US", high)]


def plane(bit: int, *more: Element, group: int = 0x6000) -> list[Element]:
    """An overlay plane in ``bit`` of each cell."""
    base = group << 16
    return [Element(base | 0x10, "US", 2), Element(base | 0x100, "US", 16), Element(base | 0x102, "US", bit), *more]


def pixels(values: list[int], syntax: str = EXPLICIT) -> Element:
    """PixelData with ``values`` as 16-bit cells."""
    return Element(0x7FE00010, "OW", struct.pack(f"{'>' if syntax == BIG else '<'}{len(values)}H", *values))


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("options", ["", "CleanGraph"])
def test_the_bits_are_cleared_and_the_pixels_stay(syntax: str, options: str) -> None:
    blob = part10(ct(*cells(), *plane(12), *plane(15, group=0x6002), pixels(PIXELS, syntax)), syntax)
    new = read(rewrite(blob, engine(options)))
    order = ">" if syntax == BIG else "<"
    assert list(struct.unpack(f"{order}4H", new.PixelData)) == [value & 0x6FFF for value in PIXELS]
    assert not [element for element in new if element.tag.group & 0xFF00 == 0x6000]
    assert notes(blob) == ["overlay-bits-masked"]


@pytest.mark.parametrize("size", [100, 5_000_001, 12_000_000])
def test_the_bits_of_large_images_are_cleared_as_they_stream(size: int) -> None:
    values = b"\xff\x1f" * size
    blob = part10(ct(*cells(), *plane(12), Element(0x7FE00010, "OW", values)))
    chunks = engine().deidentify(BytesIO(blob)).chunks()
    new = b"".join(chunks)
    assert new.endswith(b"\xff\x0f" * size) and len(new) > 2 * size


def test_cells_of_one_byte_have_bits_to_hide_too() -> None:
    blob = part10(ct(*cells(8, 7), *plane(7), Element(0x7FE00010, "OW", b"\xff\x80\x7f\x01")))
    # a CT image of such cells may be a screen
    assert read(rewrite(blob, engine(pixels="keep"))).PixelData == b"\x7f\x00\x7f\x01"


def test_a_plane_with_data_of_its_own_hides_nothing() -> None:
    blob = part10(ct(*cells(), *plane(12, Element(0x60003000, "OW", b"\0\0")), pixels(PIXELS)))
    assert notes(blob) == []
    assert read(rewrite(blob)).PixelData == struct.pack("<4H", *PIXELS)


@pytest.mark.parametrize(
    "elements",
    [
        # in bits that are stored
        [*cells(), *plane(11)],
        # beyond the cell
        [*cells(), *plane(16)],
        # nobody knows what a cell is
        plane(12),
        [*cells(12, 10), *plane(11)],
    ],
)
def test_what_cannot_be_cleared_with_certainty_is_refused(elements: list[Element]) -> None:
    assert reason(part10(ct(*elements, pixels(PIXELS)))) == "embedded-overlay"


def test_compressed_pixels_that_may_hide_one_are_refused() -> None:
    fragments = b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\x00\xe0\x02\0\0\0\xff\xd8" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    encapsulated = Element(0x7FE00010, "OB", fragments, length=0xFFFFFFFF)
    assert reason(part10(ct(*cells(), *plane(12), encapsulated), JPEG)) == "embedded-overlay"


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5), st.sampled_from([1, 2, 4]), st.integers(0, 31))
def test_chunks_are_masked_as_the_whole_would_be(value: bytes, cuts: list[int], size: int, bit: int) -> None:
    bits = 1 << bit % (8 * size)
    for encoding in (EXPLICIT_LITTLE, EXPLICIT_BIG):
        order = "little" if encoding.little else "big"
        mask = ((1 << 8 * size) - 1 & ~bits).to_bytes(size, order)
        expected = bytes(byte & mask[at % size] for at, byte in enumerate(value))
        edges = [0, *sorted(cut for cut in cuts if cut < len(value)), len(value)]
        masked = CellMask(bits, size, encoding)
        assert b"".join(masked.apply(value[at:to]) for at, to in pairwise(edges)) == expected


def test_planes_in_items_go_whatever_they_are() -> None:
    plane_of_regions = [Element(0x60000040, "CS", "R"), Element(0x60003000, "OW", b"\1\0")]
    nested_plane = Element(0x00081115, "SQ", [plane_of_regions])
    new = read(rewrite(part10(ct(*plane_of_regions, nested_plane)), engine("CleanGraph")))
    assert new[0x60003000].value == b"\1\0" and len(new[0x00081115].value[0]) == 0
