"""Results as a file: tables and plot can be made of it again without another run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .measure import Measurement, Usage


@dataclass
class WorkResult:
    """One work's measurements.

    Attributes:
        files: that the work is about; some contenders may have been measured on fewer. 0: each has its own.
        unit: what these are called.
        rounds: how often each contender did it.
        file_system: kind of that with inputs and outputs.
        frames: of each file, where these count.
        load: processes that wanted a processor in the minute before the end, this work's among them; 0: nobody looked.
    """

    name: str
    title: str
    unit: str
    files: int
    rounds: int
    file_system: str
    measurements: list[Measurement]
    frames: int = 0
    load: float = 0

    def of(self, name: str) -> Measurement | None:
        """Return a contender's measurement, if it did the work."""
        return next((each for each in self.measurements if each.name == name and each.runs and not each.failure), None)

    def per_file(self, each: Measurement, what: str) -> float:
        """Return the seconds that a contender took per file; the start-up's share is that of a run over all the work's files."""
        return each.per_file(what, self.files or each.files)

    @property
    def ours(self) -> Measurement | None:
        """The first contender, with which the others are compared."""
        return self.of(self.measurements[0].name)


@dataclass
class Results:
    """All results of a run.

    Attributes:
        machine: facts that the figures depend on, in words.
        works: by name.
    """

    machine: dict[str, str]
    works: dict[str, WorkResult] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write them as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Return the results that ``save`` wrote."""
        found = json.loads(path.read_text())
        return cls(found["machine"], {name: _work(work) for name, work in found["works"].items()})


def _work(work: dict) -> WorkResult:
    measurements = [
        Measurement(**{**each, **{of: [Usage(**usage) for usage in each[of]] for of in ("runs", "startup")}})
        for each in work["measurements"]
    ]
    return WorkResult(**{**work, "measurements": measurements})
