"""The judge of cleaned compressed objects passes what a plain cleaner wrote, and finds each fault that is planted there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from shutil import which

import jpegio
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate

from tests.support.codestream_headers import read_header
from tests.support.compressed_pixels import CUTS, SIZES, Kind, Labelled, few_kinds, labelled
from tests.support.frame_encoders import DCT, PREFIX, SHORT, Coding, encode_frame, reference_decode
from tests.support.objects import read
from tests.support.pixel_judge import black, judge
from tests.support.pixel_judge_dct import as_blocks, block_mask, reached, read_coefficients
from tests.support.pixel_judge_headers import BECOMES
from tests.support.pixel_readers import CAN_READ, READERS, raw_frames

FEW = few_kinds()
GREY = Kind("70", frames=3, cut="table")
COLOUR = Kind("91", "YBR_ICT")
BASELINE = Kind("50", "YBR_FULL_422", coding=Coding("", sampling="420"))
Change = Callable[[pydicom.Dataset, list[bytes]], "list[bytes] | None"]
#: without programs that may not be there
LIBRARIES = {name: reader for name, reader in READERS.items() if name != "dcmtk"}


# -- a plain cleaner ---------------------------------------------------------------------------------------------------------


def cleaned(case: Labelled, folder: Path, change: Change | None = None) -> bytes:
    """Return the object as a cleaner writes it that decodes, blanks and encodes; ``change`` plants a fault."""
    dataset = read(case.blob)
    if case.kind.syntax in DCT and case.kind.bits > 8:
        # jpegio doesn't write them, but blocks don't depend on each other
        frames = [encode_frame(_blanked(case, frame), case.kind.coded) for frame in case.samples]
    else:
        frames = [_clean_frame(case, frame, folder) for frame in raw_frames(dataset)]
    syntax = BECOMES.get(case.kind.syntax, case.kind.syntax) if case.kind.is_lossy else case.kind.syntax
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(PREFIX + syntax)
    dataset.BurnedInAnnotation, dataset.DerivationDescription = "NO", "Burned-in annotation blanked (PS3.15 E.3.1)"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    if dataset.PhotometricInterpretation == "YBR_ICT":
        dataset.PhotometricInterpretation = "YBR_RCT"
    for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if name in dataset:
            delattr(dataset, name)
    if change is not None:
        frames = change(dataset, frames) or frames
    dataset.PixelData = encapsulate(frames, has_bot=case.kind.cut != "bare")
    dataset["PixelData"].is_undefined_length = True
    written = BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


def _blanked(case: Labelled, samples: np.ndarray) -> np.ndarray:
    """Return samples with all blocks of 8 x 8 black that a box touches."""
    found, fill = samples.copy(), min(black(read(case.blob), case.kind.photometric))
    for x0, y0, x1, y1 in case.boxes:
        found[y0 // 8 * 8 : -(-y1 // 8) * 8, x0 // 8 * 8 : -(-x1 // 8) * 8] = fill
    return found


def _clean_frame(case: Labelled, frame: bytes, folder: Path) -> bytes:
    if case.kind.syntax in DCT:
        return _clean_dct(case, frame, folder)
    coded, dataset = case.kind.coded, read(case.blob)
    values = reference_decode(frame, coded).copy()
    photometric = "RGB" if coded.mct else case.kind.photometric
    for x0, y0, x1, y1 in case.boxes:
        values[y0:y1, x0:x1] = min(black(dataset, photometric))
    syntax = BECOMES.get(coded.syntax, coded.syntax)
    return encode_frame(values, replace(coded, syntax=syntax, near=0, irreversible=False))


def _clean_dct(case: Labelled, frame: bytes, folder: Path) -> bytes:
    image, header = read_coefficients(frame), read_header(frame)
    for number, plane in enumerate(image.coef_arrays):
        blocks = as_blocks(plane)
        mask = block_mask(header, number, blocks.shape[:2], reached(header, case.boxes))
        step = int(image.quant_tables[image.comp_info[number].quant_tbl_no][0, 0])
        level = -(-1024 // -step) if case.kind.photometric != "MONOCHROME1" else -(-1024 // step)
        blocks[mask] = 0
        blocks[mask, 0, 0] = 0 if number and case.kind.coded.colour == "YBR" else level
        plane[:] = blocks.swapaxes(1, 2).reshape(plane.shape)
    path = folder / "frame.jpg"
    jpegio.write(image, str(path))
    return path.read_bytes()


@cache
def case_of(kind: Kind) -> Labelled:
    return labelled(kind)


# -- the set -----------------------------------------------------------------------------------------------------------------


def test_the_few_have_each_value() -> None:
    assert len(FEW) <= 45
    assert {kind.syntax for kind in FEW} == set(SHORT)
    assert {kind.cut for kind in FEW} == set(CUTS) and {kind.size for kind in FEW} == set(SIZES)
    assert {kind.bits for kind in FEW} == {8, 10, 12, 16} and {kind.frames for kind in FEW} == {1, 3}
    assert {kind.coded.predictor for kind in FEW} == set(range(1, 8)) and {kind.coded.interleave for kind in FEW} == {0, 1, 2}
    assert {kind.photometric for kind in FEW} == {
        *("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")
    }


@pytest.mark.parametrize("kind", FEW, ids=lambda kind: kind.name)
def test_the_set_is_what_it_says(kind: Kind) -> None:
    """Each reader that can read it sees what was drawn, and the text."""
    case, seen = case_of(kind), 0
    header = read_header(raw_frames(read(case.blob))[0])
    assert (header.rows, header.columns, header.components, header.bits) == (*kind.size, kind.samples, kind.bits)
    for name, reader in LIBRARIES.items():
        found = reader(case.blob)
        if found is None:
            continue
        assert kind.syntax in CAN_READ[name]
        seen += 1
        frames = np.stack(found.frames)
        assert frames.shape == case.samples.shape
        assert kind.is_lossy or np.array_equal(frames, case.samples), name
        x0, y0, x1, y1 = case.boxes[0]
        assert len(np.unique(frames[:, y0:y1, x0:x1])) > 8
    assert seen


# -- the judge ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FEW, ids=lambda kind: kind.name)
def test_what_is_clean_passes(kind: Kind, tmp_path: Path) -> None:
    case = case_of(kind)
    assert judge(case.blob, cleaned(case, tmp_path), case.boxes, LIBRARIES) == []


@pytest.mark.parametrize("kind", [GREY, COLOUR, BASELINE, Kind("51", bits=12)], ids=lambda kind: kind.name)
def test_what_was_not_cleaned_is_found(kind: Kind) -> None:
    case = case_of(kind)
    assert {"burned-in", "image-type", "derivation", "not-constant"} <= kinds_of(
        judge(case.blob, case.blob, case.boxes, LIBRARIES)
    )


def kinds_of(findings: Iterable[str]) -> set[str]:
    return {finding.partition(":")[0] for finding in findings}


def in_last_frame(kind: Kind, change: Callable[[np.ndarray], None], **coding: object) -> Change:
    """Return a fault in the samples of the last frame, or in how it is coded."""

    def planted(_: pydicom.Dataset, frames: list[bytes]) -> list[bytes]:
        coded = replace(kind.coded, syntax=BECOMES.get(kind.syntax, kind.syntax), irreversible=False, near=0)
        values = reference_decode(frames[-1], coded).copy()
        change(values)
        return [*frames[:-1], encode_frame(values, replace(coded, **coding))]  # type: ignore[arg-type]

    return planted


def with_attribute(name: str, value: object) -> Change:
    return lambda dataset, _: setattr(dataset, name, value)


def with_syntax(number: str) -> Change:
    return lambda dataset, _: setattr(dataset.file_meta, "TransferSyntaxUID", pydicom.uid.UID(PREFIX + number))


def with_segment(segment: bytes) -> Change:
    return lambda _, frames: [frame[:2] + segment + frame[2:] for frame in frames]


def nothing(_: np.ndarray) -> None:
    """Change no sample."""


def brighter_corner(values: np.ndarray) -> None:
    values[-1, 0, 0] ^= 1


def rest_of_ink(values: np.ndarray) -> None:
    values[8, 9, 0] = 200


def grey_box(values: np.ndarray) -> None:
    for x0, y0, x1, y1 in labelled(GREY).boxes:
        values[y0:y1, x0:x1] = 1


PLANTED: dict[str, tuple[Kind, Change, set[str]]] = {
    "a sample outside": (GREY, in_last_frame(GREY, brighter_corner), {"sample-outside"}),
    "ink": (GREY, in_last_frame(GREY, rest_of_ink), {"not-constant"}),
    "not black": (Kind("70"), in_last_frame(Kind("70"), grey_box), {"not-black"}),
    "another predictor": (GREY, in_last_frame(GREY, nothing, predictor=4), {"coding", "process"}),
    "lossy": (Kind("80"), in_last_frame(Kind("80"), nothing, near=1), {"lossy", "sample-outside"}),
    "the old syntax": (COLOUR, with_syntax("91"), {"syntax"}),
    "the old colours": (COLOUR, with_attribute("PhotometricInterpretation", "YBR_ICT"), {"photometric"}),
    "no transform": (COLOUR, in_last_frame(COLOUR, nothing, mct=False), {"photometric"}),
    "wrong colours": (COLOUR, with_attribute("PhotometricInterpretation", "RGB"), {"photometric"}),
    "another family": (GREY, with_syntax("80"), {"syntax", "process"}),
    "another precision": (GREY, in_last_frame(GREY, nothing, bits=9), {"coding"}),
    "burned in": (GREY, with_attribute("BurnedInAnnotation", "YES"), {"burned-in"}),
    "no loss any more": (BASELINE, with_attribute("LossyImageCompression", "00"), {"attribute"}),
    "original": (GREY, with_attribute("ImageType", ["ORIGINAL", "PRIMARY"]), {"image-type"}),
    "a comment": (BASELINE, with_segment(b"\xff\xfe\0\x0aDOE JANE"), {"comment"}),
    "Exif": (GREY, with_segment(b"\xff\xe1\0\x0cExif\0\0DOE\0"), {"application"}),
    "a thumbnail": (GREY, with_segment(b"\xff\xe0\0\x13JFIF\0\1\1\0\0\1\0\1\1\1DOE"), {"application"}),
    "text behind the end": (GREY, lambda _, frames: [frame + b"DOE JANE" for frame in frames], {"behind"}),
    "a frame less": (GREY, lambda _, frames: frames[:-1], {"frames"}),
    "coded anew": (
        BASELINE,
        lambda _, frames: [*frames[:-1], encode_frame(reference_decode(frames[-1], BASELINE.coded), BASELINE.coded)],
        {"coefficients-outside"},
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str, tmp_path: Path) -> None:
    kind, change, expected = PLANTED[name]
    case = case_of(kind)
    findings = judge(case.blob, cleaned(case, tmp_path, change), case.boxes, LIBRARIES)
    assert expected <= kinds_of(findings), findings


@pytest.mark.parametrize("component", [0, 1, 2])
def test_a_rest_of_text_in_coefficients_is_found(component: int, tmp_path: Path) -> None:
    def planted(_: pydicom.Dataset, frames: list[bytes]) -> list[bytes]:
        image = read_coefficients(frames[0])
        image.coef_arrays[component][1, 2] += 1
        jpegio.write(image, str(tmp_path / "planted.jpg"))
        return [(tmp_path / "planted.jpg").read_bytes()]

    case = case_of(BASELINE)
    findings = judge(case.blob, cleaned(case, tmp_path, planted), case.boxes, LIBRARIES)
    assert f"coefficients-inside: AC of component {component} is left in frame 0" in findings


@pytest.mark.skipif(not (which("dcmdjpeg") and which("dcmdjpls")), reason="DCMTK isn't there")
@pytest.mark.parametrize("kind", [GREY, BASELINE, Kind("51", bits=12), Kind("81", "RGB")], ids=lambda kind: kind.name)
def test_programs_of_dcmtk_judge_too_where_they_are(kind: Kind, tmp_path: Path) -> None:
    case, only = case_of(kind), {"dcmtk": READERS["dcmtk"]}
    assert judge(case.blob, cleaned(case, tmp_path), case.boxes, only) == []
    assert "not-constant" in kinds_of(judge(case.blob, case.blob, case.boxes, only))


def test_a_wrong_offset_table_is_found(tmp_path: Path) -> None:
    case = case_of(GREY)
    blob = cleaned(case, tmp_path)
    table = blob.index(b"\xfe\xff\x00\xe0\x0c\0\0\0") + 12
    spoilt = blob[:table] + (int.from_bytes(blob[table : table + 4], "little") + 2).to_bytes(4, "little") + blob[table + 4 :]
    assert kinds_of(judge(case.blob, spoilt, case.boxes, LIBRARIES)) & {"table", "broken"}


def test_text_behind_the_pixels_is_found(tmp_path: Path) -> None:
    case = case_of(GREY)
    assert kinds_of(judge(case.blob, cleaned(case, tmp_path) + b"DOE JANE", case.boxes, LIBRARIES)) & {"encoding", "broken"}
