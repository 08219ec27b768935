"""Judge by all headers of a series whether it shows a head, and tell the work units with objects of it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.coders import Coder
from apache_beam.coders.typecoders import registry
from apache_beam.pvalue import PCollection

from anonymizer.internals import FaceEvidence

from ..records import WorkUnit
from ..shuffle.record_coder import register_record
from ..work_unit_ids import is_finished


class SeriesEvidence(NamedTuple):
    """Evidence of a head in a series, as far as some work units tell.

    Attributes:
        units: ids of the units with images of the series.
        face: their evidence together; None: no unit.
    """

    units: list[bytes]
    face: FaceEvidence | None


register_record(SeriesEvidence)


def faces_of_unit(unit: WorkUnit) -> Iterator[tuple[bytes, SeriesEvidence]]:
    """Yield (series, evidence) for each series of which the unit has images."""
    found: dict[bytes, FaceEvidence] = {}
    for part in unit.parts:
        for shared in part.shared:
            if (face := shared.face) is not None:
                found[face.series] = face.merged(found.get(face.series, face))
    for series, face in found.items():
        yield series, SeriesEvidence([unit.unit_id], face)


def merge_evidence(several: Iterable[SeriesEvidence]) -> SeriesEvidence:
    """Return the evidence of several units in one series, together."""
    merged = SeriesEvidence([], None)
    for evidence in several:
        merged = _merged(merged, evidence)
    return merged


def _merged(into: SeriesEvidence, other: SeriesEvidence) -> SeriesEvidence:
    into.units.extend(other.units)
    if into.face is None or other.face is None:
        return into._replace(face=into.face or other.face)
    return into._replace(face=into.face.merged(other.face))


@beam.typehints.with_input_types(SeriesEvidence)
@beam.typehints.with_output_types(SeriesEvidence)
class _MergeEvidence(beam.CombineFn):
    """Merges evidence before the shuffle, too."""

    def create_accumulator(self) -> SeriesEvidence:
        return SeriesEvidence([], None)

    def add_input(self, accumulator: SeriesEvidence, evidence: SeriesEvidence) -> SeriesEvidence:
        return _merged(accumulator, evidence)

    def merge_accumulators(self, accumulators: Iterable[SeriesEvidence]) -> SeriesEvidence:
        return merge_evidence(accumulators)

    def extract_output(self, accumulator: SeriesEvidence) -> SeriesEvidence:
        return accumulator

    def get_accumulator_coder(self) -> Coder:
        # Beam's own would pickle them
        return registry.get_coder(SeriesEvidence)


def heads_of_units(judged: tuple[bytes, SeriesEvidence]) -> Iterator[tuple[bytes, bytes]]:
    """Yield (unit id, series) for each unit with something to do in a series that counts as a head."""
    series, (units, face) = judged
    if face is not None and face.is_head:
        for unit_id in units:
            if not is_finished(unit_id):
                yield unit_id, series


class JudgeFaces(beam.PTransform[PCollection[WorkUnit], PCollection[tuple[bytes, bytes]]]):
    """Work units -> (unit id, keyed hash of a series in it that counts as a head)."""

    def expand(self, units: PCollection[WorkUnit]) -> PCollection[tuple[bytes, bytes]]:
        return (
            units
            | "FacesOfUnit" >> beam.FlatMap(faces_of_unit)
            | "BySeries" >> beam.CombinePerKey(_MergeEvidence())  # type: ignore[no-untyped-call]
            | "Heads" >> beam.FlatMap(heads_of_units).with_output_types(tuple[bytes, bytes])
        )
