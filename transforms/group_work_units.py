"""Group instances into work units: a study, split where it is large."""

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from .metrics import WORK_UNITS, counter
from .records import InstanceHeader, WorkUnit

#: instances in a work unit: the slice of the UID map that a unit needs is then about as large as the unit itself
UNIT_SIZE = 256

Header = tuple[Any, ...]


def split_study(study: bytes, headers: Iterable[Header], unit_size: int = UNIT_SIZE) -> Iterator[WorkUnit]:
    """The units of one study. Objects with one SOPInstanceUID stay together, so that a unit sees its duplicates.

    The result depends on what the study holds, not on the order in which it arrives.
    """
    ordered = sorted((InstanceHeader(*header) for header in headers), key=lambda header: (header.instance, header.source_id))
    unit: list[Header] = []
    number = 0
    for position, header in enumerate(ordered):
        if len(unit) >= unit_size and header.instance != ordered[position - 1].instance:
            yield _unit_id(study, number), unit
            unit, number = [], number + 1
        unit.append(tuple(header))
    yield _unit_id(study, number), unit


def _unit_id(study: bytes, number: int) -> bytes:
    return study[:16] + number.to_bytes(4, "big")


class _Split(beam.DoFn):
    def __init__(self) -> None:
        self._units = counter(WORK_UNITS)

    def process(self, study: tuple[bytes, Iterable[Header]]) -> Iterator[WorkUnit]:
        for unit in split_study(*study):
            self._units.inc()
            yield unit


class GroupIntoWorkUnits(beam.PTransform[PCollection[tuple[bytes, Header]], PCollection[WorkUnit]]):
    """(study hash, InstanceHeader tuple) -> (unit id, InstanceHeader tuples)."""

    def expand(self, headers: PCollection[tuple[bytes, Header]]) -> PCollection[WorkUnit]:
        return headers | "ByStudy" >> beam.GroupByKey() | "Split" >> beam.ParDo(_Split()).with_output_types(tuple[bytes, Any])
