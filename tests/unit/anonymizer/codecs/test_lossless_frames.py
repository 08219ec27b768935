"""Frames come back exactly, in other libraries too, and their headers say what was asked for."""

from __future__ import annotations

import contextlib
import struct
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer import DeidentificationError
from anonymizer.codecs import MOST_DECODED, Coding, Raster, decode, encode
from anonymizer.codestreams import Codestream, Family
from anonymizer.reasons import Reason
from tests.support.running import budget

imagecodecs = pytest.importorskip("imagecodecs")
SIZES = ((1, 1), (1, 5), (5, 1), (3, 2), (4, 17), (37, 70))
CODINGS = [
    *(Coding(Family.JPEG_LOSSLESS, predictor=predictor) for predictor in range(1, 8)),
    *(Coding(Family.JPEG_LS, interleave=interleave) for interleave in range(3)),
    *(Coding(Family.JPEG_2000, component_transform=transform) for transform in (False, True)),
    *(Coding(Family.HTJ2K, component_transform=transform, progression="RPCL") for transform in (False, True)),
]
FAMILIES_2000 = (Family.JPEG_2000, Family.HTJ2K)


def random_raster(rows: int, columns: int, components: int, bits: int, signed: bool = False) -> Raster:
    """Noise that uses the whole precision."""
    least, end = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
    samples = np.random.default_rng(bits).integers(least, end, (rows, columns, components))
    samples.flat[0], samples.flat[-1] = least, end - 1
    size = 1 if bits <= 8 else 2 if bits <= 16 else 4
    return Raster(rows, columns, components, bits, signed, samples.astype(f"<{'i' if signed else 'u'}{size}").tobytes())


SMALL = random_raster(16, 24, 1, 8)


def array_of(raster: Raster) -> np.ndarray:
    size = 1 if raster.bits <= 8 else 2 if raster.bits <= 16 else 4
    kind = f"<{'i' if raster.signed else 'u'}{size}"
    return np.frombuffer(raster.samples, kind).reshape(raster.rows, raster.columns, raster.components)


def codestream_of(raster: Raster, coding: Coding) -> Codestream:
    sampling = ((1, 1),) * raster.components
    sizes = (raster.rows, raster.columns, raster.components, raster.bits, raster.signed)
    return Codestream(
        coding.family, *sizes, True, "", sampling, component_transform=coding.component_transform and raster.components == 3
    )


def other_decoder(family: Family) -> Any:
    """A decoder of another library; OpenJPEG's for both families that it knows."""
    if family is Family.JPEG_LOSSLESS:
        return imagecodecs.jpegsof3_decode
    if family is Family.JPEG_LS:
        return imagecodecs.jpegls_decode
    return imagecodecs.jpeg2k_decode


def rasters(coding: Coding) -> list[Raster]:
    is_2000 = coding.family in FAMILIES_2000
    most = 22 if coding.family is Family.JPEG_2000 else 16
    coloured_only = coding.component_transform or coding.interleave > 0
    return [
        random_raster(*size, components, bits, signed)
        for bits in range(2, most + 1)
        for signed in ((False, True) if is_2000 else (False,))
        for components in ((3,) if coloured_only else (1, 3))
        for size in (SIZES[bits % len(SIZES)], SIZES[-1])
    ]


@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: f"{coding.family.value}-{coding[1:4]}")
def test_frames_come_back_exactly(coding: Coding) -> None:
    for raster in rasters(coding):
        frame = encode(raster, coding)
        assert len(frame) % 2 == 0
        assert decode(frame, codestream_of(raster, coding)) == raster
        decoded = other_decoder(coding.family)(frame)
        assert np.array_equal(decoded.reshape(array_of(raster).shape), array_of(raster)), raster[:5]


def test_jpeg_ls_frames_are_read_by_another_binding() -> None:
    jpeg_ls = pytest.importorskip("jpeg_ls")
    for bits in range(2, 17):
        for interleave in range(3):
            raster = random_raster(21, 34, 3, bits)
            decoded, _ = jpeg_ls.decode_buffer(encode(raster, Coding(Family.JPEG_LS, interleave=interleave)))
            samples = np.frombuffer(decoded, array_of(raster).dtype)
            planes = samples.reshape(3, 21, 34).transpose(1, 2, 0)
            assert np.array_equal(samples.reshape(21, 34, 3) if interleave else planes, array_of(raster))


