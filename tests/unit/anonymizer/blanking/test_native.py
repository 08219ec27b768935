"""Native pixels are cleaned while they pass, in any chunks, and a fault in the blanking is found before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer import DeidentificationError
from anonymizer.blanking import layout, native
from anonymizer.blanking.image_format import ImageFormat
from anonymizer.blanking.layout import Blanker, effective_rectangles
from anonymizer.blanking.native import clean_native
from profiles import Rectangle
from tests.support.running import budget

GREY = ImageFormat(16, 24, 2, 1, 8, 8, 7, False, 0, "MONOCHROME2")
AREA = [Rectangle(3, 2, 11, 9)]
FORMATS = [
    GREY,
    replace(GREY, photometric="MONOCHROME1"),
    replace(GREY, allocated=16, stored=12, high_bit=11, signed=True),
    replace(GREY, allocated=16, stored=12, high_bit=11, little=False),
    replace(GREY, allocated=32, stored=32, high_bit=31),
    replace(GREY, allocated=1, stored=1, high_bit=0),
    replace(GREY, allocated=1, stored=1, high_bit=0, little=False, photometric="MONOCHROME1"),
    replace(GREY, little=False),
    replace(GREY, samples=3, photometric="RGB"),
    replace(GREY, samples=3, photometric="RGB", planar=1),
    replace(GREY, samples=3, photometric="RGB", planar=1, little=False),
    replace(GREY, samples=3, photometric="YBR_FULL", planar=1),
    replace(GREY, samples=3, photometric="YBR_FULL_422"),
]


def name(image: ImageFormat) -> str:
    """A name for test ids."""
    return f"{image.photometric}-{image.allocated}-{'little' if image.little else 'big'}-planar{image.planar}"


def noise(image: ImageFormat) -> bytes:
    """A value of an image."""
    return np.random.default_rng(image.rows).integers(0, 256, image.value_length, dtype=np.uint8).tobytes()


def cleaned(image: ImageFormat, rectangles: list[Rectangle], value: bytes, sizes: list[int] | None = None) -> bytes:
    """The cleaned value, which came in chunks of ``sizes``, over and over."""
    return b"".join(clean_native(image, rectangles, chunked(value, sizes or [len(value)]), len(value)))


def chunked(value: bytes, sizes: list[int]) -> Iterator[bytes]:
    """``value`` in chunks."""
    position = number = 0
    while position < len(value):
        size = sizes[number % len(sizes)]
        yield value[position : position + size]
        position, number = position + size, number + 1


def samples(image: ImageFormat, value: bytes) -> np.ndarray:
    """Bytes (or bits) of each pixel by a slow and simple way, shape (frames, rows, columns, bytes)."""
    if not image.little and image.allocated < 16:
        value = b"".join(value[at : at + 2][::-1] for at in range(0, len(value), 2))
    if image.allocated == 1:
        bits = [value[at // 8] >> at % 8 & 1 for at in range(image.frames * image.rows * image.columns)]
        return np.array(bits).reshape(image.frames, image.rows, image.columns, 1)
    data = np.frombuffer(value, np.uint8)[: image.frame_bits * image.frames // 8]
    size = image.allocated // 8
    if image.photometric == "YBR_FULL_422":
        pairs = data.reshape(image.frames, image.rows, image.columns // 2, 4)
        return np.repeat(pairs, 2, axis=2)
    if image.planar:
        return (
            data.reshape(image.frames, image.samples, image.rows, image.columns, size)
            .transpose(0, 2, 3, 1, 4)
            .reshape(image.frames, image.rows, image.columns, -1)
        )
    return data.reshape(image.frames, image.rows, image.columns, image.samples * size)


@st.composite
def images(draw: st.DrawFn) -> tuple[ImageFormat, list[Rectangle]]:
    """An image of any format and size, with rectangles inside."""
    image = draw(st.sampled_from(FORMATS))
    columns = draw(st.integers(1, 40))
    if image.subsampled:
        columns += columns % 2
    image = replace(image, rows=draw(st.integers(1, 30)), columns=columns, frames=draw(st.integers(1, 5)))
    rectangles = []
    for _ in range(draw(st.integers(0, 4))):
        x0, y0 = draw(st.integers(0, image.columns)), draw(st.integers(0, image.rows))
        rectangles.append(Rectangle(x0, y0, draw(st.integers(x0, image.columns)), draw(st.integers(y0, image.rows))))
    return image, rectangles


@budget(300)
@given(images(), st.lists(st.integers(1, 200), min_size=1, max_size=5), st.sampled_from([64, 333, 4096, 1 << 20]))
def test_boxes_are_black_and_all_else_stays_in_any_chunks(
    found: tuple[ImageFormat, list[Rectangle]], sizes: list[int], block: int
) -> None:
    image, rectangles = found
    value = noise(image)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "_BLOCK", block)
        output = cleaned(image, rectangles, value, sizes)
    assert output == cleaned(image, rectangles, value)
    before, after = samples(image, value), samples(image, output)
    black = np.zeros((image.rows, image.columns), bool)
    for x0, y0, x1, y1 in effective_rectangles(image, rectangles):
        black[y0:y1, x0:x1] = True
    for area in rectangles:
        assert black[area.y0 : area.y1, area.x0 : area.x1].all()
    assert np.array_equal(before[:, ~black], after[:, ~black])
    assert len(np.unique(after[:, black].reshape(-1, after.shape[-1]), axis=0)) <= 1
    # the padding behind the last pixel stays
    used = image.frame_bits * image.frames
    if image.little and used % 16:
        assert int.from_bytes(value[-2:], "little") >> used % 16 == int.from_bytes(output[-2:], "little") >> used % 16


def test_rectangles_of_halved_chrominance_reach_over_pairs() -> None:
    image = FORMATS[-1]
    assert effective_rectangles(image, [Rectangle(3, 1, 5, 2), Rectangle(8, 0, 8, 4)]) == ((2, 1, 6, 2),)
    assert effective_rectangles(GREY, [Rectangle(3, 1, 5, 2)]) == ((3, 1, 5, 2),)
    with pytest.raises(ValueError, match="beyond"):
        effective_rectangles(GREY, [Rectangle(0, 0, 25, 2)])


def _shifted(self: Blanker, *arguments: Any) -> None:
    _init(self, arguments[0], [Rectangle(area.x0 + 2, *area[1:]) for area in arguments[1]])


def _short(self: Blanker, *arguments: Any) -> None:
    _init(self, arguments[0], [area._replace(y1=area.y1 - 1) for area in arguments[1]])


def _larger(self: Blanker, *arguments: Any) -> None:
    _init(self, arguments[0], [area._replace(x0=area.x0 - 2) for area in arguments[1]])


def _none(self: Blanker, *arguments: Any) -> None:
    _init(self, arguments[0], [])


def _grey(self: Blanker, *arguments: Any) -> None:
    _init(self, replace(arguments[0], fills=tuple(bytes(byte ^ 1 for byte in fill) for fill in arguments[0].fills)), arguments[1])


_init = Blanker.__init__


@pytest.mark.parametrize("image", FORMATS, ids=name)
@pytest.mark.parametrize("fault", [_shifted, _short, _larger, _none, _grey])
def test_a_wrong_rectangle_or_colour_is_found(image: ImageFormat, fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    value = noise(image)
    assert cleaned(image, AREA, value) != value
    monkeypatch.setattr(Blanker, "__init__", fault)
    with pytest.raises(DeidentificationError, match="pixel-verification-failed"):
        cleaned(image, AREA, value)


def _first_frame_only(self: Blanker, lines: Any, first: int) -> None:
    if first == 0:
        _blank(self, lines[:16], first)


def _one_line_off(self: Blanker, lines: Any, first: int) -> None:
    _blank(self, lines, first + 1)


def _changes_outside(self: Blanker, lines: Any, first: int) -> None:
    _blank(self, lines, first)
    lines[-1, -1] ^= 1


_blank = Blanker.blank


@pytest.mark.parametrize("image", FORMATS, ids=name)
@pytest.mark.parametrize("fault", [_first_frame_only, _one_line_off, _changes_outside])
def test_a_forgotten_frame_or_line_is_found(image: ImageFormat, fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Blanker, "blank", fault)
    with pytest.raises(DeidentificationError, match="pixel-verification-failed"):
        cleaned(image, AREA, noise(image))


def test_rectangles_that_got_lost_on_their_way_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "effective_rectangles", lambda image, rectangles: effective_rectangles(image, rectangles)[1:])
    with pytest.raises(DeidentificationError, match="pixel-verification-failed"):
        cleaned(GREY, [*AREA, Rectangle(20, 12, 24, 16)], noise(GREY))


def test_a_wrong_order_of_bits_or_bytes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    bits = FORMATS[5]
    real = np.packbits
    monkeypatch.setattr(np, "packbits", lambda cells, bitorder: real(cells, bitorder="big"))
    with pytest.raises(DeidentificationError, match="pixel-verification-failed"):
        cleaned(bits, AREA, noise(bits))
    # what decides on the order decides for both: a swap that only the blanking forgets
    words = FORMATS[7]
    real_cleaned = native._cleaned
    monkeypatch.setattr(native, "_cleaned", lambda image, *others: real_cleaned(replace(image, little=True), *others))
    with pytest.raises(DeidentificationError, match="pixel-verification-failed"):
        cleaned(words, [Rectangle(3, 2, 10, 9)], noise(words))


def test_changed_padding_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    image = replace(GREY, rows=3, columns=3, frames=3)
    value = noise(image)
    real = native._cleaned
    monkeypatch.setattr(native, "_cleaned", lambda *all_of_it: real(*all_of_it)[:-1] + bytes([value[-1] ^ 1]))
    with pytest.raises(DeidentificationError, match="pixel-verification-failed"):
        cleaned(image, [], value)


@pytest.mark.parametrize("image", FORMATS, ids=name)
@pytest.mark.parametrize("difference", [-90, -2, -1, 1, 2, 768])
def test_a_frame_count_or_size_that_lies_is_refused(image: ImageFormat, difference: int) -> None:
    value = bytes(image.value_length + difference)
    with pytest.raises(DeidentificationError, match="pixel-length-mismatch"):
        cleaned(image, AREA, value)


@pytest.mark.parametrize("difference", [-1, 1])
def test_chunks_that_are_not_the_value_are_refused(difference: int) -> None:
    chunks = [bytes(GREY.value_length + difference)]
    with pytest.raises(DeidentificationError, match="pixel-length-mismatch"):
        list(clean_native(GREY, AREA, chunks, GREY.value_length))


def test_many_frames_take_no_memory() -> None:
    """Blocks come out while chunks go in."""
    image = replace(GREY, rows=512, columns=512, frames=10_000)
    steps = clean_native(image, AREA, (bytes(1 << 18) for _ in range(10_000)), image.value_length)
    assert all(len(next(steps)) <= 1 << 20 for _ in range(8))
    steps.close()
    assert layout.native_layout(image).frame_lines == 512
