"""Frames decoded and encoded in child processes."""

from __future__ import annotations

from ..codestreams import Codestream, Family, frame_error
from ..errors import DeidentificationError
from ..reasons import Reason
from .client import ask
from .libraries import check_samples
from .raster import Coding, Raster, decoded_bytes
from .written import is_as_asked

#: most bits of a sample, by family. OpenJPEG isn't exact for more, nor for more than 22 with a component transform; it doesn't
#: read HTJ2K of more than 16 as OpenJPH writes it, and most readers are built on it
_MOST_BITS = {Family.JPEG_DCT: 12, Family.JPEG_LOSSLESS: 16, Family.JPEG_LS: 16, Family.JPEG_2000: 24, Family.HTJ2K: 16}
_MOST_BITS_TRANSFORMED = 22
#: bytes of what an encoder writes beside the samples
_MOST_HEADERS = 1 << 20


def decode(frame: bytes, codestream: Codestream) -> Raster:
    """Return the samples of a frame, as coded: no scaling, no conversion of colour but the inverse of JPEG 2000's own.

    Args:
        codestream: what ``read_codestream`` says of ``frame``. Of DCT frames the samples are to look at: decoders differ.

    Raises:
        DeidentificationError: ``pixel-unsupported-format``: larger, or more bits, than is understood; ``pixel-invalid-frames``:
            the decoder refuses it, or decodes something else than the headers say; ``pixel-codec-missing``;
            ``pixel-codec-failed``: the decoder crashed or met a limit.
    """
    rows, columns, components = codestream.rows, codestream.columns, codestream.components
    bits, signed = codestream.bits, codestream.signed
    size = decoded_bytes(rows, columns, components, bits)
    _refuse_unknown(codestream.family, components, bits, signed, codestream.component_transform)
    raster = Raster(rows, columns, components, bits, signed, b"")
    described = _described(raster) | {"family": codestream.family.value, "lossless": codestream.lossless}
    content = {"operation": "decode", "codestream": described}
    (samples,) = ask(content, frame, samples=rows * columns * components, most=size)
    if len(samples) != size:
        raise frame_error(Reason.PIXEL_CODEC_FAILED)
    return raster._replace(samples=samples)


def encode(raster: Raster, coding: Coding) -> bytes:
    """Return a frame coded without loss, of even length, whose headers say exactly what was asked for.

    Raises:
        DeidentificationError: ``pixel-unsupported-format``: the encoder can't write that; ``pixel-codec-missing``;
            ``pixel-codec-failed``: the encoder crashed or met a limit.
    """
    if coding.family is Family.JPEG_DCT:
        # it would lose something
        raise frame_error(Reason.PIXEL_UNSUPPORTED_FORMAT)
    size = decoded_bytes(raster.rows, raster.columns, raster.components, raster.bits)
    _refuse_unknown(coding.family, raster.components, raster.bits, raster.signed, coding.component_transform)
    if len(raster.samples) != size:
        raise ValueError("a raster of another length")
    content = {
        "operation": "encode",
        "coding": _described(raster) | coding._asdict() | {"family": coding.family.value},
    }
    try:
        samples = raster.rows * raster.columns * raster.components
        (frame,) = ask(content, raster.samples, samples=samples, most=4 * size + _MOST_HEADERS)
    except DeidentificationError as error:
        if error.reason is not Reason.PIXEL_INVALID_FRAMES:
            raise
        # the samples are whole: it is the options that the encoder refuses
        raise frame_error(Reason.PIXEL_UNSUPPORTED_FORMAT) from None
    encoded = _of_even_length(bytes(frame), coding.family)
    if not is_as_asked(encoded, raster, coding):
        raise frame_error(Reason.PIXEL_UNSUPPORTED_FORMAT)
    return encoded


def _refuse_unknown(family: Family, components: int, bits: int, signed: bool, transformed: bool) -> None:
    """Refuse what no decoder here is known to do exactly, and a family without a library."""
    is_2000 = family in (Family.JPEG_2000, Family.HTJ2K)
    least, most = 1 if is_2000 else 2, _MOST_BITS.get(family, 0)
    if is_2000 and transformed:
        most = min(most, _MOST_BITS_TRANSFORMED)
    if components not in (1, 3) or not least <= bits <= most or (signed and not is_2000):
        raise frame_error(Reason.PIXEL_UNSUPPORTED_FORMAT)
    check_samples()


def _described(raster: Raster) -> dict[str, int | bool]:
    return {name: value for name, value in raster._asdict().items() if name != "samples"}


def _of_even_length(frame: bytes, family: Family) -> bytes:
    if len(frame) % 2 == 0:
        return frame
    if family in (Family.JPEG_2000, Family.HTJ2K):
        return frame + b"\0"
    # ahead of EOI a marker may have bytes to fill (T.81 B.1.1.2); behind it nothing is to be
    return frame[:-2] + b"\xff" + frame[-2:]
