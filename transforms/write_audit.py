"""The audit tables: their columns, and how their rows come about."""

from functools import lru_cache, partial
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import PCollection

from anonymizer import AttributeAction

from .records import AuditRow, UidRole
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


class WriteInstances(beam.PTransform[PCollection[AuditRow], PCollection[tuple[str, int]]]):
    """AuditRow -> TableFile tuples, ``PREFIX-*.parquet``."""

    def __init__(self, folder: TableFolder, prefix: str, profile_digest: str, key_id: str, version: str) -> None:
        super().__init__()
        record = partial(instance_record, profile_digest=profile_digest, key_id=key_id, version=version)
        self._write = WriteTable(folder, prefix, INSTANCES_SCHEMA, record)

    def expand(self, rows: PCollection[AuditRow]) -> PCollection[tuple[str, int]]:
        return rows | self._write


class WriteUidMap(beam.PTransform[PCollection[tuple[bytes, bytes, int]], PCollection[tuple[str, int]]]):
    """UidMapRow tuples -> TableFile tuples, ``PREFIX-*.parquet``."""

    def __init__(self, folder: TableFolder, prefix: str) -> None:
        super().__init__()
        self._write = WriteTable(folder, prefix, UID_MAP_SCHEMA, uid_map_record)

    def expand(self, mapping: PCollection[tuple[bytes, bytes, int]]) -> PCollection[tuple[str, int]]:
        return mapping | self._write