@pytest.mark.parametrize("bits", [2, 7, 8, 10, 12, 15, 16])
def test_headers_tell_what_was_asked_for(bits: int) -> None:
    raster = random_raster(9, 11, 3, bits)
    lossless = encode(raster, Coding(Family.JPEG_LOSSLESS, predictor=6))
    begin = lossless.index(b"\xff\xc3") + 4
    assert struct.unpack_from(">BHHB", lossless, begin) == (bits, 9, 11, 3)
    begin = lossless.index(b"\xff\xda") + 4
    assert lossless[begin + 7 : begin + 10] == b"\x06\0\0"
    for interleave in range(3):
        frame = encode(raster, Coding(Family.JPEG_LS, interleave=interleave))
        assert struct.unpack_from(">BHHB", frame, frame.index(b"\xff\xf7") + 4) == (bits, 9, 11, 3)
        begin = frame.index(b"\xff\xda") + 4
        assert frame[begin + 1 + 2 * frame[begin] :][:3] == bytes([0, interleave, 0])
    for family, progression in ((Family.JPEG_2000, 0), (Family.HTJ2K, 2)):
        for signed in (False, True):
            for transform in (False, True):
                raster = random_raster(9, 11, 3, bits, signed)
                frame = encode(raster, Coding(family, component_transform=transform))
                size = frame.index(b"\xff\x51")
                assert frame[size + 40 : size + 49 : 3] == bytes([bits - 1 | signed << 7]) * 3
                style = frame.index(b"\xff\x52")
                assert (frame[style + 5], frame[style + 8], frame[style + 13]) == (progression, transform, 1)


def test_rgb_of_jpeg_lossless_is_converted_by_nobody() -> None:
    raster = random_raster(8, 8, 3, 8)
    frame = encode(raster, Coding(Family.JPEG_LOSSLESS))
    assert b"JFIF" not in frame
    begin = frame.index(b"Adobe")
    assert frame[begin + 11] == 0
    assert np.array_equal(imagecodecs.jpeg8_decode(frame), array_of(raster))


def test_samples_of_jpeg_lossless_are_as_coded_whatever_its_markers_say() -> None:
    raster = random_raster(8, 8, 3, 8)
    frame = encode(raster, Coding(Family.JPEG_LOSSLESS))
    begin = frame.index(b"Adobe")
    ycc = frame[: begin + 11] + b"\1" + frame[begin + 12 :]
    jfif = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + frame[begin + 12 :]
    # bytes to fill ahead of the last marker belong to no sample
    filled = frame[:-2] + b"\xff\xff\xff" + frame[-2:]
    for changed in (ycc, jfif, filled, frame + b"\0"):
        assert decode(changed, codestream_of(raster, Coding(Family.JPEG_LOSSLESS))) == raster


def test_a_progression_that_does_not_come_out_is_refused() -> None:
    for coding in (Coding(Family.JPEG_2000, progression="RPCL"), Coding(Family.HTJ2K, progression="LRCP")):
        assert reason_of(lambda coding=coding: encode(SMALL, coding)) is Reason.PIXEL_UNSUPPORTED_FORMAT


@pytest.mark.parametrize(
    ("coding", "raster"),
    [
        (Coding(Family.JPEG_LOSSLESS, predictor=9), random_raster(8, 8, 1, 8)),
        (Coding(Family.JPEG_LOSSLESS), random_raster(8, 8, 1, 8, signed=True)),
        (Coding(Family.JPEG_LOSSLESS), random_raster(8, 8, 1, 17)),
        (Coding(Family.JPEG_LS), random_raster(8, 8, 1, 1)),
        (Coding(Family.JPEG_LS, interleave=4), random_raster(8, 8, 3, 8)),
        (Coding(Family.JPEG_2000), random_raster(8, 8, 1, 25)),
        (Coding(Family.JPEG_2000, component_transform=True), random_raster(8, 8, 3, 24)),
        (Coding(Family.HTJ2K), random_raster(8, 8, 1, 17)),
        (Coding(Family.JPEG_DCT), random_raster(8, 8, 1, 8)),
        (Coding(Family.JPEG_LS), random_raster(8, 8, 2, 8)),
    ],
)
def test_what_can_not_be_written_is_refused(coding: Coding, raster: Raster) -> None:
    assert reason_of(lambda: encode(raster, coding)) is Reason.PIXEL_UNSUPPORTED_FORMAT


