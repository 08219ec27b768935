"""Tables that are joined by partitions: large ones wait in a temporary file, and one partition is in memory at a time."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.internals import open_spool, write_all
from transforms import beginnings_of_hex, from_bytes, split_by_shard

#: rows of a partition, on average, up to so many partitions
_PARTITION_ROWS, _MOST_PARTITIONS = 250_000, 1024
#: rows that are gathered before they are divided
_GATHERED_ROWS = 131_072
#: rows that each partition gets at once, on average, so that pieces are few
_PIECE_ROWS = 1024
#: hex digits of a hash by which rows are divided
_DIGITS = 32


class SpilledTable:
    """A table in partitions by a column of keyed hashes. Within its context rows are added, then partitions are read.

    A temporary file that is its owner's alone and has no name holds them; there is none while all is in one partition.
    """

    def __init__(self, schema: pa.Schema, column: str, rows: int) -> None:
        """
        Args:
            column: hashes in hexadecimal, none of them null; empty ones are of one partition.
            rows: number of rows that will be added, at most.
        """
        self._schema = schema
        self._column = column
        self._partitions = min(max(1, -(-rows // _PARTITION_ROWS)), _MOST_PARTITIONS)
        self._most = max(_GATHERED_ROWS, self._partitions * _PIECE_ROWS)
        self._gathered: list[pa.Table] = []
        self._count = 0
        self._places: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._end = 0
        self._spool = -1
        self._opened = ExitStack()

    def __enter__(self) -> SpilledTable:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._opened.close()

    def add(self, table: pa.Table) -> None:
        """Add rows.

        Raises:
            OSError: there is no room for them.
        """
        self._gathered.append(table)
        self._count += table.num_rows
        if self._partitions > 1 and self._count >= self._most:
            self._spill()

    def _spill(self) -> None:
        table = pa.concat_tables([self._schema.empty_table(), *self._gathered])
        self._gathered, self._count = [], 0
        if self._spool < 0:
            self._spool = self._opened.enter_context(open_spool())
        hashes = pc.utf8_slice_codeunits(pc.utf8_rpad(table[self._column], _DIGITS, "0"), 0, _DIGITS)
        for shard, content in split_by_shard(table, beginnings_of_hex(hashes), self._partitions):
            write_all(self._spool, [content])
            self._places[int.from_bytes(shard, "big")].append((self._end, len(content)))
            self._end += len(content)

    def partitions(self) -> Iterator[pa.Table]:
        """Yield the rows of each partition."""
        if self._partitions == 1:
            yield pa.concat_tables([self._schema.empty_table(), *self._gathered]).combine_chunks()
            return
        self._spill()
        for number in range(self._partitions):
            contents = (os.pread(self._spool, size, start) for start, size in self._places.pop(number, ()))
            yield from_bytes(contents, self._schema)
