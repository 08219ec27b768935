"""Write tables as Parquet: whole files of bounded size, each with its own name, that count only when the account names them."""

import hashlib
import io
import secrets
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.pvalue import PCollection
from apache_beam.utils.windowed_value import WindowedValue

from storage import TableFolder, TableTarget, check_running

from ..shuffle.bundles import in_global_window
from ..shuffle.record_coder import register_record

#: rows that are encoded together, and encoded bytes in a file: what a worker keeps in memory
_GROUP_ROWS = 8192
_FILE_BYTES = 32 << 20
#: columns whose values differ from row to row: to look for repeated ones takes half the time of reading and writing them
_DISTINCT = frozenset(
    (
        *("source_id", "sop_instance_uid", "output_name", "size", "crc32c", "source_version", "instance_hash"),
        *("uid_hash", "new_uid", "new_uid_hash", "users"),
    )
)


class TableFile(NamedTuple):
    """A file of a table.

    Attributes:
        name: in the folder of the tables.
        digest: SHA-256 of its content, in hexadecimal.
    """

    name: str
    rows: int
    digest: str


register_record(TableFile)


def _leaves(field: pa.Field, path: str) -> Iterator[str]:
    """Yield the paths of a column's parts as Parquet names them."""
    if pa.types.is_list(field.type):
        yield from _leaves(field.type.value_field, f"{path}.list.element")
    elif pa.types.is_struct(field.type):
        for inner in field.type:
            yield from _leaves(inner, f"{path}.{inner.name}")
    else:
        yield path


class TableWriter:
    """Gathers rows and writes them out by files.

    A file that is written twice, because its bundle was, is another file: Beam counts one of them only, and so does the account.
    """

    def __init__(self, folder: TableTarget, prefix: str, table: Callable[[list[Any]], pa.Table]) -> None:
        """
        Args:
            table: makes a table of rows, or of tables of them.
        """
        self._folder = folder
        self._prefix = prefix
        self._table = table
        self._pending: list[Any] = []
        self._pending_rows = 0
        self._rows = 0
        self._sink = io.BytesIO()
        self._parquet: pq.ParquetWriter | None = None

    def add(self, rows: list[Any]) -> TableFile | None:
        """Add rows, or tables of them, and return the file that they completed, if they did."""
        self._pending += rows
        self._pending_rows += sum(table.num_rows for table in rows) if rows and isinstance(rows[0], pa.Table) else len(rows)
        if self._pending_rows >= _GROUP_ROWS:
            self._encode()
            if self._sink.tell() >= _FILE_BYTES:
                return self.finish()
        return None

    def finish(self) -> TableFile | None:
        """Write the rows that were gathered, and return the file, if there were some."""
        self._encode()
        if self._parquet is None:
            return None
        self._parquet.close()
        content = self._sink.getvalue()
        found = TableFile(f"{self._prefix}-{secrets.token_hex(8)}.parquet", self._rows, hashlib.sha256(content).hexdigest())
        self._folder.create(found.name, content)
        self._sink, self._parquet, self._rows = io.BytesIO(), None, 0
        return found

    def _encode(self) -> None:
        if not self._pending_rows:
            return
        table = self._table(self._pending)
        if self._parquet is None:
            repeated = [path for field in table.schema if field.name not in _DISTINCT for path in _leaves(field, field.name)]
            self._parquet = pq.ParquetWriter(self._sink, table.schema, compression="zstd", use_dictionary=repeated)
        self._parquet.write_table(table)
        self._rows += self._pending_rows
        self._pending, self._pending_rows = [], 0


class _Write(beam.DoFn):
    def __init__(self, folder: TableFolder, prefix: str, table: Callable[[list[Any]], pa.Table]) -> None:
        self._arguments = (folder, prefix, table)

    def start_bundle(self) -> None:
        self._writer = TableWriter(*self._arguments)

    def process(self, rows: Any) -> Iterator[TableFile]:
        check_running()
        if (found := self._writer.add([rows] if isinstance(rows, pa.Table) else rows)) is not None:
            yield found

    def finish_bundle(self) -> Iterator[WindowedValue]:
        check_running()
        if (found := self._writer.finish()) is not None:
            yield from in_global_window([found])


class WriteTable(beam.PTransform[PCollection[Any], PCollection[TableFile]]):
    """Lists of rows, or tables of them -> files, ``PREFIX-*.parquet`` in a folder."""

    def __init__(self, folder: TableFolder, prefix: str, table: Callable[[list[Any]], pa.Table]) -> None:
        """
        Args:
            table: makes one table of rows, or of tables of them; always of the same schema.
        """
        super().__init__()
        self._write = _Write(folder, prefix, table)

    def expand(self, rows: PCollection[Any]) -> PCollection[TableFile]:
        return rows | "Write" >> beam.ParDo(self._write)
