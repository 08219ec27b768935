"""Description of a codestream, as its headers state it (PS3.5 8.2 and A.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from ..errors import DeidentificationError
from ..reasons import Reason

#: frames are in no other element that is cleaned
_PIXEL_DATA = 0x7FE00010


class Family(Enum):
    """Kinds of codestreams: each has its own decoder."""

    JPEG_DCT = "jpeg-dct"
    JPEG_LOSSLESS = "jpeg-lossless"
    JPEG_LS = "jpeg-ls"
    JPEG_2000 = "jpeg-2000"
    HTJ2K = "htj2k"


#: transfer syntaxes whose frames are codestreams (PS3.5 A.4.1 to A.4.4, A.4.8)
CODESTREAM_SYNTAXES: Mapping[str, Family] = MappingProxyType(
    {
        "1.2.840.10008.1.2.4.50": Family.JPEG_DCT,
        "1.2.840.10008.1.2.4.51": Family.JPEG_DCT,
        "1.2.840.10008.1.2.4.57": Family.JPEG_LOSSLESS,
        "1.2.840.10008.1.2.4.70": Family.JPEG_LOSSLESS,
        "1.2.840.10008.1.2.4.80": Family.JPEG_LS,
        "1.2.840.10008.1.2.4.81": Family.JPEG_LS,
        "1.2.840.10008.1.2.4.90": Family.JPEG_2000,
        "1.2.840.10008.1.2.4.91": Family.JPEG_2000,
        "1.2.840.10008.1.2.4.201": Family.HTJ2K,
        "1.2.840.10008.1.2.4.202": Family.HTJ2K,
        "1.2.840.10008.1.2.4.203": Family.HTJ2K,
    }
)


@dataclass(frozen=True)
class Codestream:
    """Shape and coding of one frame, as its own headers state them. They need not be those of the data set.

    Attributes:
        family: its kind.
        rows, columns: more than 0. JPEG and JPEG-LS have 65,535 at most, JPEG 2000 more.
        components: 1 or 3.
        bits: precision, the same for all components: 8 or 12 (DCT), 2 to 16 (JPEG lossless, JPEG-LS), 1 to 32 (JPEG 2000).
        signed: samples have a sign; the JPEG 2000 family only.
        lossless: the coding is reversible: point transform 0 (T.81), NEAR 0 (T.87), the 5/3 transform without quantization in all
            tiles (T.800); False for DCT. A reversible JPEG 2000 codestream from which layers were taken away afterwards is as
            lossy as that took, and no header tells: the data set's LossyImageCompression may. A syntax for lossless frames
            may hold others: who cares compares.
        colour: ``"RGB"`` or ``"YBR"`` where a JPEG says so: by an Adobe segment, else by JFIF, else by component identifiers
            R, G and B. Else ``""``, as for one component and for JPEG 2000. (libjpeg believes JFIF before Adobe.)
        sampling: (horizontal, vertical) factor of each component as in the frame header (T.81 B.2.2); (1, 1) outside DCT.
        predictor: selection value of JPEG lossless, 1 to 7 (T.81 H.1.2.1); else 0.
        progressive: DCT coefficients come in several scans (T.81 G).
        interleave: of JPEG-LS: 0 by component, 1 by line, 2 by sample (T.87 C.2.3).
        component_transform: JPEG 2000: the first three components are transformed together (T.800 G).
        progression: JPEG 2000: order of the packets by the main header (T.800 B.12); a POC segment may change it later.
    """

    family: Family
    rows: int
    columns: int
    components: int
    bits: int
    signed: bool
    lossless: bool
    colour: str
    sampling: tuple[tuple[int, int], ...]
    predictor: int = 0
    progressive: bool = False
    interleave: int = 0
    component_transform: bool = False
    progression: str = ""


def frame_error(reason: Reason) -> DeidentificationError:
    """Return the error of a compressed frame."""
    return DeidentificationError(reason, _PIXEL_DATA)


def invalid() -> DeidentificationError:
    """Return the error of a frame that is broken, or not of its syntax."""
    return frame_error(Reason.PIXEL_INVALID_FRAMES)


def unsupported() -> DeidentificationError:
    """Return the error of a frame that may be valid, and is not understood."""
    return frame_error(Reason.PIXEL_UNSUPPORTED_FORMAT)
