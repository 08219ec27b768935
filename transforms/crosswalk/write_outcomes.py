"""Write what became of objects into the crosswalk, where one is asked for."""

from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import PCollection

from storage import check_running

from ..records import AuditRows, Status
from .crosswalk import CrosswalkRow, CrosswalkTarget, CrosswalkWriter, outcome_of, outcome_row

_COLUMNS = ("source_id", "status", "reason", "reason_tag")


class _Write(beam.DoFn):
    """In the stage in which the audit's tables are written: a bundle whose rows are lost here is lost there, too."""

    def __init__(self, target: CrosswalkTarget) -> None:
        self._target = target

    def start_bundle(self) -> None:
        self._writer = CrosswalkWriter(self._target)

    def process(self, rows: AuditRows | list[pa.Table]) -> None:
        check_running()
        if isinstance(rows, AuditRows):
            self._writer.add(map(outcome_row, rows))
        else:
            for table in rows:
                self._writer.add(settled_rows(table))

    def finish_bundle(self) -> None:
        check_running()
        self._writer.flush()


def settled_rows(table: pa.Table) -> list[CrosswalkRow]:
    """What became of objects that an earlier run was done with.

    Args:
        table: of SETTLED_SCHEMA.
    """
    columns = (table[name].to_pylist() for name in _COLUMNS)
    return [
        outcome_of(source_id, Status.WRITTEN.value if status == Status.SKIPPED.value else status, *reason)
        for source_id, status, *reason in zip(*columns, strict=True)
    ]


class WriteOutcomes(beam.PTransform[PCollection[Any], PCollection[None]]):
    """AuditRows, or lists of tables of SETTLED_SCHEMA -> nothing: their rows are in the crosswalk.

    Rows that ledgers of killed runs have are written again by the run that takes them up: so nobody has to wait for files here
    before a ledger says that something is done.
    """

    def __init__(self, target: CrosswalkTarget) -> None:
        super().__init__()
        self._write = _Write(target)

    def expand(self, rows: PCollection[Any]) -> PCollection[None]:
        return rows | "Write" >> beam.ParDo(self._write).with_output_types(type(None))
