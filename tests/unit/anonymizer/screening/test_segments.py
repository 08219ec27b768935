"""Compressed frames: how much of them stands before the pixels, whatever encoders and attackers put there."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.dicom.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE
from anonymizer.screening.segments import fragments_of, header_size
from tests.support.compressed_frames import (
    BOX_SIGNATURE,
    CODESTREAM,
    COM,
    JPEG_SCAN,
    TILE,
    box,
    codestream,
    jp2,
    jpeg,
    segment,
    xl_box,
)
from tests.support.objects import BIG, EXPLICIT, delimiter
from tests.support.running import budget

SECRET = b"by Miller"
COMMENT = segment(COM, SECRET)
#: three application segments of 64 KB each, as colour profiles take up
LARGE = [segment(0xE2, b"ICC_PROFILE\0" + bytes(65_000))] * 3


def shown(frame: bytes) -> bytes:
    """What of a whole frame is looked at."""
    size = header_size(frame)
    return frame if size is None else frame[:size]


@pytest.mark.parametrize(
    "frame",
    [
        jpeg(COMMENT),
        jpeg(segment(0xE0, b"JFIF"), COMMENT, segment(0xDB, bytes(64))),
        jpeg(segment(0xE1, b"Exif\0\0" + SECRET)),
        jpeg(*LARGE, COMMENT),
        jpeg(b"\xff\xff\xff" + COMMENT),
        jpeg(b"\xff\x01" + COMMENT),
        jpeg(COMMENT, segment(0xF7, bytes(9))),
        jpeg(segment(0xC0, bytes(15)), segment(0xC4, bytes(30)), COMMENT),
        codestream(segment(0x51, bytes(36)), segment(0x64, b"\0\1" + SECRET)),
        jp2(box(b"xml ", SECRET)),
        jp2(box(b"uuid", bytes(16) + SECRET), box(b"jp2h", bytes(22))),
        jp2(xl_box(b"xml ", SECRET)),
        jp2(xl_box(b"xml ", bytes(100_000) + SECRET)),
        jp2(content=codestream(segment(0x64, b"\0\1" + SECRET))),
        BOX_SIGNATURE + xl_box(b"jp2c", codestream(segment(0x64, b"\0\1" + SECRET))),
        BOX_SIGNATURE + struct.pack(">I", 0) + b"jp2c" + codestream(segment(0x64, b"\0\1" + SECRET)),
    ],
)
def test_comments_before_the_pixels_are_shown(frame: bytes) -> None:
    assert SECRET in shown(frame)


@pytest.mark.parametrize("frame", [jpeg(COMMENT), codestream(segment(0x64, SECRET)), jp2(box(b"xml ", SECRET))])
def test_the_pixels_are_not(frame: bytes) -> None:
    size = header_size(frame)
    assert size is not None and 0 < size < len(frame)
    assert frame[size:] and SECRET not in frame[size:]


LATER = pytest.mark.xfail(strict=True, reason="what stands behind the first scan, tile or box of pixels is not looked at")


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(jpeg(scan=b"\1\2" + COMMENT + JPEG_SCAN + b"\3\4"), id="between the scans of a progressive JPEG"),
        pytest.param(jpeg(tail=COMMENT), id="behind the end of a JPEG"),
        pytest.param(jp2(behind=[box(b"xml ", SECRET)]), id="in a box behind the codestream"),
        pytest.param(jp2(behind=[box(b"uuid", bytes(16) + SECRET)]), id="in a UUID box behind the codestream"),
        pytest.param(CODESTREAM + TILE + segment(0x64, b"\0\1" + SECRET) + b"\xff\x93\1\2\xff\xd9", id="in the header of a tile"),
        pytest.param(b"\0\0" + jpeg(COMMENT), id="in a JPEG behind zeros"),
    ],
)
@LATER
def test_comments_behind_the_first_pixels_are_shown(frame: bytes) -> None:
    assert SECRET in shown(frame)


@pytest.mark.parametrize("frame", [b"", b"\0" * 64, b"\1\0\0\0" + bytes(60), b"\0\0\0\1\x67\x42", b"\xff", b"\xff\xd9", b"JFIF"])
def test_frames_of_other_kinds_begin_with_their_pixels(frame: bytes) -> None:
    assert header_size(frame) == 0


def test_a_real_jpeg_and_a_real_jpeg_2000() -> None:
    image = pytest.importorskip("PIL.Image").fromarray(np.zeros((16, 16), np.uint8))
    stream = BytesIO()
    image.save(stream, "JPEG", comment=SECRET)
    content = stream.getvalue()
    assert SECRET in shown(content) and len(shown(content)) < len(content)


@pytest.mark.parametrize(
    "frame", [jpeg(*LARGE, COMMENT), codestream(segment(0x64, SECRET)), jp2(box(b"xml ", SECRET), box(b"free", b"x"))]
)
def test_a_frame_that_is_cut_off_asks_for_more_or_tells_the_same(frame: bytes) -> None:
    size = header_size(frame)
    assert size is not None
    cuts = {*range(min(len(frame), 300)), size - 1, size, size + 1, *range(300, size, 977)}
    for cut in sorted(cuts):
        told = header_size(frame[:cut])
        # the first bytes may be of any kind of frame
        assert told in (None, size) or (told == 0 and cut < 8), cut


@pytest.mark.parametrize("length", [0, 1, 2, 0xFFFF])
def test_hostile_lengths_of_segments_end(length: int) -> None:
    for start in (b"\xff\xd8", b"\xff\x4f"):
        size = header_size(start + (b"\xff\xfe" + struct.pack(">H", length)) * 50)
        assert size is None or size >= 0


@pytest.mark.parametrize("length", [0, 1, 2, 7, 8, 0xFFFFFFFF])
@pytest.mark.parametrize("large", [0, 1, 15, 16, 2**64 - 1])
def test_hostile_lengths_of_boxes_end(length: int, large: int) -> None:
    frame = BOX_SIGNATURE + (struct.pack(">I", length) + b"xml " + struct.pack(">Q", large)) * 50
    size = header_size(frame)
    assert size is None or size >= 0


PARTS = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [b"\xff\xd8", b"\xff\x4f", b"\xff\xda", b"\xff\x90", b"\xff\xfe", b"\xff\x64", b"\xff\xff", b"\xff\xd9", b"\0\0"]
    ),
    st.sampled_from([BOX_SIGNATURE, b"\0\0\0\0", b"\0\0\0\1", b"\0\0\0\x0c", b"jp2c", b"xml ", b"\xff\xff\xff\xff"]),
    st.builds(segment, st.integers(0, 255), st.binary(max_size=20)),
    st.builds(box, st.sampled_from([b"xml ", b"jp2c", b"jp2h"]), st.binary(max_size=20)),
)


@given(start=st.sampled_from([b"", b"\xff\xd8", b"\xff\x4f", BOX_SIGNATURE]), parts=st.lists(PARTS, max_size=12))
@budget(1000)
def test_no_frame_is_an_error_and_none_takes_for_ever(start: bytes, parts: list[bytes]) -> None:
    size = header_size(start + b"".join(parts))
    assert size is None or size >= 0


@given(segments=st.lists(st.builds(segment, st.sampled_from([0xE0, 0xE1, 0xEF, 0xFE, 0xDB]), st.binary(max_size=90)), max_size=6))
@budget(200)
def test_all_segments_before_the_scan_are_shown(segments: list[bytes]) -> None:
    assert shown(jpeg(*segments)) == b"\xff\xd8" + b"".join(segments)
    # with what comes later the answer stays
    assert header_size(jpeg(*segments) + bytes(99)) == header_size(jpeg(*segments))


# -- fragments ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("syntax", "encoding"), [(EXPLICIT, EXPLICIT_LITTLE), (BIG, EXPLICIT_BIG)], ids=["little", "big"])
def test_fragments_are_taken_apart(syntax: str, encoding: object) -> None:
    assert encoding in (EXPLICIT_LITTLE, EXPLICIT_BIG)
    parts = [b"", b"ab", b"", b"cdef"]
    value = b"".join(delimiter(0xE000, syntax, len(part)) + part for part in parts) + delimiter(0xE0DD, syntax)
    found = list(fragments_of(value, EXPLICIT_BIG if syntax == BIG else EXPLICIT_LITTLE))
    assert found == parts


@given(value=st.binary(max_size=80))
@budget(200)
def test_what_are_no_fragments_is_no_error(value: bytes) -> None:
    list(fragments_of(value, EXPLICIT_LITTLE))
    list(fragments_of(delimiter(0xE000, length=len(value) + 9) + value, EXPLICIT_LITTLE))
