"""Decoded frames, how to code them, and how large they may be."""

from __future__ import annotations

from typing import NamedTuple

from ..child_processes import Buffer
from ..codestreams import Family, frame_error
from ..reasons import Reason
from .arrays import sample_bytes

#: bytes of a decoded frame, and so of its samples
MOST_DECODED = 64 << 20


class Raster(NamedTuple):
    """A decoded frame.

    Attributes:
        samples: little endian, interleaved by pixel; a sample has 1 byte for up to 8 bits, 2 for up to 16, 4 above.
            With 3 components of the JPEG 2000 family they are those after the inverse component transform.
    """

    rows: int
    columns: int
    components: int
    bits: int
    signed: bool
    samples: Buffer


class Coding(NamedTuple):
    """A way to code a frame without loss.

    Attributes:
        predictor: JPEG lossless: 1 to 7 (T.81 H.1.2.1).
        interleave: JPEG-LS with 3 components: 0 planes, 1 lines, 2 samples (T.87 C.2.3).
        component_transform: JPEG 2000 family with 3 components: the reversible one (T.800 G.2).
        progression: JPEG 2000 family: the one that has to come out, or ``""`` for any.
    """

    family: Family
    predictor: int = 1
    interleave: int = 0
    component_transform: bool = False
    progression: str = ""


def decoded_bytes(rows: int, columns: int, components: int, bits: int) -> int:
    """Return the bytes of the decoded frame.

    Raises:
        DeidentificationError: they are too many (``pixel-unsupported-format``).
    """
    size = rows * columns * components * sample_bytes(bits)
    if size > MOST_DECODED:
        raise frame_error(Reason.PIXEL_UNSUPPORTED_FORMAT)
    return size
