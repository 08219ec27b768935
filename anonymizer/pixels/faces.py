"""Evidence of a head in the header of an image, and in the headers of a series together."""

from __future__ import annotations

import re
from math import inf
from typing import NamedTuple

from profiles import CODE_MEANING, faces

from ..descriptors import identifying_words, normal_word
from ..dicom.character_sets import best_text
from .notes import Notes

_WORD = re.compile(r"[^\W_]+")
#: maximum length of a trunk in mm: a series that extends further along the patient's axis includes the head
_LONGEST_TRUNK = 750.0


class FaceEvidence(NamedTuple):
    """Evidence of whether a series shows a head.

    Attributes:
        series: keyed hash of its SeriesInstanceUID.
        region: a ``profiles.faces.Region``.
        low, high: its extent along the patient's axis, in mm towards the head; ``inf`` and ``-inf`` if unknown.
    """

    series: bytes
    region: int
    low: float = inf
    high: float = -inf

    def merged(self, other: FaceEvidence) -> FaceEvidence:
        """Return the combined evidence of two sets of objects of one series."""
        return FaceEvidence(self.series, self.region | other.region, min(self.low, other.low), max(self.high, other.high))

    @property
    def is_head(self) -> bool:
        """True if the series names the head, extends too far for a trunk, or names no other region."""
        # ``not <=``, so that NaN counts as too long
        return self.region != faces.Region.ELSEWHERE or not self.high - self.low <= _LONGEST_TRUNK


def face_evidence(notes: Notes, charset: str, series: bytes) -> FaceEvidence:
    """Return the evidence of one object.

    Args:
        notes: the object's notes, with the values of ``profiles.faces.FACE_ATTRIBUTES``.
        charset: the object's SpecificCharacterSet.
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
    """Return the extent of the frames along the patient's axis in mm (PS3.3 C.7.6.2.1.1), ``(inf, -inf)`` if unknown."""
    positions = _numbers(notes, faces.IMAGE_POSITION)
    orientation, spacing = _numbers(notes, faces.IMAGE_ORIENTATION), _numbers(notes, faces.PIXEL_SPACING)
    rows, columns = _numbers(notes, faces.ROWS), _numbers(notes, faces.COLUMNS)
    heights = positions[2::3]
    if not heights:
        return inf, -inf
    below = above = 0.0
    if len(orientation) >= 6 and len(spacing) >= 2 and rows and columns:
        # rise of the frame's sides: along a row by the column spacing, along a column by the row spacing
        for rise in (orientation[2] * spacing[1] * columns[0], orientation[5] * spacing[0] * rows[0]):
            below, above = below + min(rise, 0.0), above + max(rise, 0.0)
    return min(heights) + below, max(heights) + above


def _numbers(notes: Notes, tag: int) -> list[float]:
    """Return the values of an attribute as numbers, or an empty list if one of them isn't a number."""
    try:
        return [float(value) for value in notes.value(tag).split(b"\\")]
    except ValueError:
        return []