@pytest.mark.parametrize("coding", CODINGS[::4], ids=lambda coding: coding.family.value)
def test_a_frame_that_is_not_as_its_header_was_read_is_refused(coding: Coding) -> None:
    raster = random_raster(16, 24, 1, 12)
    frame = encode(raster, coding)
    codestream = codestream_of(raster, coding)
    for changed in ({"rows": 15}, {"components": 3}, {"bits": 8}, {"bits": 11}):
        other = Codestream(**{**vars(codestream), **changed})
        assert reason_of(lambda other=other: decode(frame, other)) is Reason.PIXEL_INVALID_FRAMES


@pytest.mark.parametrize("coding", CODINGS[::4], ids=lambda coding: coding.family.value)
def test_broken_frames_are_refused(coding: Coding) -> None:
    raster = random_raster(64, 64, 1, 8)
    frame = encode(raster, coding)
    codestream = codestream_of(raster, coding)
    for broken in (
        b"",
        b"\xff",
        frame[:20],
        frame[: len(frame) // 20],
        frame[: len(frame) // 2],
        frame[:-500] + frame[-2:],
        bytes(1000),
    ):
        # CharLS takes seconds for some of them, and may come to its limit
        assert reason_of(lambda broken=broken: decode(broken, codestream)) in (
            Reason.PIXEL_INVALID_FRAMES,
            *((Reason.PIXEL_CODEC_FAILED,) if coding.family is Family.JPEG_LS else ()),
        )


@budget(150)
@given(st.sampled_from([Coding(Family.JPEG_LOSSLESS), Coding(Family.JPEG_2000)]), st.data())
def test_whatever_a_frame_holds_only_a_refusal_comes_out(coding: Coding, data: st.DataObject) -> None:
    frame = bytearray(encode(SMALL, coding))
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(frame) - 1), st.integers(0, 255)), max_size=9)):
        frame[place] = value
    frame = frame[: data.draw(st.integers(0, len(frame)))] if data.draw(st.booleans()) else frame
    # any other error ends the test
    with contextlib.suppress(DeidentificationError):
        decoded = decode(bytes(frame), codestream_of(SMALL, coding))
        assert decoded[:5] == SMALL[:5]
        assert len(decoded.samples) == len(SMALL.samples)


def test_broken_lines_of_htj2k_are_refused() -> None:
    # the binding of the library tells nobody of them
    raster = random_raster(200, 300, 1, 8)
    frame = bytearray(encode(raster, Coding(Family.HTJ2K)))
    middle = len(frame) // 2
    frame[middle : middle + 40] = bytes(40)
    codestream = codestream_of(raster, Coding(Family.HTJ2K))
    with pytest.raises(DeidentificationError, match="pixel-invalid-frames"):
        decode(bytes(frame), codestream)


def test_a_frame_that_is_too_large_is_refused_before_a_process_is_started() -> None:
    code = """
from anonymizer import DeidentificationError
from anonymizer.codecs import client, decode
from anonymizer.codestreams import Codestream, Family
for size in (30_000, 65_500):
    for family in (Family.JPEG_LOSSLESS, Family.JPEG_LS, Family.JPEG_2000, Family.HTJ2K):
        try:
            decode(b"", Codestream(family, size, size, 1, 8, False, True, "", ((1, 1),)))
        except DeidentificationError as error:
            assert str(error).startswith("pixel-unsupported-format")
        else:
            raise AssertionError
assert client._client._template is None
import sys
assert "numpy" not in sys.modules and "imagecodecs" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
    assert MOST_DECODED < 30_000**2


def reason_of(call: Any) -> Reason:
    """The reason why ``call`` refuses."""
    with pytest.raises(DeidentificationError) as caught:
        call()
    return caught.value.reason
