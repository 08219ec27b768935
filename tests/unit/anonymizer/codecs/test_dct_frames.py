"""DCT frames are black where they are to be, and nowhere else is a coefficient changed."""

from __future__ import annotations

import itertools
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.child_processes import UnsupportedError
from anonymizer.codecs import BlockArea, blank_dct, coefficients
from anonymizer.codecs.dct import DctCoefficients, DctShape
from anonymizer.codecs.huffman import fitting_table
from anonymizer.codecs.jpeg_dct import dc_level
from anonymizer.codecs.jpeg_header import Component
from anonymizer.codecs.jpeg_scan import write_scans
from anonymizer.reasons import Reason
from tests.support.running import budget

from .test_lossless_frames import reason_of

imagecodecs = pytest.importorskip("imagecodecs")
pytest.importorskip("jpegio")
SIZES = ((1, 1), (7, 9), (16, 16), (33, 50), (100, 131))


def picture(rows: int, columns: int, components: int, bits: int = 8) -> np.ndarray:
    """A picture with edges and noise."""
    y, x = np.mgrid[0:rows, 0:columns]
    most = (1 << bits) - 1
    smooth = (y * 37 + x * 23)[..., None] * (most // 255) + np.arange(components) * 50
    noise = np.random.default_rng(rows).integers(-most // 10, most // 10, (rows, columns, components))
    return np.clip(smooth % most + noise, 0, most).astype(np.uint8 if bits == 8 else np.uint16)


def encoded(pixels: np.ndarray, bits: int = 8, **options: object) -> bytes:
    grey = pixels.shape[2] == 1
    more = {"bitspersample": 12} if bits == 12 else {}
    return bytes(imagecodecs.jpeg8_encode(pixels[:, :, 0].copy() if grey else pixels, **more, **options))


def decoded(frame: bytes) -> np.ndarray:
    """Samples as coded, by a decoder that has no part in the writing."""
    colour = "rgb" if len(coefficients(frame).shape.components) == 3 else None
    pixels = imagecodecs.jpeg8_decode(frame, colorspace=colour, outcolorspace=colour)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def blocks_of(read: DctCoefficients) -> list[np.ndarray]:
    return [
        np.frombuffer(content, "<i2").reshape(component.block_rows, component.block_columns, 64)
        for content, component in zip(read.blocks, read.shape.components, strict=True)
    ]


def some_areas(shape: DctShape) -> list[list[BlockArea]]:
    """The upper left half of each component, and what is outside of it."""
    return [
        [BlockArea(0, 0, -(-own.block_rows // 2), -(-own.block_columns // 2)), BlockArea(500, 0, 600, 9)]
        for own in shape.components
    ]


@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("sampling", ["grey", "444", "422", "420", "440", "411"])
def test_areas_are_level_and_all_else_is_what_it_was(bits: int, sampling: str) -> None:
    middle, top = 1 << (bits - 1), (1 << bits) - 1
    count = 1 if sampling == "grey" else 3
    subsampling = {} if count == 1 else {"subsampling": sampling}
    for (rows, columns), quality in zip(SIZES, (100, 90, 50, 5, 75), strict=True):
        frame = encoded(picture(rows, columns, count, bits), bits, level=quality, **subsampling)
        before = coefficients(frame)
        areas = some_areas(before.shape)
        original = decoded(frame)
        for levels in ([0, middle, middle], [top] * 3, [0] * 3):
            blanked = blank_dct(frame, areas, levels[:count], bits)
            after = coefficients(blanked)
            assert after.shape == before.shape
            assert len(blanked) % 2 == 0
            assert blanked.endswith(b"\xff\xd9")
            for old, new, area in zip(blocks_of(before), blocks_of(after), areas, strict=True):
                y0, x0, y1, x1 = area[0]
                assert not new[y0:y1, x0:x1, 1:].any()
                expected = old.copy()
                expected[y0:y1, x0:x1] = new[y0:y1, x0:x1]
                assert np.array_equal(expected, new)
            inside = np.zeros((rows, columns), bool)
            inside[: 8 * areas[0][0].y1, : 8 * areas[0][0].x1] = True
            pixels = decoded(blanked)[:, :, 0]
            assert (pixels[inside] == levels[0]).all()
            assert np.array_equal(pixels[~inside], original[:, :, 0][~inside])


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("restart", [0, 1, 3, 1000])
def test_restart_intervals_stay_and_texts_go(progressive: bool, restart: int) -> None:
    image = pytest.importorskip("PIL.Image")
    for mode, sampling in (("L", 0), ("RGB", 0), ("RGB", 1), ("RGB", 2)):
        picture_of_mode = image.fromarray(picture(70, 91, 3)).convert(mode)
        file = BytesIO()
        options = {"progressive": progressive, "restart_marker_blocks": restart, "subsampling": sampling}
        picture_of_mode.save(file, "JPEG", comment=b"DOE^JOHN", exif=b"Exif\0\0DOE^JOHN", **options)
        frame = file.getvalue() + b"DOE^JOHN"
        assert b"DOE^JOHN" in frame[:-9]
        count = len(mode)
        rewritten = blank_dct(frame, [[]] * count, [0] * count, 8)
        assert b"DOE" not in rewritten
        assert coefficients(rewritten) == coefficients(frame)
        assert np.array_equal(np.array(image.open(BytesIO(rewritten))), np.array(image.open(BytesIO(frame))))
        interval = frame.find(b"\xff\xdd\0\4")
        assert rewritten.find(b"\xff\xdd\0\4") > 0 if interval > 0 else b"\xff\xdd\0\4" not in rewritten
        if interval > 0:
            assert frame[interval : interval + 6] in rewritten


def test_markers_of_colour_stay_but_a_thumbnail_goes() -> None:
    frame = encoded(picture(16, 16, 3))
    assert frame[2:4] == b"\xff\xe0"
    thumbnail = b"\xff\xe0" + (16 + 12).to_bytes(2, "big") + frame[6:18] + b"\2\2" + b"DOE^JOHNDOE^"
    with_both = frame[:2] + thumbnail + b"\xff\xee\0\x10Adobe\0\x64\0\0\0\0\1DO" + frame[20:]
    rewritten = blank_dct(with_both, [[]] * 3, [0] * 3, 8)
    assert rewritten[:20] == frame[:18] + b"\0\0"
    assert rewritten[20:36] == b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\1"
    assert b"DO" not in rewritten[:40]


@pytest.mark.parametrize("bits", [8, 12])
def test_dc_of_each_step_is_decoded_to_the_level(bits: int) -> None:
    middle, top = 1 << (bits - 1), (1 << bits) - 1
    for step in range(1, 300 if bits == 8 else 5000, 1 if bits == 8 else 7):
        own = Component(1, 1, 1, 1, (step,) * 64)
        for level in (0, middle, top):
            value = round(dc_level(own, bits, level) * step / 8) + middle
            assert min(max(value, 0), top) == level
            assert abs(value - middle) < 4 * middle
    with pytest.raises(UnsupportedError):
        dc_level(Component(1, 1, 1, 1, (4096 << (bits - 8),) * 64), bits, 0)
    with pytest.raises(UnsupportedError):
        dc_level(Component(1, 1, 1, 1, (1,) * 64), bits, 17)


def test_scans_that_deny_their_coefficients_are_mended() -> None:
    frame = encoded(picture(40, 40, 1))
    end = frame.index(b"\xff\xda") + 10
    assert frame[end - 3 : end] == b"\0\x3f\0"
    odd = frame[: end - 3] + b"\0\0\0" + frame[end:]
    assert coefficients(odd) == coefficients(frame)
    assert blank_dct(odd, [[]], [0], 8) == blank_dct(frame, [[]], [0], 8)


def test_broken_frames_are_refused_and_no_data_is_made_up() -> None:
    frame = encoded(picture(64, 64, 1), level=90)
    scan = frame.index(b"\xff\xda")
    for broken in (
        b"",
        b"\xff\xd8",
        frame[: scan + 4],
        frame[: scan + 40],
        frame[: -len(frame) // 3] + frame[-2:],
        frame[:-2],
        frame.replace(b"\xff\xc0", b"\xff\xc0\0\0", 1),
        frame[: scan + 60] + bytes([0x55] * 60) + frame[scan + 120 :],
    ):
        assert reason_of(lambda broken=broken: blank_dct(broken, [[]], [0], 8)) is Reason.PIXEL_INVALID_FRAMES, len(broken)
    arithmetic = frame.replace(b"\xff\xc0", b"\xff\xc9", 1)
    two_tables = frame[:-2] + b"\xff\xdb\0\x43\0" + bytes([1] * 64) + frame[-2:]
    for unsupported in (arithmetic, two_tables):
        assert reason_of(lambda frame=unsupported: blank_dct(frame, [[]], [0], 8)) is Reason.PIXEL_UNSUPPORTED_FORMAT
    size = frame.index(b"\xff\xc0") + 5
    huge = frame[:size] + b"\xff\xdc\xff\xdc" + frame[size + 4 :]
    assert reason_of(lambda: coefficients(huge)) is Reason.PIXEL_UNSUPPORTED_FORMAT
    # a size that is allowed, of which most is missing
    wide = frame[:size] + b"\x1f\xff\x1f\xff" + frame[size + 4 :]
    assert reason_of(lambda: coefficients(wide)) is Reason.PIXEL_INVALID_FRAMES


@st.composite
def planes(draw: st.DrawFn) -> tuple[list[np.ndarray], list[tuple[int, int]], int, int]:
    """Coefficients of all sizes, with runs of all lengths."""
    bits = draw(st.sampled_from([8, 12]))
    factors = draw(
        st.sampled_from([[(1, 1)], [(1, 1)] * 3, [(2, 1), (1, 1), (1, 1)], [(2, 2), (1, 1), (1, 1)], [(4, 1), (1, 1), (2, 1)]])
    )
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    columns, rows = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    share = draw(st.sampled_from([0.0, 0.01, 0.2, 1.0]))
    most_h, most_v = max(h for h, _ in factors), max(v for _, v in factors)
    most_ac, most_dc = (1023, 1023) if bits == 8 else (16383, 16383)
    blocks = []
    for h, v in factors:
        shape = (-(-rows * v // (8 * most_v)), -(-columns * h // (8 * most_h)), 64)
        size = random.integers(0, most_ac.bit_length() + 1, shape)
        values = random.integers(-most_ac, most_ac + 1, shape) >> size
        values[random.random(shape) >= share] = 0
        values[..., 0] = random.integers(-most_dc, most_dc + 1, shape[:2])
        blocks.append(values.astype(np.int16))
    return blocks, factors, bits, draw(st.sampled_from([0, 0, 1, 2, 7]))


@budget(60)
@given(planes())
def test_any_coefficients_are_read_as_they_were_written(
    drawn: tuple[list[np.ndarray], list[tuple[int, int]], int, int],
) -> None:
    blocks, factors, bits, restart = drawn
    most_h, most_v = max(h for h, _ in factors), max(v for _, v in factors)
    rows = 8 * blocks[0].shape[0] * most_v // factors[0][1]
    columns = 8 * blocks[0].shape[1] * most_h // factors[0][0]
    components = [Component(*own.shape[:2], h, v, (1,) * 64) for own, (h, v) in zip(blocks, factors, strict=True)]
    sizes = [(-(-rows * v // (8 * most_v)), -(-columns * h // (8 * most_h))) for h, v in factors]
    padded = []
    for own, (height, width) in zip(blocks, sizes, strict=True):
        padded.append(np.zeros((height, width, 64), np.int16))
        padded[-1][: own.shape[0], : own.shape[1]] = own[:height, :width]
    components = [own._replace(block_rows=size[0], block_columns=size[1]) for own, size in zip(components, sizes, strict=True)]
    frame = b"\xff\xd8\xff\xdb\0\x43\0" + bytes([1] * 64)
    frame += b"\xff\xc1" + (8 + 3 * len(blocks)).to_bytes(2, "big") + bytes([bits]) + rows.to_bytes(2, "big")
    frame += columns.to_bytes(2, "big") + bytes([len(blocks)])
    frame += b"".join(bytes([number + 1, h << 4 | v, 0]) for number, (h, v) in enumerate(factors))
    frame += b"\xff\xdd\0\4" + restart.to_bytes(2, "big")
    frame += write_scans(components, range(1, len(blocks) + 1), padded, bits, restart) + b"\xff\xd9"
    for read, own in zip(blocks_of(coefficients(frame)), padded, strict=True):
        assert np.array_equal(read, own)


@budget(300)
@given(st.dictionaries(st.integers(0, 255), st.integers(1, 1 << 40), max_size=256))
def test_huffman_tables_are_short_and_complete(frequencies: dict[int, int]) -> None:
    table = fitting_table([frequencies.get(symbol, 0) for symbol in range(256)])
    words = sorted(format(table.codes[symbol], f"0{table.lengths[symbol]}b") for symbol in frequencies)
    assert all(0 < len(word) <= 16 and "0" in word for word in words)
    assert not any(after.startswith(before) for before, after in itertools.pairwise(words))
    assert sum(table.specification[:16]) == len(frequencies) == len(table.specification) - 16
    # more frequent symbols have no longer codes
    by_weight = sorted(frequencies, key=lambda symbol: frequencies[symbol])
    for rare, frequent in itertools.pairwise(by_weight):
        if frequencies[rare] < frequencies[frequent]:
            assert table.lengths[rare] >= table.lengths[frequent]
