"""Tables in shards by keyed hashes, as records are: by numpy, for there may be as many rows as an archive has objects."""

import io
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

#: bytes of a hash by which rows are found, before all of it is compared
BEGINNING = 8
Numbers = npt.NDArray[np.uint64]

_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


def beginnings(hashes: pa.Array) -> Numbers:
    """Return the first 8 bytes of each of an array of binaries of one size, as numbers."""
    size = hashes.type.byte_width
    content = np.frombuffer(hashes.buffers()[1], np.uint8)[hashes.offset * size : (hashes.offset + len(hashes)) * size]
    first = np.ascontiguousarray(content.reshape(len(hashes), size)[:, :BEGINNING])
    return first.view(">u8").reshape(-1).astype(np.uint64)


def beginnings_of_hex(hashes: pa.ChunkedArray) -> Numbers:
    """Return the first 8 bytes of each of a column of hashes of 32 hex digits, as numbers."""
    return np.frombuffer(bytes.fromhex("".join(hashes.to_pylist())), ">u8")[::2].astype(np.uint64)


def shards_of(numbers: Numbers, shards: int) -> Numbers:
    """Return the shard of each hash, as ``spread`` does: the upper half of a product of 128 bits, which numpy hasn't."""
    high, low = numbers >> np.uint64(32), numbers & np.uint64(0xFFFFFFFF)
    count = np.uint64(shards)
    return (high * count + (low * count >> np.uint64(32))) >> np.uint64(32)


def by_shard(table: pa.Table, column: str, shards: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (shard, its rows as Arrow's stream) of a table by one of its columns of hashes."""
    if table.num_rows:
        table = table.combine_chunks()
        yield from split_by_shard(table, beginnings(table[column].chunk(0)), shards)


def split_by_shard(table: pa.Table, numbers: Numbers, shards: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (shard, its rows as Arrow's stream) of a table.

    Args:
        numbers: the beginning of a hash for each row.
    """
    if not table.num_rows:
        return
    shard = shards_of(numbers, shards)
    order = np.argsort(shard, kind="stable")
    shard = shard[order]
    starts = [0, *(np.flatnonzero(np.diff(shard)) + 1).tolist(), len(shard)]
    for start, end in pairwise(starts):
        yield int(shard[start]).to_bytes(4, "big"), to_bytes(table.take(pa.array(order[start:end])))


def to_bytes(table: pa.Table) -> bytes:
    """Return a table as Arrow's stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=_OPTIONS) as writer:
        writer.write_table(table)
    return sink.getvalue()


def from_bytes(streams: Iterable[bytes], schema: pa.Schema) -> pa.Table:
    """Return the rows of all streams as one table."""
    tables = [pa.ipc.open_stream(stream).read_all() for stream in streams]
    return pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()
