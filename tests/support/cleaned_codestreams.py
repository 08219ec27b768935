"""Clean compressed objects by the engine, with rectangles that a first pass would have decided."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache

from anonymizer import Key, Report
from anonymizer.internals import Engine, PixelDecision
from anonymizer.pixels import BlankedBy
from profiles import ConfidentialityProfile, Rectangle

from .objects import read
from .running import SECRET


@lru_cache
def cleaning_engine() -> Engine:
    """Return an engine with CleanPixelData and no rule."""
    return Engine(ConfidentialityProfile.default("CleanPixelData"), Key(SECRET))


def clean_object(blob: bytes, boxes: Sequence[Sequence[int]]) -> tuple[bytes, Report]:
    """Return an object with boxes blanked in each frame, and the report of it.

    Args:
        boxes: x0, y0, x1, y1.

    Raises:
        DeidentificationError: it can't be cleaned.
    """
    header = read(blob)
    rectangles = tuple(Rectangle(*box) for box in boxes)
    decision = PixelDecision(int(header.Rows), int(header.Columns), (BlankedBy("file", "", rectangles),))
    done = cleaning_engine().deidentify(io.BytesIO(blob), pixels=decision)
    return b"".join(done.chunks()), done.report
