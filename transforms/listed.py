"""What is listed, as tables: where most of it is known by earlier runs, nothing else is made of it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from .arrow_shards import from_bytes, to_bytes
from .records import ObjectRef
from .sources import Source, Sources

_REFS_SCHEMA = pa.schema(
    [
        ("name", pa.binary()),
        ("source", pa.binary()),
        ("size", pa.int64()),
        ("version", pa.string()),
        ("is_container", pa.bool_()),
        ("input", pa.int32()),
    ]
)
#: fields of ObjectRefs but ``member``, and what Sources makes of them
LISTED_SCHEMA = pa.schema([*_REFS_SCHEMA, ("source_id", pa.string()), ("source_version", pa.string())])


def pack_listed(batch: Sequence[tuple[Any, ...]], is_container: Callable[[bytes], bool]) -> bytes:
    """The fields of listed ObjectRefs, none of which is a member, as Arrow's stream."""
    names, sources, sizes, versions, _, inputs, _ = zip(*batch, strict=True)
    columns = (names, sources, sizes, versions, map(is_container, names), inputs)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _REFS_SCHEMA, strict=True)]
    return to_bytes(pa.Table.from_arrays(arrays, schema=_REFS_SCHEMA))


def unpack_listed(packed: bytes, sources: Sources) -> pa.Table:
    """A table of LISTED_SCHEMA."""
    table = from_bytes((packed,), _REFS_SCHEMA)
    ids = map(sources.source_id, table["source"].to_pylist())
    versions = map(sources.version_of, table["size"].to_pylist(), table["version"].to_pylist())
    return pa.Table.from_arrays(
        [*table.columns, pa.array(ids, pa.string()), pa.array(versions, pa.string())], schema=LISTED_SCHEMA
    )


def refs_of(listed: pa.Table) -> Iterator[tuple[ObjectRef, Source]]:
    """The objects of a table of LISTED_SCHEMA; the version of a zip or tar is not the one that its members have."""
    names = ("name", "source", "size", "version", "input", "source_id", "source_version")
    columns = (listed[name].to_pylist() for name in names)
    for name, source, size, version, listed_by, source_id, source_version in zip(*columns, strict=True):
        yield ObjectRef(name, source, size, version, None, listed_by), Source(source_id, source_version, "", listed_by)
