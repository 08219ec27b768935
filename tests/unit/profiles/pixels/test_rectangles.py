"""Rectangles: the pixels that areas come to are those that painting them one after another would give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import Area, PixelSizeError, Rectangle, outside, resolve, union
from tests.support.running import budget

Mask = list[list[bool]]


def painted(areas: list[Area], rows: int, columns: int) -> Mask:
    """A mask, pixel by pixel, by the definition of an area."""
    mask = [[False] * columns for _ in range(rows)]
    for x0, y0, x1, y1, blank in areas:
        left, right = x0 % columns if x0 < 0 else x0, x1 if x1 > 0 else columns + x1
        top, bottom = y0 % rows if y0 < 0 else y0, y1 if y1 > 0 else rows + y1
        for y in range(rows):
            for x in range(columns):
                if left <= x < right and top <= y < bottom:
                    mask[y][x] = blank
    return mask


def mask_of(rectangles: tuple[Rectangle, ...], rows: int, columns: int) -> Mask:
    """A mask of rectangles, which must not overlap."""
    mask = [[False] * columns for _ in range(rows)]
    for rectangle in rectangles:
        for y in range(rectangle.y0, rectangle.y1):
            for x in range(rectangle.x0, rectangle.x1):
                assert not mask[y][x], "two rectangles have a pixel in common"
                mask[y][x] = True
    return mask


@st.composite
def frames(draw: st.DrawFn) -> tuple[list[Area], int, int]:
    rows, columns = draw(st.integers(1, 9)), draw(st.integers(1, 9))

    def side(size: int) -> tuple[int, int]:
        first = draw(st.integers(0, size - 1))
        end = draw(st.integers(first + 1, size))
        return draw(st.sampled_from([first, first - size])), draw(st.sampled_from([end, end - size]))

    areas = []
    for _ in range(draw(st.integers(0, 6))):
        (x0, x1), (y0, y1) = side(columns), side(rows)
        areas.append(Area(x0, y0, x1, y1, draw(st.booleans())))
    return areas, rows, columns


@budget(500)
@given(frames())
def test_areas_come_to_what_painting_them_gives(frame: tuple[list[Area], int, int]) -> None:
    areas, rows, columns = frame
    assert mask_of(resolve(areas, rows, columns), rows, columns) == painted(areas, rows, columns)


@budget(300)
@given(frames())
def test_the_same_pixels_are_the_same_rectangles(frame: tuple[list[Area], int, int]) -> None:
    areas, rows, columns = frame
    found = resolve(areas, rows, columns)
    pixels = [
        Area(x, y, x + 1, y + 1) for y, line in enumerate(painted(areas, rows, columns)) for x, blank in enumerate(line) if blank
    ]
    assert resolve(pixels, rows, columns) == resolve(pixels[::-1], rows, columns) == found
    assert list(found) == sorted(found, key=lambda rectangle: (rectangle.y0, rectangle.x0))
    assert union([found, found[::-1]], rows, columns) == found


@budget(300)
@given(frames(), st.data())
def test_union_and_complement(frame: tuple[list[Area], int, int], data: st.DataObject) -> None:
    areas, rows, columns = frame
    places = [area.placed(rows, columns) for area in areas]
    cut = data.draw(st.integers(0, len(places)))
    together = painted([Area(*place) for place in places], rows, columns)
    assert mask_of(union([places[:cut], places[cut:]], rows, columns), rows, columns) == together
    complement = mask_of(outside(places, rows, columns), rows, columns)
    assert all(together[y][x] != complement[y][x] for y in range(rows) for x in range(columns))


def test_a_large_image_takes_no_more_work_than_a_small_one() -> None:
    # 4 thousand million pixels
    size = 65_535
    areas = [Area(0, 0, 0, 0), Area(100, 100, -100, -100, blank=False), Area(-10, -10, 0, 0)]
    assert resolve(areas, size, size) == (
        Rectangle(0, 0, size, 100),
        Rectangle(0, 100, 100, size - 100),
        Rectangle(size - 100, 100, size, size - 100),
        Rectangle(0, size - 100, size, size),
    )


def test_rectangles_that_touch_become_one() -> None:
    assert union([[Rectangle(0, 0, 5, 5)], [Rectangle(5, 0, 9, 5), Rectangle(0, 5, 9, 8)]], 10, 10) == (Rectangle(0, 0, 9, 8),)
    # what goes on below stays one, though something lies beside it
    assert union([[Rectangle(0, 0, 2, 9)], [Rectangle(5, 3, 7, 4)]], 10, 10) == (Rectangle(0, 0, 2, 9), Rectangle(5, 3, 7, 4))
    assert outside([], 4, 6) == (Rectangle(0, 0, 6, 4),)
    assert outside([Rectangle(0, 0, 6, 4)], 4, 6) == ()


@pytest.mark.parametrize(
    "area", [(0, 0, 11, 5), (0, 0, 5, 11), (-11, 0, 0, 0), (0, -11, 0, 0), (5, 0, 5, 5), (6, 0, 5, 5), (0, 0, -10, 0)]
)
def test_an_area_that_is_not_inside_the_image_is_an_error(area: tuple[int, int, int, int]) -> None:
    for blank in (True, False):
        with pytest.raises(PixelSizeError, match="isn't inside"):
            resolve([Area(*area, blank)], 10, 10)


def test_clipping_cuts_at_the_right_and_bottom_only() -> None:
    assert resolve([Area(5, 6, 11, 99)], 10, 10, clip=True) == (Rectangle(5, 6, 10, 10),)
    for area in (Area(10, 0, 12, 5), Area(0, 10, 5, 12), Area(-11, 0, 0, 5), Area(0, -11, 5, 0), Area(3, 3, -8, 5)):
        with pytest.raises(PixelSizeError):
            resolve([area], 10, 10, clip=True)


@pytest.mark.parametrize("rectangle", [(0, 0, 11, 1), (-1, 0, 1, 1), (3, 0, 3, 1), (0, 0, 1, 11)])
def test_regions_and_rectangles_of_another_size_are_an_error(rectangle: tuple[int, int, int, int]) -> None:
    with pytest.raises(PixelSizeError):
        union([[Rectangle(*rectangle)]], 10, 10)
    with pytest.raises(PixelSizeError):
        outside([Rectangle(*rectangle)], 10, 10)


def test_an_image_without_pixels_is_an_error() -> None:
    with pytest.raises(PixelSizeError):
        resolve([Area(0, 0, 0, 0)], 0, 10)
    with pytest.raises(PixelSizeError):
        outside([], 10, 0)
