"""Headers of JPEG frames of T.81: as encoders write them, and refused where they are broken or not understood."""

from __future__ import annotations

import imagecodecs
import pytest

from anonymizer.codestreams import CODESTREAM_SYNTAXES, Codestream, Family, read_codestream
from tests.support.codestream_samples import (
    BASELINE,
    CODES,
    DIVISORS,
    EOI,
    EXTENDED,
    GREY,
    LOSSLESS,
    PROCESS_14,
    SOI,
    by_pillow,
    dct,
    encoded,
    frame_header,
    lossless,
    noise,
    reason_for,
    scan,
    segment,
)

INVALID, UNSUPPORTED = "pixel-invalid-frames", "pixel-unsupported-format"
COLOUR = noise(33, 41, 3)
THREE = ((1, 0x22, 0), (2, 0x11, 0), (3, 0x11, 0))
FULL = ((1, 0x11, 0), (2, 0x11, 0), (3, 0x11, 0))
EACH = ((1, 0), (2, 0), (3, 0))


def test_all_that_a_grey_frame_states() -> None:
    expected = Codestream(Family.JPEG_DCT, 33, 41, 1, 8, False, False, "", ((1, 1),))
    assert read_codestream(imagecodecs.jpeg8_encode(noise(33, 41)), BASELINE) == expected


@pytest.mark.parametrize(
    ("subsampling", "factors"), [("444", (1, 1)), ("422", (2, 1)), ("420", (2, 2)), ("440", (1, 2)), ("411", (4, 1))]
)
def test_sampling(subsampling: str, factors: tuple[int, int]) -> None:
    found = read_codestream(imagecodecs.jpeg8_encode(COLOUR, subsampling=subsampling), BASELINE)
    assert found.sampling == (factors, (1, 1), (1, 1))
    assert found.colour == "YBR"


def test_progressive_scans_and_restart_markers() -> None:
    assert read_codestream(by_pillow(COLOUR, progressive=True), BASELINE).progressive
    restarting = by_pillow(COLOUR, restart_marker_blocks=1)
    assert b"\xff\xd3" in restarting
    assert not read_codestream(restarting, BASELINE).progressive


@pytest.mark.parametrize("syntax", [BASELINE, EXTENDED])
@pytest.mark.parametrize("marker", [0xC0, 0xC1])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_precisions_of_dct(syntax: str, marker: int, bits: int) -> None:
    expected = "" if bits == 8 or (bits == 12 and marker == 0xC1 and syntax == EXTENDED) else INVALID
    assert reason_for(dct(frame=frame_header(marker, bits=bits)), syntax) == expected


def test_twelve_bits_as_they_are_written() -> None:
    frame = imagecodecs.jpeg8_encode(noise(33, 41, bits=12), bitspersample=12)
    assert read_codestream(frame, EXTENDED).bits == 12
    assert reason_for(frame, BASELINE) == INVALID


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_predictors(predictor: int, bits: int) -> None:
    frame = imagecodecs.jpeg8_encode(noise(33, 41, bits=bits), lossless=True, predictor=predictor, bitspersample=bits)
    for syntax in (PROCESS_14, LOSSLESS):
        found = read_codestream(frame, syntax)
        assert found == Codestream(Family.JPEG_LOSSLESS, 33, 41, 1, bits, False, True, "", ((1, 1),), predictor)


@pytest.mark.parametrize("bits", [1, 2, 3, 15, 16, 17])
def test_precisions_of_lossless_frames(bits: int) -> None:
    assert reason_for(lossless(frame_header(0xC3, bits=bits)), LOSSLESS) == {1: INVALID, 17: UNSUPPORTED}.get(bits, "")


def test_a_point_transform_is_not_lossless() -> None:
    assert not read_codestream(lossless(scans=scan(parameters=(1, 0, 4))), LOSSLESS).lossless
    assert reason_for(lossless(scans=scan(parameters=(1, 0, 12))), LOSSLESS) == INVALID


def test_scans_of_one_component_each() -> None:
    scans = b"".join(scan(((number, 0),)) for number in (3, 1, 2))
    assert read_codestream(dct(frame=frame_header(0xC0, THREE), scans=scans), BASELINE).components == 3
    scans = b"".join(scan(((number, 0),), (6, 0, 0)) for number in (1, 2, 3))
    assert read_codestream(lossless(frame_header(0xC3, FULL), scans), PROCESS_14).predictor == 6


