"""Sources of a report: the account of a run, the tally of its tables, and what its owner alone may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .content import Edition, KeptValues, number
from .pictures import SheetPictures
from .sampling import Sample
from .tally import Tally

#: a class of fewer subjects is small
LEAST_CLASS = 11


@dataclass(frozen=True)
class ReportSource:
    """All that a report is made of.

    Attributes:
        account: content of ``run.json``.
        tally: counts of its tables.
        restricted: content of ``run-restricted.json``; None: it is encrypted, or there is none.
        made_by: who releases the data; ``""``: a line is left to fill in.
        authenticity: how the account was checked, in a sentence.
        least_class: a class of fewer subjects, or a count of fewer objects, is small.
        is_plan: the account is that of a plan: nothing was written.
        actions_missing: objects in the output whose actions are not counted.
        before: account of the run before; None: it is not at hand.
        sample: patients drawn for a look at their images; None: none were drawn.
        sheets: pictures of contact sheets; None: none were given.
        values: distinct values that stay; None: no census is at hand.
    """

    account: Mapping[str, Any]
    tally: Tally
    restricted: Mapping[str, Any] | None = None
    made_by: str = ""
    authenticity: str = ""
    least_class: int = LEAST_CLASS
    is_plan: bool = False
    actions_missing: int = 0
    before: Mapping[str, Any] | None = None
    sample: Sample | None = None
    sheets: SheetPictures | None = None
    values: KeptValues | None = None
    edition: Edition = field(default=Edition.REVIEW)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of the run; empty in accounts of early versions."""
        return self.account.get("settings") or {}

    @property
    def origin(self) -> Mapping[str, Any]:
        """The origin of the run."""
        return self.account["origin"]

    @property
    def options(self) -> tuple[str, ...]:
        """The profile and its options."""
        return tuple(self.settings.get("options") or self.origin.get("options") or ())

    @property
    def is_release(self) -> bool:
        """True for the edition that travels with the data."""
        return self.edition is Edition.RELEASE

    def count(self, value: int) -> str:
        """Return a count that a recipient can't make in the data: a small one is not told in the release edition."""
        return f"< {self.least_class}" if self.is_release and 0 < value < self.least_class else number(value)

    def total(self, parts: Iterable[int]) -> str:
        """Return the sum of counts, unless a small one among them that isn't told would follow from it."""
        counts = list(parts)
        return "not told" if any(map(self.is_small, counts)) else self.count(sum(counts))

    def is_small(self, value: int) -> bool:
        """Return whether a count isn't told in this edition."""
        return self.is_release and 0 < value < self.least_class
