"""Frames compressed in each syntax of JPEG's families, by libraries called directly: what devices may have written."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

PREFIX = "1.2.840.10008.1.2.4."
#: short names of transfer syntaxes by their last numbers
SHORT = ("50", "51", "57", "70", "80", "81", "90", "91", "201", "202", "203")
DCT, LOSSLESS_JPEG, JPEG_LS = ("50", "51"), ("57", "70"), ("80", "81")
JPEG_2000, HTJ2K = ("90", "91"), ("201", "202", "203")
LOSSY = ("50", "51", "81", "91", "203")
Array = np.ndarray


@dataclass(frozen=True)
class Coding:
    """The way in which a frame is compressed.

    Attributes:
        syntax: last number of the transfer syntax: "50" for JPEG Baseline.
        bits: precision that the codestream states.
        signed: samples are signed; only the JPEG 2000 family states it, the others hold the same bits.
        colour: "RGB" or "YBR" of three components, "" of one.
        sampling: "444", "422", "420" or "440" of DCT frames of YBR.
        restart: MCUs between restart markers of DCT frames; 0 for none.
        progressive: DCT frames are progressive (SOF2), which occurs under .50 although no current syntax allows it.
        predictor: 1 to 7 of JPEG lossless.
        interleave: 0, 1 or 2 of JPEG-LS.
        near: greatest error of JPEG-LS.
        mct: the JPEG 2000 family's component transform is used.
        irreversible: of the JPEG 2000 family.
    """

    syntax: str
    bits: int = 8
    signed: bool = False
    colour: str = ""
    sampling: str = "444"
    restart: int = 0
    progressive: bool = False
    predictor: int = 1
    interleave: int = 2
    near: int = 0
    mct: bool = False
    irreversible: bool = False


def encode_frame(samples: Array, coding: Coding) -> bytes:
    """Return a codestream, not padded.

    Args:
        samples: stored values, int64, shape (rows, columns, 1 or 3).
    """
    if coding.syntax in DCT:
        return _dct(samples, coding)
    if coding.syntax in LOSSLESS_JPEG:
        return _lossless_jpeg(samples, coding)
    if coding.syntax in JPEG_LS:
        return _jpeg_ls(samples, coding)
    if coding.syntax in JPEG_2000:
        return _jpeg_2000(samples, coding)
    return _htj2k(samples, coding)


def _plain(samples: Array, coding: Coding) -> Array:
    """Return the bits of samples in the smallest unsigned type, grey without an axis for its component."""
    bits = (samples & (1 << coding.bits) - 1).astype(np.uint8 if coding.bits <= 8 else np.uint16)
    return np.ascontiguousarray(bits[..., 0] if bits.shape[-1] == 1 else bits)


def _dct(samples: Array, coding: Coding) -> bytes:
    """JPEG Baseline and Extended: 8 bits by Pillow (libjpeg-turbo), 4:4:0 and 12 bits by imagecodecs (T.81)."""
    import imagecodecs
    from PIL import Image

    plain = _plain(samples, coding)
    if coding.bits > 8 or coding.sampling == "440":
        space: dict[str, Any] = {"colorspace": "YCBCR", "outcolorspace": "YCBCR", "subsampling": coding.sampling}
        if not coding.colour:
            space = {"bitspersample": coding.bits}
        return bytes(imagecodecs.jpeg8_encode(plain, level=92, **space))
    mode = {"RGB": "RGB", "YBR": "YCbCr", "": "L"}[coding.colour]
    # samples of YBR are coded as they are; RGB gets the Adobe segment with transform 0
    options: dict[str, Any] = {"subsampling": {"444": 0, "422": 1, "420": 2}[coding.sampling]} if coding.colour == "YBR" else {}
    if coding.colour == "RGB":
        options = {"keep_rgb": True}
    if coding.restart:
        options["restart_marker_blocks"] = coding.restart
    written = io.BytesIO()
    size = plain.shape[1], plain.shape[0]
    Image.frombytes(mode, size, plain.tobytes()).save(written, "JPEG", quality=92, progressive=coding.progressive, **options)
    return written.getvalue()


def _lossless_jpeg(samples: Array, coding: Coding) -> bytes:
    """JPEG lossless (SOF3, T.81 H) by imagecodecs (libjpeg-turbo): each predictor, precision 2 to 16."""
    import imagecodecs

    plain = _plain(samples, coding)
    spaces = {"colorspace": "RGB", "outcolorspace": "RGB"} if coding.colour else {}
    form: dict[str, Any] = {"lossless": True, "predictor": coding.predictor, "bitspersample": coding.bits, **spaces}
    frame = bytes(imagecodecs.jpeg8_encode(plain, **form))
    # with two tables, as for YCBCR, libjpeg-turbo writes chrominance that no decoder reads
    return _as_ybr(frame) if coding.colour == "YBR" else frame


def _as_ybr(frame: bytes) -> bytes:
    """Return a frame of components R, G and B as one of components 1, 2 and 3, without the segment that says RGB."""
    begin = frame.index(b"\xff\xee\0\x0eAdobe")
    found = bytearray(frame[:begin] + frame[begin + 16 :])
    size, scan = found.index(b"\xff\xc3"), found.index(b"\xff\xda")
    for number in range(3):
        found[size + 10 + 3 * number] = found[scan + 5 + 2 * number] = number + 1
    return bytes(found)


def _jpeg_ls(samples: Array, coding: Coding) -> bytes:
    """JPEG-LS by pyjpegls (CharLS, T.87)."""
    import jpeg_ls

    plain = _plain(samples, coding)
    rows, columns, components = samples.shape
    if components > 1 and coding.interleave == 0:
        # CharLS takes lines and samples by pixel
        plain = plain.transpose(2, 0, 1)
    mode = coding.interleave if components > 1 else 0
    return bytes(jpeg_ls.encode_buffer(plain.tobytes(), rows, columns, components, coding.bits, coding.near, mode))


def _jpeg_2000(samples: Array, coding: Coding) -> bytes:
    """JPEG 2000 by OpenJPEG (T.800), a layer that keeps a seventh of the bits where it is irreversible."""
    from openjpeg.utils import encode_array

    kind = ("i" if coding.signed else "u") + ("1" if coding.bits <= 8 else "2")
    plain = np.ascontiguousarray((samples[..., 0] if samples.shape[-1] == 1 else samples).astype(kind))
    photometric = {"": 2, "RGB": 1, "YBR": 3}[coding.colour]
    ratios = [7.0] if coding.irreversible else None
    return bytes(encode_array(plain, coding.bits, photometric, coding.mct, compression_ratios=ratios))


def _htj2k(samples: Array, coding: Coding) -> bytes:
    """HTJ2K by imagecodecs (OpenJPH, T.814), which knows whole bytes of precision only.

    Other precisions: samples are coded as signed ones without a level shift, and SIZ is made to state what they are. The
    exponents of reversible steps are then greater than they need to be, as T.800 allows; irreversible ones are relative to
    the precision (T.800 E.1.1), so that samples are scaled up to 16 bits before.
    """
    import imagecodecs

    shown = samples[..., 0] if samples.shape[-1] == 1 else samples
    options: dict[str, Any] = {"reversible": not coding.irreversible, "tlm": coding.syntax == "202"}
    if samples.shape[-1] > 1:
        options["rgb"] = coding.mct
    if coding.irreversible:
        options["level"] = 1 / 256
    if coding.bits in (8, 16):
        kind = ("i" if coding.signed else "u") + str(coding.bits // 8)
        return bytes(imagecodecs.htj2k_encode(np.ascontiguousarray(shown.astype(kind)), **options))
    middle = 0 if coding.signed else 1 << coding.bits - 1
    shift = 16 - coding.bits if coding.irreversible else 0
    frame = bytearray(imagecodecs.htj2k_encode(np.ascontiguousarray(((shown - middle) << shift).astype("i2")), **options))
    (count,) = struct.unpack_from(">H", frame, 40)
    for component in range(count):
        frame[42 + 3 * component] = coding.bits - 1 | (0x80 if coding.signed else 0)
    return bytes(frame)


def reference_decode(frame: bytes, coding: Coding) -> Array:
    """Return what imagecodecs decodes: int64, shape (rows, columns, components), signed where the coding says so.

    Used to test the encoders, and as a reader of what no other one reads.
    """
    import imagecodecs

    if coding.syntax in DCT or coding.syntax in LOSSLESS_JPEG:
        space = {"RGB": "RGB", "YBR": "YCBCR", "": "GRAYSCALE"}[coding.colour]
        found = imagecodecs.jpeg8_decode(frame, colorspace=space, outcolorspace=space)
    elif coding.syntax in JPEG_LS:
        found = imagecodecs.jpegls_decode(frame)
    elif coding.syntax in (*JPEG_2000, "203"):
        # OpenJPH's samples of irreversible frames wrap around where they should be clipped
        found = imagecodecs.jpeg2k_decode(frame)
    else:
        found = imagecodecs.htj2k_decode(frame)
    values = found.astype(np.int64)
    if values.ndim == 3 and values.shape[0] == 3 and values.shape[2] != 3:
        values = values.transpose(1, 2, 0)
    if coding.signed and found.dtype.kind == "u":
        values = (values ^ 1 << coding.bits - 1) - (1 << coding.bits - 1)
    return values if values.ndim == 3 else values[..., None]
