"""Rows of a run that came to its end, as the next one finds them: what it wrote is skipped, if it is still the same."""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from anonymizer import Reason
from anonymizer.internals import TRANSIENT_REASONS
from profiles import UserFacingError
from storage import TableFolder

from ..audit_names import put_aside
from ..records import EarlierOutput, Status
from ..shuffle.arrow_shards import beginnings_of_hex, split_by_shard
from ..tables.schemas import INSTANCES_SCHEMA, input_ids

_TRANSIENT_REASONS = sorted(reason.value for reason in TRANSIENT_REASONS)
#: these it is for another object, which may be gone, or be another one
_OF_OTHERS = [reason.value for reason in (Reason.SOP_INSTANCE_CONFLICT, Reason.DUPLICATE_INSTANCE, Reason.OTHER_CONTENT_KEPT)]
_WRITTEN, _SKIPPED = Status.WRITTEN.value, Status.SKIPPED.value
_COLUMNS = [name for name in INSTANCES_SCHEMA.names if name != "actions"]
#: rows of ``instances-*.parquet`` without actions; ``lasting``: whether the object, if it is the same, would end
#: like that again; ``outdated``: whether what it was written as is to be made anew
SETTLED_SCHEMA = pa.schema(
    [*(INSTANCES_SCHEMA.field(name) for name in _COLUMNS), ("lasting", pa.bool_()), ("outdated", pa.bool_())]
)
_INPUT_ID = SETTLED_SCHEMA.get_field_index("input_id")
#: what tells of an object's output
_OF_OUTPUT = ["status", "source_version", "output_name", "size", "crc32c", "written_in", "outdated"]
IsThere = Callable[[str, int], bool]


class TableError(UserFacingError):
    """A table isn't what its run wrote. The message names no object."""


class OutputFingerprint(NamedTuple):
    """How outputs are made.

    Attributes:
        version: of the program.
        settings_digest: as in ``instances-*.parquet``.
        profile_digests: what stands for the profile in rows that have no digest of the settings.
    """

    version: str
    settings_digest: str
    profile_digests: tuple[str, ...]


def is_current(rows: pa.Table, making: OutputFingerprint) -> pa.ChunkedArray:
    """Which rows of ``instances-*.parquet`` were made like that, or are of objects that have no output, nor a duplicate's."""
    has_none = pc.is_in(rows["status"], pa.array([Status.QUARANTINED.value, Status.FILTERED.value]))
    return pc.or_(has_none, pc.and_(pc.equal(rows["version"], making.version), has_settings(rows, making)))


def has_settings(rows: pa.Table | pa.RecordBatch, making: OutputFingerprint) -> pa.ChunkedArray | pa.Array:
    """Which rows were made with these settings, whatever the version."""
    of_profile = pc.is_in(rows["profile_digest"], pa.array(making.profile_digests, pa.string()))
    return pc.coalesce(pc.equal(rows["settings_digest"], making.settings_digest), of_profile)


