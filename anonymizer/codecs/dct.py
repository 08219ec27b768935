"""DCT frames: their shape and coefficients, and areas of blocks made black, in child processes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from ..codestreams import Family, frame_error, is_plain_dct, plain_dct
from ..codestreams.headers import read_frame_header
from ..codestreams.markers import DQT, DRI, FRAMES, SOF0, SOF1, SOF2, SOS, walk
from ..codestreams.plain_dct import quantization_tables
from ..errors import DeidentificationError
from ..reasons import Reason
from .client import ask
from .jpeg_header import ZIGZAG, Component, JpegHeader
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


def coefficients(frame: bytes) -> DctCoefficients:
    """Return the coefficients of a DCT frame.

    Raises:
        DeidentificationError: ``pixel-unsupported-format``: too large, or not understood; ``pixel-invalid-frames``: broken, also
            where decoders would mend it, each in its way; ``pixel-codec-missing``, ``pixel-codec-failed``.
    """
    plain, shape, header = _read(frame)
    sizes = [128 * component.block_rows * component.block_columns for component in shape.components]
    content = {"operation": "coefficients", "header": header}
    blocks = ask(content, plain, samples=_samples(shape), most=sum(sizes), count=len(sizes))
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
    plain, shape, header = _read(frame)
    if bits != shape.bits or len(areas) != len(shape.components) or len(levels) != len(shape.components):
        raise frame_error(Reason.PIXEL_INVALID_FRAMES)
    content = {"operation": "blank", "header": header, "areas": areas, "levels": levels}
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


def _read(frame: bytes) -> tuple[bytes, DctShape, JpegHeader]:
    """Return a DCT frame as a child gets it, with nothing in it but what its samples are coded with; its shape and header.

    Raises:
        DeidentificationError: ``pixel-invalid-frames``: the header is broken; ``pixel-unsupported-format``: not understood,
            or too large; ``pixel-codec-missing``.
    """
    plain = plain_dct(frame)
    tables, restart, sof = dict[int, bytes](), 0, None
    for segment in walk(plain):
        if segment.marker == DQT:
            tables.update(quantization_tables(segment.content))
        elif segment.marker == DRI:
            restart = int.from_bytes(segment.content, "big")
        elif segment.marker in FRAMES:
            sof = segment
        elif segment.marker == SOS:
            break
    # a plain frame has one
    assert sof is not None
    found = read_frame_header(sof.content)
    if sof.marker not in (SOF0, SOF1, SOF2) or found.bits not in (8, 12):
        raise frame_error(Reason.PIXEL_UNSUPPORTED_FORMAT)
    used = [tables[component.table] for component in found.components]
    across, down = (max(factors) for factors in zip(*found.sampling, strict=True))
    components = tuple(
        Component(-(-found.rows * v // (8 * down)), -(-found.columns * h // (8 * across)), h, v, _steps(table))
        for (h, v), table in zip(found.sampling, used, strict=True)
    )
    shape = DctShape(found.rows, found.columns, found.bits, components)
    # a frame's blocks may have more samples than its rows and columns tell
    decoded_bytes(_samples(shape), 1, 1, shape.bits)
    check_codec(Family.JPEG_DCT)
    identifiers = tuple(component.identifier for component in found.components)
    extended = found.bits == 12 or sof.marker == SOF1 or any(len(table) > 64 for table in used)
    return plain, shape, JpegHeader(found.bits, components, identifiers, restart, extended, sof.begin, sof.end)


def _steps(table: bytes) -> tuple[int, ...]:
    """Return the steps of a quantization table, row by row."""
    values = struct.unpack(">64B" if len(table) == 64 else ">64H", table)
    if not all(values):
        raise frame_error(Reason.PIXEL_INVALID_FRAMES)
    return tuple(value for _, value in sorted(zip(ZIGZAG, values, strict=True)))


def _samples(shape: DctShape) -> int:
    return sum(64 * component.block_rows * component.block_columns for component in shape.components)
