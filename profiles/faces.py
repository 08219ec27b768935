"""Faces: objects that show a head, as far as headers tell. A rendering of its surface shows the face.

The judgement is data, ``profiles/data/faces.csv``: classes, body parts (PS3.16 Annex L, and how people write them) and words.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag
from functools import cache

from .dictionary import tags, uids_by_keyword
from .tables import read_rows


class Region(IntFlag):
    """A region of the body, as headers name it; members combine over the images of a series."""

    UNKNOWN = 0
    ELSEWHERE = 1
    HEAD = 2


#: descriptions in which words are looked for
DESCRIPTIONS = tuple(
    tags()[keyword]
    for keyword in (
        "StudyDescription",
        "SeriesDescription",
        "ProtocolName",
        "RequestedProcedureDescription",
        "PerformedProcedureStepDescription",
        "ScheduledProcedureStepDescription",
    )
)
BODY_PART_EXAMINED = tags()["BodyPartExamined"]
#: sequences of codes whose meanings are body parts: of the object itself, and of frames; those of other objects that it refers
#: to tell nothing
REGION_SEQUENCES = frozenset(
    {(tags()["AnatomicRegionSequence"],), (tags()["FrameAnatomySequence"], tags()["AnatomicRegionSequence"])}
)
IMAGE_POSITION, IMAGE_ORIENTATION = tags()["ImagePositionPatient"], tags()["ImageOrientationPatient"]
PIXEL_SPACING, ROWS, COLUMNS = tags()["PixelSpacing"], tags()["Rows"], tags()["Columns"]
#: where an image lies: of a multi-frame image in the items of its functional groups
GEOMETRY = frozenset({IMAGE_POSITION, IMAGE_ORIENTATION, PIXEL_SPACING})
#: attributes of the top-level data set that tell
FACE_ATTRIBUTES = frozenset({BODY_PART_EXAMINED, *DESCRIPTIONS, *GEOMETRY, ROWS, COLUMNS})


@cache
def _terms(kind: str) -> dict[str, Region]:
    return {
        row["term"]: Region[row["region"].upper()] if row["region"] else Region.UNKNOWN
        for row in read_rows("faces.csv")
        if row["kind"] == kind
    }


@cache
def face_classes() -> frozenset[str]:
    """Return the UIDs of the classes of which a rendering shows surfaces."""
    return frozenset(uids_by_keyword().get(name, name) for name in _terms("class"))


def region_of(body_part: str) -> Region:
    """Return the region of a body part, as BodyPartExamined or the meaning of a code names it."""
    return _terms("body part").get(" ".join(body_part.upper().split()), Region.UNKNOWN)


def names_head(words: Iterable[str], text: str) -> bool:
    """Return whether a description names a part of a head or neck, or all of the body or spine.

    Args:
        words: its words, casefold, without diacritics.
        text: these words in their order, with blanks between.
    """
    return not _terms("word").keys().isdisjoint(words) or any(f" {phrase} " in f" {text} " for phrase in _terms("phrase"))
