"""Compressed frames: rectangles are black, nothing else changes, the object says what it is; what isn't understood is refused."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_fragments

from anonymizer import Anonymizer, DeidentificationError, Reason
from anonymizer.blanking import dct_frames, incoming, raster_frames
from profiles import ConfidentialityProfile
from tests.support.cleaned_codestreams import clean_object
from tests.support.compressed_pixels import Kind, Labelled, few_kinds, labelled
from tests.support.frame_encoders import PREFIX, Coding
from tests.support.objects import Element, read
from tests.support.pixel_judge import judge
from tests.support.pixel_readers import raw_frames

FEW = few_kinds()
GREY, WORDS = Kind("90"), Kind("70", bits=12)
DCT = Kind("50", "YBR_FULL_422", coding=Coding("", sampling="420"))
#: one of each codec
EACH = (DCT, WORDS, Kind("80", "RGB"), GREY, Kind("201", "YBR_RCT"))


@cache
def case_of(kind: Kind) -> Labelled:
    return labelled(kind)


def reason(blob: bytes, boxes: tuple[tuple[int, int, int, int], ...] = ((0, 0, 9, 9),)) -> str:
    with pytest.raises(DeidentificationError) as refused:
        clean_object(blob, boxes)
    return str(refused.value.reason)


def edited(case: Labelled, change: Callable[[pydicom.Dataset], None]) -> bytes:
    dataset = read(case.blob)
    change(dataset)
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


# -- what is cleaned ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FEW, ids=lambda kind: kind.name)
def test_boxes_are_black_and_outside_nothing_changes(kind: Kind) -> None:
    case = case_of(kind)
    output, report = clean_object(case.blob, case.boxes)
    assert judge(case.blob, output, case.boxes) == []
    assert report.pixels is not None
    assert (report.pixels.frames, report.pixels.verdict) == (kind.frames, "verified")
    assert report.transfer_syntax_uid == read(output).file_meta.TransferSyntaxUID


@pytest.mark.parametrize("kind", EACH, ids=lambda kind: kind.name)
def test_the_same_object_gives_the_same_bytes(kind: Kind) -> None:
    case = case_of(kind)
    assert clean_object(case.blob, case.boxes)[0] == clean_object(case.blob, case.boxes)[0]


@pytest.mark.parametrize("kind", EACH, ids=lambda kind: kind.name)
def test_rectangles_at_all_edges_and_of_a_pixel(kind: Kind) -> None:
    rows, columns = kind.size
    case = case_of(kind)
    boxes = ((0, 0, 1, 1), (columns - 1, rows - 1, columns, rows), (16, 16, 32, 32), (columns // 2, 0, columns // 2 + 1, rows))
    assert judge(case.blob, clean_object(case.blob, boxes)[0], boxes) == []


@pytest.mark.parametrize("kind", EACH, ids=lambda kind: kind.name)
def test_a_whole_image_is_blanked(kind: Kind) -> None:
    rows, columns = kind.size
    case = case_of(kind)
    boxes = ((0, 0, columns, rows),)
    assert judge(case.blob, clean_object(case.blob, boxes)[0], boxes) == []


@pytest.mark.parametrize(
    ("kind", "codec", "rectangles"),
    [
        (Kind("50"), "dct", {(0, 0, 56, 16), (56, 48, 101, 64)}),
        (DCT, "dct", {(0, 0, 64, 16), (48, 48, 101, 67)}),
        (WORDS, "jpeg-lossless", {(4, 3, 53, 12), (56, 55, 99, 64)}),
        (Kind("81"), "jpeg-ls", {(4, 3, 53, 12), (56, 55, 99, 64)}),
        (GREY, "jpeg-2000", {(4, 3, 53, 12), (56, 55, 99, 64)}),
        (Kind("202"), "htj2k", {(4, 3, 53, 12), (56, 55, 99, 64)}),
    ],
    ids=lambda one: getattr(one, "name", None),
)
def test_the_account_has_what_is_black_and_how_it_was_done(kind: Kind, codec: str, rectangles: set[tuple[int, ...]]) -> None:
    case = case_of(kind)
    assert case.boxes == ((4, 3, 53, 12), (56, 55, 99, 64))
    pixels = clean_object(case.blob, case.boxes)[1].pixels
    assert pixels is not None
    assert (pixels.codec_path, {tuple(area) for area in pixels.sources[0].rectangles}) == (codec, rectangles)


@pytest.mark.parametrize("kind", [DCT, WORDS, Kind("80"), GREY, Kind("201")], ids=lambda kind: kind.name)
def test_frames_in_fragments_are_told_apart_without_a_table(kind: Kind) -> None:
    case = case_of(replace(kind, frames=3, cut="parts and table"))

    def drop_table(dataset: pydicom.Dataset) -> None:
        (length,) = struct.unpack_from("<L", dataset.PixelData, 4)
        dataset.PixelData = b"\xfe\xff\x00\xe0" + bytes(4) + dataset.PixelData[8 + length :]
        dataset["PixelData"].is_undefined_length = True

    blob = edited(case, drop_table)
    assert len(list(generate_fragments(read(blob).PixelData))) > 1 + 2 * 3
    output = clean_object(blob, case.boxes)[0]
    assert len(raw_frames(read(output))) == 3
    assert judge(case.blob, output, case.boxes) == []


def test_text_beside_the_samples_goes() -> None:
    comment = b"\xff\xfe\x00\x0aJANE DOE"
    exif = b"\xff\xe1\x00\x0eExif\0\0JANE D"
    thumbnail = b"\xff\xe0\x00\x13JFIF\0\1\1\0\0\1\0\1\1\1ink"
    for kind in (DCT, WORDS, Kind("80", coding=Coding("", interleave=0))):
        case = case_of(kind)

        def hide(dataset: pydicom.Dataset) -> None:
            frame = raw_frames(dataset)[0]
            extra = comment + exif + (thumbnail if kind is DCT else b"")  # noqa: B023
            frame = frame[:2] + extra + frame[2:] + b"JANE DOE JANE DOE"
            dataset.PixelData = pydicom.encaps.encapsulate([frame])
            dataset["PixelData"].is_undefined_length = True

        output = clean_object(edited(case, hide), case.boxes)[0]
        assert b"JANE" not in output and b"Exif" not in output and b"ink" not in output
        assert judge(case.blob, output, case.boxes) == []


# -- what the object says ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "syntax", "photometric"),
    [
        (Kind("50"), "50", "MONOCHROME2"),
        (Kind("57", coding=Coding("", predictor=4)), "57", "MONOCHROME2"),
        (Kind("81", "RGB"), "80", "RGB"),
        (Kind("91", "YBR_ICT"), "90", "YBR_RCT"),
        (Kind("91", "RGB", coding=Coding("", irreversible=True)), "90", "RGB"),
        (Kind("202", "YBR_RCT"), "202", "YBR_RCT"),
        # nothing tells that they lost anything, and the syntax leaves it open
        (Kind("91"), "91", "MONOCHROME2"),
        (Kind("203"), "203", "MONOCHROME2"),
        (Kind("203", "YBR_ICT"), "201", "YBR_RCT"),
    ],
    ids=lambda one: getattr(one, "name", None),
)
def test_syntax_colours_and_loss_are_named_truthfully(kind: Kind, syntax: str, photometric: str) -> None:
    case = case_of(kind)
    found, before = read(clean_object(case.blob, case.boxes)[0]), read(case.blob)
    assert found.file_meta.TransferSyntaxUID == PREFIX + syntax
    assert found.PhotometricInterpretation == photometric
    for keyword in ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        assert found.get(keyword) == before.get(keyword)


def test_a_plain_data_set_gets_the_syntax_of_its_fragments() -> None:
    case = case_of(Kind("81"))
    bare = pydicom.Dataset({element.tag: element for element in read(case.blob)})
    bare.set_original_encoding(False, True)
    bare.file_meta = read(case.blob).file_meta
    lines = f'sop_instance_uid,rows,columns,blank,reviewer\n{bare.SOPInstanceUID},67,101,"4,3,53,12",tests\n'
    profile = ConfidentialityProfile.default("CleanPixelData", rectangles=io.StringIO(lines))
    found = Anonymizer(profile, bytes(range(32))).anonymize(bare)
    assert found.file_meta.TransferSyntaxUID == PREFIX + "80"
    assert not np.any(found.pixel_array[3:12, 4:53])


# -- what isn't --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "syntax", ["92", "100", "101", "102", "103", "104", "105", "106", "107", "108", "110", "111", "112", "204"]
)
def test_other_syntaxes_are_refused(syntax: str) -> None:
    old, new = (f"{PREFIX}{each}".encode() for each in ("201", syntax))
    blob = case_of(Kind("201")).blob.replace(old.ljust(len(old) + len(old) % 2, b"\0"), new.ljust(len(old) + len(old) % 2, b"\0"))
    assert reason(blob) == "pixel-unsupported-syntax"


@pytest.mark.parametrize("kind", EACH, ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("Rows", 66),
        ("Columns", 102),
        ("SamplesPerPixel", None),
        ("NumberOfFrames", 2),
        ("PixelRepresentation", 1),
        ("BitsAllocated", None),
    ],
)
def test_codestreams_that_are_not_what_the_header_says_are_refused(kind: Kind, keyword: str, value: int | None) -> None:
    def contradict(dataset: pydicom.Dataset) -> None:
        if keyword == "SamplesPerPixel":
            colour = dataset.SamplesPerPixel == 1
            dataset.SamplesPerPixel, dataset.PlanarConfiguration = (3, 0) if colour else (1, 0)
            dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
        elif keyword == "BitsAllocated":
            dataset.BitsAllocated = dataset.BitsStored = 4
            dataset.HighBit = 3
        elif keyword == "PixelRepresentation":
            # of fewer bits than BitsStored, whose sign nobody knows
            dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
            dataset.PixelRepresentation = value
        else:
            setattr(dataset, keyword, value)

    expected = {"pixel-invalid-frames", "pixel-length-mismatch", "pixel-unsupported-format"}
    assert reason(edited(case_of(kind), contradict)) in expected


@pytest.mark.parametrize("kind", EACH, ids=lambda kind: kind.name)
def test_frames_of_another_family_are_refused(kind: Kind) -> None:
    for other in EACH:
        if other.syntax != kind.syntax:

            def rename(dataset: pydicom.Dataset) -> None:
                dataset.file_meta.TransferSyntaxUID = PREFIX + other.syntax  # noqa: B023

            assert reason(edited(case_of(kind), rename)) in ("pixel-invalid-frames", "pixel-unsupported-format"), other


@pytest.mark.parametrize("kind", EACH, ids=lambda kind: kind.name)
def test_frames_cut_short_are_refused(kind: Kind) -> None:
    def cut(dataset: pydicom.Dataset) -> None:
        frame = raw_frames(dataset)[0]
        dataset.PixelData = pydicom.encaps.encapsulate([frame[: len(frame) // 2]])
        dataset["PixelData"].is_undefined_length = True

    assert reason(edited(case_of(kind), cut)) == "pixel-invalid-frames"


def test_colours_that_a_codestream_cant_have_are_refused() -> None:
    for kind, photometric in (
        (DCT, "YBR_RCT"),
        (Kind("50"), "PALETTE COLOR"),
        (GREY, "YBR_PARTIAL_420"),
        (Kind("80", "RGB"), "YBR_RCT"),
    ):
        case = labelled(kind, 1, Element(0x00280004, "CS", photometric))
        assert reason(case.blob) in ("pixel-unsupported-format", "pixel-invalid-image")


def test_frames_that_are_too_large_are_refused_before_a_decoder_sees_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster_frames, "decode", None)
    monkeypatch.setattr(dct_frames, "blank_dct", None)
    for kind in EACH:

        def enlarge(dataset: pydicom.Dataset) -> None:
            dataset.Rows = dataset.Columns = 65_500

        assert reason(edited(case_of(kind), enlarge)) == "pixel-unsupported-format"


def test_few_bytes_that_unpack_to_very_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    case = labelled(replace(GREY, frames=3))
    size = len(case.blob)
    monkeypatch.setattr(incoming, "_UNBOUNDED", 2 * 67 * 101)
    assert clean_object(case.blob, case.boxes)[1].pixels is not None
    monkeypatch.setattr(incoming, "_MOST_EXPANSION", 3 * 67 * 101 // size)
    assert reason(case.blob) == "pixel-invalid-frames"


# -- what goes wrong ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [WORDS, Kind("80", "RGB"), GREY, Kind("201", "YBR_RCT")], ids=lambda kind: kind.name)
def test_a_wrong_sample_is_found(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    real = raster_frames.encode
    for at, value in ((0, 1), (-1, 0), (kind.size[1] * 20, 0)):

        def wrong(raster: raster_frames.Raster, coding: raster_frames.Coding) -> bytes:
            samples = bytearray(raster.samples)
            samples[at] ^= 1 + value  # noqa: B023
            return real(raster._replace(samples=bytes(samples)), coding)

        monkeypatch.setattr(raster_frames, "encode", wrong)
        assert reason(case_of(kind).blob) == "pixel-verification-failed"


def test_a_frame_that_says_something_else_of_itself_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = raster_frames.encode
    monkeypatch.setattr(raster_frames, "encode", lambda raster, coding: real(raster._replace(bits=13), coding))
    assert reason(case_of(WORDS).blob) == "pixel-verification-failed"
    monkeypatch.setattr(raster_frames, "encode", lambda raster, coding: real(raster, coding._replace(component_transform=False)))
    assert reason(case_of(Kind("201", "YBR_RCT")).blob) == "pixel-verification-failed"


def test_a_wrong_coefficient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = dct_frames.blank_dct

    def too_much(frame: bytes, areas: list[list[dct_frames.BlockArea]], levels: tuple[int, ...], bits: int) -> bytes:
        return real(frame, [[*own, dct_frames.BlockArea(4, 4, 5, 5)] for own in areas], levels, bits)

    def too_little(frame: bytes, areas: list[list[dct_frames.BlockArea]], levels: tuple[int, ...], bits: int) -> bytes:
        return real(frame, [*areas[:-1], []], levels, bits)

    def grey(frame: bytes, areas: list[list[dct_frames.BlockArea]], levels: tuple[int, ...], bits: int) -> bytes:
        return real(frame, areas, [128, *levels[1:]], bits)

    for wrong in (too_much, too_little, grey):
        monkeypatch.setattr(dct_frames, "blank_dct", wrong)
        assert reason(case_of(DCT).blob) == "pixel-verification-failed"


@pytest.mark.parametrize("kind", EACH, ids=lambda kind: kind.name)
def test_without_its_codec_an_object_is_refused_with_a_reason_that_says_so(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert reason(case_of(kind).blob) == Reason.PIXEL_CODEC_MISSING.value


def test_no_file_is_left_in_the_temporary_folder(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    for kind in EACH:
        case = case_of(replace(kind, frames=3, cut="table"))
        clean_object(case.blob, case.boxes)
        assert os.listdir(str(tmp_path)) == []
