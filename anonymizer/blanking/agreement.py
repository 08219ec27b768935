"""The agreement of a codestream with the header of its object, in size, too, and black as samples of the codestream."""

from __future__ import annotations

from ..codecs import MOST_DECODED
from ..codestreams import Codestream
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..reasons import Reason
from .fill import fill_cells, stored_values
from .image_format import HIGH_BIT, ROWS, ImageFormat, value_range

#: bytes of a codestream beyond twice its samples: its headers
_SLACK = 1 << 16


def most_packed(image: ImageFormat) -> int:
    """Return how many bytes the codestream of a frame may have.

    Raises:
        DeidentificationError: the frame has more, decoded, than codecs take (``pixel-unsupported-format``).
    """
    if image.cell_bytes > MOST_DECODED:
        raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, ROWS)
    return 2 * image.cell_bytes + _SLACK


def check_agreement(image: ImageFormat, codestream: Codestream) -> None:
    """Check that a codestream holds a frame of the image.

    Its precision may be more than BitsStored: many encoders take whole cells (PS3.5 8.2). It may be less where both agree about
    the sign: encoders of JPEG 2000 take as many bits as the samples of a frame need.

    Raises:
        DeidentificationError: its size or precision is another (``pixel-invalid-frames``), or readers may see different samples
            in it (``pixel-unsupported-format``).
    """
    size = (codestream.rows, codestream.columns, codestream.components)
    if size != (image.rows, image.columns, image.samples) or codestream.bits > image.allocated:
        raise DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA)
    if codestream.bits < image.stored and (codestream.signed != image.signed or image.samples > 1):
        raise DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA)
    if image.high_bit != image.stored - 1 and codestream.bits != image.allocated:
        # whether the unused bits below are in the codestream, nothing tells
        raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, HIGH_BIT)


def black_samples(image: ImageFormat, codestream: Codestream) -> tuple[int, ...]:
    """Return black, for each sample of a pixel, as the codestream holds it; of less bits than BitsStored the closest there is.

    Args:
        codestream: agrees with the image.

    Raises:
        DeidentificationError: there is none (``pixel-unsupported-format``).
    """
    bits = codestream.bits
    if bits >= image.stored:
        # bits above the stored ones extend the sign, or are 0: as in a native cell
        patterns = [cell & (1 << bits) - 1 for cell in fill_cells(image)]
        return tuple(each - (1 << bits) if codestream.signed and each >> bits - 1 else each for each in patterns)
    least, greatest = value_range(bits, codestream.signed)
    samples = tuple(min(max(least, value), greatest) for value in stored_values(image))
    if image.darkest is not None and samples != (image.darkest,):
        raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, PIXEL_DATA)
    return samples


def stated_black(image: ImageFormat, codestream: Codestream) -> str:
    """Return the stored values of black, separated by commas, as the account has them."""
    values = stored_values(image) if codestream.bits >= image.stored else black_samples(image, codestream)
    return ",".join(map(str, values))
