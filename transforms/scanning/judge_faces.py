"""Judge by all headers of a series whether it shows a head, and tell the work units with objects of it."""

from collections.abc import Iterable, Iterator
from itertools import starmap

import apache_beam as beam
from apache_beam.pvalue import PCollection

from anonymizer.internals import FaceEvidence

from ..records import SharedFindings, StudyPart, WorkUnit
from ..work_unit_ids import is_finished

#: ids of units with images of a series, and the fields of its FaceEvidence as far as they tell
Judged = tuple[list[bytes], tuple[bytes, int, float, float]]


def faces_of_unit(unit: WorkUnit) -> Iterator[tuple[bytes, Judged]]:
    """(series, what the unit tells of it) for each series of which the unit has images."""
    unit_id, parts = unit
    found: dict[bytes, FaceEvidence] = {}
    for part in starmap(StudyPart, parts):
        for shared in starmap(SharedFindings, part.shared):
            if shared.face:
                evidence = FaceEvidence(*shared.face)
                found[evidence.series] = evidence.merged(found.get(evidence.series, evidence))
    for series, evidence in found.items():
        yield series, ([unit_id], evidence[:])


def judged_together(several: Iterable[Judged]) -> Judged:
    """What several units tell of a series, together."""
    units: list[bytes] = []
    merged: FaceEvidence | None = None
    for of_units, fields in several:
        units += of_units
        evidence = FaceEvidence(*fields)
        merged = evidence if merged is None else evidence.merged(merged)
    # nobody asks about a series without images
    return units, (merged or FaceEvidence(b"", 0))[:]


def heads_of_units(judged: tuple[bytes, Judged]) -> Iterator[tuple[bytes, bytes]]:
    """(unit id, series) for each unit with something to do in a series that counts as a head."""
    series, (units, fields) = judged
    if FaceEvidence(*fields).is_head:
        for unit_id in units:
            if not is_finished(unit_id):
                yield unit_id, series


class JudgeFaces(beam.PTransform[PCollection[WorkUnit], PCollection[tuple[bytes, bytes]]]):
    """Work units -> (unit id, keyed hash of a series in it that counts as a head)."""

    def expand(self, units: PCollection[WorkUnit]) -> PCollection[tuple[bytes, bytes]]:
        return (
            units
            | "FacesOfUnit" >> beam.FlatMap(faces_of_unit)
            | "BySeries" >> beam.CombinePerKey(judged_together)
            | "Heads" >> beam.FlatMap(heads_of_units).with_output_types(tuple[bytes, bytes])
        )
