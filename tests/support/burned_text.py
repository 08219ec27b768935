"""Ultrasound images with text burned in, drawn by Pillow, and what of its ink is left in an output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pydicom
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.pixels import pixel_array
from pydicom.uid import ExplicitVRLittleEndian

Array = np.ndarray
NAME, NUMBER, DISTANCE = "DOE^JANE 1967-03-04", "MRN 0044918", "Dist 4.32 cm"
LINES = ((NAME, 20, 12), (NUMBER, 20, 44), (DISTANCE, 300, 360))
_ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"


@dataclass(frozen=True)
class Burned:
    """An object with text.

    Attributes:
        ink: bool, shape (frames, rows, columns): pixels that belong to letters.
        picture: uint8, as a viewer shows it, shape (frames, rows, columns).
    """

    blob: bytes
    ink: Array
    picture: Array


def speckle(rows: int = 400, columns: int = 512, seed: int = 1) -> Array:
    """Return a fan of speckle on black, without any text: uint8, shape (rows, columns)."""
    down, across = np.mgrid[0:rows, 0:columns]
    radius, angle = np.hypot(down - 60, across - columns // 2), np.abs(np.arctan2(across - columns // 2, down - 60))
    noise = np.random.default_rng(seed).rayleigh(30, (rows, columns)).clip(0, 200)
    return np.where((radius > 60) & (radius < 300) & (angle < 0.7), noise, 0).astype(np.uint8)


def ink_of(lines: Sequence[tuple[str, int, int]], rows: int = 400, columns: int = 512, size: int = 14) -> Array:
    """Return the strength of the ink of lines of text, each with its place: uint8, shape (rows, columns)."""
    sheet = Image.new("L", (columns, rows), 0)
    pen = ImageDraw.Draw(sheet)
    for text, x, y in lines:
        pen.text((x, y), text, fill=255, font=ImageFont.load_default(size))
    return np.array(sheet)


def burned(
    lines: Sequence[tuple[str, int, int]] = LINES,
    *,
    frames: int = 1,
    photometric: str = "MONOCHROME2",
    size: int = 14,
    number: int = 1,
    lines_of: Callable[[int], Sequence[tuple[str, int, int]]] | None = None,
    **attributes: object,
) -> Burned:
    """Return an ultrasound image with text, in Explicit VR Little Endian.

    Args:
        photometric: MONOCHROME1 or 2 of 8 bits, MONOCHROME2 of 12 bits as ``12``, or RGB.
        lines_of: the lines of each frame, by its number; None: ``lines`` in all.
        attributes: others of the data set, by keyword.
    """
    inks = np.stack([ink_of(lines if lines_of is None else lines_of(frame), size=size) for frame in range(frames)])
    picture = np.stack([np.maximum(speckle(seed=frame + 1), ink) for frame, ink in enumerate(inks)])
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = _ULTRASOUND
    meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.9.27.{number}.18"
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = _ULTRASOUND, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID = (f"1.2.826.0.1.3680043.9.27.{number}.{last}" for last in (13, 14))
    data.Modality, data.ImageType, data.Manufacturer = "US", ["ORIGINAL", "PRIMARY"], "ACME"
    data.PatientName, data.PatientID, data.PatientBirthDate = "DOE^JANE", "0044918", "19670304"
    data.Rows, data.Columns = picture.shape[1:]
    data.SamplesPerPixel, data.PixelRepresentation = 1, 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 7
    data.PhotometricInterpretation = "MONOCHROME2" if photometric == "12" else photometric
    pixels: Array = picture
    if photometric == "MONOCHROME1":
        pixels = 255 - picture
    elif photometric == "RGB":
        pixels = np.repeat(picture[..., None], 3, axis=-1)
        data.SamplesPerPixel, data.PlanarConfiguration = 3, 0
    elif photometric == "12":
        # a narrow window, and a few pixels far above it
        pixels = (picture.astype(np.uint16) // 2 + 900).astype("<u2")
        pixels[:, :2, :2] = 4095
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    if frames > 1:
        data.NumberOfFrames, data.FrameTime = frames, "33"
    for keyword, value in attributes.items():
        setattr(data, keyword, value)
    data.PixelData = pixels.tobytes()
    stream = BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return Burned(stream.getvalue(), inks > 96, picture)


def left_of(original: Burned, output: bytes) -> float:
    """Return the share of the ink that isn't black in the output, and check that what isn't black there stayed as it was."""
    before, after = (pixel_array(pydicom.dcmread(BytesIO(blob)), raw=True) for blob in (original.blob, output))
    shape = original.ink.shape
    before, after = before.reshape(*shape, -1)[..., 0], after.reshape(*shape, -1)[..., 0]
    dataset = pydicom.dcmread(BytesIO(output))
    black = (1 << dataset.BitsStored) - 1 if dataset.PhotometricInterpretation == "MONOCHROME1" else 0
    assert np.array_equal(before[after != black], after[after != black])
    return float((after[original.ink] != black).mean()) if original.ink.any() else 0.0
