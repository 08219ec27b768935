"""Frames of RLE Lossless: cleaned one by one, in the same table, and refused where they are not what the header says."""

from __future__ import annotations

import os
import struct
import tracemalloc
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from anonymizer import DeidentificationError
from anonymizer.blanking import rle
from anonymizer.blanking.cleaner import PixelCleaner
from anonymizer.blanking.image_format import ImageFormat
from anonymizer.blanking.layout import Blanker
from anonymizer.blanking.rle import RleFrames
from anonymizer.dicom.encoding import EXPLICIT_LITTLE, UNDEFINED
from anonymizer.files import spool
from profiles import Rectangle
from tests.support.cleaning import clean_file, drained, inside, whole_cells
from tests.support.labelled_pixels import RLE, Kind, fragments, labelled, rle_frame, rle_frames
from tests.support.objects import delimiter, read

COLOUR = Kind("RGB", syntax=RLE, frames=3, planar=1)
GREY = ImageFormat(20, 30, 1, 1, 8, 8, 7, False, 0, "MONOCHROME2")
AREA = [Rectangle(3, 2, 11, 9)]


def frame_of(image: ImageFormat, seed: int = 1) -> bytes:
    """A frame of noise."""
    shape = (1, image.rows, image.columns, image.samples)
    cells = np.random.default_rng(seed).integers(0, 1 << image.allocated, shape)
    kind = Kind(
        image.photometric, image.allocated, image.stored, image.high_bit, rows=image.rows, columns=image.columns, syntax=RLE
    )
    return rle_frames(kind, cells)[0]


def clean(image: ImageFormat, value: bytes, *, with_table: bool = False, at_hand: int = 0) -> tuple[bytes, bytes]:
    """The cleaned value of fragments, and what was read behind it."""
    cleaner = PixelCleaner(image, AREA, RLE, with_table=with_table)
    pieces, behind = drained(cleaner, value[:at_hand], BytesIO(value[at_hand:]).read, UNDEFINED, EXPLICIT_LITTLE)
    assert cleaner.verdict.verified
    return b"".join(pieces), behind


def frames_in(value: bytes) -> tuple[list[int], list[bytes], list[int]]:
    """Table, items and their offsets of fragments."""
    position, items, offsets = 0, [], []
    while value[position : position + 4] == b"\xfe\xff\x00\xe0":
        (length,) = struct.unpack_from("<L", value, position + 4)
        assert length % 2 == 0
        offsets.append(position)
        items.append(value[position + 8 : position + 8 + length])
        position += 8 + length
    assert value[position:] == delimiter(0xE0DD)
    begin = offsets[1]
    return list(struct.unpack(f"<{len(items[0]) // 4}L", items[0])), items[1:], [offset - begin for offset in offsets[1:]]


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("at_hand", [0, 9, 700, 1 << 20])
def test_a_filled_table_is_written_anew(parts: int, at_hand: int) -> None:
    image = replace(GREY, frames=4)
    value = fragments([frame_of(image, seed) for seed in range(4)], with_table=True, parts=parts)
    output, behind = clean(image, value + b"behind", at_hand=at_hand)
    table, items, offsets = frames_in(output)
    assert (table, len(items)) == (offsets, 4)
    assert behind == b"behind"


def test_an_empty_table_stays_empty_and_nothing_waits() -> None:
    image = replace(GREY, frames=4)
    value = fragments([frame_of(image, seed) for seed in range(4)])
    assert frames_in(clean(image, value)[0])[0] == []


def test_frames_come_out_while_others_go_in() -> None:
    image = replace(GREY, rows=300, columns=400, frames=4)
    value = fragments([frame_of(image, seed) for seed in range(4)])
    stream = BytesIO(value)
    cleaner = PixelCleaner(image, AREA, RLE)
    steps = cleaner.clean(b"", stream.read, UNDEFINED, EXPLICIT_LITTLE)
    next(steps), next(steps)
    assert stream.tell() < len(value) * 3 / 4
    with pytest.raises(ValueError, match="not been cleaned"):
        _ = cleaner.verdict


def test_a_table_can_be_asked_for() -> None:
    image = replace(GREY, frames=3)
    value = fragments([frame_of(image, seed) for seed in range(3)])
    table, items, offsets = frames_in(clean(image, value, with_table=True)[0])
    assert table == offsets
    assert len(items) == 3


