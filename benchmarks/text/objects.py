"""DICOM objects around frames: pixel formats, transfer syntaxes, and a header that names the person in the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import RLELosslessEncoder
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless

from .backgrounds import BACKGROUNDS
from .cells import JPEG, JPEG2000, JPEGLS, NATIVE, RLE, ObjectCell
from .shapes import Rng
from .texts import Person

_JPEG = "1.2.840.10008.1.2.4."
SYNTAXES = {
    NATIVE: ExplicitVRLittleEndian,
    RLE: RLELossless,
    JPEG: UID(_JPEG + "50"),
    JPEGLS: UID(_JPEG + "80"),
    JPEG2000: UID(_JPEG + "90"),
}
_ROOT = "1.2.840.113619.2.392"
_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_DEVICES = {
    "US": ("GE MEDICAL SYSTEMS", "LOGIQ E9"),
    "XA": ("SIEMENS", "AXIOM-Artis"),
    "CR": ("FUJIFILM Corporation", "FCR"),
    "ES": ("Olympus", "EVIS"),
    "MR": ("SIEMENS", "Skyra"),
}


def write_object(path: Path, frames: np.ndarray, cell: ObjectCell, who: Person, rng: Rng, number: int) -> str:
    """Write frames of 8 bits as a DICOM file in its cell's format; return its SOPInstanceUID."""
    header = _header(cell, who, number)
    stored = _stored(header, frames, cell, rng)
    uid = SYNTAXES[cell.syntax]
    header.file_meta.TransferSyntaxUID = uid
    coded = [_encoded(frame, cell, header) for frame in stored]
    if uid.is_compressed:
        header.PixelData = encapsulate(coded)
    else:
        content = b"".join(coded)
        header.PixelData = content + b"\0" * (len(content) % 2)
    header["PixelData"].VR = "OB" if uid.is_compressed or header.BitsAllocated == 8 else "OW"
    header["PixelData"].is_undefined_length = uid.is_compressed
    if cell.syntax == JPEG:
        header.LossyImageCompression, header.LossyImageCompressionMethod = "01", "ISO_10918_1"
        header.LossyImageCompressionRatio = f"{stored.nbytes / sum(map(len, coded)):.1f}"
    header.save_as(path, enforce_file_format=True)
    return str(header.SOPInstanceUID)


def _stored(header: Dataset, frames: np.ndarray, cell: ObjectCell, rng: Rng) -> np.ndarray:
    """Return frames as they are stored, and say so in the header."""
    header.Rows, header.Columns = frames.shape[1:3]
    header.PhotometricInterpretation = cell.photometric
    header.SamplesPerPixel = 3 if cell.photometric in ("RGB", "YBR_FULL") else 1
    if header.SamplesPerPixel == 3:
        header.PlanarConfiguration = cell.planar
    header.BitsAllocated, header.BitsStored, header.HighBit = (8 if cell.bits == 8 else 16), cell.bits, cell.bits - 1
    header.PixelRepresentation = int(cell.signed)
    if cell.photometric == "PALETTE COLOR":
        return _indexed(header, frames, rng)
    if cell.photometric == "YBR_FULL":
        return np.stack([np.asarray(Image.fromarray(frame).convert("YCbCr")) for frame in frames])
    if cell.photometric == "RGB":
        return frames
    return _grey(header, frames, cell, rng)


