"""Group instances into work units: a study, split where it is large."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsDict, PCollection

from .metrics import WORK_UNITS, counter
from .records import InstanceHeader, WorkUnit

#: instances in a work unit: what its instances share is then small beside them, and units spread over the workers
UNIT_SIZE = 256
#: instances that may come together under one key. Engines hold a key's values in memory, so larger studies get several keys;
#: few are so large that their sizes, a side input, are a few tens of megabytes for a billion instances.
PART_SIZE = 4096

Header = tuple[Any, ...]


def part_of_study(study: bytes, instance: bytes, large: Mapping[bytes, int], part_size: int = PART_SIZE) -> bytes:
    """The key of the part of its study in which an instance belongs: objects of one instance are in one part.

    Args:
        study, instance: keyed hashes, 32 bytes each.
        large: objects in each study that has more than ``part_size``.
    """
    parts = -(-large.get(study, 1) // part_size)
    # hashes are spread evenly, and so are instances over the parts
    return study[:16] + (int.from_bytes(instance[:8], "big") * parts >> 64).to_bytes(4, "big")


def split_part(part: bytes, headers: Iterable[Header], unit_size: int = UNIT_SIZE) -> Iterator[WorkUnit]:
    """The units of a part of a study. Objects with one SOPInstanceUID stay together, so that a unit sees its duplicates.

    The result depends on what the part holds, not on the order in which it arrives.
    """
    ordered = sorted((InstanceHeader(*header) for header in headers), key=lambda header: (header.instance, header.source_id))
    unit: list[Header] = []
    number = 0
    for position, header in enumerate(ordered):
        if len(unit) >= unit_size and header.instance != ordered[position - 1].instance:
            yield _unit_id(part, number), unit
            unit, number = [], number + 1
        unit.append(tuple(header))
    yield _unit_id(part, number), unit


def study_of(unit_id: bytes) -> bytes:
    """What the ids of all units of a study begin with."""
    return unit_id[:16]


def _unit_id(part: bytes, number: int) -> bytes:
    return part + number.to_bytes(4, "big")


def _by_part(header: Header, large: dict[bytes, int], part_size: int) -> tuple[bytes, Header]:
    known = InstanceHeader(*header)
    return part_of_study(known.study, known.instance, large, part_size), header


class _Split(beam.DoFn):
    def __init__(self) -> None:
        self._units = counter(WORK_UNITS)

    def process(self, part: tuple[bytes, Iterable[Header]]) -> Iterator[WorkUnit]:
        for unit in split_part(*part):
            self._units.inc()
            yield unit


class GroupIntoWorkUnits(beam.PTransform[PCollection[Header], PCollection[WorkUnit]]):
    """InstanceHeader tuples -> (unit id, InstanceHeader tuples)."""

    def __init__(self, part_size: int = PART_SIZE) -> None:
        super().__init__()
        self._part_size = part_size

    def expand(self, headers: PCollection[Header]) -> PCollection[WorkUnit]:
        part_size = self._part_size
        large = (
            headers
            | "Study" >> beam.Map(lambda header: (InstanceHeader(*header).study, 1)).with_output_types(tuple[bytes, int])
            | "Size" >> beam.CombinePerKey(sum)
            | "Large" >> beam.Filter(lambda study: study[1] > part_size)
        )
        return (
            headers
            | "ByPart" >> beam.Map(_by_part, large=AsDict(large), part_size=part_size).with_output_types(tuple[bytes, Any])
            | "Parts" >> beam.GroupByKey()
            | "Split" >> beam.ParDo(_Split()).with_output_types(tuple[bytes, Any])
        )