def test_the_spool_has_no_name_and_is_its_owners_alone(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen = []
    real = spool.read_back

    def look(handle: int) -> Any:
        seen.append((os.fstat(handle).st_mode & 0o777, os.fstat(handle).st_nlink, os.listdir(tmp_path)))
        return real(handle)

    monkeypatch.setattr("anonymizer.blanking.frames.read_back", look)
    clean(GREY, fragments([frame_of(GREY)], with_table=True))
    assert seen == [(0o600, 0, [])]


def test_a_single_frame_may_be_in_several_fragments() -> None:
    frame = frame_of(GREY)
    output = clean(GREY, fragments([frame], parts=3))[0]
    assert output == clean(GREY, fragments([frame]))[0]
    assert len(frames_in(output)[1]) == 1


def test_frames_without_rectangles_stay_as_they_are() -> None:
    image = replace(GREY, frames=2)
    value = fragments([frame_of(image, seed) for seed in range(2)], with_table=True)
    cleaner = PixelCleaner(image, [], RLE)
    assert b"".join(drained(cleaner, value, BytesIO().read, UNDEFINED, EXPLICIT_LITTLE)[0]) == value
    assert cleaner.verdict.rectangles == ()


def test_any_number_of_bytes_at_hand_gives_the_same() -> None:
    case = labelled(COLOUR)
    outputs = {clean_file(case.blob, case.boxes, at_hand=count)[0] for count in (0, 1, 7, 8, 20, 64, 1000, 5000)}
    assert len(outputs) == 1
    cleaned = outputs.pop()
    mask = inside((COLOUR.rows, COLOUR.columns), case.boxes)
    assert not whole_cells(cleaned)[:, mask].any()
    assert read(cleaned).NumberOfFrames == 3


@pytest.mark.parametrize("plugin", ["pydicom", "pylibjpeg"])
def test_bytes_do_not_depend_on_the_codecs_that_are_installed(plugin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from pydicom.pixels.decoders import RLELosslessDecoder

    if plugin not in RLELosslessDecoder.available_plugins:
        pytest.skip(f"{plugin} is not installed")
    case = labelled(COLOUR)
    expected = clean_file(case.blob, case.boxes)[0]
    monkeypatch.setattr(RLELosslessDecoder, "_available", {plugin: RLELosslessDecoder._available[plugin]})
    assert clean_file(case.blob, case.boxes)[0] == expected


# -- broken frames ---------------------------------------------------------------------------------------------------------


def refusal(image: ImageFormat, value: bytes) -> str:
    """The reason for which fragments are refused."""
    with pytest.raises(DeidentificationError) as caught:
        clean(image, value)
    return caught.value.reason.value


@pytest.mark.parametrize("count", [1, 2, 4, 5])
@pytest.mark.parametrize("with_table", [False, True])
def test_a_number_of_frames_that_lies_is_refused(count: int, with_table: bool) -> None:
    frames = [frame_of(GREY, seed) for seed in range(count)]
    assert refusal(replace(GREY, frames=3), fragments(frames, with_table=with_table)) == "pixel-length-mismatch"


def test_fragments_of_which_nobody_knows_the_frame_are_refused() -> None:
    frames = [frame_of(GREY, seed) for seed in range(2)]
    assert refusal(replace(GREY, frames=2), fragments(frames, parts=2)) in ("pixel-invalid-frames", "pixel-length-mismatch")


def test_a_frame_of_too_many_fragments_is_refused_when_it_has_them() -> None:
    nothing = delimiter(0xE000)
    assert refusal(GREY, nothing + nothing * (1 << 22) + delimiter(0xE0DD)) == "pixel-invalid-frames"


def test_a_table_of_millions_of_frames_takes_the_memory_of_its_bytes() -> None:
    count = 1 << 21
    table = np.arange(0, 8 * count, 8, dtype="<u4").tobytes()
    value = struct.pack("<HHL", 0xFFFE, 0xE000, len(table)) + table + delimiter(0xE0DD)
    tracemalloc.start()
    assert refusal(replace(GREY, frames=count), value) == "pixel-length-mismatch"
    assert tracemalloc.get_traced_memory()[1] < 4 * len(table)
    tracemalloc.stop()


@pytest.mark.parametrize("offsets", [(0, 0), (8, 100), (0, 10), (0, 1 << 31)])
def test_a_table_that_lies_is_refused(offsets: tuple[int, int]) -> None:
    value = fragments([frame_of(GREY, seed) for seed in range(2)], with_table=True)
    lie = value[:8] + struct.pack("<2L", *offsets) + value[16:]
    assert refusal(replace(GREY, frames=2), lie) in ("pixel-invalid-frames", "pixel-length-mismatch")


def broken_frames() -> dict[str, bytes]:
    """Frames of one plane of 20 x 30 bytes with faults."""
    good = frame_of(GREY)
    segment = good[64:]
    return {
        "cut short": good[:-100],
        "only a header": good[:64],
        "less than a header": good[:40],
        "two segments": rle_frame([segment, segment]),
        "no segment": bytes(64) + segment,
        "sixteen segments": struct.pack("<L", 16) + good[4:],
        "offset past the end": struct.pack("<2L", 1, 1 << 20) + good[8:],
        "offset in the header": struct.pack("<2L", 1, 8) + good[8:],
        "goes on": good + b"\x81\1" * 10,
        "unfolds to far more": rle_frame([b"\x81\1" * 600]),
        "unfolds to far less": rle_frame([b"\x81\1" * 2]),
    }


@pytest.mark.parametrize("fault", broken_frames())
def test_a_broken_frame_is_refused(fault: str) -> None:
    frame = broken_frames()[fault]
    frame += b"\0" * (len(frame) % 2)
    assert refusal(GREY, fragments([frame])) == "pixel-invalid-frames"


def test_segments_of_colour_in_a_wrong_order_are_refused() -> None:
    image = replace(GREY, samples=3, photometric="RGB")
    frame = bytearray(frame_of(image))
    frame[4:12] = frame[8:12] + frame[4:8]
    assert refusal(image, fragments([bytes(frame)])) == "pixel-invalid-frames"


def test_large_images_of_little_content_are_refused_before_memory_is_taken() -> None:
    with pytest.raises(DeidentificationError, match="pixel-unsupported-format"):
        RleFrames(replace(GREY, rows=65535, columns=65535), AREA)
    bomb = replace(GREY, rows=6_000, columns=8_000)
    assert refusal(bomb, fragments([frame_of(GREY)])) == "pixel-invalid-frames"
    claims = delimiter(0xE000) + delimiter(0xE000, length=1 << 30) + bytes(1000)
    assert refusal(GREY, claims) == "pixel-invalid-frames"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "truncated"),
        (delimiter(0xE000), "truncated"),
        (fragments([b"ab" * 100])[:-8], "truncated"),
        (fragments([b"ab" * 100])[:-20], "truncated"),
        (delimiter(0xE0DD), "invalid-fragments"),
        (bytes(100), "invalid-fragments"),
        (delimiter(0xE000) + delimiter(0xE000, length=UNDEFINED), "invalid-fragments"),
        (delimiter(0xE000) + delimiter(0xE0DD), "pixel-length-mismatch"),
        (delimiter(0xE000) + delimiter(0xE000) + delimiter(0xE0DD), "pixel-invalid-frames"),
    ],
)
def test_what_are_no_fragments_is_refused(value: bytes, reason: str) -> None:
    assert refusal(GREY, value) == reason


