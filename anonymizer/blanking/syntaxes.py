"""Transfer syntaxes by the form of their pixel data, and the syntax in which cleaned pixels are written (PS3.5 10, A)."""

from __future__ import annotations

from enum import Enum, auto

from ..codestreams import CODESTREAM_SYNTAXES, is_dct_syntax


class PixelForm(Enum):
    """A form of pixel data, by which it is read, blanked and written."""

    NATIVE = auto()
    RLE = auto()
    #: JPEG Baseline and Extended: coefficients are blanked, and no sample is decoded
    DCT = auto()
    #: codestreams that are decoded, blanked and encoded without loss
    RASTER = auto()


_NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"})
_RLE = "1.2.840.10008.1.2.5"
#: syntaxes for what may be lossy, and those that say of the same codestreams that they are lossless
_LOSSLESS = {
    "1.2.840.10008.1.2.4.81": "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.91": "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.203": "1.2.840.10008.1.2.4.201",
}


def form_of(syntax: str) -> PixelForm | None:
    """Return the form of pixel data in a transfer syntax, None for one whose pixels can't be cleaned."""
    if syntax in _NATIVE:
        # deflated data sets are inflated
        return PixelForm.NATIVE
    if syntax == _RLE:
        return PixelForm.RLE
    if syntax not in CODESTREAM_SYNTAXES:
        return None
    return PixelForm.DCT if is_dct_syntax(syntax) else PixelForm.RASTER


def written_syntax(syntax: str, *, says_lossy: bool) -> str:
    """Return the transfer syntax of an object whose pixels were cleaned: what was encoded anew is lossless, and is named so.

    Args:
        says_lossy: LossyImageCompression says that the pixels lost something once. Where it doesn't, a syntax for what may be
            lossy stays, which may hold lossless codestreams, too: nothing else would tell of the loss.
    """
    return _LOSSLESS.get(syntax, syntax) if says_lossy else syntax
