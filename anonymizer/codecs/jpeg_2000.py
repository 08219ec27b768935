"""JPEG 2000 (T.800; PS3.5 8.2.4), by OpenJPEG. Runs in a child process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arrays import Samples

#: resolutions of a codestream, where the image is large enough
_RESOLUTIONS = 6


def decode(frame: bytearray, codestream: dict[str, Any]) -> Samples:
    """Return the samples after the inverse component transform, shape (rows, columns, components).

    Raises:
        Exception: of the library, which refuses the codestream.
    """
    import imagecodecs

    return imagecodecs.jpeg2k_decode(bytes(frame), planar=False, numthreads=1)


def encode(samples: Samples, coding: dict[str, Any]) -> bytes:
    """Return samples of the precision ``bits`` coded reversibly: one tile, one layer, progression LRCP."""
    import imagecodecs

    rows, columns, components = samples.shape
    return bytes(
        imagecodecs.jpeg2k_encode(
            samples[:, :, 0].copy() if components == 1 else samples,
            level=0,
            codecformat="j2k",
            planar=False,
            bitspersample=coding["bits"],
            resolutions=min(_RESOLUTIONS, min(rows, columns).bit_length()),
            reversible=True,
            mct=coding["component_transform"],
            numthreads=1,
        )
    )
