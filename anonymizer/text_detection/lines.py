"""The lines of text that count, and the rectangles that are blanked for them: one filter, whatever it is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable

from profiles import Rectangle

from .client import FoundText
from .looks import EVENED, FLATTENED, INVERTED, PLAIN

#: score of detection from which on a line counts
LEAST_DETECTION = 0.3
#: scores of reading from which on it counts: of most lines, and of those with one or two letters, as which speckle and bone are
#: read. An evened or flattened picture is all texture
LEAST_RECOGNITION = {PLAIN: (0.6, 0.7), INVERTED: (0.6, 0.7), EVENED: (0.7, 0.9), FLATTENED: (0.7, 0.9)}
_FEW = 2
#: score of detection from which on such a short line counts
_LEAST_DETECTION_OF_FEW = 0.5
#: a line of few letters, and any that isn't read well, is none if it is higher than this share of the picture's size: a lung is
#: read as an O, the edge of a frame as an I. In small pictures a line of so many pixels may be higher, up to the second share
_TALL_OF_FEW = (0.08, 64, 0.21)
_TALL = (0.25, 160, 0.34)
#: score of reading from which on a line of more letters may be as high as it is
_READ_WELL = 0.9
#: size of a strip, as a multiple of its shorter side: all of it may be one line
_OF_STRIPS = 3
#: share of a line that is in another one, by which all of it is
_INSIDE = 0.85
#: rectangles begin and end at multiples of so many pixels: which CPU found them makes no difference, then, mostly
GRID = 16
#: pixels around a line, and share of its height: what a model calls the edge of a letter isn't where its ink ends. At both ends
#: it is more: the first and last letter are easily lost
_MARGIN, _MARGIN_SHARE, _ENDS_SHARE, _ENDS_SHARE_OF_FEW = 2, 0.1, 1.0, 0.3


def counts(line: FoundText, rows: int, columns: int) -> bool:
    """Return whether a line counts as text in a picture of that size."""
    few = line.letters <= _FEW
    if not line.letters or line.detection < (_LEAST_DETECTION_OF_FEW if few else LEAST_DETECTION):
        return False
    if line.recognition < LEAST_RECOGNITION[line.look][few]:
        return False
    if not few and line.recognition >= _READ_WELL:
        return True
    size = min(math.sqrt(rows * columns), _OF_STRIPS * min(rows, columns))
    share, pixels, most = _TALL_OF_FEW if few else _TALL
    return line.height <= max(share * size, min(pixels, most * size))


def rectangles_of(lines: Iterable[FoundText], rows: int, columns: int) -> list[Rectangle]:
    """Return the rectangle that is blanked for each line: with a margin, snapped outwards to the grid, inside the image."""
    found = []
    for line in lines:
        ends = _ENDS_SHARE_OF_FEW if line.letters <= _FEW else _ENDS_SHARE
        across, down = (_MARGIN + int(share * line.height) for share in (_MARGIN_SHARE, ends))
        if line.x1 - line.x0 >= line.y1 - line.y0:
            across, down = down, across
        left, top = max(0, line.x0 - across) // GRID * GRID, max(0, line.y0 - down) // GRID * GRID
        right, bottom = -(-(line.x1 + across) // GRID) * GRID, -(-(line.y1 + down) // GRID) * GRID
        found.append(Rectangle(left, top, min(columns, right), min(rows, bottom)))
    return found


def is_part(line: FoundText, other: FoundText) -> bool:
    """Return whether a line is a part of another one, as it was read: of two readings of all of it none is one."""
    x0, y0 = max(line.x0, other.x0), max(line.y0, other.y0)
    x1, y1 = min(line.x1, other.x1), min(line.y1, other.y1)
    shared = max(0, x1 - x0) * max(0, y1 - y0)
    is_inside = shared > _INSIDE * (line.x1 - line.x0) * (line.y1 - line.y0)
    return is_inside and "".join(line.text.split()) in "".join(other.text.split())


def number_of(lines: Iterable[FoundText]) -> int:
    """Return how many lines there are: at several looks one is found several times."""
    distinct: list[FoundText] = []
    for line in sorted(lines, key=lambda one: (one.x0 - one.x1) * (one.y1 - one.y0)):
        x, y = (line.x0 + line.x1) // 2, (line.y0 + line.y1) // 2
        if not any(other.x0 <= x < other.x1 and other.y0 <= y < other.y1 for other in distinct):
            distinct.append(line)
    return len(distinct)
