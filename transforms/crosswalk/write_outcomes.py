"""Write the outcomes of objects into the crosswalk, where one is asked for."""

from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import PCollection

from storage import check_running

from ..records import AuditRows, Status
from .crosswalk import CrosswalkRow, CrosswalkTarget, CrosswalkWriter, outcome_of, outcome_row

_COLUMNS = ("source_id", "status", "reason", "reason_tag")


class _Write(beam.DoFn):
    """Writes rows in the stage in which the audit's tables are written: a bundle whose rows are lost here is lost there, too."""

    def __init__(self, target: CrosswalkTarget) -> None:
        self._target = target

    def start_bundle(self) -> None:
        self._writer = CrosswalkWriter(self._target)

    def process(self, rows: AuditRows | pa.Table) -> None:
        check_running()
        self._writer.add(map(outcome_row, rows) if isinstance(rows, AuditRows) else settled_rows(rows))

    def finish_bundle(self) -> None:
        check_running()
        self._writer.flush()


def settled_rows(table: pa.Table) -> list[CrosswalkRow]:
    """Return the outcomes of objects that the last finished run was done with.

    Args:
        table: of SETTLED_SCHEMA.
    """
    columns = (table[name].to_pylist() for name in _COLUMNS)
    return [
        outcome_of(source_id, Status.WRITTEN.value if status == Status.SKIPPED.value else status, *reason)
        for source_id, status, *reason in zip(*columns, strict=True)
    ]


class WriteOutcomes(beam.PTransform[PCollection[Any], PCollection[None]]):
    """Audit rows, or tables of SETTLED_SCHEMA -> nothing: their outcomes are in the crosswalk.

    The run that takes up a killed one writes the rows in its ledgers again: so no worker has to wait for files here before its
    ledger says that something is done.
    """

    def __init__(self, target: CrosswalkTarget) -> None:
        super().__init__()
        self._write = _Write(target)

    def expand(self, rows: PCollection[Any]) -> PCollection[None]:
        return rows | "Write" >> beam.ParDo(self._write).with_output_types(type(None))
