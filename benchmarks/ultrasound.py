"""Ultrasound clips in each transfer syntax whose frames are cleaned: a fan of speckle with a banner; the same for a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless

ROWS, COLUMNS = 768, 1024
_ULTRASOUND = "1.2.840.10008.5.1.4.1.1.3.1"
_ROOT = "1.2.840.113619.2.391"
_JPEG = "1.2.840.10008.1.2.4."
#: the names of transfer syntaxes in tables
SYNTAXES = {
    ExplicitVRLittleEndian: "Explicit VR LE",
    RLELossless: "RLE Lossless",
    f"{_JPEG}50": "JPEG Baseline (.50)",
    f"{_JPEG}51": "JPEG Extended (.51)",
    f"{_JPEG}70": "JPEG lossless (.70)",
    f"{_JPEG}80": "JPEG-LS (.80)",
    f"{_JPEG}81": "JPEG-LS near-lossless (.81)",
    f"{_JPEG}90": "JPEG 2000 lossless (.90)",
    f"{_JPEG}91": "JPEG 2000 (.91)",
    f"{_JPEG}201": "HTJ2K lossless (.201)",
    f"{_JPEG}203": "HTJ2K (.203)",
}
#: the methods of those that lose something (PS3.3 C.7.6.1.1.5)
_METHODS = {"50": "ISO_10918_1", "51": "ISO_10918_1", "81": "ISO_14495_1", "91": "ISO_15444_1", "203": "ISO_15444_15"}
#: PhotometricInterpretation of those that transform colours
_COLOURS = {"50": "YBR_FULL_422", "90": "YBR_RCT", "91": "YBR_ICT", "201": "YBR_RCT", "203": "YBR_ICT"}
_SEED = 2026


@dataclass(frozen=True)
class Format:
    """A way to store a clip.

    Attributes:
        syntax: "native", "rle", or the last number of a transfer syntax.
        colour: three samples a pixel, or grey.
        bits: of a sample.
    """

    syntax: str
    colour: bool = False
    bits: int = 8

    @property
    def name(self) -> str:
        return f"{self.syntax}-{'rgb' if self.colour else 'grey'}"

    @property
    def uid(self) -> UID:
        return {"native": ExplicitVRLittleEndian, "rle": RLELossless}.get(self.syntax) or UID(_JPEG + self.syntax)

    @property
    def pixels(self) -> str:
        """The pixels in a table's words."""
        return "RGB" if self.colour else f"grey, {self.bits} bit"

    @property
    def photometric(self) -> str:
        """PhotometricInterpretation of a clip."""
        if not self.colour:
            return "MONOCHROME2"
        return {"50": "YBR_FULL_422", "90": "YBR_RCT", "91": "YBR_ICT", "201": "YBR_RCT", "203": "YBR_ICT"}.get(
            self.syntax, "RGB"
        )


def _formats() -> Iterator[Format]:
    for syntax in ("native", "rle", "50", "51", "70", "80", "81", "90", "91", "201", "203"):
        if syntax == "51":
            yield Format(syntax, bits=12)
        else:
            yield from (Format(syntax), Format(syntax, colour=True))


FORMATS = tuple(_formats())


def write_clips(folder: Path, kind: Format, clips: int, frames: int) -> None:
    """Write clips that have the same frames and differ in their UIDs."""
    samples = [image(number, kind) for number in range(frames)]
    coded = [encoded(frame, kind) for frame in samples]
    folder.mkdir(parents=True)
    for number in range(clips):
        clip = _header(kind, frames, number)
        clip.PixelData = encapsulate(coded) if kind.uid.is_compressed else b"".join(coded)
        clip["PixelData"].VR = "OB" if kind.uid.is_compressed or kind.bits == 8 else "OW"
        clip["PixelData"].is_undefined_length = kind.uid.is_compressed
        if kind.syntax in _METHODS:
            clip.LossyImageCompression = "01"
            clip.LossyImageCompressionRatio = f"{sum(frame.nbytes for frame in samples) / sum(map(len, coded)):.1f}"
            clip.LossyImageCompressionMethod = _METHODS[kind.syntax]
        clip.save_as(folder / f"clip-{number:03d}.dcm", enforce_file_format=True)


def image(number: int, kind: Format) -> np.ndarray:
    """Return a frame: rows and columns, and samples where they are three."""
    grey = _fan(number)
    if kind.colour:
        picture = np.repeat(grey[..., None], 3, axis=2)
        # colour Doppler: flow towards the probe and away from it
        flow = _noise(1000 + number)[320:520, 420:620]
        picture[320:520, 420:520, 0] += 90 * flow[:, :100]
        picture[320:520, 520:620, 2] += 90 * flow[:, 100:]
    else:
        picture = grey
    for text, left, top in _texts(number):
        ink = _ink(text)
        rows, columns = ink.shape
        picture[top : top + rows, left : left + columns][ink] = 235
    greatest = (1 << kind.bits) - 1
    return (picture.clip(0, 255) * (greatest / 255)).astype(np.uint8 if kind.bits == 8 else np.uint16)


def _texts(number: int) -> list[tuple[str, int, int]]:
    return [("DOE^JANE  4711-0815  1961-02-03", 16, 8), ("St. Example Hospital", 760, 8), (f"Frame {number:04d}", 16, 740)]


