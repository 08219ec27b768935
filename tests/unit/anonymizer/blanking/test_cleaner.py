"""Pixel data is cleaned on its way through, however it arrives; whatever is wrong with it ends in a reason."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer import DeidentificationError
from anonymizer.blanking import PixelCleaner, PixelForm, form_of, read_image_format
from anonymizer.blanking.image_format import ImageFormat
from anonymizer.dicom.buffer import Buffer
from anonymizer.dicom.encoding import EXPLICIT_LITTLE, UNDEFINED
from profiles import Rectangle
from tests.support.cleaning import clean_file, drained, found_pixels, opened
from tests.support.labelled_pixels import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    RLE,
    Kind,
    elements_of,
    file_of,
    labelled,
    native_value,
)
from tests.support.objects import Element, encode, read
from tests.support.running import budget

ROOT = Path(__file__).resolve().parents[4]
GREY = ImageFormat(16, 24, 3, 1, 8, 8, 7, False, 0, "MONOCHROME2")
KINDS = [
    Kind("MONOCHROME2", 16, 12, 11, True, frames=3),
    Kind("RGB", frames=3, planar=1),
    Kind("RGB", syntax=BIG),
    Kind("MONOCHROME1", 1, 1, 0, syntax=IMPLICIT, frames=3),
    Kind("PALETTE COLOR", lut="segmented", syntax=EXPLICIT),
    Kind("YBR_FULL", syntax=DEFLATED, frames=3),
    Kind("MONOCHROME2", 16, 12, 11, syntax=RLE, frames=3),
    Kind("RGB", planar=1, syntax=RLE),
]
REASONS = {
    "pixel-invalid-image",
    "pixel-unsupported-format",
    "pixel-length-mismatch",
    "pixel-invalid-frames",
    "invalid-fragments",
    "truncated",
}
case_of = lru_cache(maxsize=None)(labelled)


def outcome(blob: bytes, boxes: tuple[tuple[int, ...], ...]) -> bytes | str:
    """The cleaned file, or the reason for which there is none."""
    try:
        return clean_file(blob, boxes)[0]
    except DeidentificationError as error:
        return error.reason.value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_at_hand_makes_no_difference(kind: Kind) -> None:
    case = case_of(kind)
    whole, verdict = clean_file(case.blob, case.boxes)
    assert (verdict.frames, verdict.rectangles) == (kind.frames, tuple(sorted(case.boxes, key=lambda box: box[1])))
    assert {clean_file(case.blob, case.boxes, at_hand=count)[0] for count in (0, 1, 2, 99, 1000)} == {whole}


def test_bytes_behind_the_value_are_returned() -> None:
    for at_hand in (0, 100, GREY.value_length, GREY.value_length + 5):
        cleaner = PixelCleaner(GREY, [Rectangle(0, 0, 2, 2)], EXPLICIT)
        value = bytes(GREY.value_length) + b"behind"
        stream = BytesIO(value[at_hand:])
        pieces, behind = drained(cleaner, value[:at_hand], stream.read, GREY.value_length, EXPLICIT_LITTLE)
        assert b"".join(pieces) + behind + stream.read() == value


def test_an_object_that_ends_within_its_pixels_is_truncated() -> None:
    cleaner = PixelCleaner(GREY, [Rectangle(0, 0, 2, 2)], EXPLICIT)
    with pytest.raises(DeidentificationError, match="truncated"):
        drained(cleaner, bytes(10), BytesIO(bytes(100)).read, GREY.value_length, EXPLICIT_LITTLE)
    with pytest.raises(ValueError, match="not been cleaned"):
        _ = cleaner.verdict


def test_the_verdict_comes_last() -> None:
    cleaner = PixelCleaner(GREY, [Rectangle(0, 0, 2, 2)], EXPLICIT)
    steps = cleaner.clean(bytes(GREY.value_length), BytesIO().read, GREY.value_length, EXPLICIT_LITTLE)
    next(steps)
    with pytest.raises(ValueError, match="not been cleaned"):
        _ = cleaner.verdict
    assert list(steps) == []
    verdict = cleaner.verdict
    assert verdict == (3, (Rectangle(0, 0, 2, 2),), "0", "native", True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rows": 38}, "pixel-length-mismatch"),
        ({"columns": 58}, "pixel-length-mismatch"),
        ({"frames": 4}, "pixel-length-mismatch"),
        ({"frames": 2}, "pixel-length-mismatch"),
        ({"allocated": 8, "stored": 8, "high": 7}, "pixel-length-mismatch"),
    ],
)
def test_a_header_that_lies_about_native_pixels(change: dict[str, int], reason: str) -> None:
    case = case_of(KINDS[0])
    blob = file_of(case.kind, elements_of(replace(case.kind, **change)), native_value(case.kind, case.cells))
    assert outcome(blob, case.boxes) == reason


NUMBERS = (0x00280002, 0x00280006, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103)


@budget(300)
@given(
    st.sampled_from([kind for kind in KINDS if kind.syntax != DEFLATED]),
    st.dictionaries(st.sampled_from(NUMBERS), st.one_of(st.integers(0, 40), st.integers(0, 0xFFFF)), max_size=2),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4),
    st.integers(-3, 3),
)
def test_broken_objects_end_in_a_reason(
    kind: Kind, header: dict[int, int], changes: list[tuple[float, int]], longer: int
) -> None:
    """Numbers of the header and bytes of the value are changed at random: nothing but a reason is raised."""
    case = case_of(kind)
    content, encoding = opened(case.blob)[1:3]
    vr, start, length, _ = found_pixels(content, encoding)
    value = bytearray(content[start:])
    for share, byte in changes:
        # faults hurt most in the first items and their headers
        value[int(share * min(len(value), 400))] = byte
    length = length if length == UNDEFINED else max(0, length + longer)
    syntax = kind.syntax if kind.syntax != RLE else EXPLICIT
    changed = {
        **{element.tag: element for element in elements_of(kind)},
        **{tag: Element(tag, "US", number) for tag, number in header.items()},
    }
    head = encode([changed[tag] for tag in sorted(changed)], syntax)
    try:
        image = read_image_format(Buffer(head, True), 0, encoding, vr, form=form_of(kind.syntax) or PixelForm.NATIVE)
        area = Rectangle(0, 0, min(5, image.columns), min(5, image.rows))
        cleaner = PixelCleaner(image, [area], kind.syntax)
        pieces, _ = drained(cleaner, b"", BytesIO(value).read, length, encoding)
    except DeidentificationError as error:
        reason = error.reason.value
    else:
        reason = "" if pieces and cleaner.verdict.verified else "nothing came"
    assert reason == "" or reason in REASONS


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_cleaning_twice_changes_nothing(kind: Kind) -> None:
    case = case_of(kind)
    once = clean_file(case.blob, case.boxes)[0]
    assert clean_file(once, case.boxes)[0] == once
    assert read(once).Rows == kind.rows
    assert np.any(case.cells)


def test_numpy_and_pydicom_wait_until_something_is_cleaned() -> None:
    code = "import sys, anonymizer.blanking; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert {"numpy", "pydicom", "tempfile"}.isdisjoint(done.stdout.split())
