"""Frames of JPEG Baseline and Extended, blanked and proven by their coefficients, one by one (T.81 A.3, PS3.5 8.2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from profiles import Rectangle

from ..codecs import BlockArea, Component, blank_dct, check_codec, coefficients
from ..codestreams import Codestream, Family, read_codestream
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..reasons import Reason
from .agreement import black_samples, check_agreement, most_packed, stated_black
from .image_format import ImageFormat
from .layout import effective_rectangles

if TYPE_CHECKING:
    import numpy
    import numpy.typing

#: lines and columns of a block
_BLOCK = 8


class _Grid(NamedTuple):
    """The blocks of a frame.

    Attributes:
        rows, columns: pixels of a group of blocks (MCU).
        shares_colours: a sample of some component covers more than one pixel of a line; of a column.
        sampling: (horizontal, vertical) of each component.
    """

    rows: int
    columns: int
    shares_colours: tuple[bool, bool]
    sampling: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, codestream: Codestream) -> _Grid:
        sampling = codestream.sampling
        if len(sampling) == 1:
            # one component is in no groups, whatever its sampling factors (T.81 A.2.2)
            return cls(_BLOCK, _BLOCK, (False, False), ((1, 1),))
        across, down = (max(factors) for factors in zip(*sampling, strict=True))
        shares = tuple(any(each[axis] != most for each in sampling) for axis, most in enumerate((across, down)))
        return cls(_BLOCK * down, _BLOCK * across, (shares[0], shares[1]), sampling)


class _Plan(NamedTuple):
    """The blanking of all frames of an image: they have to be alike.

    Attributes:
        codestream: of each.
        levels, blocks: black, and the blocks that become so, of each component.
    """

    codestream: Codestream
    grid: _Grid
    levels: tuple[int, ...]
    blocks: list[list[BlockArea]]


class DctFrames:
    """Clean the frames of an image in JPEG Baseline or Extended. Only one is in memory at a time.

    Attributes:
        codec: its name in the account.
        most: bytes that a frame's codestream may have.
    """

    codec = "dct"

    def __init__(self, image: ImageFormat, rectangles: Sequence[Rectangle], syntax: str) -> None:
        """
        Args:
            rectangles: in pixels, inside the image.
            syntax: UID of the transfer syntax.

        Raises:
            DeidentificationError: a frame is too large (``pixel-unsupported-format``); ``pixel-codec-missing``.
        """
        self.most = most_packed(image)
        check_codec(Family.JPEG_DCT)
        self._image = image
        self._syntax = syntax
        self._rectangles = effective_rectangles(image, rectangles)
        #: by the first frame
        self._plan: _Plan | None = None

    @property
    def fill(self) -> str:
        """The stored values of black, for each sample, separated by commas; empty before a frame was cleaned."""
        if self._plan is None:
            return ""
        if self._image.samples == 1:
            return stated_black(self._image, self._plan.codestream)
        return ",".join(map(str, self._plan.levels))

    def effective(self, rectangles: Sequence[Rectangle]) -> tuple[Rectangle, ...]:
        """Return the pixels that are black where ``rectangles`` are asked for: whole groups of blocks.

        Raises:
            ValueError: no frame was cleaned yet.
        """
        if self._plan is None:
            raise ValueError("no frame tells how large a block is")
        grid, wanted = self._plan.grid, effective_rectangles(self._image, rectangles)
        return tuple(sorted({_widened(one, grid, self._image) for one in wanted}, key=_reading_order))

    def clean(self, frame: bytes) -> bytes:
        """Return ``frame`` with the blocks of the rectangles black, of even length.

        Raises:
            DeidentificationError: as ``RasterFrames.clean``.
        """
        codestream = read_codestream(frame, self._syntax)
        check_agreement(self._image, codestream)
        if self._plan is None:
            self._plan = self._plan_by(codestream)
        elif codestream != self._plan.codestream:
            # which pixels are black would be another thing in each frame
            raise DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA)
        cleaned = blank_dct(frame, self._plan.blocks, self._plan.levels, codestream.bits)
        self._prove(frame, cleaned, self._plan)
        return cleaned

    def _plan_by(self, codestream: Codestream) -> _Plan:
        grid = _Grid.of(codestream)
        areas = [_widened(one, grid, self._image) for one in self._rectangles]
        blocks = [_blocks(areas, grid, number) for number in range(codestream.components)]
        return _Plan(codestream, grid, _levels(self._image, codestream), blocks)

    # -- the proof's own way to look at a frame: a mask of the blocks that the rectangles touch ----------------------------

    def _prove(self, frame: bytes, cleaned: bytes, plan: _Plan) -> None:
        """Check that outside of the blocks no coefficient changed, and that inside each is that of black.

        Raises:
            DeidentificationError: ``pixel-verification-failed``.
        """
        import numpy

        failed = DeidentificationError(Reason.PIXEL_VERIFICATION_FAILED, PIXEL_DATA)
        try:
            written = read_codestream(cleaned, self._syntax)
        except DeidentificationError:
            raise failed from None
        before, after = coefficients(frame), coefficients(cleaned)
        # one of several scans is written in one
        if written != replace(plan.codestream, progressive=False) or after.shape != before.shape or len(cleaned) % 2:
            raise failed
        for number, component in enumerate(before.shape.components):
            shape = component.block_rows, component.block_columns, _BLOCK, _BLOCK
            was, now = (numpy.frombuffer(found.blocks[number], "<i2").reshape(shape) for found in (before, after))
            black = numpy.zeros((_BLOCK, _BLOCK), numpy.int16)
            black[0, 0] = _black(component, plan.levels[number], plan.codestream.bits)
            mask = self._mask(plan.grid, number, component)
            for row in range(component.block_rows):
                expected = numpy.where(mask[row, :, None, None], black, was[row])
                if not numpy.array_equal(expected, now[row]):
                    raise failed

    def _mask(self, grid: _Grid, number: int, component: Component) -> numpy.typing.NDArray[numpy.bool_]:
        """Return which blocks of a component have to be black: bool, shape (block rows, block columns)."""
        import numpy

        across, down = grid.sampling[number]
        groups = numpy.zeros((-(-self._image.rows // grid.rows), -(-self._image.columns // grid.columns)), bool)
        for x0, y0, x1, y1 in self._rectangles:
            left, right = (max(0, x0 - 1), x1 + 1) if grid.shares_colours[0] else (x0, x1)
            top, bottom = (max(0, y0 - 1), y1 + 1) if grid.shares_colours[1] else (y0, y1)
            groups[top // grid.rows : -(-bottom // grid.rows), left // grid.columns : -(-right // grid.columns)] = True
        blocks = numpy.kron(groups, numpy.ones((down, across), bool))
        mask = numpy.zeros((component.block_rows, component.block_columns), bool)
        rows, columns = min(len(blocks), len(mask)), min(blocks.shape[1], mask.shape[1])
        mask[:rows, :columns] = blocks[:rows, :columns]
        return mask


def _black(component: Component, level: int, bits: int) -> int:
    """Return the quantized DC coefficient of a black block: eight times the distance from the middle, or more, never less."""
    distance = level - (1 << bits - 1)
    steps = -(-_BLOCK * abs(distance) // component.quantization[0])
    return steps if distance > 0 else -steps


def _levels(image: ImageFormat, codestream: Codestream) -> tuple[int, ...]:
    """Return black as samples of the codestream, in the colours that it names itself, else in those of the header.

    Raises:
        DeidentificationError: no coefficient gives it exactly (``pixel-unsupported-format``).
    """
    middle = 1 << codestream.bits - 1
    if codestream.components == 1:
        levels = black_samples(image, codestream)
        if levels[0] not in (0, middle, 2 * middle - 1):
            raise DeidentificationError(Reason.PIXEL_UNSUPPORTED_FORMAT, PIXEL_DATA)
        return levels
    is_rgb = codestream.colour == "RGB" or (not codestream.colour and image.photometric == "RGB")
    return (0, 0, 0) if is_rgb else (0, middle, middle)


def _widened(area: Rectangle, grid: _Grid, image: ImageFormat) -> Rectangle:
    """Return the groups of blocks that a rectangle touches, in pixels.

    Where colours are shared, decoders mix those of neighbours: a rectangle whose edge lies on that of a group takes in the next.
    """
    x0, y0, x1, y1 = area
    if grid.shares_colours[0]:
        x0, x1 = max(0, x0 - 1), x1 + 1
    if grid.shares_colours[1]:
        y0, y1 = max(0, y0 - 1), y1 + 1
    return Rectangle(
        x0 // grid.columns * grid.columns,
        y0 // grid.rows * grid.rows,
        min(image.columns, -(-x1 // grid.columns) * grid.columns),
        min(image.rows, -(-y1 // grid.rows) * grid.rows),
    )


def _blocks(areas: Sequence[Rectangle], grid: _Grid, number: int) -> list[BlockArea]:
    """Return the blocks of a component in groups of blocks."""
    across, down = grid.sampling[number]
    return [
        BlockArea(
            y0 // grid.rows * down,
            x0 // grid.columns * across,
            -(-y1 // grid.rows) * down,
            -(-x1 // grid.columns) * across,
        )
        for x0, y0, x1, y1 in areas
    ]


def _reading_order(area: Rectangle) -> tuple[int, int, int, int]:
    return area.y0, area.x0, area.y1, area.x1
