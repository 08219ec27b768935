"""Headers of JPEG 2000 and HTJ2K codestreams: as encoders write them, and refused where they are broken or not understood."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from anonymizer.codestreams import Codestream, Family, read_codestream
from tests.support.codestream_samples import (
    CAPABILITIES,
    CODING,
    HT,
    HT_REVERSIBLE,
    HT_RPCL,
    J2K,
    J2K_REVERSIBLE,
    STEPS,
    j2k,
    noise,
    reason_for,
    segment,
    size,
    tile_part,
)

INVALID, UNSUPPORTED = "pixel-invalid-frames", "pixel-unsupported-format"
COLOUR = noise(33, 41, 3)
GREY_9_7 = segment(0x52, b"\0\0\0\1\0\0\4\4\0\0")
EXPOUNDED = segment(0x5C, b"\x42\0\0")
HT_CODING = segment(0x52, b"\0\2\0\1\0\0\4\4\x40\1")
HT_SIZE = size(rsiz=0x4000)
THREE = (b"\7\1\1",) * 3


@pytest.mark.parametrize("transform", [True, False])
@pytest.mark.parametrize("reversible", [True, False])
def test_colour(transform: bool, reversible: bool) -> None:
    level = 0 if reversible else 40
    frame = imagecodecs.jpeg2k_encode(COLOUR, codecformat="j2k", mct=transform, reversible=reversible, level=level)
    found = read_codestream(frame, J2K)
    assert (found.lossless, found.component_transform, found.components) == (reversible, transform, 3)
    assert found.colour == ""


@pytest.mark.parametrize("bits", [1, 2, 7, 8, 9, 12, 16])
def test_precisions(bits: int) -> None:
    frame = imagecodecs.jpeg2k_encode(noise(33, 41, bits=bits), codecformat="j2k", reversible=True, level=0, bitspersample=bits)
    expected = Codestream(Family.JPEG_2000, 33, 41, 1, bits, False, True, "", ((1, 1),), progression="LRCP")
    assert read_codestream(frame, J2K_REVERSIBLE) == expected


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
def test_signs(dtype: type) -> None:
    samples = noise(33, 41, bits=8 * np.dtype(dtype).itemsize).view(dtype)
    assert read_codestream(imagecodecs.jpeg2k_encode(samples, codecformat="j2k"), J2K).signed
    assert read_codestream(imagecodecs.htj2k_encode(samples), HT).signed


def test_high_throughput() -> None:
    for syntax in (HT_REVERSIBLE, HT_RPCL, HT):
        found = read_codestream(imagecodecs.htj2k_encode(COLOUR), syntax)
        assert (found.family, found.lossless, found.progression) == (Family.HTJ2K, True, "RPCL")
    assert not read_codestream(imagecodecs.htj2k_encode(COLOUR, level=0.01, reversible=False), HT).lossless


def test_files_of_jpeg_2000_are_no_codestreams() -> None:
    frame = imagecodecs.jpeg2k_encode(COLOUR, codecformat="jp2")
    assert reason_for(frame, J2K) == reason_for(frame, HT) == UNSUPPORTED


@pytest.mark.parametrize("number", range(5))
def test_progressions(number: int) -> None:
    frame = j2k(segment(0x52, bytes((0, number)) + b"\0\1\0\0\4\4\0\1"), STEPS)
    assert read_codestream(frame, J2K).progression == ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL")[number]


CHECKED = {
    "all good": (j2k(), "lossless"),
    "9/7": (j2k(GREY_9_7, EXPOUNDED), "lossy"),
    "9/7 in a component": (j2k(CODING, STEPS, segment(0x53, b"\0\0\0\4\4\0\0")), "lossy"),
    "5/3 with quantization": (j2k(CODING, EXPOUNDED), "lossy"),
    "quantization of a component": (j2k(CODING, STEPS, segment(0x5D, b"\0\x41\0\0")), "lossy"),
    "9/7 in a tile": (j2k(parts=tile_part(0, GREY_9_7)), "lossy"),
    "quantization in a tile": (j2k(parts=tile_part(0, EXPOUNDED)), "lossy"),
    "9/7 in the second part of a tile": (j2k(parts=tile_part() + tile_part(0, GREY_9_7)), "lossy"),
    "9/7 in the last tile": (j2k(siz=size(tile=(8, 16, 0, 0)), parts=tile_part() + tile_part(1, GREY_9_7)), "lossy"),
    "tiles": (j2k(siz=size(tile=(8, 8, 0, 0)), parts=b"".join(map(tile_part, (3, 1, 0, 2)))), "lossless"),
    "an open length": (j2k(parts=tile_part(length=0)), "lossless"),
    "comments and other orders": (
        j2k(CODING, STEPS, segment(0x64, b"\0\1text"), segment(0x5F, bytes(7)), parts=tile_part(0, segment(0x58, b"\0\0"))),
        "lossless",
    ),
    "precincts": (j2k(segment(0x52, b"\1\0\0\1\0\1\4\4\0\1\x88\x88"), STEPS), "lossless"),
    "padding behind EOC": (j2k() + b"\0", "lossless"),
    "32 bits": (j2k(siz=size(parts=(b"\x1f\1\1",))), "lossless"),
    "a cinema's profile": (j2k(siz=size(rsiz=3)), "lossless"),
    "no SOC": (j2k()[2:], INVALID),
    "nothing": (b"", INVALID),
    "another marker than SOC": (b"\xff\x4e" + j2k()[2:], INVALID),
    "another marker than SIZ": (j2k(siz=b"\xff\x64" + size()[2:]), INVALID),
    "another marker than SOT": (j2k(parts=tile_part() + b"\xff\x91" + tile_part()[2:]), INVALID),
    "a long SOT": (j2k(parts=b"\xff\x90\0\x0b\0\0\0\0\0\0\0\1\0\xff\x93"), INVALID),
    "another tile": (j2k(parts=tile_part(1)), INVALID),
    "a length that ends in a comment": (j2k(parts=tile_part(0, segment(0x64, b"\xff\xd9"), length=16)), INVALID),
    "a short COD": (j2k(segment(0x52, b"\0\0\0\1\0\0\4\4\0"), STEPS), INVALID),
    "a short COC": (j2k(CODING, STEPS, segment(0x53, b"\0\0\0\4\4")), INVALID),
    "a style that no COC has": (j2k(CODING, STEPS, segment(0x53, b"\0\2\0\4\4\0\1")), INVALID),
    "a short QCD": (j2k(CODING, segment(0x5C, b"\x40")), INVALID),
    "half a step": (j2k(CODING, segment(0x5C, b"\x42\0\0\0")), INVALID),
    "a long SIZ": (j2k(siz=segment(0x51, size()[4:] + b"\0")), INVALID),
    "no EOC": (j2k(end=b""), INVALID),
    "no EOC behind an open length": (j2k(parts=tile_part(length=0), end=b""), INVALID),
    "no SIZ": (b"\xff\x4f" + CODING + STEPS + tile_part() + b"\xff\xd9", INVALID),
    "no COD": (j2k(STEPS), INVALID),
    "no QCD": (j2k(CODING), INVALID),
    "two SIZ": (j2k(CODING, STEPS, size()), INVALID),
    "two COD": (j2k(CODING, CODING, STEPS), INVALID),
    "two QCD": (j2k(CODING, STEPS, STEPS), INVALID),
    "no tile": (j2k()[: -len(tile_part()) - 2] + b"\xff\xd9", INVALID),
    "a tile less": (j2k(siz=size(tile=(8, 16, 0, 0))), INVALID),
    "a tile more": (j2k(parts=tile_part() + tile_part(1)), INVALID),
    "a length beyond the end": (j2k(parts=tile_part(length=1000)), INVALID),
    "a length inside its header": (j2k(parts=tile_part(length=13)), INVALID),
    "a length that leads into data": (j2k(parts=tile_part(length=16)), INVALID),
    "parts behind an open length": (j2k(parts=tile_part(length=0) + tile_part()), INVALID),
    "junk between segments": (j2k(CODING, b"text", STEPS), INVALID),
    "a segment of tiles in the main header": (j2k(CODING, STEPS, segment(0x58, b"\0\0")), INVALID),
    "a segment of the main header in a tile": (j2k(parts=tile_part(0, segment(0x55, b"\0\0"))), INVALID),
    "no columns": (j2k(siz=size(image=(0, 16, 0, 0))), INVALID),
    "no rows": (j2k(siz=size(image=(16, 0, 0, 0))), INVALID),
    "tiles without columns": (j2k(siz=size(tile=(0, 16, 0, 0))), INVALID),
    "millions of tiles": (j2k(siz=size(image=(1 << 20, 1 << 20, 0, 0), tile=(1, 1, 0, 0))), INVALID),
    "no components": (j2k(siz=size(parts=())), INVALID),
    "sampling of 0": (j2k(siz=size(parts=(b"\7\0\1",))), INVALID),
    "39 bits": (j2k(siz=size(parts=(b"\x26\1\1",))), INVALID),
    "a short SIZ": (j2k(siz=segment(0x51, bytes(10))), INVALID),
    "a progression that there isn't": (j2k(segment(0x52, b"\0\5\0\1\0\0\4\4\0\1"), STEPS), INVALID),
    "no layers": (j2k(segment(0x52, b"\0\0\0\0\0\0\4\4\0\1"), STEPS), INVALID),
    "33 levels": (j2k(segment(0x52, b"\0\0\0\1\0\x21\4\4\0\1"), STEPS), INVALID),
    "large code-blocks": (j2k(segment(0x52, b"\0\0\0\1\0\0\5\4\0\1"), STEPS), INVALID),
    "precincts that are missing": (j2k(segment(0x52, b"\1\0\0\1\0\1\4\4\0\1\x88"), STEPS), INVALID),
    "a transform of one component": (j2k(segment(0x52, b"\0\0\0\1\1\0\4\4\0\1"), STEPS), INVALID),
    "a component that there isn't": (j2k(CODING, STEPS, segment(0x5D, b"\1\x40\x40")), INVALID),
    "a COC without content": (j2k(CODING, STEPS, segment(0x53)), INVALID),
    "blocks of HTJ2K": (j2k(HT_CODING, STEPS), INVALID),
    "HTJ2K": (j2k(CAPABILITIES, HT_CODING, STEPS, siz=HT_SIZE), INVALID),
    "capabilities that no CAP has": (j2k(siz=HT_SIZE), INVALID),
    "columns left out": (j2k(siz=size(image=(16, 16, 1, 0))), UNSUPPORTED),
    "rows left out": (j2k(siz=size(image=(16, 16, 0, 1))), UNSUPPORTED),
    "an offset of tiles to the right": (j2k(siz=size(tile=(16, 16, 1, 0))), UNSUPPORTED),
    "an offset of tiles downwards": (j2k(siz=size(tile=(16, 16, 0, 1))), UNSUPPORTED),
    "another quantization": (j2k(CODING, segment(0x5C, b"\x43\0\0")), UNSUPPORTED),
    "another style": (j2k(segment(0x52, b"\x08\0\0\1\0\0\4\4\0\1"), STEPS), UNSUPPORTED),
    "two components": (j2k(siz=size(parts=THREE[:2])), UNSUPPORTED),
    "subsampling": (j2k(siz=size(parts=(b"\7\1\1", b"\7\2\2", b"\7\2\2"))), UNSUPPORTED),
    "subsampling of all": (j2k(siz=size(parts=(b"\7\2\2",) * 3)), UNSUPPORTED),
    "other precisions": (j2k(siz=size(parts=(b"\7\1\1", b"\7\1\1", b"\x08\1\1"))), UNSUPPORTED),
    "other signs": (j2k(siz=size(parts=(b"\7\1\1", b"\7\1\1", b"\x87\1\1"))), UNSUPPORTED),
    "33 bits": (j2k(siz=size(parts=(b"\x20\1\1",))), UNSUPPORTED),
    "extensions": (j2k(siz=size(rsiz=0x8000)), UNSUPPORTED),
    "a segment of Part 2": (j2k(CODING, STEPS, segment(0x74, bytes(8))), UNSUPPORTED),
    "other capabilities": (j2k(segment(0x50, b"\x40\0\0\0\0\0"), CODING, STEPS, siz=HT_SIZE), UNSUPPORTED),
    "a wavelet of Part 2": (j2k(segment(0x52, b"\0\0\0\1\0\0\4\4\0\2"), STEPS), UNSUPPORTED),
    "a transform of Part 2": (j2k(segment(0x52, b"\0\0\0\1\2\0\4\4\0\1"), STEPS, siz=size(parts=THREE)), UNSUPPORTED),
    "a region of interest": (j2k(CODING, STEPS, segment(0x5E, b"\0\0\1")), UNSUPPORTED),
    "a region of interest in a tile": (j2k(parts=tile_part(0, segment(0x5E, b"\0\0\1"))), UNSUPPORTED),
    "another transform in a tile": (
        j2k(siz=size(parts=THREE), parts=tile_part(0, segment(0x52, b"\0\0\0\1\1\0\4\4\0\1"))),
        UNSUPPORTED,
    ),
}


@pytest.mark.parametrize("name", CHECKED)
def test_codestreams(name: str) -> None:
    frame, expected = CHECKED[name]
    if expected in (INVALID, UNSUPPORTED):
        assert reason_for(frame, J2K) == expected
    else:
        assert read_codestream(frame, J2K).lossless == (expected == "lossless")


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (j2k(CAPABILITIES, HT_CODING, STEPS, siz=HT_SIZE), ""),
        # OpenJPH writes it first; the standard lets it stand anywhere
        (j2k(HT_CODING, CAPABILITIES, STEPS, siz=HT_SIZE), ""),
        (j2k(CAPABILITIES, HT_CODING, STEPS), INVALID),
        (j2k(CAPABILITIES, CAPABILITIES, HT_CODING, STEPS, siz=HT_SIZE), INVALID),
        (j2k(segment(0x50, b"\0\2\0\0"), HT_CODING, STEPS, siz=HT_SIZE), INVALID),
        (j2k(CAPABILITIES, segment(0x52, b"\0\2\0\1\0\0\4\4\xc0\1"), STEPS, siz=HT_SIZE), UNSUPPORTED),
        (j2k(), INVALID),
    ],
)
def test_codestreams_of_high_throughput(frame: bytes, expected: str) -> None:
    assert {reason_for(frame, syntax) for syntax in (HT_REVERSIBLE, HT_RPCL, HT)} == {expected}
