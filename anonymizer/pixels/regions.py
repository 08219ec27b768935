"""Evidence of where the picture is in an ultrasound image: its calibrated regions (PS3.3 C.8.5.5.1)."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from profiles import Rectangle, outside, union

from ..dicom.buffer import Buffer, FoundElement
from ..dicom.encoding import IMPLICIT_LITTLE, UNDEFINED, Encoding
from ..errors import DeidentificationError

REGIONS = 0x00186011
_MIN_X, _MIN_Y, _MAX_X, _MAX_Y = _LOCATION = (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)
#: regions of an image; devices write fewer than twenty
_MOST_REGIONS = 256
#: rectangles around them: more would be blanked for many times the time, and no device's regions leave so many
_MOST_AROUND = 1000
#: share of the image beyond which regions tell nothing about where its text is, in percent
_MOST_COVERED = 95


class RegionState(Enum):
    """The worth of the regions of an image as evidence."""

    VALID = "valid"
    ABSENT = "absent"
    INVALID = "invalid"


class RegionEvidence(NamedTuple):
    """The regions of an image.

    Attributes:
        state: only valid ones are evidence of anything.
        regions: in pixels, half-open, in the order of the sequence, possibly overlapping; empty unless valid.
        why: of invalid ones a sentence, for people; it has no value of the object.
    """

    state: RegionState
    regions: tuple[Rectangle, ...] = ()
    why: str = ""


ABSENT = RegionEvidence(RegionState.ABSENT)
#: of an image that may be another than that for which they were measured
INVALID = RegionEvidence(
    RegionState.INVALID, why="the image is DERIVED, and not by lossy compression alone: the picture may have moved in it"
)


def _invalid(why: str) -> RegionEvidence:
    return RegionEvidence(RegionState.INVALID, why=why)


def read_regions(buffer: Buffer, start: int, encoding: Encoding, rows: int, columns: int) -> RegionEvidence:
    """Return SequenceOfUltrasoundRegions, valid only if each region is.

    A region has four locations, ordered, inside the image. All together cover no more than 95 % of the image, reach beyond its
    middle in both directions, and leave no more than 1,000 rectangles around them.

    Args:
        buffer: the bytes at hand, from the beginning of the object at least up to its pixel data.
        start: where the data set begins in them.
        rows, columns: size of the image in pixels.

    Raises:
        NeedMoreError: the header goes on behind the buffer.
    """
    found = buffer.find(start, len(buffer.content), frozenset({REGIONS}), encoding).get(REGIONS)
    if found is None or found.length == 0:
        return ABSENT
    if found.vr not in (b"SQ", b"UN", b""):
        return _invalid("they are no sequence")
    inner = IMPLICIT_LITTLE if found.vr == b"UN" else encoding
    try:
        end = buffer.value_end(found.vr, found.start, found.length, encoding, REGIONS)
        if found.length == UNDEFINED:
            # without the delimiter
            end -= 8
        regions: list[Rectangle] = []
        for begin, item_end, item_encoding in buffer.items(found.start, end, inner, REGIONS):
            region = _region(buffer, begin, item_end, item_encoding)
            if region is None:
                return _invalid("a region lacks a location, or its locations are not ordered")
            if len(regions) == _MOST_REGIONS:
                return _invalid(f"there are more than {_MOST_REGIONS}")
            regions.append(region)
    except DeidentificationError:
        # the rewriter, which comes here as well, refuses the object
        return _invalid("the sequence is broken")
    if not regions:
        return ABSENT
    if any(region.x1 > columns or region.y1 > rows for region in regions):
        return _invalid("a region is not inside the image")
    if all(2 * region.x1 <= columns for region in regions) or all(2 * region.y1 <= rows for region in regions):
        # they are those of the image before it was enlarged
        return _invalid("they do not reach beyond the middle of the image")
    covered = sum((one.x1 - one.x0) * (one.y1 - one.y0) for one in union((regions,), rows, columns))
    if 100 * covered > _MOST_COVERED * rows * columns:
        return _invalid(f"they cover more than {_MOST_COVERED} % of the image")
    if len(outside(regions, rows, columns)) > _MOST_AROUND:
        return _invalid(f"they leave more than {_MOST_AROUND} rectangles around them")
    return RegionEvidence(RegionState.VALID, tuple(regions))


def _region(buffer: Buffer, begin: int, end: int, encoding: Encoding) -> Rectangle | None:
    """Return the region in an item, None if it has no valid one. Its locations are those of pixels that belong to it."""
    found = buffer.find(begin, end, frozenset(_LOCATION), encoding)
    values = [_number(buffer, found.get(tag), end, encoding) for tag in _LOCATION]
    min_x, min_y, max_x, max_y = values
    if min_x is None or min_y is None or max_x is None or max_y is None or min_x > max_x or min_y > max_y:
        return None
    return Rectangle(min_x, min_y, max_x + 1, max_y + 1)


def _number(buffer: Buffer, element: FoundElement | None, end: int, encoding: Encoding) -> int | None:
    """Return the value of a UL, None if it is absent or something else."""
    if element is None or element.length != 4 or element.vr not in (b"UL", b"UN", b"") or element.start + 4 > end:
        return None
    return int.from_bytes(buffer.content[element.start : element.start + 4], "little" if encoding.little else "big")
