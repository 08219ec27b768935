"""The project's own goals: ratios and limits, and whether a run held them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .results import Results, WorkResult
from .works import AGAIN, COPY, CP, ENGINE, FILE, RUN


@dataclass(frozen=True)
class Bar:
    """A limit.

    Attributes:
        work: which one it is about.
        text: what is limited.
        value: a work's results -> the value; None: it can't be said.
        limit: what it must be, at most or (``least``) at least.
        unit: of both.
    """

    work: str
    text: str
    value: Callable[[WorkResult], float | None]
    limit: float
    least: bool = False
    unit: str = "x"

    def verdict(self, results: Results) -> tuple[str, str, str, str]:
        """Return the bar's row: name, limit, value, and ``held``, ``missed`` or ``not measured``."""
        asked = f"at {'least' if self.least else 'most'} {self.limit:g} {self.unit}"
        value = self.value(results.works[self.work]) if self.work in results.works else None
        if value is None:
            return self.text, asked, "", "not measured"
        held = value >= self.limit if self.least else value <= self.limit
        return self.text, asked, f"{value:.3g} {self.unit}", "held" if held else "**missed**"


def _ratio(above: str, below: str, what: str) -> Callable[[WorkResult], float | None]:
    def value(work: WorkResult) -> float | None:
        one, other = work.of(above), work.of(below)
        return work.per_file(one, what) / work.per_file(other, what) if one and other else None

    return value


def _memory(name: str) -> Callable[[WorkResult], float | None]:
    def value(work: WorkResult) -> float | None:
        found = work.of(name)
        return found.memory / 1e6 if found else None

    return value


def _growth(*, startup: bool) -> Callable[[WorkResult], float | None]:
    def value(work: WorkResult) -> float | None:
        few, many = (work.of(f"{size:,} instances") for size in (2000, 20_000))
        if not few or not many:
            return None
        if startup:
            return work.per_file(many, "wall") / work.per_file(few, "wall")
        return many.alone("wall") / few.alone("wall")

    return value


def _night(work: WorkResult) -> float | None:
    first, second = work.of(RUN), work.of(AGAIN)
    return 100 * second.alone("cpu") / first.alone("cpu") if first and second else None


def _seconds(name: str) -> Callable[[WorkResult], float | None]:
    def value(work: WorkResult) -> float | None:
        found = work.of(name)
        return work.per_file(found, "cpu") if found else None

    return value


_PAIR = "dicognito, two processes"
BARS = (
    Bar("ct", "`anonymize_file`, CT: CPU against a Python copy", _ratio(ENGINE, COPY, "cpu"), 2.5),
    Bar("ct", "... dicognito's CPU against it", _ratio("dicognito", ENGINE, "cpu"), 20, least=True),
    Bar("ct", "... dcmanon's CPU against it", _ratio("dcmanon", ENGINE, "cpu"), 3, least=True),
    Bar("small", "small object: dicognito's CPU against ours", _ratio("dicognito", ENGINE, "cpu"), 10, least=True),
    Bar(
        "multiframe",
        "multi-frame: dicom-anonymizer's CPU against ours",
        _ratio("dicom-anonymizer", ENGINE, "cpu"),
        10,
        least=True,
    ),
    Bar("archive", "`dicom-deid run`: dicognito's wall, two processes, against it", _ratio(_PAIR, RUN, "wall"), 8, least=True),
    Bar("archive", "... its wall against `cp -r`", _ratio(RUN, CP, "wall"), 4),
    Bar("large", "one object of 4 GB, `dicom-deid run`: peak memory", _memory(RUN), 400, unit="MB"),
    Bar("large", "... its wall against `cp`", _ratio(RUN, CP, "wall"), 2.5),
    Bar("large", "... `dicom-deid file`: peak memory", _memory(FILE), 400, unit="MB"),
    Bar("large", "... its wall against `cp`", _ratio(FILE, CP, "wall"), 2.5),
    Bar("help", "`dicom-deid --help`: CPU", _seconds("dicom-deid --help"), 0.5, unit="s"),
    Bar("growth", "`dicom-deid run`: wall per instance, 20,000 tiny ones against 2,000", _growth(startup=True), 1.15),
    Bar("growth", "... start-up apart", _growth(startup=False), 1.15),
    Bar("night", "`--resume`, 1 % new CT images: CPU of the first run's, start-up apart", _night, 5, unit="%"),
    Bar("night-small", "... small objects, ten times as many", _night, 5, unit="%"),
)
