"""Views of a frame in which text is looked for: grey pictures of 8 bits, windowed as a person would do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..blanking import ImageFormat

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    #: integers of shape (rows, columns) or (rows, columns, 3)
    Samples = numpy.typing.NDArray[Any]
    Planes = numpy.typing.NDArray[numpy.uint8]

#: of the stored values, what a window leaves out at both ends, in percent
_DARKEST, _BRIGHTEST = 0.5, 99.5
#: the brightest of what isn't metal, bone or a caption
_BRIGHT = 95.0
#: lines and columns that are looked at for these, at most
_SAMPLED = 1000
#: levels of 8 bits within which a window is another one's, or a colour is grey
_ALIKE, _GREY = 12, 6
#: luma of red, green and blue (ITU-R BT.601), in parts of 1024
_RED, _GREEN, _BLUE = 306, 601, 117


def shown(samples: Samples, image: ImageFormat) -> Samples:
    """Return stored values without what can't be folded: grey ones as they are, colours as red, green and blue of 8 bits."""
    import numpy

    if image.palette is not None:
        colours = numpy.array(image.palette[1:], numpy.int32).T
        if int(colours.max()) > 255:
            colours >>= 8
        places = numpy.clip(samples.astype(numpy.int64) - image.palette.first, 0, len(colours) - 1)
        return colours.astype(numpy.uint8)[places]
    if image.samples == 1:
        return samples
    eight = samples.astype(numpy.int32)
    if image.stored != 8:
        eight = eight * 255 // ((1 << image.stored) - 1)
    if image.photometric in ("YBR_FULL", "YBR_FULL_422"):
        eight = _from_ybr(eight)
    return numpy.clip(eight, 0, 255).astype(numpy.uint8)


def _from_ybr(samples: Samples) -> Samples:
    """Return red, green and blue of full-range luma and colour differences (PS3.3 C.7.6.3.1.2)."""
    import numpy

    luma, blue, red = samples[:, :, 0], samples[:, :, 1] - 128, samples[:, :, 2] - 128
    return numpy.dstack([luma + (1436 * red >> 10), luma - (352 * blue + 731 * red >> 10), luma + (1815 * blue >> 10)])


def planes_of(frame: Samples, image: ImageFormat, windows: Sequence[tuple[float, float]] = ()) -> tuple[Planes, bool]:
    """Return the planes of a frame for ``find_text``, and whether the last three are colours.

    Grey values are seen in the windows of the header, and above 8 bits in some between percentiles and in one of all values,
    where these differ. Colours are seen by their luma and by their brightest channel, and as they are, where these differ.

    Args:
        frame: as ``shown`` returns it.
        windows: least and greatest stored values of each.
    """
    import numpy

    if frame.ndim == 2:
        return numpy.stack(_grey(frame, image, windows)), False
    views = _of_colours(frame)
    if len(views) == 1:
        return numpy.stack(views), False
    return numpy.stack([*views, *numpy.moveaxis(frame, 2, 0)]), True


def _grey(frame: Samples, image: ImageFormat, windows: Sequence[tuple[float, float]]) -> list[Planes]:
    least, most = float(frame.min()), float(frame.max())
    if image.stored <= 8:
        wanted = [(float(image.stored_range[0]), float(image.stored_range[1])), *windows]
    else:
        wanted = [*_between_percentiles(frame), *windows, (least, most)]
    distinct: list[tuple[float, float]] = []
    for low, high in wanted:
        # what is beyond the values of the frame makes no difference
        window = max(low, least) if image.stored > 8 else low, min(high, most) if image.stored > 8 else high
        if not any(_is_alike(window, other) for other in distinct):
            distinct.append(window)
    views = [_windowed(frame, *window) for window in distinct]
    return [255 - view for view in views] if image.photometric == "MONOCHROME1" else views


def _between_percentiles(frame: Samples) -> list[tuple[float, float]]:
    import numpy

    sample = frame[:: max(1, frame.shape[0] // _SAMPLED), :: max(1, frame.shape[1] // _SAMPLED)]
    darkest, bright, brightest = (float(value) for value in numpy.percentile(sample, (_DARKEST, _BRIGHT, _BRIGHTEST)))
    return [(darkest, brightest), (darkest, bright)]


def _is_alike(window: tuple[float, float], other: tuple[float, float]) -> bool:
    """Return whether one window shows what another one shows."""
    (low, high), (least, most) = window, other
    return 255 * max(abs(low - least), abs(high - most)) <= _ALIKE * max(min(high - low, most - least), 1.0)


def _windowed(frame: Samples, low: float, high: float) -> Planes:
    import numpy

    scaled = (frame.astype(numpy.float32) - numpy.float32(low)) * numpy.float32(255 / max(high - low, 1.0))
    view: Planes = numpy.clip(scaled, 0, 255).astype(numpy.uint8)
    return view


def _of_colours(frame: Samples) -> list[Planes]:
    import numpy

    wide = frame.astype(numpy.int32)
    luma = (wide[:, :, 0] * _RED + wide[:, :, 1] * _GREEN + wide[:, :, 2] * _BLUE >> 10).astype(numpy.uint8)
    brightest = numpy.ascontiguousarray(frame.max(axis=2))
    if int((brightest - luma).max()) <= _GREY:
        return [luma]
    return [luma, brightest]