@pytest.mark.parametrize(
    ("segments", "identifiers", "colour"),
    [
        ((), b"\1\2\3", ""),
        ((), b"RGB", "RGB"),
        ((segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),), b"RGB", "YBR"),
        ((segment(0xEE, b"Adobe\0\x64\0\0\0\0\0"),), b"\1\2\3", "RGB"),
        ((segment(0xEE, b"Adobe\0\x64\0\0\0\0\1"),), b"RGB", "YBR"),
        ((segment(0xEE, b"Adobe\0\x64\0\0\0\0\2"),), b"RGB", ""),
        ((segment(0xEE, b"Adobe\0\x64\0\0\0"),), b"\1\2\3", ""),
        ((segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")), b"\1\2\3", "YBR"),
        ((segment(0xEE, b"Adobe\0\x64\0\0\0\0\1"), segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")), b"\1\2\3", "RGB"),
    ],
)
def test_colours_that_markers_state(segments: tuple[bytes, ...], identifiers: bytes, colour: str) -> None:
    frame = frame_header(0xC0, [(number, 0x11, 0) for number in identifiers])
    assert (
        read_codestream(dct(*segments, frame=frame, scans=scan([(number, 0) for number in identifiers])), BASELINE).colour
        == colour
    )


def test_two_statements_on_colours_that_differ_are_refused() -> None:
    jfif, adobe = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    for segments in ((jfif, adobe), (adobe, jfif)):
        assert (
            reason_for(dct(*segments, frame=frame_header(0xC0, FULL), scans=scan(((1, 0), (2, 0), (3, 0)))), BASELINE)
            == UNSUPPORTED
        )


def test_colours_stated_behind_the_first_scan_do_not_count() -> None:
    late = b"".join((scan(((1, 0),)), segment(0xEE, b"Adobe\0\x64\0\0\0\0\0"), scan(((2, 0), (3, 0)))))
    assert read_codestream(dct(frame=frame_header(0xC0, FULL), scans=late), BASELINE).colour == ""


@pytest.mark.parametrize("name", ["dct", "dct 12", "lossless", "ls", "ls colour", "j2k", "j2k colour", "ht"])
def test_frames_of_other_families_are_refused(name: str) -> None:
    frame, own = encoded()[name]
    for syntax, family in CODESTREAM_SYNTAXES.items():
        fits = family is CODESTREAM_SYNTAXES[own] and not (name == "dct 12" and syntax == BASELINE)
        assert reason_for(frame, syntax) == ("" if fits else INVALID)


CHECKED = {
    "no SOI": (b"\0" + dct(), INVALID),
    "nothing": (b"", INVALID),
    "SOI alone": (SOI, INVALID),
    "two other bytes than SOI": (b"\xff\xd9" + dct()[2:], INVALID),
    "a marker without its first byte": (dct(segment(0xFE)[1:]), INVALID),
    "fill bytes and nothing": (SOI + b"\xff\xff", INVALID),
    "a reserved marker": (dct(segment(0x02)), INVALID),
    "a restart marker with a length": (dct(segment(0xD0)), INVALID),
    "a SOI with a length": (dct(segment(0xD8)), INVALID),
    "a SOF of a byte": (dct(frame=segment(0xC0, b"\x08")), INVALID),
    "a SOS without content": (dct(scans=segment(0xDA)), INVALID),
    "a SOS of a byte": (dct(scans=segment(0xDA, b"\1")), INVALID),
    "a long SOS": (dct(scans=segment(0xDA, b"\1\1\0\0\0\x3f\0") + b"\1"), INVALID),
    "another scan, of nothing": (dct(scans=scan() + scan(())), INVALID),
    "SOI and EOI": (SOI + EOI, INVALID),
    "no EOI": (dct(end=b""), INVALID),
    "half an EOI": (dct(end=b"\xff"), INVALID),
    "no SOS": (dct()[: -len(scan()) - 2] + EOI, INVALID),
    "no SOF": (dct(frame=b""), INVALID),
    "two SOFs": (dct(frame=GREY + GREY), INVALID),
    "SOF behind the scan": (dct(scans=scan() + GREY), INVALID),
    "SOI again": (dct(SOI), INVALID),
    "junk between segments": (dct(b"text"), INVALID),
    "a zero between segments": (dct(b"\0"), INVALID),
    "a restart marker between segments": (dct(b"\xff\xd0"), INVALID),
    "a restart marker without an interval": (dct(scans=scan(data=b"\1\xff\xd0\1")), INVALID),
    "a short segment": (dct(b"\xff\xfe\0\1"), INVALID),
    "a segment beyond the end": (dct(b"\xff\xfe\xff\xff"), INVALID),
    "fill bytes and a zero in data": (dct(scans=scan(data=b"\1\xff\xff\0\1")), INVALID),
    "no data": (dct(scans=scan(data=b"")), INVALID),
    "no columns": (dct(frame=frame_header(0xC0, columns=0)), INVALID),
    "no components": (dct(frame=frame_header(0xC0, ())), INVALID),
    "a factor of 0": (dct(frame=frame_header(0xC0, ((1, 0x01, 0),))), INVALID),
    "a factor of 5": (dct(frame=frame_header(0xC0, ((1, 0x51, 0),))), INVALID),
    "components of one name": (dct(frame=frame_header(0xC0, ((1, 0x11, 0), (1, 0x11, 0), (3, 0x11, 0)))), INVALID),
    "a frame header with more behind it": (dct(frame=segment(0xC0, b"\x08\0\x10\0\x10\1\1\x11\0\0")), INVALID),
    "a table that is no number of one": (dct(frame=frame_header(0xC0, ((1, 0x11, 4),))), INVALID),
    "no such table of divisors": (dct(frame=frame_header(0xC0, ((1, 0x11, 1),))), INVALID),
    "no such table of codes": (dct(scans=scan(((1, 0x10),))), INVALID),
    "no such table of codes for AC": (dct(scans=scan(((1, 0x01),))), INVALID),
    "a scan of no component of the frame": (dct(scans=scan(((2, 0),))), INVALID),
    "a scan without components": (dct(scans=scan(())), INVALID),
    "a component that no scan has": (dct(frame=frame_header(0xC0, FULL), scans=scan(((1, 0), (2, 0)))), INVALID),
    "a component in two scans": (dct(scans=scan() + scan()), INVALID),
    "components out of order": (dct(frame=frame_header(0xC0, FULL), scans=scan(((2, 0), (1, 0), (3, 0)))), INVALID),
    "more blocks than an MCU may have": (
        dct(frame=frame_header(0xC0, [(n, 0x22, 0) for n in (1, 2, 3)]), scans=scan(EACH)),
        INVALID,
    ),
    "a divisor of 0": (dct(segment(0xDB, b"\0" + b"\1" * 63 + b"\0")), INVALID),
    "a wide divisor of 0": (dct(segment(0xDB, b"\x10" + b"\0\1" * 63 + b"\0\0")), INVALID),
    "divisors of three bytes": (dct(segment(0xDB, b"\x20" + b"\1" * 192)), INVALID),
    "a fifth table of divisors": (dct(segment(0xDB, b"\4" + b"\1" * 64)), INVALID),
    "codes of a third class": (dct(segment(0xC4, b"\x20\0\1" + bytes(14) + b"\0")), INVALID),
    "a fifth table of codes": (dct(segment(0xC4, b"\4\0\1" + bytes(14) + b"\0")), INVALID),
    "a table of codes without counts": (dct(segment(0xC4, b"\0\0\1")), INVALID),
    "a short table of divisors": (dct(segment(0xDB, b"\0" + b"\1" * 63)), INVALID),
    "a short table of codes": (dct(segment(0xC4, b"\0\2" + bytes(15) + b"\0")), INVALID),
    "a long table of codes": (dct(segment(0xC4, b"\0\xff\xff" + bytes(14) + bytes(510))), INVALID),
    "a restart interval of three bytes": (dct(segment(0xDD, b"\0\0\1")), INVALID),
    "parameters of JPEG-LS": (dct(segment(0xF8, b"\1" + bytes(10))), INVALID),
    "no lines": (dct(frame=frame_header(0xC0, rows=0)), UNSUPPORTED),
    "a late number of lines": (dct(scans=scan() + segment(0xDC, b"\0\x10")), UNSUPPORTED),
    "two components": (dct(frame=frame_header(0xC0, FULL[:2])), UNSUPPORTED),
    "four components": (dct(frame=frame_header(0xC0, (*FULL, (4, 0x11, 0)))), UNSUPPORTED),
    "arithmetic conditioning": (dct(segment(0xCC, b"\0\0")), UNSUPPORTED),
    "hierarchical frames": (dct(segment(0xDE, bytes(9))), UNSUPPORTED),
    "expansion": (dct(segment(0xDF, b"\0")), UNSUPPORTED),
    "a marker of an extension": (dct(segment(0xF0, b"\0")), UNSUPPORTED),
    "divisors that change between scans": (
        dct(frame=frame_header(0xC0, FULL), scans=scan(((1, 0),)) + segment(0xDB, b"\0" + b"\2" * 64) + scan(((2, 0), (3, 0)))),
        UNSUPPORTED,
    ),
    **{f"SOF{number}": (dct(frame=frame_header(0xC0 + number)), UNSUPPORTED) for number in (5, 6, 7, 9, 10, 11, 13, 14, 15)},
    "SOF3": (dct(frame=frame_header(0xC3)), INVALID),
    "SOF55": (dct(frame=frame_header(0xF7)), INVALID),
    # legal, and read
    "all good": (dct(), ""),
    "fill bytes before markers": (dct(b"\xff\xff\xff", scans=scan() + b"\xff\xff"), ""),
    "restart markers with fill bytes": (dct(segment(0xDD, b"\0\1"), scans=scan(data=b"\1\xff\xff\xd0\1\xff\xd1\1")), ""),
    "stuffed bytes": (dct(scans=scan(data=b"\xff\0\xff\0")), ""),
    "bytes behind EOI": (dct(end=EOI + b"anything"), ""),
    "the same divisors again": (
        dct(frame=frame_header(0xC0, FULL), scans=scan(((1, 0),)) + DIVISORS + CODES + scan(((2, 0), (3, 0)))),
        "",
    ),
    "a range of coefficients that no sequential scan has": (dct(scans=scan(parameters=(0, 0, 0))), ""),
}


@pytest.mark.parametrize("name", CHECKED)
def test_frames_of_dct(name: str) -> None:
    frame, expected = CHECKED[name]
    assert reason_for(frame, BASELINE) == expected


def progressive(*scans: tuple[int, int, int], components: tuple[tuple[int, int], ...] = ((1, 0),)) -> bytes:
    """A progressive frame with scans of these parameters."""
    return dct(frame=frame_header(0xC2, FULL[: len(components)]), scans=b"".join(scan(components, each) for each in scans))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (progressive((0, 0, 0)), ""),
        (progressive((0, 0, 1), (1, 5, 2), (6, 63, 2), (1, 63, 0x21), (0, 0, 0x10)), ""),
        (progressive((0, 0, 0), components=EACH), ""),
        (progressive((1, 63, 0)), INVALID),
        (progressive((0, 0, 0x10)), INVALID),
        (progressive((0, 5, 0)), INVALID),
        (progressive((0, 0, 0), (6, 5, 0)), INVALID),
        (progressive((0, 0, 0), (1, 64, 0)), INVALID),
        (progressive((0, 0, 14)), INVALID),
        (progressive((0, 0, 2), (0, 0, 0x20)), INVALID),
        (progressive((0, 0, 0), (1, 63, 0), components=EACH), INVALID),
        (progressive((0, 0, 0), *[(1, 63, 0)] * 300), UNSUPPORTED),
    ],
)
def test_progressive_scans(frame: bytes, expected: str) -> None:
    assert reason_for(frame, EXTENDED) == expected


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (lossless(), ""),
        (lossless(frame_header(0xC3, ((1, 0x22, 0),))), ""),
        (lossless(scans=scan(parameters=(0, 0, 0))), INVALID),
        (lossless(scans=scan(parameters=(8, 0, 0))), INVALID),
        (lossless(scans=scan(parameters=(1, 63, 0))), INVALID),
        (lossless(scans=scan(parameters=(1, 0, 0x10))), INVALID),
        (lossless(frame_header(0xC3, THREE), scan(EACH, (1, 0, 0))), UNSUPPORTED),
        (lossless(frame_header(0xC3, FULL), scan(((1, 0),), (1, 0, 0)) + scan(((2, 0), (3, 0)), (2, 0, 0))), UNSUPPORTED),
        (lossless(frame_header(0xC0)), INVALID),
        (lossless(frame_header(0xCB)), UNSUPPORTED),
    ],
)
def test_lossless_scans(frame: bytes, expected: str) -> None:
    assert reason_for(frame, LOSSLESS) == expected


def test_rgb_without_a_transform_is_told() -> None:
    assert read_codestream(imagecodecs.jpeg8_encode(COLOUR, lossless=True), LOSSLESS).colour == "RGB"
    assert read_codestream(imagecodecs.jpeg8_encode(COLOUR, outcolorspace="rgb"), BASELINE).colour == "RGB"
