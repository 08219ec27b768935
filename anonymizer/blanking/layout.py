"""The arrangement of pixels in memory as lines of cells, and the blanking of rectangles in some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from profiles import Rectangle

from .fill import fill_cells
from .image_format import ImageFormat

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    Lines = numpy.typing.NDArray[numpy.uint8]


@dataclass(frozen=True)
class Layout:
    """The arrangement of an image: frames of planes of lines of units.

    A unit is what is blanked at once: the samples of a pixel that stand together, or those of two in YBR_FULL_422. A pixel of one
    bit is a byte here.

    Attributes:
        rows: lines of a plane.
        units: units of a line.
        unit: bytes of a unit.
        pixels: columns of the image that share a unit.
        fills: for each plane of a frame the black unit.
    """

    rows: int
    units: int
    unit: int
    pixels: int
    fills: tuple[bytes, ...]

    @property
    def line(self) -> int:
        """Bytes of a line."""
        return self.units * self.unit

    @property
    def frame_lines(self) -> int:
        """Lines of a frame, all planes together."""
        return self.rows * len(self.fills)


def native_layout(image: ImageFormat) -> Layout:
    """Return the arrangement of native pixels (PS3.5 8.1.1, 8.2; PS3.3 C.7.6.3.1.3)."""
    size = max(1, image.allocated // 8)
    order = "little" if image.little else "big"
    samples = [cell.to_bytes(size, order) for cell in fill_cells(image)]  # type: ignore[arg-type]  # one of two words
    if image.subsampled:
        luma, blue, red = samples
        return Layout(image.rows, image.columns // 2, 4, 2, (luma + luma + blue + red,))
    if image.planar:
        return Layout(image.rows, image.columns, size, 1, tuple(samples))
    return Layout(image.rows, image.columns, size * image.samples, 1, (b"".join(samples),))


def segment_layout(image: ImageFormat) -> Layout:
    """Return the arrangement of a frame's byte planes in RLE Lossless, the most significant byte first (PS3.5 G.2)."""
    size = image.allocated // 8
    planes = b"".join(cell.to_bytes(size, "big") for cell in fill_cells(image))
    return Layout(image.rows, image.columns, 1, 1, tuple(planes[at : at + 1] for at in range(len(planes))))


def effective_rectangles(image: ImageFormat, rectangles: Sequence[Rectangle]) -> tuple[Rectangle, ...]:
    """Return the rectangles that are blanked: in YBR_FULL_422 they are widened to pairs of columns. None is empty.

    Raises:
        ValueError: one goes beyond the image.
    """
    effective = set()
    for x0, y0, x1, y1 in rectangles:
        if x0 >= x1 or y0 >= y1:
            continue
        if x0 < 0 or y0 < 0 or x1 > image.columns or y1 > image.rows:
            raise ValueError("a rectangle goes beyond the image")
        if image.subsampled:
            x0, x1 = x0 // 2 * 2, (x1 + 1) // 2 * 2
        effective.add(Rectangle(x0, y0, x1, y1))
    return tuple(sorted(effective, key=lambda area: (area.y0, area.x0, area.y1, area.x1)))


class Blanker:
    """Blank rectangles in lines of an image."""

    def __init__(self, layout: Layout, rectangles: Sequence[Rectangle]) -> None:
        """
        Args:
            rectangles: as ``effective_rectangles`` returns them.
        """
        import numpy

        self._layout = layout
        self._areas = [
            (
                slice(area.y0, area.y1),
                slice(area.x0 // layout.pixels * layout.unit, area.x1 // layout.pixels * layout.unit),
                [numpy.frombuffer(fill * ((area.x1 - area.x0) // layout.pixels), numpy.uint8) for fill in layout.fills],
            )
            for area in rectangles
        ]

    def blank(self, lines: Lines, first: int) -> None:
        """Blank the rectangles in ``lines``, in place.

        Args:
            lines: uint8, shape (number of lines, bytes of a line).
            first: number of the first of them, counted through planes and frames.
        """
        rows, planes = self._layout.rows, len(self._layout.fills)
        at = 0
        while at < len(lines):
            plane, row = divmod(first + at, rows)
            whole = (len(lines) - at) // rows
            if row or not whole:
                count = min(rows - row, len(lines) - at)
                self._blank_part(lines[at : at + count], row, plane % planes)
            else:
                count = whole * rows
                self._blank_planes(lines[at : at + count].reshape(whole, rows, self._layout.line), plane)
            at += count

    def _blank_part(self, lines: Lines, row: int, plane: int) -> None:
        """Blank lines of one plane, which begin with its line ``row``."""
        for rows, columns, fills in self._areas:
            lines[max(0, rows.start - row) : max(0, rows.stop - row), columns] = fills[plane]

    def _blank_planes(self, planes: Lines, first: int) -> None:
        """Blank whole planes, of which the first is the plane ``first`` of the image."""
        for number, _ in enumerate(self._layout.fills):
            same = planes[(number - first) % len(self._layout.fills) :: len(self._layout.fills)]
            for rows, columns, fills in self._areas:
                same[:, rows, columns] = fills[number]
