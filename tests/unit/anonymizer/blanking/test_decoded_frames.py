"""Frames decoded to be looked at are what pydicom decodes, in every form of pixel data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
import pytest
from pydicom.pixels import pixel_array

from anonymizer import DeidentificationError, Reason
from anonymizer.blanking import FrameDecoder, form_of, read_image_format
from anonymizer.dicom.buffer import Buffer
from anonymizer.dicom.encoding import Encoding
from anonymizer.dicom.part10 import read_file_header
from tests.support import compressed_pixels
from tests.support.labelled_pixels import RLE, Kind, labelled
from tests.support.objects import BIG, EXPLICIT, IMPLICIT, read
from tests.support.pixel_readers import by_pydicom

NATIVE = [
    Kind("MONOCHROME2", syntax=IMPLICIT),
    Kind("MONOCHROME2", 16, 12, 11, True, syntax=EXPLICIT, frames=3),
    Kind("MONOCHROME2", 16, 12, 15, syntax=EXPLICIT),
    Kind("MONOCHROME1", 16, 16, 15, syntax=BIG, frames=3),
    Kind("MONOCHROME2", 8, 8, 7, syntax=BIG, frames=3),
    Kind("MONOCHROME2", 8, 7, 6, True, words=False),
    Kind("MONOCHROME1", 1, 1, 0, syntax=EXPLICIT, frames=17),
    Kind("RGB", planar=0, frames=3),
    Kind("RGB", 16, 16, 15, planar=1),
    Kind("YBR_FULL", planar=1, frames=3),
    Kind("YBR_FULL_422", columns=58, frames=3),
    Kind("PALETTE COLOR", lut="16"),
    Kind("MONOCHROME2", 32, 32, 31, syntax=IMPLICIT),
    Kind("MONOCHROME2", 16, 12, 11, True, syntax=RLE, frames=3),
    Kind("RGB", planar=1, syntax=RLE, frames=3),
    Kind("MONOCHROME2", 32, 32, 31, syntax=RLE),
]
COMPRESSED = [
    compressed_pixels.Kind("50", frames=3),
    compressed_pixels.Kind("51", bits=12),
    compressed_pixels.Kind("70", "RGB"),
    compressed_pixels.Kind("57", bits=16, frames=3, cut="parts and table"),
    compressed_pixels.Kind("80", bits=12, signed=True),
    compressed_pixels.Kind("80", "RGB", cut="extended"),
    compressed_pixels.Kind("90", bits=12, signed=True, frames=3),
    compressed_pixels.Kind("91", "YBR_ICT"),
    compressed_pixels.Kind("201", "RGB"),
]


def decoded(
    blob: bytes, wanted: Callable[[int], bool] = lambda number: True, *, missing: int = 0
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield wanted frames as the engine decodes them, from an object that ends so many bytes too early."""
    header = read_file_header(blob, complete=True)
    encoding: Encoding = header.encoding
    buffer = Buffer(blob, complete=True)
    tag = 0x7FE00010
    found = buffer.find(header.offset, len(blob), frozenset({tag}), encoding)[tag]
    image = read_image_format(buffer, header.offset, encoding, found.vr, form=form_of(header.transfer_syntax))  # type: ignore[arg-type]
    stream = BytesIO(blob[found.start + 10 : len(blob) - missing])
    decoder = FrameDecoder(image, header.transfer_syntax)
    frames = decoder.decode(blob[found.start : found.start + 10], stream.read, found.length, encoding, wanted)
    yield from frames


def test_every_form_of_native_pixels_is_decoded_as_pydicom_does() -> None:
    for kind in NATIVE:
        one = labelled(kind)
        blob, dataset = one.blob, read(one.blob)
        expected = pixel_array(dataset, raw=True).reshape(kind.frames, kind.rows, kind.columns, -1)
        if kind.high != kind.stored - 1:
            # pydicom takes the lowest bits, whatever HighBit says
            expected = one.cells >> kind.high + 1 - kind.stored & (1 << kind.stored) - 1
        found = dict(decoded(blob))
        assert list(found) == list(range(kind.frames)), kind.name
        for number, frame in found.items():
            assert np.array_equal(frame.reshape(kind.rows, kind.columns, -1), expected[number].astype(np.int64)), kind.name


@pytest.mark.parametrize("kind", COMPRESSED, ids=lambda kind: kind.name)
def test_codestreams_are_decoded_as_pydicom_does(kind: compressed_pixels.Kind) -> None:
    pytest.importorskip("imagecodecs")
    blob = compressed_pixels.labelled(kind).blob
    expected = by_pydicom(blob)
    found = [frame for _, frame in decoded(blob)]
    assert len(found) == kind.frames
    if expected is None:
        # pydicom has no plugin for twelve bits of JPEG Extended
        assert kind.syntax == "51" and int(found[0].max()) > 255
        return
    for frame, reference in zip(found, expected.frames, strict=True):
        # decoders of DCT frames may differ in rounding
        assert int(np.abs(frame.reshape(reference.shape) - reference).max()) <= (2 if kind.syntax in ("50", "51") else 0)


@pytest.mark.parametrize("syntax", [EXPLICIT, RLE])
def test_frames_that_nobody_wants_are_passed_over(syntax: str) -> None:
    blob = labelled(Kind("MONOCHROME2", syntax=syntax, frames=17)).blob
    found = dict(decoded(blob, lambda number: number in (3, 16)))
    whole = dict(decoded(blob))
    assert list(found) == [3, 16]
    assert all(np.array_equal(found[number], whole[number]) for number in found)


def test_single_bits_of_frames_that_end_within_bytes_are_found() -> None:
    blob = labelled(Kind("MONOCHROME2", 1, 1, 0, frames=17)).blob
    expected = pixel_array(read(blob), raw=True)
    assert [number for number, frame in decoded(blob) if not np.array_equal(frame, expected[number])] == []


def test_pixels_that_are_not_as_the_header_says_are_refused() -> None:
    blob = labelled(Kind("MONOCHROME2", syntax=EXPLICIT, frames=3)).blob
    dataset = read(blob)
    dataset.NumberOfFrames = 4
    stream = BytesIO()
    dataset.save_as(stream)
    with pytest.raises(DeidentificationError) as refused:
        list(decoded(stream.getvalue()))
    assert refused.value.reason is Reason.PIXEL_LENGTH_MISMATCH
    with pytest.raises(DeidentificationError) as refused:
        list(decoded(blob, missing=40))
    assert refused.value.reason is Reason.TRUNCATED
