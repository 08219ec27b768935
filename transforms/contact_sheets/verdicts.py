"""Verdicts on drawn objects: lines that a person completes, in the format of reviewed rectangles."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import NamedTuple

from profiles import MAX_AREAS, REVIEWED_COLUMNS, Outcome

from .draw_object import DrawnObject


class Verdict(NamedTuple):
    """A line for a drawn object, without the person who decides.

    Attributes:
        instance: the audit's keyed hash of its SOPInstanceUID.
        blank: rectangles, as a cell has them; empty: nothing was blanked.
    """

    instance: bytes
    rows: int
    columns: int
    blank: str

    @classmethod
    def of(cls, drawn: DrawnObject) -> Verdict | None:
        """Return the line for an object; None where it was blanked in more rectangles than a line may have."""
        pixels, blanked = drawn.pixels, drawn.blanked
        if len(blanked) > MAX_AREAS:
            return None
        blank = ";".join(",".join(map(str, rectangle)) for rectangle in blanked)
        return cls(drawn.instance, pixels.rows, pixels.columns, blank)

    @property
    def outcome(self) -> Outcome:
        """The outcome that stands there until somebody changes it: that of the run."""
        return Outcome.CLEAN if self.blank else Outcome.KEEP

    def cells(self) -> list[str]:
        """Return the cells of its line."""
        cells = {
            "instance_hash": self.instance.hex(),
            "rows": str(self.rows),
            "columns": str(self.columns),
            "blank": self.blank,
            "outcome": self.outcome.value,
        }
        return [cells.get(column, "") for column in REVIEWED_COLUMNS]


def verdicts_file(verdicts: Iterable[Verdict]) -> bytes:
    """Return ``verdicts.csv``: an object and size has one line, by which it is found."""
    lines = {(one.instance, one.rows, one.columns): one for one in verdicts}
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows([REVIEWED_COLUMNS, *(one.cells() for one in lines.values())])
    return stream.getvalue().encode()
