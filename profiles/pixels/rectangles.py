"""Rectangles of pixels: areas as rules write them, and the disjoint rectangles that they come to in an image.

Two sets of the same pixels are the same rectangles, whatever they were made from. The work grows with the number of areas, never
with that of pixels.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from ..errors import PixelSizeError


class Rectangle(NamedTuple):
    """Pixels of an image, half-open: columns ``x0`` to ``x1 - 1`` of rows ``y0`` to ``y1 - 1``, counted from 0."""

    x0: int
    y0: int
    x1: int
    y1: int


class Area(NamedTuple):
    """A rectangle as a rule writes it: half-open, negative numbers counted from the right or bottom edge.

    Attributes:
        x0, y0: the first column and row.
        x1, y1: the column and row behind the last; 0 is the edge itself.
        blank: whether its pixels are blanked; else those that an earlier area blanks are kept.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    blank: bool = True

    def placed(self, rows: int, columns: int, *, clip: bool = False) -> Rectangle:
        """Return the pixels of the area in an image of ``rows`` x ``columns``.

        Args:
            clip: whether what is beyond the right and bottom edges is cut off.

        Raises:
            PixelSizeError: it isn't inside the image, or has no pixel in it.
        """
        x0, x1 = _side(self.x0, self.x1, columns, clip)
        y0, y1 = _side(self.y0, self.y1, rows, clip)
        return Rectangle(x0, y0, x1, y1)


#: the whole image
WHOLE = Area(0, 0, 0, 0)

#: the first column and the one behind the last of some blanked pixels of a row
_Run = tuple[int, int]


def _side(first: int, end: int, size: int, clip: bool) -> _Run:
    start = first + size if first < 0 else first
    stop = end + size if end <= 0 else end
    if clip:
        stop = min(stop, size)
    if not 0 <= start < stop <= size:
        raise PixelSizeError("a rectangle isn't inside the image")
    return start, stop


def resolve(areas: Sequence[Area], rows: int, columns: int, *, clip: bool = False) -> tuple[Rectangle, ...]:
    """Return the pixels that ``areas``, applied in their order, blank in an image: disjoint rectangles, from top to bottom.

    Args:
        rows, columns: of the image, in pixels.
        clip: whether what is beyond the right and bottom edges is cut off.

    Raises:
        PixelSizeError: an area isn't inside the image, or has no pixel in it.
    """
    return _blanked([(area.placed(rows, columns, clip=clip), area.blank) for area in areas])


def union(several: Iterable[Iterable[Rectangle]], rows: int, columns: int) -> tuple[Rectangle, ...]:
    """Return the pixels that are in any of ``several``: disjoint rectangles, from top to bottom.

    Raises:
        PixelSizeError: a rectangle isn't inside the image.
    """
    return _blanked([(_checked(rectangle, rows, columns), True) for rectangles in several for rectangle in rectangles])


def outside(regions: Iterable[Rectangle], rows: int, columns: int) -> tuple[Rectangle, ...]:
    """Return the pixels of an image that are in none of ``regions``: disjoint rectangles, from top to bottom.

    Raises:
        PixelSizeError: a region isn't inside the image.
    """
    kept = [(_checked(region, rows, columns), False) for region in regions]
    return _blanked([(WHOLE.placed(rows, columns), True), *kept])


def _checked(rectangle: Rectangle, rows: int, columns: int) -> Rectangle:
    if not (0 <= rectangle.x0 < rectangle.x1 <= columns and 0 <= rectangle.y0 < rectangle.y1 <= rows):
        raise PixelSizeError("a rectangle isn't inside the image")
    return Rectangle(*rectangle)


def _blanked(applied: list[tuple[Rectangle, bool]]) -> tuple[Rectangle, ...]:
    """Return the pixels whose last rectangle blanks: in each row the longest runs, equal ones below each other as one."""
    edges = sorted({edge for rectangle, _ in applied for edge in (rectangle.y0, rectangle.y1)})
    found: list[Rectangle] = []
    growing: dict[_Run, int] = {}
    for top, bottom in pairwise(edges):
        runs = _runs([(rectangle, blank) for rectangle, blank in applied if rectangle.y0 <= top and bottom <= rectangle.y1])
        found += (Rectangle(x0, y0, x1, top) for (x0, x1), y0 in growing.items() if (x0, x1) not in runs)
        growing = {run: growing.get(run, top) for run in runs}
    found += (Rectangle(x0, y0, x1, edges[-1]) for (x0, x1), y0 in growing.items())
    return tuple(sorted(found, key=lambda rectangle: (rectangle.y0, rectangle.x0)))


def _runs(applied: list[tuple[Rectangle, bool]]) -> dict[_Run, None]:
    """Return the blanked runs of rows that all of ``applied`` cover, from left to right."""
    edges = sorted({edge for rectangle, _ in applied for edge in (rectangle.x0, rectangle.x1)})
    cells = bytearray(len(edges))
    for rectangle, blank in applied:
        first, end = bisect_left(edges, rectangle.x0), bisect_left(edges, rectangle.x1)
        cells[first:end] = (b"\1" if blank else b"\0") * (end - first)
    runs: dict[_Run, None] = {}
    position = cells.find(1)
    while position >= 0:
        # the last cell, which is behind all of them, is never set
        end = cells.find(0, position)
        runs[edges[position], edges[end]] = None
        position = cells.find(1, end)
    return runs
