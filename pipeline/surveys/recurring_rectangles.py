"""Rectangles that recur in images of one device and size: what a rule for it may blank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from profiles import Rectangle

#: drafts are snapped outwards to so many pixels: letters move a little
SNAP = 16
#: of two rectangles that are one: pixels that both have, of those that one of them has
_SAME = 0.5
#: of one that lies in another, such as a short name in the place of a long one: its pixels in there, and how much larger that is
_WITHIN, _LARGER = 0.8, 4
#: different rectangles of a device that are compared, those of most objects first
_MOST_DISTINCT = 20_000


class Blanked(NamedTuple):
    """A rectangle that was blanked in an object.

    Attributes:
        source: who said so, as in the audit.
    """

    source: str
    rectangle: Rectangle


class Recurring(NamedTuple):
    """A rectangle that recurs.

    Attributes:
        rectangle: around all that were found to be one.
        objects: in how many objects one of them stands.
        sources: the same by who said so; an object may have several.
    """

    rectangle: Rectangle
    objects: int
    sources: dict[str, int]


def recurring(objects: Sequence[Collection[Blanked]], rows: int, columns: int, share: float) -> list[Recurring]:
    """Return the rectangles that stand in at least a share of objects, from top to bottom.

    Args:
        objects: all that count, also those in which nothing was blanked.
        rows, columns: of their images.
        share: from 0 to 1.
    """
    places: dict[Rectangle, set[int]] = {}
    said: dict[Rectangle, set[tuple[str, int]]] = {}
    for number, blanked in enumerate(objects):
        for source, rectangle in blanked:
            snapped = snap(rectangle, rows, columns)
            places.setdefault(snapped, set()).add(number)
            said.setdefault(snapped, set()).add((source, number))
    ordered = sorted(places, key=lambda one: (-len(places[one]), one))[:_MOST_DISTINCT]
    found = []
    for cluster in _clusters(ordered):
        numbers = set[int]().union(*(places[one] for one in cluster))
        if len(numbers) >= max(1.0, share * len(objects)):
            sources = Counter(source for source, _ in set[tuple[str, int]]().union(*(said[one] for one in cluster)))
            found.append(Recurring(_around(cluster), len(numbers), dict(sorted(sources.items()))))
    return sorted(found, key=lambda one: (one.rectangle.y0, one.rectangle.x0, one.rectangle))


def snap(rectangle: Rectangle, rows: int, columns: int) -> Rectangle:
    """Return a rectangle snapped outwards, as far as the image goes."""
    x0, y0, x1, y1 = rectangle
    return Rectangle(x0 // SNAP * SNAP, y0 // SNAP * SNAP, min(-(-x1 // SNAP) * SNAP, columns), min(-(-y1 // SNAP) * SNAP, rows))


def _clusters(ordered: Sequence[Rectangle]) -> Iterable[list[Rectangle]]:
    """Yield rectangles that are one, each together with the first of them."""
    import numpy as np

    if not ordered:
        return
    sides = np.array(ordered, np.int64)
    areas = (sides[:, 2] - sides[:, 0]) * (sides[:, 3] - sides[:, 1])
    left = np.ones(len(ordered), bool)
    for place in range(len(ordered)):
        if not left[place]:
            continue
        seed = sides[place]
        width = np.minimum(sides[:, 2], seed[2]) - np.maximum(sides[:, 0], seed[0])
        height = np.minimum(sides[:, 3], seed[3]) - np.maximum(sides[:, 1], seed[1])
        both = np.clip(width, 0, None) * np.clip(height, 0, None)
        smaller, larger = np.minimum(areas, areas[place]), np.maximum(areas, areas[place])
        is_same = both >= _SAME * (areas + areas[place] - both)
        is_within = (both >= _WITHIN * smaller) & (larger <= _LARGER * smaller)
        members = np.flatnonzero(left & (is_same | is_within))
        left[members] = False
        yield [ordered[int(member)] for member in members]


def _around(rectangles: Sequence[Rectangle]) -> Rectangle:
    x0, y0, x1, y1 = zip(*rectangles, strict=True)
    return Rectangle(min(x0), min(y0), max(x1), max(y1))
