"""DCT frames, edited in their coefficients (T.81 F; PS3.5 8.2.1). ``jpegio`` reads them; runs in a child process.

It isn't used to write: what it writes has a precision of 8 bits always.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..child_processes.operations import UnsupportedError
from .jpeg_header import Component, JpegHeader
from .scratch import captured_messages, scratch_file

if TYPE_CHECKING:
    from ..child_processes.messages import Buffer
    from .arrays import Samples

_EOI = b"\xff\xd9"


def coefficients(frame: bytearray, header: JpegHeader) -> list[Buffer]:
    """Return the coefficients of each component: int16, little endian, shape (block rows, block columns, 8, 8).

    Raises:
        Exception: the frame is broken.
    """
    import numpy

    return [numpy.ascontiguousarray(blocks, "<i2").reshape(-1).view(numpy.uint8).data for blocks in _read(header, frame)]


def blank(frame: bytearray, header: JpegHeader, areas: Sequence[Sequence[Sequence[int]]], levels: Sequence[int]) -> bytes:
    """Return the frame with areas of one level, of even length.

    Args:
        areas: of each component: y0, x0, y1, x1 in blocks, half-open; what is outside the component is left out.
        levels: of each component: the sample wanted: 0, the middle, or the greatest.

    Raises:
        UnsupportedError: a level can't be coded.
        Exception: the frame is broken.
    """
    blocks = _read(header, frame)
    for component, own, wanted, level in zip(header.components, blocks, areas, levels, strict=True):
        if not wanted:
            continue
        dc = dc_level(component, header.bits, level)
        for y0, x0, y1, x1 in wanted:
            area = own[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
            area[...] = 0
            area[..., 0] = dc
    return _write(header, frame, blocks)


def dc_level(component: Component, bits: int, level: int) -> int:
    """Return the DC coefficient whose block has samples ``level`` only.

    The least and the greatest sample are met or passed, and clamped by the decoder; rounding would miss them by one.

    Raises:
        UnsupportedError: another level, or steps so large that a decoder would clamp wrongly.
    """
    middle = 1 << (bits - 1)
    step = component.quantization[0]
    if level == middle:
        return 0
    if level == 0:
        dc = -8 * middle // step
    elif level == 2 * middle - 1:
        dc = -(-8 * (middle - 1) // step)
    else:
        raise UnsupportedError
    # decoders look samples up in a table that has four times the range (T.81 A.3.3 leaves it to them)
    if abs(dc) * step >= 8 * 4 * middle:
        raise UnsupportedError
    return dc


def _read(header: JpegHeader, frame: bytearray) -> list[Samples]:
    """Return the coefficients of each component: int16, shape (block rows, block columns, 64)."""
    import jpegio
    import numpy

    with scratch_file(frame) as path, captured_messages() as messages:
        read = jpegio.read(path)
    # libjpeg mends broken data, and says so, the first time
    if messages:
        raise ValueError("broken data")
    result = []
    for component, plane in zip(header.components, read.coef_arrays, strict=True):
        if plane.shape != (8 * component.block_rows, 8 * component.block_columns):
            raise ValueError("not the shape of the header")
        parts = plane.astype(numpy.int16).reshape(component.block_rows, 8, component.block_columns, 8)
        result.append(numpy.ascontiguousarray(parts.transpose(0, 2, 1, 3)).reshape(*parts.shape[::2], 64))
    return result


def _write(header: JpegHeader, frame: bytearray, blocks: list[Samples]) -> bytes:
    """Return a sequential frame: its own header but for comments and Huffman tables, and one scan where that is possible."""
    from .jpeg_scan import write_scans

    # what was progressive becomes sequential, as the transfer syntaxes want it
    process = b"\xff\xc1" if header.extended else b"\xff\xc0"
    restart = b"\xff\xdd\0\4" + header.restart.to_bytes(2, "big") if header.restart else b""
    scans = write_scans(header.components, header.identifiers, blocks, header.bits, header.restart)
    written = b"".join((frame[: header.begin], process, frame[header.begin + 2 : header.end], restart, scans))
    # a byte to fill goes before the marker (T.81 B.1.1.2): nothing is to be behind it
    return written + (b"\xff" if len(written) % 2 else b"") + _EOI
