"""The looks at one picture in which text is sought: as it is, enlarged, and in ways that show what else is hard to see.

Runs in a child process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    #: shape (rows, columns), or (rows, columns, 3) in the order blue, green, red
    Picture = numpy.typing.NDArray[numpy.uint8]

#: ways of looking
PLAIN, INVERTED, EVENED, FLATTENED = WAYS = "plain", "inverted", "evened", "flattened"
#: pixels of the edge around a look: letters that touch an edge are found less
EDGE = 32
#: enlarged: so many times, if the picture's shorter side has so many pixels (smaller ones are enlarged by the model's own step),
#: and all of it no more than so many: small letters of large films would take too long
_ENLARGED, _LEAST_SIDE, _MOST_PIXELS = 1.5, 490, 2_000_000
#: evened: parts of a side within which contrast is equalized, and how far
_PARTS, _CLIP = 8, 3.0
#: flattened: side of the window whose median is taken away, in pixels: a part of the picture's shorter side, within limits; and
#: the percentile of what is left that becomes white
_WINDOWS, _NARROWEST, _WIDEST = 32, 15, 51
_BRIGHTEST = 99.8


class Look(NamedTuple):
    """A look at a picture.

    Attributes:
        way: one of WAYS.
        picture: with an edge.
        scale: of ``picture``.
    """

    way: str
    picture: Picture
    scale: float = 1.0


def looks_at(planes: Picture, *, colour: bool, thorough: bool, black: Sequence[Sequence[int]]) -> list[Look]:
    """Return the looks at a picture.

    Args:
        planes: shape (number of planes, rows, columns): grey views, the main one first; then red, green and blue where there is
            ``colour``.
        thorough: look in all ways, and not only plainly.
        black: rectangles that are black by now: x0, y0, x1, y1.
    """
    import cv2
    import numpy

    views = planes[:-3] if colour else planes
    first = numpy.ascontiguousarray(views[0])
    plain: list[Picture] = [*views[1:]]
    # a colour shows as such, and not by its luma
    plain.insert(0, numpy.ascontiguousarray(numpy.moveaxis(planes[:-4:-1], 0, 2)) if colour else first)
    looks = [Look(PLAIN, _framed(view, black)) for view in plain]
    if not thorough:
        return looks
    if min(first.shape) > _LEAST_SIDE and first.size <= _MOST_PIXELS:
        larger = cv2.resize(looks[0].picture, None, fx=_ENLARGED, fy=_ENLARGED, interpolation=cv2.INTER_CUBIC)
        looks.append(Look(PLAIN, larger.astype(numpy.uint8, copy=False), _ENLARGED))
    return looks + [Look(way, _framed(view, black)) for way, view in _others(first)]


def _others(view: Picture) -> Iterator[tuple[str, Picture]]:
    import cv2
    import numpy

    yield INVERTED, 255 - view
    yield EVENED, cv2.createCLAHE(_CLIP, (_PARTS, _PARTS)).apply(view).astype(numpy.uint8, copy=False)
    size = min(_WIDEST, max(_NARROWEST, min(view.shape) // _WINDOWS)) | 1
    difference = cv2.absdiff(view, cv2.medianBlur(view, size))
    most = max(1.0, float(numpy.percentile(difference, _BRIGHTEST)))
    yield FLATTENED, numpy.clip(difference * numpy.float32(255 / most), 0, 255).astype(numpy.uint8)


def _framed(view: Picture, black: Sequence[Sequence[int]]) -> Picture:
    """Return a view with rectangles blanked, and a black edge around it."""
    import numpy

    edges = ((EDGE, EDGE), (EDGE, EDGE), (0, 0))[: view.ndim]
    framed = numpy.pad(view, edges)
    for x0, y0, x1, y1 in black:
        framed[y0 + EDGE : y1 + EDGE, x0 + EDGE : x1 + EDGE] = 0
    return framed
