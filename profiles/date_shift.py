"""Shifts of dates under Retain Longitudinal Modified Dates (PS3.15 E.3.6), and the time that belongs to a date."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .dictionary import dictionary, tags
from .errors import ProfileError

_SECONDS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
_DAY = _SECONDS["d"]
#: 1000 years: dates moved further would leave the calendar, and be lost
_FURTHEST = 365_250 * _DAY
_AMOUNT = r"([+-]?)([0-9]{1,12})(d|h|min|s)?"
_TEXT = re.compile(rf"\s*{_AMOUNT}\s*\.\.\s*{_AMOUNT}\s*(?:/\s*{_AMOUNT}\s*)?")

#: pairs whose keywords differ in more than Date and Time
_IRREGULAR = {"DateOfDocumentOrVerbalTransactionTrial": "TimeOfDocumentCreationOrVerbalTransactionTrial"}


@dataclass(frozen=True)
class DateShift:
    """The shifts that a patient's dates may get: multiples of ``step`` from ``earliest`` to ``latest``, but never 0.

    Attributes:
        earliest, latest: both ends, in seconds; negative into the past. Multiples of ``step``.
        step: in seconds. Whole days leave times as they are, whole weeks keep the days of the week.
    """

    earliest: int = -3650 * _DAY
    latest: int = -30 * _DAY
    step: int = _DAY

    def __post_init__(self) -> None:
        """
        Raises:
            ProfileError: a step of nothing, ends that are no multiples of it or too far, fewer than two possible shifts.
        """
        if any(type(value) is not int for value in (self.earliest, self.latest, self.step)):
            raise ProfileError("date shift: whole seconds are needed")
        if self.step <= 0:
            raise ProfileError("date shift: the step must be more than 0")
        if self.earliest > self.latest:
            raise ProfileError("date shift: the range is empty; the earlier end comes first, as in -3650d..-30d")
        if max(-self.earliest, self.latest) > _FURTHEST:
            raise ProfileError("date shift: the range reaches further than 1000 years")
        if self.earliest % self.step or self.latest % self.step:
            inner = (self.earliest + -self.earliest % self.step, self.latest - self.latest % self.step)
            hint = f"; {_amount(inner[0])}..{_amount(inner[1])} are" if inner[0] < inner[1] else ""
            raise ProfileError(f"date shift: both ends must be multiples of the step {_amount(self.step)}{hint}")
        if len(self) < 2:
            raise ProfileError("date shift: fewer than two possible shifts (0 is none): anyone could undo it")

    @classmethod
    def parse(cls, text: str) -> DateShift:
        """Return the shift of a text: ``-3650d..-30d``, or ``-3647d..-35d/7d`` with a step; units d (default), h, min, s.

        Without a step dates move by whole days.

        Raises:
            ProfileError: another text, or a range that can't be used (``DateShift``).
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ProfileError(
                "date shift: EARLIEST..LATEST or EARLIEST..LATEST/STEP is needed, as in -3650d..-30d/1d (d, h, min, s)"
            )
        signs, amounts, units = found.group(1, 4, 7), found.group(2, 5, 8), found.group(3, 6, 9)
        seconds = [
            (-1 if sign == "-" else 1) * int(amount or 1) * _SECONDS[unit or "d"]
            for sign, amount, unit in zip(signs, amounts, units, strict=True)
        ]
        return cls(*seconds)

    def __len__(self) -> int:
        """Return the number of possible shifts."""
        return (self.latest - self.earliest) // self.step + 1 - (self.earliest <= 0 <= self.latest)

    def __getitem__(self, index: int) -> int:
        """Return the shift number ``index`` (from 0 on, the earliest first), in seconds.

        Raises:
            IndexError: there is none.
        """
        if not 0 <= index < len(self):
            raise IndexError("no such date shift")
        seconds = self.earliest + index * self.step
        return seconds + self.step if self.earliest <= 0 <= seconds else seconds

    def __str__(self) -> str:
        """Return the text that ``parse`` takes."""
        return f"{_amount(self.earliest)}..{_amount(self.latest)}/{_amount(self.step).removeprefix('+')}"


def _amount(seconds: int) -> str:
    unit = next(unit for unit, size in _SECONDS.items() if seconds % size == 0)
    number = seconds // _SECONDS[unit]
    return f"{number:+}{unit}" if number else "0d"


@lru_cache(maxsize=4096)  # bounded: hostile objects may hold any tag
def partner_of(tag: int) -> int | None:
    """Return the TM attribute that gives the time of day for the DA attribute ``tag``, by their keywords: StudyDate -> StudyTime.

    Returns:
        Its tag, which may lie before or after the date's; None where there is none, or ``tag`` is no date.
    """
    entry = dictionary().get(tag)
    if entry is None or entry.vr != "DA":
        return None
    partner = tags().get(_IRREGULAR.get(entry.keyword) or entry.keyword.replace("Date", "Time"))
    return partner if partner is not None and dictionary()[partner].vr == "TM" else None
