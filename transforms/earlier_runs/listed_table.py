"""Listed objects as tables: where earlier runs know most of them, no other records are made of these."""

from collections.abc import Callable, Iterator
from itertools import repeat

import pyarrow as pa

from storage import ObjectRef

from ..records import RefBatch
from ..shuffle.arrow_shards import from_bytes, to_bytes
from ..source_ids import ListedSource, SourceHasher

_REFS_SCHEMA = pa.schema(
    [
        ("name", pa.binary()),
        ("source", pa.binary()),
        ("size", pa.int64()),
        ("version", pa.string()),
        ("is_container", pa.bool_()),
        ("input", pa.int32()),
        ("members", pa.list_(pa.binary())),
    ]
)
#: fields of ObjectRefs that are listed, and their ids and versions by SourceHasher
LISTED_SCHEMA = pa.schema([*_REFS_SCHEMA, ("source_id", pa.string()), ("source_version", pa.string())])


def pack_listed(batch: RefBatch, is_container: Callable[[bytes], bool]) -> bytes:
    """Return listed objects, none of which is a member, as Arrow's stream."""
    names, sources, sizes, versions, _, inputs, _, _, members = zip(*batch, strict=True)
    columns = (names, sources, sizes, versions, map(is_container, names), inputs, members)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _REFS_SCHEMA, strict=True)]
    return to_bytes(pa.Table.from_arrays(arrays, schema=_REFS_SCHEMA))


def unpack_listed(packed: bytes, sources: SourceHasher) -> pa.Table:
    """Return listed objects as a table of LISTED_SCHEMA."""
    table = from_bytes((packed,), _REFS_SCHEMA)
    ids = map(sources.source_id, _listed_as(table))
    versions = map(sources.version_of, table["size"].to_pylist(), table["version"].to_pylist())
    return pa.Table.from_arrays(
        [*table.columns, pa.array(ids, pa.string()), pa.array(versions, pa.string())], schema=LISTED_SCHEMA
    )


def refs_of(listed: pa.Table) -> Iterator[tuple[ObjectRef, ListedSource]]:
    """Yield the objects of a table of LISTED_SCHEMA; the version of a zip or tar is not the one that its members have."""
    names = ("name", "source", "size", "version", "input", "source_id", "source_version")
    columns = (listed[name].to_pylist() for name in names)
    # only manifests have some
    is_named = listed["members"].null_count < listed.num_rows
    members = map(_members, listed["members"].to_pylist()) if is_named else repeat(None, listed.num_rows)
    for name, source, size, version, listed_by, source_id, source_version, named in zip(*columns, members, strict=True):
        ref = ObjectRef(name, source, size, version, None, listed_by, members=named)
        yield ref, ListedSource(source_id, source_version, "", listed_by)


def _listed_as(listed: pa.Table) -> list[bytes]:
    sources: list[bytes] = listed["source"].to_pylist()
    if listed["members"].null_count < listed.num_rows:
        is_named = listed["members"].is_valid().to_pylist()
        # as ``ObjectRef.listed_as``
        sources = [source + b"!/" if named else source for source, named in zip(sources, is_named, strict=True)]
    return sources


def _members(names: list[bytes] | None) -> tuple[bytes, ...] | None:
    return None if names is None else tuple(names)
