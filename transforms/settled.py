"""Rows of a run that came to its end, as the next one finds them: what it wrote is skipped, if it is still the same."""

import io
from collections.abc import Iterable
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from .ledger import PASSING
from .records import Status
from .storage import TableFolder
from .uid_uses import earlier_use
from .write_audit import INSTANCES_SCHEMA, ROLES

_PASSING = frozenset(reason.value for reason in PASSING)
_WRITTEN, _SKIPPED, _DUPLICATE = Status.WRITTEN.value, Status.SKIPPED.value, Status.DUPLICATE.value
_COLUMNS = [name for name in INSTANCES_SCHEMA.names if name != "actions"]


class EarlierRun(NamedTuple):
    """The last run that came to its end.

    Attributes:
        folder: of its tables.
        tables: rows of each of its table files.
        same_making: whether it refused objects by the same rules, and the same version of them.
        same_key: whether patients have the same hashes there as now.
    """

    folder: TableFolder
    run_id: str
    tables: dict[str, int]
    same_making: bool
    same_key: bool = True

    def files(self, kind: str) -> list[str]:
        """The files of a kind of table."""
        return [name for name in self.tables if name.startswith(f"{kind}-")]

    @property
    def objects(self) -> int:
        """Objects that it tells of."""
        return sum(self.tables[name] for name in self.files("instances"))


class SettledRow(NamedTuple):
    """A row of ``instances-*.parquet`` without its actions: these stand in the table of the run that wrote the object.

    Attributes:
        lasting: whether the object, if it is still the same, would end like that again.
    """

    source_id: str
    status: str
    reason: str | None
    reason_tag: str | None
    notes: list[str]
    sop_class_uid: str | None
    transfer_syntax_uid: str | None
    study_instance_uid: str | None
    series_instance_uid: str | None
    sop_instance_uid: str | None
    output_name: str | None
    size: int | None
    crc32c: str | None
    source_version: str | None
    container_id: str | None
    study_hash: str | None
    instance_hash: bytes | None
    profile_digest: str
    key_id: str
    version: str
    written_in: str | None
    lasting: bool = True


def read_rows(run: EarlierRun, name: str) -> list[SettledRow]:
    """The rows of one of a run's files.

    Raises:
        OSError: it can't be read.
    """
    columns = pq.read_table(io.BytesIO(run.folder.read(name)), columns=_COLUMNS).to_pydict()
    rows = zip(*(columns[name] for name in _COLUMNS), strict=True)
    return [_settled(run, SettledRow(*row)) for row in rows]


def _settled(run: EarlierRun, row: SettledRow) -> SettledRow:
    if row.status == _WRITTEN:
        return row._replace(status=_SKIPPED, written_in=run.run_id)
    if row.status in (_SKIPPED, _DUPLICATE):
        return row
    return row._replace(lasting=run.same_making and row.reason not in _PASSING)


def settled_table(rows: Iterable[tuple[Any, ...]]) -> pa.Table:
    """Rows of ``instances-*.parquet``, without actions, or of ``gone-*.parquet``.

    Args:
        rows: the fields of SettledRows.
    """
    fields = list(zip(*rows, strict=True)) or [()] * len(SettledRow._fields)
    columns = dict(zip(SettledRow._fields, fields, strict=True))
    columns["actions"] = (None,) * len(fields[0])
    arrays = [pa.array(columns[field.name], field.type) for field in INSTANCES_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=INSTANCES_SCHEMA)


def read_uses(run: EarlierRun, name: str) -> list[tuple[Any, ...]]:
    """UidUse tuples of one of a run's files of its UID map.

    Raises:
        OSError: it can't be read.
    """
    return uses_of(pq.read_table(io.BytesIO(run.folder.read(name))), with_users=run.same_key)


def uses_of(rows_of_map: pa.Table, *, with_users: bool = True) -> list[tuple[Any, ...]]:
    """UidUse tuples of rows of a UID map: of objects of an earlier run.

    Args:
        with_users: whether ``users`` mean something in this run.
    """
    roles = {name: role for role, name in ROLES.items()}
    columns = rows_of_map.to_pydict()
    rows = zip(*(columns[name] for name in ("uid_hash", "new_uid", "role", "owned", "owners", "users")), strict=True)
    return [
        earlier_use(uid_hash, (new_uid or "").encode(), roles[role], owned, owners, users if with_users else [])[:]
        for uid_hash, new_uid, role, owned, owners, users in rows
    ]