class EarlierRun(NamedTuple):
    """The last run that came to its end.

    Attributes:
        folder: of its tables.
        tables: rows of each of its table files.
        digests: SHA-256 of each, in hexadecimal.
        same_work_digest: whether it refused objects by the same rules, and the same version of them.
        same_key: whether patients have the same hashes there as now.
        inputs: the ids of its inputs, by their ordinals; ``""`` for an ordinal that none has; none where it doesn't say.
        listed: how many objects it listed under each id; under ``""``: those that nobody knows the input of; None where
            nobody asked.
        recheck: how what is made now is made: all else is made anew; None: it may stay.
    """

    folder: TableFolder
    run_id: str
    tables: dict[str, int]
    digests: dict[str, str]
    same_work_digest: bool
    same_key: bool = True
    inputs: tuple[str, ...] = ()
    listed: Mapping[str, int] | None = None
    recheck: "OutputFingerprint | None" = None

    def files(self, kind: str) -> list[str]:
        """The files of a kind of table."""
        return [name for name in self.tables if name.startswith(f"{kind}-")]

    def read(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """One of its files.

        Args:
            columns: those that are wanted, as far as the file has them; None: all.

        Raises:
            OSError: it can't be read.
            TableError: it isn't what the run wrote.
        """
        return pq.ParquetFile(io.BytesIO(checked_table(self.folder, name, self.digests[name]))).read(columns)

    @property
    def objects(self) -> int:
        """Objects that it tells of."""
        return sum(self.tables[name] for name in self.files("instances"))


def checked_table(folder: TableFolder, name: str, digest: str) -> bytes:
    """The content of a table file.

    Args:
        digest: SHA-256 of what was written, in hexadecimal.

    Raises:
        OSError: it can't be read.
        TableError: it is gone, or isn't what was written.
    """
    try:
        try:
            content = folder.read(name)
        except FileNotFoundError:
            # a run that was killed had begun to put them aside for its own
            content = folder.read(put_aside(name) or name)
    except FileNotFoundError:
        raise TableError("a table of the audit is gone: put it back from a copy of the audit") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise TableError("a table of the audit was changed since its run wrote it: put it back from a copy of the audit")
    return content


def read_settled(run: EarlierRun, name: str) -> pa.Table:
    """The rows of one of a run's files, of SETTLED_SCHEMA: what it wrote is skipped now.

    Raises:
        OSError: it can't be read.
    """
    table = run.read(name, _COLUMNS)
    for missing in set(_COLUMNS).difference(table.column_names):
        # an earlier version of the tables
        table = table.append_column(missing, pa.nulls(table.num_rows, SETTLED_SCHEMA.field(missing).type))
    status = table["status"]
    written = pc.equal(status, _WRITTEN)
    lasting = pc.is_in(status, pa.array([_WRITTEN, _SKIPPED, Status.DUPLICATE.value]))
    if run.same_work_digest:
        lasting = pc.or_(lasting, pc.invert(pc.is_in(table["reason"], pa.array(_TRANSIENT_REASONS))))
    outdated = pa.repeat(False, table.num_rows)
    if run.recheck is not None:
        outdated = pc.invert(is_current(table, run.recheck))
        lasting = pc.and_not(lasting, pc.or_(outdated, pc.is_in(table["reason"], pa.array(_OF_OTHERS))))
    columns = {name: table[name] for name in _COLUMNS}
    columns |= {
        "status": pc.if_else(written, _SKIPPED, status),
        "written_in": pc.if_else(written, run.run_id, table["written_in"]),
        # of an earlier version's rows nobody knows more
        "since": pc.coalesce(table["since"], run.run_id),
        "lasting": lasting,
        "outdated": outdated,
    }
    return pa.table(columns).cast(SETTLED_SCHEMA)


def settled_by_shard(table: pa.Table, shards: int) -> Iterator[tuple[bytes, bytes]]:
    """(shard, rows as Arrow's stream): those of one listed object have one shard, and those of a container's members its."""
    return split_by_shard(table, beginnings_of_hex(pc.coalesce(table["container_id"], table["source_id"])), shards)


def settled_table(tables: list[pa.Table]) -> pa.Table:
    """Rows of ``instances-*.parquet``, of tables of SETTLED_SCHEMA; actions stand in the table of the run that wrote them."""
    table = pa.concat_tables(tables)
    actions = pa.nulls(table.num_rows, INSTANCES_SCHEMA.field("actions").type)
    return table.append_column("actions", actions).select(INSTANCES_SCHEMA.names)


def listed_now(rows: pa.Table, ordinals: Sequence[int], inputs: Sequence[str]) -> pa.Table:
    """Rows of SETTLED_SCHEMA of objects that are listed now, whatever input listed them then.

    Args:
        ordinals: of the inputs that list them.
        inputs: their ids, by their ordinals.
    """
    return rows.set_column(_INPUT_ID, SETTLED_SCHEMA.field(_INPUT_ID), input_ids(ordinals, inputs))


class Settled:
    """Rows of one shard or container, each to be taken once."""

    def __init__(self, table: pa.Table) -> None:
        """
        Args:
            table: of SETTLED_SCHEMA.
        """
        self._table = table
        self._at = dict(zip(table["source_id"].to_pylist(), range(table.num_rows), strict=True))
        self._version = table["source_version"].to_pylist()
        self._lasting = table["lasting"].to_pylist()
        self._name = table["output_name"].to_pylist()
        self._size = table["size"].to_pylist()
        self._reason = table["reason"]
        self._since = table["since"]
        #: places of rows of objects that are listed, and are to be done again
        self._again: dict[str, int] = {}

    def take(self, source_ids: Iterable[str], versions: Iterable[str], is_there: IsThere) -> list[int | None]:
        """The places of objects' rows, where the object is the same as then and would end like that again.

        Whatever is found is taken.

        Args:
            versions: ``""`` where nothing tells.
            is_there: whether the output has an object of that name and size: what isn't there any more is written again.
        """
        found = []
        for source_id, version in zip(source_ids, versions, strict=True):
            place = self._at.pop(source_id, None)
            if place is not None and not self._is_same(place, version, is_there):
                self._again[source_id], place = place, None
            found.append(place)
        return found

    def before(self, source_id: str) -> tuple[str, str] | None:
        """As ``ObjectRef.before``, of an object that is to be done again."""
        place = self._again.get(source_id)
        return None if place is None else (self._reason[place].as_py() or "", self._since[place].as_py())

    def earlier_output(self, source_id: str, version: str, is_there: IsThere) -> EarlierOutput | None:
        """What an object that is to be done again was written as; None where it wasn't.

        Args:
            version: its present one.
            is_there: as for ``take``.
        """
        place = self._again.get(source_id)
        if place is None or self._name[place] is None:
            return None
        row = self._table.select(_OF_OUTPUT).slice(place, 1).to_pylist()[0]
        # in the row of a conflict a run stands only if what lies there came of the same source
        is_own = row["written_in"] is not None
        is_refused = row["status"] != _SKIPPED
        if not is_own or (is_refused and not is_there(row["output_name"], row["size"])):
            return None
        is_changed = is_refused or not version or row["source_version"] != version
        name, size, crc32c, written_in = (row[column] for column in ("output_name", "size", "crc32c", "written_in"))
        return EarlierOutput(name, size, crc32c, is_changed, written_in, row["outdated"])

    def all_rows(self, version: str, is_there: IsThere) -> pa.Table | None:
        """All rows, if all objects are the same as then: those of a container of that version. None is taken."""
        all_same = self._at and all(self._is_same(place, version, is_there) for place in self._at.values())
        return self._table if all_same else None

    def _is_same(self, place: int, version: str, is_there: IsThere) -> bool:
        if not version or self._version[place] != version or not self._lasting[place]:
            return False
        name = self._name[place]
        return name is None or is_there(name, self._size[place])

    def part(self, source_ids: Iterable[str]) -> pa.Table:
        """The rows of some objects. They are taken."""
        return self.rows([self._at.pop(source_id) for source_id in source_ids if source_id in self._at])

    def left(self) -> pa.Table:
        """The rows that weren't taken."""
        return self.rows(list(self._at.values()))

    def rows(self, places: list[int]) -> pa.Table:
        """The rows at some places."""
        return self._table.take(pa.array(places, pa.int64()))

    def of_containers(self) -> dict[str, pa.Table]:
        """The rows of each container's members, by its source id. They are taken."""
        containers = self._table["container_id"]
        if containers.null_count == len(containers):
            return {}
        found: dict[str, list[int]] = {}
        ids = self._table["source_id"].to_pylist()
        for place, container in enumerate(containers.to_pylist()):
            if container is not None:
                found.setdefault(container, []).append(place)
                self._at.pop(ids[place], None)
        return {container: self.rows(places) for container, places in found.items()}
