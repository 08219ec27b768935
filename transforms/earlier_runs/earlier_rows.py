"""Rows of the last finished run, as the next one finds them: objects that it wrote are skipped, if they are still the same."""

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
#: reasons that lie in another object, which may be gone, or be another one
_OF_OTHERS = [reason.value for reason in (Reason.SOP_INSTANCE_CONFLICT, Reason.DUPLICATE_INSTANCE, Reason.OTHER_CONTENT_KEPT)]
_WRITTEN, _SKIPPED = Status.WRITTEN.value, Status.SKIPPED.value
_COLUMNS = [name for name in INSTANCES_SCHEMA.names if name != "actions"]
#: rows of ``instances-*.parquet`` without actions; ``lasting``: true: the object, if it is the same, would end like that again;
#: ``outdated``: true: its output is to be made anew
SETTLED_SCHEMA = pa.schema(
    [*(INSTANCES_SCHEMA.field(name) for name in _COLUMNS), ("lasting", pa.bool_()), ("outdated", pa.bool_())]
)
_INPUT_ID = SETTLED_SCHEMA.get_field_index("input_id")
#: columns about an object's output
_OF_OUTPUT = ["status", "source_version", "output_name", "size", "crc32c", "written_in", "outdated"]
IsThere = Callable[[str, int], bool]


class TableError(UserFacingError):
    """A table isn't the one that its run wrote. The message names no object."""


class OutputFingerprint(NamedTuple):
    """The version and settings by which outputs are made.

    Attributes:
        version: of the program.
        settings_digest: as in ``instances-*.parquet``.
        profile_digests: digests of the profile in rows that have none of the settings.
    """

    version: str
    settings_digest: str
    profile_digests: tuple[str, ...]


def is_current(rows: pa.Table, making: OutputFingerprint) -> pa.ChunkedArray:
    """Return a mask of the rows of ``instances-*.parquet`` that were made like that, or whose objects have no output."""
    has_none = pc.is_in(rows["status"], pa.array([Status.QUARANTINED.value, Status.FILTERED.value]))
    return pc.or_(has_none, pc.and_(pc.equal(rows["version"], making.version), has_settings(rows, making)))


def has_settings(rows: pa.Table | pa.RecordBatch, making: OutputFingerprint) -> pa.ChunkedArray | pa.Array:
    """Return a mask of the rows that were made with these settings, whatever the version."""
    of_profile = pc.is_in(rows["profile_digest"], pa.array(making.profile_digests, pa.string()))
    return pc.coalesce(pc.equal(rows["settings_digest"], making.settings_digest), of_profile)


class EarlierRun(NamedTuple):
    """A finished run.

    Attributes:
        folder: of its tables.
        tables: number of rows of each of its table files.
        digests: SHA-256 of each, in hexadecimal.
        same_work_digest: True: it refused objects by the same rules, and the same version of them.
        same_key: True: patients have the same hashes there as now.
        inputs: the ids of its inputs, by their ordinals; ``""`` for an ordinal that none has; empty where it doesn't say.
        listed: the number of objects listed under each id; under ``""``: those whose input is unknown; None: not asked for.
        recheck: the fingerprint of this run's outputs: all others are made anew; None: they may stay.
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
        """Return the names of its files of a kind of table."""
        return [name for name in self.tables if name.startswith(f"{kind}-")]

    def read(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """Return one of its tables.

        Args:
            columns: the wanted ones, as far as the file has them; None: all.

        Raises:
            OSError: it can't be read.
            TableError: it isn't the one that the run wrote.
        """
        return pq.ParquetFile(io.BytesIO(checked_table(self.folder, name, self.digests[name]))).read(columns)

    @property
    def objects(self) -> int:
        """The number of objects in its tables."""
        return sum(self.tables[name] for name in self.files("instances"))


def checked_table(folder: TableFolder, name: str, digest: str) -> bytes:
    """Return the content of a table file.

    Args:
        digest: SHA-256 of the content that was written, in hexadecimal.

    Raises:
        OSError: it can't be read.
        TableError: it is gone, or isn't the one that was written.
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
    """Return the rows of one of a run's files, of SETTLED_SCHEMA: objects that it wrote are skipped now.

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
        outdated = pc.or_(outdated, _superseded(table))
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


def _superseded(rows: pa.Table) -> pa.ChunkedArray:
    """Return a mask of the refused objects with an output of an earlier run, which other settings made: these refused it.

    Not of those that were refused for that output's sake.
    """
    refused = pc.is_in(rows["status"], pa.array([Status.QUARANTINED.value, Status.FILTERED.value]))
    has_output = pc.and_(pc.is_valid(rows["output_name"]), pc.is_valid(rows["written_in"]))
    conflict = pc.fill_null(pc.equal(rows["reason"], Reason.OUTPUT_CONFLICT.value), False)
    return pc.and_(pc.and_(refused, has_output), pc.invert(conflict))


def settled_by_shard(table: pa.Table, shards: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (shard, rows as Arrow's stream): the row of a listed object has its shard, those of a container's members that of the
    container.
    """
    return split_by_shard(table, beginnings_of_hex(pc.coalesce(table["container_id"], table["source_id"])), shards)


