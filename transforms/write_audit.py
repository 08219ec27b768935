"""The audit tables: their columns, and how their rows come about."""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import accumulate, chain
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import PCollection

from anonymizer import AttributeAction

from .records import AuditRow, AuditRows, UidRole
from .storage import TableFolder
from .write_tables import WriteTable

INSTANCES_SCHEMA = pa.schema(
    [
        ("source_id", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("reason_tag", pa.string()),
        ("notes", pa.list_(pa.string())),
        ("sop_class_uid", pa.string()),
        ("transfer_syntax_uid", pa.string()),
        ("study_instance_uid", pa.string()),
        ("series_instance_uid", pa.string()),
        ("sop_instance_uid", pa.string()),
        ("output_name", pa.string()),
        ("size", pa.int64()),
        ("crc32c", pa.string()),
        (
            "actions",
            pa.list_(
                pa.struct([("path", pa.string()), ("keyword", pa.string()), ("action", pa.string()), ("count", pa.int32())])
            ),
        ),
        ("source_version", pa.string()),
        ("container_id", pa.string()),
        ("study_hash", pa.string()),
        ("profile_digest", pa.string()),
        ("key_id", pa.string()),
        ("version", pa.string()),
    ]
)

UID_MAP_SCHEMA = pa.schema([("uid_hash", pa.binary(32)), ("new_uid", pa.string()), ("role", pa.string())])


_ACTIONS = INSTANCES_SCHEMA.field("actions").type


def instances_table(rows: Sequence[AuditRow], profile_digest: str, key_id: str, version: str) -> pa.Table:
    """Rows of ``instances-*.parquet``; absent texts are null."""
    columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in AuditRow._fields}
    columns["status"] = [status.value for status in columns["status"]]
    columns["reason"] = [reason and reason.value for reason in columns["reason"]]
    columns["size"] = [size if name else None for size, name in zip(columns["size"], columns["output_name"], strict=True)]
    columns["actions"] = _actions_column(columns["actions"])
    columns |= {"profile_digest": profile_digest, "key_id": key_id, "version": version}
    return pa.Table.from_arrays(
        [_column(columns[field.name], field.type, len(rows)) for field in INSTANCES_SCHEMA], schema=INSTANCES_SCHEMA
    )


def _column(values: Any, kind: pa.DataType, length: int) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if isinstance(values, str):
        return pa.repeat(pa.scalar(values, kind), length)
    return pa.array([value if value != "" else None for value in values] if kind == pa.string() else values, kind)


def _actions_column(rows: Iterable[tuple[AttributeAction, ...]]) -> pa.Array:
    """The instances of a series share their actions, mostly even the tuple: each is converted once."""
    places: dict[int, int] = {}
    distinct: dict[tuple[AttributeAction, ...], int] = {}
    indices = []
    for actions in rows:
        place = places.get(id(actions))
        if place is None:
            place = places[id(actions)] = distinct.setdefault(actions, len(distinct))
        indices.append(place)
    fields = list(_ACTIONS.value_type)
    columns = list(zip(*chain.from_iterable(distinct), strict=True)) or [()] * len(fields)
    structs = pa.StructArray.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, fields, strict=True)], fields=fields
    )
    return pa.ListArray.from_arrays(pa.array(accumulate(map(len, distinct), initial=0), pa.int32()), structs).take(
        pa.array(indices, pa.int32())
    )


def uid_map_table(rows: Sequence[tuple[bytes, bytes, int]]) -> pa.Table:
    """Rows of ``uid_map-*.parquet``."""
    names = {int(role): role.name.lower() for role in UidRole}
    return pa.Table.from_arrays(
        [
            pa.array([uid_hash for uid_hash, _, _ in rows], pa.binary(32)),
            pa.array([new_uid.decode() for _, new_uid, _ in rows], pa.string()),
            pa.array([names[role] for _, _, role in rows], pa.string()),
        ],
        schema=UID_MAP_SCHEMA,
    )


class WriteInstances(beam.PTransform[PCollection[AuditRows], PCollection[tuple[str, int]]]):
    """AuditRows -> TableFile tuples, ``PREFIX-*.parquet``."""

    def __init__(self, folder: TableFolder, prefix: str, profile_digest: str, key_id: str, version: str) -> None:
        super().__init__()
        table = partial(instances_table, profile_digest=profile_digest, key_id=key_id, version=version)
        self._write = WriteTable(folder, prefix, table)

    def expand(self, rows: PCollection[AuditRows]) -> PCollection[tuple[str, int]]:
        return rows | self._write


class WriteUidMap(beam.PTransform[PCollection[list[tuple[bytes, bytes, int]]], PCollection[tuple[str, int]]]):
    """Lists of UidMapRow tuples -> TableFile tuples, ``PREFIX-*.parquet``."""

    def __init__(self, folder: TableFolder, prefix: str) -> None:
        super().__init__()
        self._write = WriteTable(folder, prefix, uid_map_table)

    def expand(self, mapping: PCollection[list[tuple[bytes, bytes, int]]]) -> PCollection[tuple[str, int]]:
        return mapping | self._write
