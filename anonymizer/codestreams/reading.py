"""Headers of a frame in any syntax whose frames are codestreams (PS3.5 A.4)."""

from __future__ import annotations

from ..reasons import Reason
from .codestream import CODESTREAM_SYNTAXES, Codestream, Family, frame_error
from .jp2_boxes import JP2_SIGNATURE
from .jpeg import read_jpeg
from .jpeg_2000 import read_jpeg_2000
from .jpeg_ls import read_jpeg_ls

#: SOI and SOC with the first byte of the marker behind them
_JPEG, _JPEG_2000 = b"\xff\xd8\xff", b"\xff\x4f\xff"


def read_codestream(frame: bytes, syntax: str) -> Codestream:
    """Return what the headers of a frame state. Nothing is decoded; the time is bounded for any bytes.

    A codestream that isn't reversible under a syntax for lossless frames is returned as it is, ``lossless`` False.

    Args:
        frame: all fragments of it; padding may be behind its end, and isn't looked at.
        syntax: the transfer syntax UID.

    Raises:
        DeidentificationError: it is broken, or not of that syntax (``pixel-invalid-frames``); it may be valid, and is not
            understood (``pixel-unsupported-format``); the syntax has no codestreams (``pixel-unsupported-syntax``).
    """
    family = CODESTREAM_SYNTAXES.get(syntax)
    if family is None:
        raise frame_error(Reason.PIXEL_UNSUPPORTED_SYNTAX)
    if family in (Family.JPEG_DCT, Family.JPEG_LOSSLESS):
        return read_jpeg(frame, syntax, family)
    if family is Family.JPEG_LS:
        return read_jpeg_ls(frame)
    return read_jpeg_2000(frame, family)


def begins_codestream(fragment: bytes, syntax: str) -> bool:
    """Return whether a fragment is the first of a frame: a codestream of that syntax, or a file of JPEG 2000, begins in it."""
    family = CODESTREAM_SYNTAXES.get(syntax)
    if family in (Family.JPEG_2000, Family.HTJ2K):
        return fragment.startswith((_JPEG_2000, JP2_SIGNATURE))
    return family is not None and fragment.startswith(_JPEG)


def is_dct_syntax(syntax: str) -> bool:
    """Return whether frames of a transfer syntax are coded by DCT: JPEG Baseline and Extended (PS3.5 A.4.1)."""
    return CODESTREAM_SYNTAXES.get(syntax) is Family.JPEG_DCT
