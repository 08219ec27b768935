"""Statuses in rows of audit tables."""

import pyarrow as pa
import pyarrow.compute as pc

from transforms import Status

_IN_OUTPUT = pa.array([Status.WRITTEN.value, Status.SKIPPED.value])


def is_in_output(rows: pa.RecordBatch | pa.Table) -> pa.BooleanArray | pa.ChunkedArray:
    """Return for each row whether its object lies in the output: it was written, or skipped because it is there."""
    return pc.is_in(rows["status"], _IN_OUTPUT)