def _grey(header: Dataset, frames: np.ndarray, cell: ObjectCell, rng: Rng) -> np.ndarray:
    greatest = (1 << cell.bits) - 1
    found = np.rint(frames * (greatest / 255)) if cell.span == "whole" else frames * (0.22 * greatest / 255) + 0.1 * greatest
    if cell.bits > 8:
        # the finer bits are not empty in what comes from a detector
        found = found + rng.integers(0, max(1, greatest // 1024), found.shape)
    if cell.span == "outliers":
        for level in (0, greatest):
            found[rng.random(found.shape) < 1e-4] = level
        centre, width = 0.21 * greatest, 0.22 * greatest
    else:
        centre, width = greatest / 2, float(greatest)
    found = np.clip(np.rint(found), 0, greatest).astype(np.int64)
    if cell.photometric == "MONOCHROME1":
        found, centre = greatest - found, greatest - centre
    if cell.signed:
        found, centre = found - (greatest + 1) // 2, centre - (greatest + 1) // 2
    if cell.bits > 8 and rng.random() < 0.5:
        header.WindowCenter, header.WindowWidth = f"{centre:.0f}", f"{width:.0f}"
    return found.astype(np.uint8 if cell.bits == 8 else np.int16 if cell.signed else np.uint16)


def _indexed(header: Dataset, frames: np.ndarray, rng: Rng) -> np.ndarray:
    """Return indices into a palette, in the order of its colours or in none."""
    tall = Image.fromarray(frames.reshape(-1, *frames.shape[2:]))
    if frames.ndim == 3:
        palette, indices = np.repeat(np.arange(256)[:, None], 3, 1), frames
    else:
        reduced = tall.quantize(256, dither=Image.Dither.NONE)
        indices = np.asarray(reduced).reshape(frames.shape[:3])
        palette = np.zeros((256, 3), int)
        colours = np.array(reduced.getpalette(), int).reshape(-1, 3)
        palette[: len(colours)] = colours
    if rng.random() < 0.5:
        order = rng.permutation(256)
        shuffled = np.empty_like(palette)
        shuffled[order] = palette
        palette, indices = shuffled, order.astype(np.uint8)[indices]
    for channel, name in enumerate(("Red", "Green", "Blue")):
        setattr(header, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(header, f"{name}PaletteColorLookupTableData", (palette[:, channel] * 257).astype("<u2").tobytes())
    found: np.ndarray = indices.astype(np.uint8)
    return found


def _encoded(frame: np.ndarray, cell: ObjectCell, header: Dataset) -> bytes:
    """Return a frame's bytes in its transfer syntax; a compressed one is of even length."""
    if cell.syntax == NATIVE:
        return (frame.transpose(2, 0, 1) if frame.ndim == 3 and cell.planar else frame).tobytes()
    if cell.syntax == RLE:
        options = {
            "rows": frame.shape[0],
            "columns": frame.shape[1],
            "samples_per_pixel": header.SamplesPerPixel,
            "number_of_frames": 1,
            "bits_allocated": header.BitsAllocated,
            "bits_stored": header.BitsStored,
            "pixel_representation": header.PixelRepresentation,
            "photometric_interpretation": header.PhotometricInterpretation,
            "planar_configuration": 0,
        }
        found = RLELosslessEncoder.encode(frame, encoding_plugin="pydicom", **options)
    else:
        found = _coded(np.ascontiguousarray(frame), cell, header)
    return found + b"\0" * (len(found) % 2)


def _coded(frame: np.ndarray, cell: ObjectCell, header: Dataset) -> bytes:
    import imagecodecs

    colour = frame.ndim == 3
    if cell.syntax == JPEG:
        options: dict[str, Any] = {"level": cell.quality}
        if colour:
            header.PhotometricInterpretation = "YBR_FULL_422"
            options |= {"subsampling": "422", "colorspace": "RGB", "outcolorspace": "YCBCR"}
        return bytes(imagecodecs.jpeg8_encode(frame, **options))
    if cell.syntax == JPEGLS:
        return bytes(imagecodecs.jpegls_encode(frame))
    if colour:
        header.PhotometricInterpretation = "YBR_RCT"
    return bytes(imagecodecs.jpeg2k_encode(frame, codecformat="j2k", mct=colour, reversible=True, numthreads=1))


def _header(cell: ObjectCell, who: Person, number: int) -> Dataset:
    background = BACKGROUNDS[cell.background]
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.SpecificCharacterSet = "ISO_IR 192"
    several = cell.frames > 1
    found.SOPClassUID = background.sop_class
    if several and background.modality == "US":
        found.SOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1"
    elif several and background.modality != "XA":
        grey = "2" if cell.bits == 8 else "3"
        found.SOPClassUID = f"{_CAPTURE}.{'4' if cell.photometric in ('RGB', 'YBR_FULL') else grey}"
    found.SOPInstanceUID = f"{_ROOT}.1.{number + 1}"
    found.StudyInstanceUID, found.SeriesInstanceUID = f"{_ROOT}.2.{number + 1}", f"{_ROOT}.3.{number + 1}"
    found.Modality, found.ImageType = background.modality, ["ORIGINAL", "PRIMARY"]
    if background.modality in ("CR", "OT", "MR"):
        found.ConversionType = "DF" if background.modality == "CR" or cell.background == "film sheet" else "WSD"
    found.Manufacturer, found.ManufacturerModelName = _DEVICES.get(background.modality, ("Maker", "Model 1"))
    found.PatientName, found.PatientID = f"{who.family}^{who.given}", who.identifier
    year, month, day = who.birth
    found.PatientBirthDate = f"{year}{month:02d}{day:02d}"
    year, month, day = who.taken
    found.StudyDate, found.StudyTime = f"{year}{month:02d}{day:02d}", "101530"
    found.AccessionNumber, found.InstitutionName, found.PatientTelephoneNumbers = who.accession, who.place, who.phone
    found.StudyID, found.SeriesNumber, found.InstanceNumber = "1", 1, number + 1
    if several:
        found.NumberOfFrames, found.FrameTime, found.FrameIncrementPointer = cell.frames, "40", 0x00181063
    return found
