"""JPEG lossless, process 14 (T.81 H; PS3.5 8.2.1), by libjpeg-turbo 3. Runs in a child process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arrays import Samples


_EOI = b"\xff\xd9"
#: bits of all kinds, and no marker
_MORE = b"\xa5\x1b" * 32


def decode(frame: bytearray, codestream: dict[str, Any]) -> Samples:
    """Return the samples as coded, shape (rows, columns, components).

    Raises:
        Exception: of the library, which refuses the codestream; of the data, which isn't whole.
    """
    import imagecodecs
    import numpy

    # colour: the same in and out is no conversion, whatever JFIF and Adobe markers say
    colour = "rgb" if codestream["components"] == 3 else None
    decoded = imagecodecs.jpeg8_decode(bytes(frame), colorspace=colour, outcolorspace=colour)
    # where data ends too early, libjpeg makes up the rest, and the binding hides its warning: whole data isn't changed by more
    end = frame.rfind(_EOI)
    # without the bytes that fill up ahead of a marker
    longer = bytes(frame[:end] if end > 0 else frame).rstrip(b"\xff") + _MORE + _EOI
    if not numpy.array_equal(decoded, imagecodecs.jpeg8_decode(longer, colorspace=colour, outcolorspace=colour)):
        raise ValueError("data that ends too early")
    return decoded


def encode(samples: Samples, coding: dict[str, Any]) -> bytes:
    """Return samples of the precision ``bits``, 2 to 16, coded with ``predictor``.

    Three components get an Adobe marker that says that nothing was converted, and the identifiers R, G and B.
    """
    import imagecodecs

    grey = samples.shape[2] == 1
    colour = None if grey else "rgb"
    return bytes(
        imagecodecs.jpeg8_encode(
            samples[:, :, 0].copy() if grey else samples,
            lossless=True,
            predictor=coding["predictor"],
            bitspersample=coding["bits"],
            colorspace=colour,
            outcolorspace=colour,
        )
    )
