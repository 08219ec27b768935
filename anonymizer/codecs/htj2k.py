"""High-throughput JPEG 2000 (T.814; PS3.5 8.2.15), by OpenJPH and OpenJPEG. Runs in a child process."""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, Any

from . import jpeg_2000

if TYPE_CHECKING:
    from .arrays import Samples

#: from the begin of the codestream to the precision of the first component, behind SOC and most of SIZ (T.800 A.5.1)
_FIRST_PRECISION = 42
_SOT, _EOC = 0xFF90, b"\xff\xd9"


def decode(frame: bytearray, codestream: dict[str, Any]) -> Samples:
    """Return the samples after the inverse component transform, shape (rows, columns, components).

    Raises:
        Exception: of the library, which refuses the codestream; of the data, which isn't whole.
    """
    import imagecodecs

    _check_whole(frame)
    if not codestream["lossless"]:
        # samples that an irreversible transform leaves beyond their range go round to its other end in OpenJPH
        return jpeg_2000.decode(frame, codestream)
    # its binding can't raise what goes wrong amid the lines, and returns memory that nothing was written to
    ignored: list[object] = []
    sys.unraisablehook = ignored.append
    decoded = imagecodecs.htj2k_decode(bytes(frame), planar=False)
    if ignored:
        raise ValueError("broken codestream")
    return decoded


def encode(samples: Samples, coding: dict[str, Any]) -> bytes:
    """Return samples of the precision ``bits`` coded reversibly: one tile, one layer, progression RPCL, with TLM.

    The binding codes 8, 16 and 32 bits only. Samples of another precision get the offset that makes the level shift
    (T.800 G.1) of the wider one their own, and the header then tells theirs; the ranges that QCD tells may be wider than they
    need be (T.800 E.1).
    """
    import imagecodecs
    import numpy

    if not hasattr(imagecodecs, "htj2k_encode"):
        raise ImportError("an imagecodecs for Python 3.10")
    bits, signed = coding["bits"], coding["signed"]
    width = 8 * samples.dtype.itemsize
    if not signed and bits < width:
        samples = samples + samples.dtype.type((1 << (width - 1)) - (1 << (bits - 1)))
    rows, columns, components = samples.shape
    encoded = bytearray(
        imagecodecs.htj2k_encode(
            numpy.ascontiguousarray(samples[:, :, 0] if components == 1 else samples),
            reversible=True,
            rgb=coding["component_transform"],
            planar=False,
            resolutions=min(6, min(rows, columns).bit_length()),
            tlm=True,
        )
    )
    for component in range(components):
        struct.pack_into("B", encoded, _FIRST_PRECISION + 3 * component, (bits - 1) | signed << 7)
    return bytes(encoded)


def _check_whole(frame: bytearray) -> None:
    """Check that the tile-parts end where EOC is (T.800 A.4.2): OpenJPH makes up what is missing.

    Raises:
        ValueError, struct.error: they don't.
    """
    at, marker = 2, 0
    while marker != _SOT:
        marker, length = struct.unpack_from(">HH", frame, at)
        at += 2 + length
    at -= 12
    while frame[at : at + 2] != _EOC:
        marker, _, _, length = struct.unpack_from(">HHHL", frame, at)
        if marker != _SOT or (length and length < 14):
            raise ValueError("no tile-part")
        # the last one may leave its length open
        at = at + length if length else frame.rindex(_EOC)
