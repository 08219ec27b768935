"""Write the audit tables as Parquet."""

from functools import lru_cache
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.parquetio import WriteToParquet
from apache_beam.pvalue import PCollection

from anonymizer import AttributeAction

from .records import AuditRow, UidRole

#: rows that a worker holds back before it writes them, in bytes
_ROW_GROUP = 16 << 20

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
        ("profile_digest", pa.string()),
        ("key_id", pa.string()),
        ("version", pa.string()),
    ]
)

UID_MAP_SCHEMA = pa.schema([("uid_hash", pa.binary(32)), ("new_uid", pa.string()), ("role", pa.string())])


def instance_record(row: AuditRow, profile_digest: str, key_id: str, version: str) -> dict[str, Any]:
    """A row of ``instances-*.parquet``; absent texts are null."""
    record = {name: value if value != "" else None for name, value in row._asdict().items()}
    record["status"] = row.status.value
    record["reason"] = row.reason.value if row.reason else None
    record["notes"] = list(row.notes)
    record["size"] = row.size if row.output_name else None
    record["actions"] = _action_records(row.actions)
    return {**record, "profile_digest": profile_digest, "key_id": key_id, "version": version}


@lru_cache(maxsize=1024)
def _action_records(actions: tuple[AttributeAction, ...]) -> list[dict[str, Any]]:
    # the instances of a series share their actions
    return [action._asdict() for action in actions]


def uid_map_record(row: tuple[bytes, bytes, int]) -> dict[str, Any]:
    """A row of ``uid_map-*.parquet``."""
    uid_hash, new_uid, role = row
    return {"uid_hash": uid_hash, "new_uid": new_uid.decode(), "role": UidRole(role).name.lower()}


def _write_table(prefix: str, schema: pa.Schema) -> WriteToParquet:
    return WriteToParquet(prefix, schema, row_group_buffer_size=_ROW_GROUP, file_name_suffix=".parquet", codec="zstd")


class WriteInstances(beam.PTransform[PCollection[AuditRow], PCollection[str]]):
    """AuditRow -> ``PREFIX-SSSSS-of-NNNNN.parquet``; yields the files' names."""

    def __init__(self, prefix: str, profile_digest: str, key_id: str, version: str) -> None:
        super().__init__()
        self._prefix = prefix
        self._constants = (profile_digest, key_id, version)

    def expand(self, rows: PCollection[AuditRow]) -> PCollection[str]:
        return (
            rows
            | "Records" >> beam.Map(instance_record, *self._constants).with_output_types(dict[str, Any])
            | "Write" >> _write_table(self._prefix, INSTANCES_SCHEMA)
        )


class WriteUidMap(beam.PTransform[PCollection[tuple[bytes, bytes, int]], PCollection[str]]):
    """UidMapRow tuples -> ``PREFIX-SSSSS-of-NNNNN.parquet``; yields the files' names."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def expand(self, mapping: PCollection[tuple[bytes, bytes, int]]) -> PCollection[str]:
        return (
            mapping
            | "Records" >> beam.Map(uid_map_record).with_output_types(dict[str, Any])
            | "Write" >> _write_table(self._prefix, UID_MAP_SCHEMA)
        )
