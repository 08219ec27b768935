"""The proof that cleaned pixels are black inside the rectangles, and outside bit for bit what they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from profiles import Rectangle

from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..reasons import Reason

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    from .layout import Layout, Lines

    Mask = numpy.typing.NDArray[numpy.bool_]

#: bytes that are compared at once
_CHUNK = 1 << 17


class Proof:
    """Compare lines of an image before and after they were cleaned.

    Shares nothing with ``Blanker`` but the layout: which bytes have to be black is a mask here, summed up from the edges of the
    rectangles, and each line looks up its row in it.
    """

    def __init__(self, layout: Layout, rectangles: Sequence[Rectangle]) -> None:
        """
        Args:
            rectangles: as they were asked for, in pixels.
        """
        import numpy

        rectangles = [area for area in rectangles if area.x0 < area.x1 and area.y0 < area.y1]
        edges = sorted({0, layout.rows, *(edge for area in rectangles for edge in (area.y0, area.y1))})
        steps = numpy.zeros((len(edges), layout.units + 1), numpy.int32)
        for x0, y0, x1, y1 in rectangles:
            bands = steps[edges.index(y0) : edges.index(y1)]
            bands[:, x0 // layout.pixels] += 1
            bands[:, -(-x1 // layout.pixels)] -= 1
        inside: Mask = numpy.greater(numpy.cumsum(steps, axis=1)[:, :-1], 0)
        self._layout = layout
        self._mask = numpy.repeat(inside, layout.unit, axis=1)
        self._touched = numpy.asarray(inside.any(axis=1))
        self._band_of_row = numpy.searchsorted(edges, numpy.arange(layout.rows), side="right") - 1
        self._black = numpy.stack([numpy.frombuffer(fill * layout.units, numpy.uint8) for fill in layout.fills])

    def check(self, before: Lines, after: Lines, first: int) -> None:
        """Check lines, decoded from the bytes that came and from those that will be written.

        Args:
            before, after: uint8, shape (number of lines, bytes of a line).
            first: number of the first of them, counted through planes and frames.

        Raises:
            DeidentificationError: ``pixel-verification-failed``.
        """
        if before.shape != after.shape or before.shape[1] != self._layout.line:
            raise DeidentificationError(Reason.PIXEL_VERIFICATION_FAILED, PIXEL_DATA)
        count = max(1, _CHUNK // self._layout.line)
        for at in range(0, len(before), count):
            self._check(before[at : at + count], after[at : at + count], first + at)

    def _check(self, before: Lines, after: Lines, first: int) -> None:
        import numpy

        lines = numpy.arange(first, first + len(before))
        planes, bands = lines // self._layout.rows, self._band_of_row[lines % self._layout.rows]
        expected = before
        if self._touched[bands].any():
            black = self._black[planes % len(self._black)] if len(self._black) > 1 else self._black
            expected = numpy.where(self._mask[bands], black, before)
        if not numpy.array_equal(expected, after):
            raise DeidentificationError(Reason.PIXEL_VERIFICATION_FAILED, PIXEL_DATA)
