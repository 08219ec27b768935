"""Manifests in columns: Parquet and ORC, read in pieces, and only the columns that are needed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from .columns import Cell, Columns, normal, role_of
from .names import Folder, ManifestEntry, ManifestError

_ROWS = 8192
#: of a column of Parquet that are read at once
_BUFFER = 1 << 20


def parquet_entries(stream: BinaryIO, folder: Folder) -> Iterator[ManifestEntry]:
    """Yield the objects of a Parquet file, some thousand rows at once.

    Raises:
        ManifestError: no such file, no columns that can be used, or a row can't.
    """
    import pyarrow.parquet as pq  # only who has such a manifest waits for it

    with _readable(stream, "Parquet") as source:
        # without pre_buffer memory grows with neither rows nor row groups
        file = pq.ParquetFile(source, buffer_size=_BUFFER, pre_buffer=False)
        yield from _entries(file.schema_arrow, folder, lambda needed: file.iter_batches(_ROWS, columns=needed, use_threads=False))


def orc_entries(stream: BinaryIO, folder: Folder) -> Iterator[ManifestEntry]:
    """Yield the objects of an ORC file, stripe by stripe.

    Raises:
        ManifestError: no such file, no columns that can be used, or a row can't.
    """
    from pyarrow import orc

    with _readable(stream, "ORC") as source:
        file = orc.ORCFile(source)
        yield from _entries(file.schema, folder, lambda needed: _stripes(file, needed))


def _stripes(file: Any, needed: list[str]) -> Iterator[Any]:
    for number in range(file.nstripes):
        stripe = file.read_stripe(number, columns=needed)
        yield from (stripe.slice(start, _ROWS) for start in range(0, stripe.num_rows, _ROWS))


class _Source:
    """A stream for Arrow. Errors of the stream itself are kept: Arrow may raise something else in their place."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell
        self.failure: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except Exception as failure:
            self.failure = failure
            raise


@contextlib.contextmanager
def _readable(stream: BinaryIO, kind: str) -> Iterator[Any]:
    import pyarrow as pa

    source = _Source(stream)
    try:
        yield pa.PythonFile(source, mode="r")
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        if source.failure is not None:
            raise source.failure from None
        raise ManifestError(f"no {kind} file that can be read: it is broken, or not whole") from None


def _entries(schema: Any, folder: Folder, batches: Callable[[list[str]], Iterable[Any]]) -> Iterator[ManifestEntry]:
    needed = [name for name in schema.names if role_of(name)]
    columns = Columns(needed, folder, unit="row", encoded=False)
    for name in needed:
        _check_type(name, schema.field(name).type)
    number = 0
    for batch in batches(needed):
        # in the order of ``needed``, whatever that of the batch is
        cells = [_cells(batch.column(batch.schema.get_field_index(name)), role_of(name)) for name in needed]
        for row in zip(*cells, strict=True):
            number += 1
            if entry := columns.entry(number, row):
                yield entry


def _plain(kind: Any) -> Any:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    return any(is_one(kind) for is_one in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary))


def _check_type(column: str, kind: Any) -> None:
    """
    Raises:
        ManifestError: a column's values can't be what its name says.
    """
    import pyarrow as pa

    role, kind = role_of(column), _plain(kind)
    if _is_text(kind) or pa.types.is_null(kind) or role == "deleted":
        return
    if pa.types.is_integer(kind) and role in ("size", "version", "generation"):
        return
    if pa.types.is_boolean(kind) and role in ("latest", "marker"):
        return
    raise ManifestError(f"column {normal(column)}: values of another type are needed")


def _cells(column: Any, role: str | None) -> Sequence[Cell]:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _is_text(column.type):
        # by bytes, since nobody has checked that what is called a string is one
        values = column.cast(pa.large_binary()).to_pylist()
        return [None if value is None else value.decode(errors="surrogateescape") for value in values]
    # when something was deleted doesn't matter
    return column.is_valid().to_pylist() if role == "deleted" else column.to_pylist()
