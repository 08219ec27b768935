"""Counts of contact sheets, which the account of a run has: numbers, and no place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

#: the fields of SheetTotals. It is in a side input, which Beam's own coder writes, so it is plain
SheetCounts = tuple[int, int, int, int, int, int]


class SheetTotals(NamedTuple):
    """Counts of the contact sheets of a run.

    Attributes:
        pages: pages that were written, one for each group.
        objects, frames: objects and frames on them.
        not_drawn: objects that were chosen, and can't be drawn.
        files_failed: pages, indexes and files of verdicts that can't be written.
        other_objects: objects of groups that are too many for a page.
    """

    pages: int = 0
    objects: int = 0
    frames: int = 0
    not_drawn: int = 0
    files_failed: int = 0
    other_objects: int = 0

    @classmethod
    def of(cls, counts: Iterable[SheetCounts]) -> SheetTotals:
        """Return the sum of counts."""
        return cls(*map(sum, zip(*counts, strict=True)))