def settled_table(tables: list[pa.Table]) -> pa.Table:
    """Return rows of ``instances-*.parquet`` of tables of SETTLED_SCHEMA; their actions stand in the table of an earlier run."""
    table = pa.concat_tables(tables)
    actions = pa.nulls(table.num_rows, INSTANCES_SCHEMA.field("actions").type)
    return table.append_column("actions", actions).select(INSTANCES_SCHEMA.names)


def listed_now(rows: pa.Table, ordinals: Sequence[int], inputs: Sequence[str]) -> pa.Table:
    """Return rows of SETTLED_SCHEMA with the inputs that list their objects now.

    Args:
        ordinals: of these inputs.
        inputs: their ids, by their ordinals.
    """
    return rows.set_column(_INPUT_ID, SETTLED_SCHEMA.field(_INPUT_ID), input_ids(ordinals, inputs))


class SettledRows:
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
        #: indices of rows of objects that are listed, and are to be processed again
        self._repeated: dict[str, int] = {}

    def take(self, source_ids: Iterable[str], versions: Iterable[str], is_there: IsThere) -> list[int | None]:
        """Take the rows of objects; return the indices of those whose object is the same as then and would end like that again.

        Args:
            versions: ``""`` where they are unknown.
            is_there: tells if the output has an object of that name and size: an object without its output is written again.
        """
        found = []
        for source_id, version in zip(source_ids, versions, strict=True):
            place = self._at.pop(source_id, None)
            if place is not None and not self._is_same(place, version, is_there):
                self._repeated[source_id], place = place, None
            found.append(place)
        return found

    def before(self, source_id: str) -> tuple[str, str] | None:
        """Return ``ObjectRef.before`` of an object that is to be processed again."""
        place = self._repeated.get(source_id)
        return None if place is None else (self._reason[place].as_py() or "", self._since[place].as_py())

    def earlier_output(self, source_id: str, version: str, is_there: IsThere) -> EarlierOutput | None:
        """Return the output of an object that is to be processed again; None where it has none.

        Args:
            version: its present one.
            is_there: as for ``take``.
        """
        place = self._repeated.get(source_id)
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
        """Return all rows of a container of that version, and take none; None where some objects aren't the same as then."""
        all_same = self._at and all(self._is_same(place, version, is_there) for place in self._at.values())
        return self._table if all_same else None

    def _is_same(self, place: int, version: str, is_there: IsThere) -> bool:
        if not version or self._version[place] != version or not self._lasting[place]:
            return False
        name = self._name[place]
        return name is None or is_there(name, self._size[place])

    def part(self, source_ids: Iterable[str]) -> pa.Table:
        """Take and return the rows of some objects."""
        return self.rows([self._at.pop(source_id) for source_id in source_ids if source_id in self._at])

    def left(self) -> pa.Table:
        """Return the rows that weren't taken."""
        return self.rows(list(self._at.values()))

    def rows(self, places: list[int]) -> pa.Table:
        """Return the rows at some indices."""
        return self._table.take(pa.array(places, pa.int64()))

    def of_containers(self) -> dict[str, pa.Table]:
        """Take and return the rows of each container's members, by its source id."""
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
