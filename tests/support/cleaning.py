"""Clean the pixels of whole files, as the rewriter does, and look at the outcome through pydicom."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from io import BytesIO

import numpy as np
import pydicom
from pydicom.pixels import apply_color_lut, convert_color_space, pixel_array

from anonymizer.blanking.cleaner import PixelCleaner, PixelVerdict
from anonymizer.blanking.image_format import ImageFormat, read_image_format
from anonymizer.blanking.syntaxes import PixelForm, form_of
from anonymizer.dicom.buffer import Buffer
from anonymizer.dicom.encoding import UNDEFINED, Encoding
from anonymizer.dicom.part10 import read_file_header
from anonymizer.dicom.tags import PIXEL_DATA
from profiles import Rectangle

from .labelled_pixels import data_set


def opened(blob: bytes) -> tuple[bytes, bytes, Encoding, str]:
    """Return a file's head, its data set, inflated, and how that is encoded."""
    found = read_file_header(blob, True)
    head, content = blob[: found.offset], blob[found.offset :]
    if found.deflated:
        content = zlib.decompressobj(wbits=-15).decompress(content)
    return head, content, found.encoding, found.transfer_syntax


def format_of(blob: bytes) -> ImageFormat:
    """Return the format of a file's pixels."""
    _, content, encoding, syntax = opened(blob)
    buffer = Buffer(content, True)
    pixels = buffer.find(0, len(content), frozenset({PIXEL_DATA}), encoding)[PIXEL_DATA]
    return read_image_format(buffer, 0, encoding, pixels.vr, form=form_of(syntax) or PixelForm.NATIVE)


def clean_file(
    blob: bytes, boxes: Sequence[Sequence[int]], *, at_hand: int | None = None, with_table: bool = False
) -> tuple[bytes, PixelVerdict]:
    """Return a file with its pixels cleaned, and what was done.

    Args:
        boxes: x0, y0, x1, y1.
        at_hand: bytes of the value that are at hand at first; all of the object, unless given.
    """
    head, content, encoding, syntax = opened(blob)
    vr, start, length, _ = found_pixels(content, encoding)
    image = read_image_format(Buffer(content[:start], False), 0, encoding, vr, form=form_of(syntax) or PixelForm.NATIVE)
    cleaner = PixelCleaner(image, [Rectangle(*box) for box in boxes], syntax, with_table=with_table)
    end = len(content) if at_hand is None else start + at_hand
    rest = BytesIO(content[end:])
    pieces, behind = drained(cleaner, content[start:end], rest.read, length, encoding)
    cleaned = content[:start] + b"".join(pieces) + behind + rest.read()
    if syntax.endswith(".1.99"):
        compressor = zlib.compressobj(wbits=-15)
        cleaned = compressor.compress(cleaned) + compressor.flush()
        cleaned += b"\0" * (len(cleaned) % 2)
    return head + cleaned, cleaner.verdict


def found_pixels(content: bytes, encoding: Encoding) -> tuple[bytes, int, int, int]:
    """Return VR, begin, length and number of the element PixelData, of whatever length it says that it is."""
    buffer, position, number = Buffer(content, True), 0, 0
    while True:
        tag, vr, start, length = buffer.element(position, encoding)
        if tag == PIXEL_DATA:
            return vr, start, length, number
        position = buffer.value_end(vr, start, length, encoding, tag) if length == UNDEFINED else start + length
        number += 1


def drained(
    cleaner: PixelCleaner, buffer: bytes, read: Callable[[int], bytes], length: int, encoding: Encoding
) -> tuple[list[bytes], bytes]:
    """Return all pieces that a cleaner yields, and what it returns."""
    pieces: list[bytes] = []
    steps = cleaner.clean(buffer, read, length, encoding)
    while True:
        try:
            pieces += map(bytes, next(steps))
        except StopIteration as end:
            return pieces, end.value


def whole_cells(blob: bytes) -> np.ndarray:
    """Return all bits of all samples as pydicom decodes them, shape (frames, rows, columns, samples)."""
    dataset = data_set(blob)
    dataset.BitsStored, dataset.PixelRepresentation = dataset.BitsAllocated, 0
    dataset.HighBit = dataset.BitsAllocated - 1
    decoded = pixel_array(dataset, raw=True)
    frames = int(dataset.get("NumberOfFrames", 1))
    return decoded.reshape(frames, dataset.Rows, dataset.Columns, dataset.SamplesPerPixel)


def displayed(blob: bytes) -> np.ndarray:
    """Return pixels as a viewer shows them, 0 black, shape (frames, rows, columns, samples)."""
    dataset = data_set(blob)
    decoded = pixel_array(dataset, raw=True).astype(np.int64)
    frames, photometric = int(dataset.get("NumberOfFrames", 1)), dataset.PhotometricInterpretation
    if photometric == "PALETTE COLOR":
        decoded = apply_color_lut(decoded.astype(np.uint16), dataset)
    elif photometric.startswith("YBR"):
        decoded = convert_color_space(decoded.astype(np.uint8), photometric, "RGB", per_frame=True)
    elif dataset.SamplesPerPixel == 1:
        least, greatest = _range(dataset)
        decoded = greatest - decoded if photometric == "MONOCHROME1" else decoded - least
    return decoded.reshape(frames, dataset.Rows, dataset.Columns, -1)


def _range(dataset: pydicom.Dataset) -> tuple[int, int]:
    bits = int(dataset.BitsStored)
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if dataset.PixelRepresentation else (0, (1 << bits) - 1)


def inside(shape: Sequence[int], boxes: Sequence[Sequence[int]]) -> np.ndarray:
    """Return which pixels lie in boxes: bool, shape (rows, columns)."""
    mask = np.zeros(shape, bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask
