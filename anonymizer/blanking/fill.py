"""The value of blanked pixels: black, in the whole cell of each sample."""

from __future__ import annotations

from ..errors import DeidentificationError
from ..reasons import Reason
from .image_format import ALLOCATED, ImageFormat


def fill_values(image: ImageFormat) -> tuple[int, ...]:
    """Return black, for each sample of a pixel the stored value.

    Of MONOCHROME1 it is the maximum, of PALETTE COLOR the darkest index, of YBR_FULL neutral chrominance, of YBR_RCT and YBR_ICT
    that of RGB, which decoders make of them, of signed samples PixelPaddingValue where that is no brighter than zero, otherwise
    the minimum (PS3.3 C.7.6.3.1.2, C.7.5.1.1.2).
    """
    least, greatest = image.stored_range
    if image.photometric == "MONOCHROME1":
        return (greatest,)
    if image.darkest is not None:
        return (image.darkest,)
    if image.photometric in ("YBR_FULL", "YBR_FULL_422"):
        neutral = 1 << image.stored - 1
        return (0, neutral, neutral)
    if image.signed and image.padding is not None and least <= image.padding <= 0:
        return (image.padding,)
    return (least,) * image.samples


def fill_cells(image: ImageFormat) -> tuple[int, ...]:
    """Return black, for each sample the content of its whole cell as an unsigned number.

    Bits above the stored ones extend the sign, or are 0, and bits below them are 0: overlays in them go as well.

    Raises:
        DeidentificationError: readers disagree about how such a value stands in big endian.
    """
    cells = tuple(_cell(image, value) for value in fill_values(image))
    if not image.little and not image.words and image.allocated > 8:
        # the standard has no bytes of such cells: some readers take them for words of big endian, some for those of little
        if any((cell := each.to_bytes(image.allocated // 8, "big")) != cell[::-1] for each in cells):
            raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, ALLOCATED)
    elif not image.little and image.allocated == 32:
        # the standard puts the lower word first, and many readers the higher one (PS3.5 8.1.1, D.2): what is the same in both
        cells = tuple(_symmetric(image, cell) for cell in cells)
    return cells


def fill_text(image: ImageFormat) -> str:
    """Return the stored values of black, separated by commas."""
    return ",".join(map(str, stored_values(image)))


def stored_values(image: ImageFormat) -> tuple[int, ...]:
    """Return the stored values that ``fill_cells`` contain."""
    shift = image.high_bit + 1 - image.stored
    return tuple(_stored(image, cell >> shift) for cell in fill_cells(image))


def _stored(image: ImageFormat, bits: int) -> int:
    value = bits & (1 << image.stored) - 1
    return value - (1 << image.stored) if image.signed and value >> image.stored - 1 else value


def _cell(image: ImageFormat, value: int) -> int:
    shifted = value << image.high_bit + 1 - image.stored
    return shifted & (1 << image.allocated) - 1


def _symmetric(image: ImageFormat, cell: int) -> int:
    """Return a cell whose two words are equal, as close to ``cell`` as a 256th of the range.

    Raises:
        DeidentificationError: there is none.
    """
    high, low = divmod(cell, 1 << 16)
    if high == low:
        return cell
    if image.stored <= 24 or image.high_bit != image.stored - 1:
        raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, ALLOCATED)
    return high << 16 | high
