"""Headers of JPEG-LS frames: as CharLS writes them, and refused where they are broken or not understood."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
import pytest

from anonymizer.codestreams import Codestream, Family, read_codestream
from tests.support.codestream_samples import LS, LS_NEAR, encoded, frame_header, near, noise, reason_for, scan, segment

INVALID, UNSUPPORTED = "pixel-invalid-frames", "pixel-unsupported-format"
FULL = ((1, 0x11, 0), (2, 0x11, 0), (3, 0x11, 0))
EACH = ((1, 0), (2, 0), (3, 0))
COLOUR = frame_header(0xF7, FULL)


def preset(most: int = 4095) -> bytes:
    """Preset coding parameters."""
    return segment(0xF8, b"\1" + struct.pack(">5H", most, 0, 0, 0, 0))


@pytest.mark.parametrize("interleave", [0, 1, 2])
@pytest.mark.parametrize("loss", [0, 3])
def test_colour_frames(interleave: int, loss: int) -> None:
    jpeg_ls = pytest.importorskip("jpeg_ls")
    samples = noise(33, 41, 3)
    planes = np.ascontiguousarray(samples.transpose(2, 0, 1)) if interleave == 0 else samples
    frame = bytes(jpeg_ls.encode_buffer(planes.tobytes(), 33, 41, 3, 8, loss, interleave))
    expected = Codestream(Family.JPEG_LS, 33, 41, 3, 8, False, loss == 0, "", ((1, 1),) * 3, interleave=interleave)
    assert read_codestream(frame, LS_NEAR) == expected


@pytest.mark.parametrize("bits", range(2, 17))
def test_precisions(bits: int) -> None:
    jpeg_ls = pytest.importorskip("jpeg_ls")
    # noise doesn't fit into the buffer that it provides
    samples = noise(5, 7, bits=bits) & 1
    found = read_codestream(bytes(jpeg_ls.encode_buffer(samples.tobytes(), 5, 7, 1, bits)), LS)
    assert (found.bits, found.rows, found.columns, found.components) == (bits, 5, 7, 1)


def test_a_lossy_frame_of_the_lossless_syntax_is_told_as_lossy() -> None:
    assert not read_codestream(imagecodecs.jpegls_encode(noise(9, 9), level=1), LS).lossless


CHECKED = {
    "all good": (near(), ""),
    "presets": (near(preset()), ""),
    "presets for samples that there can't be": (near(preset(4096)), INVALID),
    "NEAR as large as can be": (near(scans=scan(parameters=(255, 0, 0))), ""),
    "NEAR beyond half of the samples": (near(preset(100), scans=scan(parameters=(51, 0, 0))), INVALID),
    "stuffed bits": (near(scans=scan(data=b"\xff\x7f\xff\x00", parameters=(0, 0, 0))), ""),
    "a restart interval of four bytes": (
        near(segment(0xDD, b"\0\0\0\1"), scans=scan(data=b"\1\xff\xd0\1", parameters=(0, 0, 0))),
        "",
    ),
    "a restart interval of one byte": (near(segment(0xDD, b"\1")), INVALID),
    "a restart marker without an interval": (near(scans=scan(data=b"\1\xff\xd0\1", parameters=(0, 0, 0))), INVALID),
    "lines of one component": (near(scans=scan(parameters=(0, 1, 0))), INVALID),
    "an interleave mode that there isn't": (near(frame=COLOUR, scans=scan(EACH, (0, 3, 0))), INVALID),
    "all components by component": (near(frame=COLOUR, scans=scan(EACH, (0, 0, 0))), INVALID),
    "a component that no scan has": (near(frame=COLOUR, scans=scan(((1, 0),), (0, 0, 0))), INVALID),
    "two components in a scan": (
        near(frame=COLOUR, scans=scan(((1, 0),), (0, 0, 0)) + scan(((2, 0), (3, 0)), (0, 1, 0))),
        UNSUPPORTED,
    ),
    "two components by lines, and one": (
        near(frame=COLOUR, scans=scan(((1, 0), (2, 0)), (0, 1, 0)) + scan(((3, 0),), (0, 0, 0))),
        UNSUPPORTED,
    ),
    "scans with other losses": (
        near(frame=COLOUR, scans=b"".join(scan(((n, 0),), (n, 0, 0)) for n in (1, 2, 3))),
        UNSUPPORTED,
    ),
    "a component twice": (near(scans=scan(parameters=(0, 0, 0)) * 2), INVALID),
    "a point transform": (near(scans=scan(parameters=(0, 0, 1))), UNSUPPORTED),
    "a mapping table for a component": (near(scans=scan(((1, 1),), (0, 0, 0))), UNSUPPORTED),
    "a mapping table": (near(segment(0xF8, b"\2\1\1\0")), UNSUPPORTED),
    "more of a mapping table": (near(segment(0xF8, b"\3\1\1\0")), UNSUPPORTED),
    "large sizes": (near(segment(0xF8, b"\4\3\0\0\1\0\0\1")), UNSUPPORTED),
    "no parameters": (near(segment(0xF8)), INVALID),
    "short parameters": (near(segment(0xF8, b"\1\0")), INVALID),
    "a colour transform": (near(segment(0xE8, b"mrfx\1"), frame=COLOUR, scans=scan(EACH, (0, 2, 0))), UNSUPPORTED),
    "no colour transform": (near(segment(0xE8, b"mrfx\0"), frame=COLOUR, scans=scan(EACH, (0, 2, 0))), ""),
    "SPIFF": (near(segment(0xE8, b"SPIFF\0" + bytes(24)), segment(0xE8, b"\0\0\0\1\xff\xd8")), ""),
    "subsampling": (near(frame=frame_header(0xF7, ((1, 0x21, 0), *FULL[1:])), scans=scan(EACH, (0, 1, 0))), UNSUPPORTED),
    "1 bit": (near(frame=frame_header(0xF7, bits=1)), INVALID),
    "17 bits": (near(frame=frame_header(0xF7, bits=17)), UNSUPPORTED),
    "no lines": (near(frame=frame_header(0xF7, rows=0)), UNSUPPORTED),
    "tables of T.81": (near(segment(0xC4, bytes(17))), INVALID),
    "a frame of T.81": (near(frame=frame_header(0xC3)), INVALID),
    "nothing between SOI and EOI": (b"\xff\xd8\xff\xd9", INVALID),
    "no SOF": (b"\xff\xd8" + scan(parameters=(0, 0, 0)) + b"\xff\xd9", INVALID),
    "no EOI": (near()[:-2], INVALID),
    "two frames": (near(frame_header(0xF7)), INVALID),
}


@pytest.mark.parametrize("name", CHECKED)
def test_frames(name: str) -> None:
    frame, expected = CHECKED[name]
    assert reason_for(frame, LS_NEAR) == expected


def test_charls_agrees_on_one_component_by_lines() -> None:
    frame = bytearray(encoded()["ls"][0])
    frame[frame.index(b"\xff\xda") + 8] = 1
    assert reason_for(bytes(frame), LS) == INVALID
    with pytest.raises(RuntimeError):
        imagecodecs.jpegls_decode(bytes(frame))
