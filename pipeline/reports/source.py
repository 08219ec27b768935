"""Sources of a report: the account of a run, the tally of its tables, and what its owner alone may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

from anonymizer import Note

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

    @property
    def least_told(self) -> int:
        """The least count that the release edition tells of what a recipient can't count in the data."""
        return max(self.least_class, LEAST_CLASS)

    @property
    def has_stronger_rules(self) -> bool:
        """True where custom rules keep more than the standard: they come before all that options say."""
        return any(rule.get("insists") for rule, _ in self.rules)

    @property
    def rules(self) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """Custom rules as the settings have them, each with what the restricted ones say of it; empty: they aren't at hand."""
        exact = (self.restricted or {}).get("custom_rules") or ()
        return list(zip(self.settings.get("custom_rules") or (), chain(exact, repeat({})), strict=False))

    @property
    def says_no(self) -> int:
        """Objects of the account that say PatientIdentityRemoved NO."""
        return self.tally.notes.get(Note.IDENTITY_NOT_REMOVED.value, 0)

    @property
    def made_otherwise(self) -> int:
        """Objects of the account that another version made, or this one with other settings."""
        other = self.account.get("other_settings") or {}
        return int(other.get("versions", 0)) + int(other.get("settings", 0))

    @property
    def uncounted(self) -> str:
        """The number of objects that lie in the output and that the account doesn't have, in words; ``""``: none."""
        earlier = self.account.get("earlier_outputs")
        if earlier is None:
            # an account of an earlier version doesn't tell
            return "an unknown number of" if self.account.get("previous_run") else ""
        if not earlier["objects"]:
            return ""
        return f"{'' if earlier['exact'] else 'up to '}{self.count(earlier['objects'])}"

    def count(self, value: int) -> str:
        """Return a count that a recipient can't make in the data: a small one is not told in the release edition."""
        return f"< {self.least_told}" if self.is_small(value) else number(value)

    def counts(self, values: Iterable[int]) -> list[str]:
        """Return counts whose sum may be known from elsewhere, so that no small one follows from the others."""
        found = list(values)
        hidden = [value for value in found if self.is_small(value)]
        told = sorted(value for value in found if not self.is_small(value) and value)
        more = set()
        while hidden and told and (len(hidden) == 1 or sum(hidden) < self.least_told):
            more.add(told[0])
            hidden.append(told.pop(0))
        return ["not told" if value in more else self.count(value) for value in found]

    def total(self, parts: Iterable[int]) -> str:
        """Return the sum of counts, unless a small one among them that isn't told would follow from it."""
        counts = list(parts)
        return "not told" if any(map(self.is_small, counts)) else self.count(sum(counts))

    def is_small(self, value: int) -> bool:
        """Return whether a count isn't told in this edition."""
        return self.is_release and 0 < value < self.least_told
