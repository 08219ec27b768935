"""Evidence of a head in an image's header, and in the headers of a series together."""

from __future__ import annotations

import re
from math import inf
from typing import NamedTuple

from profiles import CODE_MEANING, faces

from ..descriptors import identifying_words, normal_word
from ..dicom.character_sets import best_text
from .notes import Notes

_WORD = re.compile(r"[^\W_]+")
#: mm from the lowest to the highest point of a series, in the patient, that no trunk is long: there is a head at its end
_LONGEST_TRUNK = 750.0


class FaceEvidence(NamedTuple):
    """What tells whether a series shows a head.

    Attributes:
        series: keyed hash of its SeriesInstanceUID.
        region: a ``profiles.faces.Region``.
        low, high: from where to where it reaches along the patient's axis, in mm towards the head; nowhere where nothing tells.
    """

    series: bytes
    region: int
    low: float = inf
    high: float = -inf

    def merged(self, other: FaceEvidence) -> FaceEvidence:
        """The evidence of both, of one series."""
        return FaceEvidence(self.series, self.region | other.region, min(self.low, other.low), max(self.high, other.high))

    @property
    def is_head(self) -> bool:
        """Whether the series counts as a head: it says so, reaches too far, or doesn't say that it lies elsewhere."""
        # what is no number isn't short
        return self.region != faces.Region.ELSEWHERE or not self.high - self.low <= _LONGEST_TRUNK


def face_evidence(notes: Notes, charset: str, series: bytes) -> FaceEvidence:
    """The evidence of one object.

    Args:
        notes: with the values of ``profiles.faces.FACE_ATTRIBUTES``.
        series: keyed hash of its SeriesInstanceUID.
    """
    region = faces.Region.UNKNOWN
    for tag in (faces.BODY_PART_EXAMINED, CODE_MEANING):
        for value in best_text(notes.value(tag), charset).split("\\"):
            region |= faces.region_of(value.strip("\0 "))
    texts = (best_text(notes.value(tag), charset) for tag in (faces.BODY_PART_EXAMINED, CODE_MEANING, *faces.DESCRIPTIONS))
    if any(faces.names_head(identifying_words(text), " ".join(_WORD.findall(normal_word(text)))) for text in texts):
        region |= faces.Region.HEAD
    return FaceEvidence(series, int(region), *_extent(notes))


def _extent(notes: Notes) -> tuple[float, float]:
    """From where to where the frames reach along the patient's axis (PS3.3 C.7.6.2.1.1)."""
    positions = _numbers(notes, faces.IMAGE_POSITION)
    orientation, spacing = _numbers(notes, faces.IMAGE_ORIENTATION), _numbers(notes, faces.PIXEL_SPACING)
    rows, columns = _numbers(notes, faces.ROWS), _numbers(notes, faces.COLUMNS)
    heights = positions[2::3]
    if not heights:
        return inf, -inf
    below = above = 0.0
    if len(orientation) >= 6 and len(spacing) >= 2 and rows and columns:
        # how far the frame's sides rise: along a row by the column spacing, along a column by the row spacing
        for rise in (orientation[2] * spacing[1] * columns[0], orientation[5] * spacing[0] * rows[0]):
            below, above = below + min(rise, 0.0), above + max(rise, 0.0)
    return min(heights) + below, max(heights) + above


def _numbers(notes: Notes, tag: int) -> list[float]:
    """The numbers of an attribute; none where one of them isn't one."""
    try:
        return [float(value) for value in notes.value(tag).split(b"\\")]
    except ValueError:
        return []