@pytest.mark.parametrize("allocated", [8, 16, 32])
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "RGB"])
def test_a_fault_of_the_blanking_or_the_encoder_is_found(
    allocated: int, photometric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = 3 if photometric == "RGB" else 1
    image = replace(GREY, allocated=allocated, stored=allocated, high_bit=allocated - 1, samples=samples, photometric=photometric)
    value = fragments([frame_of(image)])
    assert clean(image, value)[0] != value
    real_blank, real_pack = Blanker.blank, rle.pack

    def blank_too_little(self: Blanker, lines: Any, first: int) -> None:
        real_blank(self, lines[:-20], first)

    def pack_wrongly(plane: Any) -> bytes:
        return real_pack(plane[::-1])

    def pack_too_little(plane: Any) -> bytes:
        return real_pack(plane[:-1])

    for target, name, fault in (
        (Blanker, "blank", blank_too_little),
        (rle, "pack", pack_wrongly),
        (rle, "pack", pack_too_little),
        (rle, "pack", lambda plane: b"\x81"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(target, name, fault)
            assert refusal(image, value) == "pixel-verification-failed"


def test_native_lengths_and_compressed_syntaxes_do_not_mix() -> None:
    cleaner = PixelCleaner(GREY, AREA, RLE)
    with pytest.raises(DeidentificationError, match="invalid-length"):
        drained(cleaner, bytes(600), BytesIO().read, 600, EXPLICIT_LITTLE)
    for syntax in (
        "1.2.840.10008.1.2.4.92",
        "1.2.840.10008.1.2.4.100",
        "1.2.840.10008.1.2.4.110",
        "1.2.840.10008.1.2.8.1",
        "1.2.3",
    ):
        with pytest.raises(DeidentificationError, match="pixel-unsupported-syntax"):
            PixelCleaner(GREY, AREA, syntax)


def test_a_whole_file_says_what_it_said() -> None:
    case = labelled(Kind("MONOCHROME2", syntax=RLE))
    output, verdict = clean_file(case.blob, case.boxes)
    assert (verdict.fill, verdict.codec, verdict.frames) == ("0", "rle", 1)
    before, after = read(case.blob), read(output)
    assert after["PixelData"].is_undefined_length
    del before.PixelData, after.PixelData
    assert before == after
