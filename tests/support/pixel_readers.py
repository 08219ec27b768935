"""Readers of compressed objects that share no code: pydicom with one plugin a syntax, GDCM, DCMTK, and codecs called directly."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.encaps import generate_fragments, generate_frames
from pydicom.pixels import pixel_array

from .frame_encoders import DCT, HTJ2K, JPEG_2000, JPEG_LS, LOSSLESS_JPEG, PREFIX, Coding, reference_decode
from .objects import read

Array = np.ndarray


@dataclass(frozen=True)
class Reading:
    """What a reader makes of an object.

    Attributes:
        frames: stored values, int64, shape (rows, columns, samples) each.
        photometric: what they are; of the JPEG 2000 family RGB where its component transform was undone.
    """

    frames: list[Array]
    photometric: str


Reader = Callable[[bytes], "Reading | None"]

#: the plugin with which pydicom decodes each syntax, by its last number
PLUGINS = {
    **dict.fromkeys(DCT, "pillow"),
    **dict.fromkeys(LOSSLESS_JPEG, "gdcm"),
    **dict.fromkeys(JPEG_LS, "pyjpegls"),
    **dict.fromkeys(JPEG_2000 + HTJ2K, "pylibjpeg"),
}
#: which syntaxes each reader can read at all; DCMTK only where its programs are on the PATH
CAN_READ: Mapping[str, tuple[str, ...]] = {
    "pydicom": tuple(PLUGINS),
    "gdcm": (*DCT, *LOSSLESS_JPEG, *JPEG_LS, *JPEG_2000),
    "dcmtk": (*DCT, *LOSSLESS_JPEG, *JPEG_LS),
    "imagecodecs": (*DCT, *LOSSLESS_JPEG, *JPEG_LS, *JPEG_2000, *HTJ2K),
}


def short(dataset: pydicom.Dataset) -> str:
    """Return the last number of an object's transfer syntax if it is one of JPEG's, else nothing."""
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    return syntax[len(PREFIX) :] if syntax.startswith(PREFIX) else ""


def raw_frames(dataset: pydicom.Dataset) -> list[bytes]:
    """Return codestreams as pydicom cuts them, by the extended offset table, the basic one, or markers (PS3.5 A.4)."""
    extended = None
    if "ExtendedOffsetTable" in dataset:
        extended = dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths
    count = int(dataset.get("NumberOfFrames") or 1)
    return list(generate_frames(dataset.PixelData, number_of_frames=count, extended_offsets=extended))


def _shaped(decoded: Array, dataset: pydicom.Dataset) -> list[Array]:
    count = int(dataset.get("NumberOfFrames") or 1)
    whole = decoded.reshape(count, dataset.Rows, dataset.Columns, dataset.SamplesPerPixel)
    return list(whole.astype(np.int64))


def _undone(dataset: pydicom.Dataset) -> str:
    photometric = str(dataset.PhotometricInterpretation)
    return "RGB" if photometric in ("YBR_ICT", "YBR_RCT") else photometric


def by_pydicom(blob: bytes) -> Reading | None:
    """Return what pydicom reads with the plugin of the table."""
    dataset = read(blob)
    syntax = short(dataset)
    if syntax not in PLUGINS or (syntax == "51" and dataset.BitsStored != 8):
        return None
    if syntax in LOSSLESS_JPEG and dataset.SamplesPerPixel > 1 and dataset.BitsAllocated > 8:
        # GDCM gives one of two bytes
        return None
    return Reading(_shaped(pixel_array(dataset, raw=True, decoding_plugin=PLUGINS[syntax]), dataset), _undone(dataset))


def by_gdcm(blob: bytes) -> Reading | None:
    """Return what GDCM's own ImageReader reads."""
    import gdcm

    dataset = read(blob)
    syntax, count, samples = short(dataset), int(dataset.get("NumberOfFrames") or 1), int(dataset.SamplesPerPixel)
    if syntax not in CAN_READ["gdcm"] or not _is_for_gdcm(dataset):
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "object.dcm")
        path.write_bytes(blob)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        if not reader.Read():
            raise ValueError("GDCM can't read it")
        image = reader.GetImage()
        form = image.GetPixelFormat()
        content = image.GetBuffer().encode("utf-8", "surrogateescape")
    kind = ("i" if form.GetPixelRepresentation() else "u") + str(form.GetBitsAllocated() // 8)
    whole = np.frombuffer(content, kind)
    if samples > 1 and image.GetPlanarConfiguration():
        whole = whole.reshape(count, samples, dataset.Rows, dataset.Columns).transpose(0, 2, 3, 1)
    if dataset.PixelRepresentation and syntax in JPEG_LS:
        # GDCM leaves the bits above the sign as they are in the codestream
        middle = 1 << dataset.BitsStored - 1
        whole = (whole.astype(np.int64) & 2 * middle - 1 ^ middle) - middle
    photometric = image.GetPhotometricInterpretation().GetString().strip()
    return Reading(_shaped(whole, dataset), "RGB" if photometric in ("YBR_ICT", "YBR_RCT") else photometric)


def _is_for_gdcm(dataset: pydicom.Dataset) -> bool:
    """Return whether GDCM reads frames that are cut like this: each in one fragment, and not several of JPEG-LS by planes."""
    fragments, frames = sum(1 for _ in generate_fragments(dataset.PixelData)) - 1, int(dataset.get("NumberOfFrames") or 1)
    planes = short(dataset) in JPEG_LS and dataset.SamplesPerPixel > 1 and not _interleave(raw_frames(dataset)[0])
    return fragments == frames and not (planes and frames > 1)


def _interleave(frame: bytes) -> int:
    """Return ILV of a scan of JPEG-LS (T.87 C.2.3)."""
    scan = frame.index(b"\xff\xda") + 4
    return frame[scan + 2 + 2 * frame[scan]]


def by_dcmtk(blob: bytes) -> Reading | None:
    """Return what DCMTK's dcmdjpeg and dcmdjpls decode, colours as they are coded, or nothing without these programs."""
    dataset = read(blob)
    syntax = short(dataset)
    program = shutil.which("dcmdjpls" if syntax in JPEG_LS else "dcmdjpeg")
    if syntax not in CAN_READ["dcmtk"] or program is None:
        return None
    options = [] if syntax in JPEG_LS else ["+cn"]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.dcm"), Path(folder, "out.dcm")
        source.write_bytes(blob)
        done = subprocess.run([program, *options, "+px", str(source), str(target)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ValueError(f"DCMTK: {done.stderr.strip()[-200:]}")
        native = read(target.read_bytes())
        return Reading(_shaped(pixel_array(native, raw=True), native), str(native.PhotometricInterpretation))


def by_imagecodecs(blob: bytes) -> Reading | None:
    """Return what imagecodecs decodes of the codestreams that pydicom cuts."""
    dataset = read(blob)
    if short(dataset) not in CAN_READ["imagecodecs"]:
        return None
    photometric = _undone(dataset)
    colour = "" if dataset.SamplesPerPixel == 1 else "RGB" if photometric == "RGB" else "YBR"
    coding = Coding(short(dataset), dataset.BitsStored, bool(dataset.PixelRepresentation), colour)
    return Reading([reference_decode(frame, coding) for frame in raw_frames(dataset)], photometric)


READERS: Mapping[str, Reader] = {"pydicom": by_pydicom, "gdcm": by_gdcm, "dcmtk": by_dcmtk, "imagecodecs": by_imagecodecs}
