"""DCT frames: their shape and coefficients, and areas of blocks made black, in child processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..codestreams import Family, frame_error, is_plain_dct, plain_dct
from ..errors import DeidentificationError
from ..reasons import Reason
from .client import areas_content, ask
from .jpeg_header import Component, HeaderError, UnsupportedError, read_header
from .libraries import check_codec
from .raster import decoded_bytes


class BlockArea(NamedTuple):
    """An area of a component, in blocks, half-open."""

    y0: int
    x0: int
    y1: int
    x1: int


class DctShape(NamedTuple):
    """The shape of a DCT frame."""

    rows: int
    columns: int
    bits: int
    components: tuple[Component, ...]


class DctCoefficients(NamedTuple):
    """The coefficients of a DCT frame.

    Attributes:
        blocks: of each component: int16, little endian, shape (block rows, block columns, 8, 8), not multiplied by the steps.
    """

    shape: DctShape
    blocks: tuple[bytes, ...]


def _shape_and_plain(frame: bytes) -> tuple[DctShape, bytes]:
    """Return the shape of a DCT frame, and the frame as a child gets it: nothing in it but what its samples are coded with.

    Raises:
        DeidentificationError: ``pixel-invalid-frames``: the header is broken; ``pixel-unsupported-format``: not understood,
            or too large.
    """
    plain = plain_dct(frame)
    try:
        header = read_header(plain)
    except UnsupportedError:
        raise frame_error(Reason.PIXEL_UNSUPPORTED_FORMAT) from None
    except HeaderError:
        raise frame_error(Reason.PIXEL_INVALID_FRAMES) from None
    shape = DctShape(header.rows, header.columns, header.bits, header.components)
    # a frame's blocks may have more samples than its rows and columns tell
    decoded_bytes(_samples(shape), 1, 1, shape.bits)
    return shape, plain


def coefficients(frame: bytes) -> DctCoefficients:
    """Return the coefficients of a DCT frame.

    Raises:
        DeidentificationError: ``pixel-unsupported-format``: too large, or not understood; ``pixel-invalid-frames``: broken, also
            where decoders would mend it, each in its way; ``pixel-codec-missing``, ``pixel-codec-failed``.
    """
    shape, plain = _shape_and_plain(frame)
    check_codec(Family.JPEG_DCT)
    sizes = [128 * component.block_rows * component.block_columns for component in shape.components]
    blocks = ask({"operation": "coefficients"}, plain, samples=_samples(shape), most=sum(sizes), count=len(sizes))
    if [len(own) for own in blocks] != sizes:
        raise frame_error(Reason.PIXEL_CODEC_FAILED)
    return DctCoefficients(shape, tuple(bytes(own) for own in blocks))


def blank_dct(frame: bytes, areas: Sequence[Sequence[BlockArea]], levels: Sequence[int], bits: int) -> bytes:
    """Return a DCT frame with areas of one level. All other coefficients are what they were.

    It is sequential, with Huffman tables that fit, one scan where that is possible, and the restart interval it had. Segments
    APPn and COM are left out but for JFIF, without its thumbnail, and Adobe; nothing is behind EOI; the length is even.

    Args:
        areas: of each component. An MCU's blocks that have no samples of the image are filled up anew.
        levels: of each component: 0, the middle, or the greatest sample of ``bits`` bits.

    Raises:
        DeidentificationError: as ``coefficients``; ``pixel-unsupported-format`` where a level can't be coded.
    """
    shape, plain = _shape_and_plain(frame)
    check_codec(Family.JPEG_DCT)
    if bits != shape.bits or len(areas) != len(shape.components) or len(levels) != len(shape.components):
        raise frame_error(Reason.PIXEL_INVALID_FRAMES)
    content = {"operation": "blank", "areas": areas_content(areas), "levels": [int(level) for level in levels]}
    samples = _samples(shape)
    (answer,) = ask(content, plain, samples=samples, most=4 * samples + len(plain) + (1 << 20))
    blanked = bytes(answer)
    if not _is_plain(blanked):
        # the child isn't trusted: text may be anywhere but in samples, which others compare
        raise frame_error(Reason.PIXEL_CODEC_FAILED)
    return blanked


def _is_plain(frame: bytes) -> bool:
    try:
        return is_plain_dct(frame)
    except DeidentificationError:
        return False


def _samples(shape: DctShape) -> int:
    return sum(64 * component.block_rows * component.block_columns for component in shape.components)