@cache
def _noise(seed: int) -> np.ndarray:
    """Return speckle: Rayleigh noise that a beam smeared, about 1."""
    found = np.random.default_rng(_SEED + seed).rayleigh(0.8, (ROWS, COLUMNS))
    for axis, width in ((1, 5), (0, 3)):
        found = sum(np.roll(found, shift, axis) for shift in range(width)) / width
    return found


@cache
def _fan(number: int) -> np.ndarray:
    """Return speckle in a sector with layers that move, darker with depth; black around it."""
    down, across = np.mgrid[:ROWS, :COLUMNS].astype(float)
    depth = np.hypot(down - 40, across - COLUMNS / 2)
    angle = np.arctan2(across - COLUMNS / 2, down - 40 + 1e-9)
    inside = (np.abs(angle) < 0.7) & (depth > 60) & (depth < 640) & (down > 50)
    tissue = 110 + 50 * np.sin(depth / 31 + 3 * angle + number / 3) + 25 * np.cos(depth / 90 - 5 * angle)
    found = np.where(inside, tissue * _noise(number) * np.exp(-depth / 900), 0.0)
    # a grey bar beside the fan
    found[200:456, 980:996] = np.arange(255, -1, -1)[:, None]
    return found


@cache
def _ink(text: str) -> np.ndarray:
    """Return where a text of 20 rows is white."""
    from PIL import Image, ImageDraw, ImageFont

    canvas = Image.new("L", (16 * len(text), 20))
    ImageDraw.Draw(canvas).text((0, 0), text, fill=255, font=ImageFont.load_default(15))
    ink = np.asarray(canvas) > 127
    return ink[:, : ink.any(axis=0).nonzero()[0].max() + 1]


def encoded(frame: np.ndarray, kind: Format) -> bytes:
    """Return a frame's bytes in its transfer syntax; a compressed one is of even length."""
    if kind.syntax == "native":
        return frame.tobytes()
    found = _rle(frame, kind) if kind.syntax == "rle" else _coded(frame, kind)
    return found + b"\0" * (len(found) % 2)


def _rle(frame: np.ndarray, kind: Format) -> bytes:
    shape = {"rows": ROWS, "columns": COLUMNS, "samples_per_pixel": 3 if kind.colour else 1, "number_of_frames": 1}
    stored = {"bits_allocated": 8, "bits_stored": 8, "pixel_representation": 0, "planar_configuration": 0}
    return RLELosslessEncoder.encode(frame, photometric_interpretation=kind.photometric, **shape, **stored)


def _coded(frame: np.ndarray, kind: Format) -> bytes:
    """Return the codestream by imagecodecs: libjpeg-turbo, CharLS, OpenJPEG, OpenJPH."""
    import imagecodecs

    syntax, colour = kind.syntax, kind.colour
    options: dict[str, Any] = {}
    if syntax == "50":
        options = {"level": 90, "subsampling": "422", "colorspace": "RGB", "outcolorspace": "YCBCR"} if colour else {"level": 90}
    elif syntax == "51":
        options = {"level": 90, "bitspersample": kind.bits}
    elif syntax == "70":
        space = {"colorspace": "RGB", "outcolorspace": "RGB"} if colour else {}
        options = {"lossless": True, "predictor": 1, "bitspersample": 8, **space}
    if options:
        return bytes(imagecodecs.jpeg8_encode(frame, **options))
    if syntax in ("80", "81"):
        return bytes(imagecodecs.jpegls_encode(frame, level=2 if syntax == "81" else 0))
    if syntax in ("90", "91"):
        # the level is PSNR in dB; one thread, as the others
        kept = {"reversible": True} if syntax == "90" else {"level": 42, "reversible": False}
        return bytes(imagecodecs.jpeg2k_encode(frame, codecformat="j2k", mct=colour, numthreads=1, **kept))
    kept = {"reversible": True} if syntax == "201" else {"level": 1 / 128, "reversible": False}
    return bytes(imagecodecs.htj2k_encode(frame, planar=False, **({"rgb": True} if colour else {}), **kept))


def _header(kind: Format, frames: int, number: int) -> Dataset:
    clip = Dataset()
    clip.file_meta = FileMetaDataset()
    clip.file_meta.TransferSyntaxUID = kind.uid
    clip.SOPClassUID = _ULTRASOUND
    clip.SOPInstanceUID = f"{_ROOT}.1.{number + 1}"
    clip.StudyInstanceUID, clip.SeriesInstanceUID = f"{_ROOT}.2", f"{_ROOT}.3"
    clip.Modality, clip.ImageType, clip.BurnedInAnnotation = "US", ["ORIGINAL", "PRIMARY"], "YES"
    clip.StudyDate, clip.StudyTime, clip.Manufacturer, clip.ManufacturerModelName = "20240315", "101530", "Maker", "Scan 1"
    clip.PatientName, clip.PatientID, clip.PatientBirthDate, clip.PatientSex = "Doe^Jane", "4711-0815", "19610203", "F"
    clip.InstanceNumber, clip.NumberOfFrames, clip.FrameTime = number + 1, frames, "40"
    clip.FrameIncrementPointer = 0x00181063
    clip.Rows, clip.Columns, clip.SamplesPerPixel = ROWS, COLUMNS, 3 if kind.colour else 1
    clip.PhotometricInterpretation, clip.PixelRepresentation = kind.photometric, 0
    if kind.colour:
        clip.PlanarConfiguration = 0
    clip.BitsAllocated = 8 if kind.bits == 8 else 16
    clip.BitsStored, clip.HighBit = kind.bits, kind.bits - 1
    return clip
