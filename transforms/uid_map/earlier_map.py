"""The UID map of an earlier run: its rows pass from table to table as they are, but for the few that new objects touch."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..earlier_runs.earlier_rows import EarlierRun
from ..records import Status, UidUse
from ..shuffle.arrow_shards import BEGINNING, beginnings, by_shard, from_bytes
from ..tables.schemas import REFERENCES_SCHEMA, ROLES, UID_MAP_SCHEMA
from .uid_shards import EarlierTable, UidShard
from .uid_uses import earlier_use
from .uids_in_use import UidsInUse

NEW_UIDS_SCHEMA = pa.schema([("new_uid_hash", pa.binary(16)), ("uid_hash", pa.binary(32))])
CLAIMS_SCHEMA = pa.schema([("instance_hash", pa.binary(32)), ("study_hash", pa.string())])


#: kinds of tables, with their schemas and the columns by which they go to shards
ROWS, REFERENCE_ROWS, NEW_UIDS, CLAIMS = b"r", b"o", b"n", b"c"
_KINDS = {
    ROWS: (UID_MAP_SCHEMA, "uid_hash"),
    REFERENCE_ROWS: (REFERENCES_SCHEMA, "uid_hash"),
    NEW_UIDS: (NEW_UIDS_SCHEMA, "new_uid_hash"),
    CLAIMS: (CLAIMS_SCHEMA, "instance_hash"),
}


def read_map(run: EarlierRun, name: str) -> tuple[bytes, pa.Table]:
    """Return the kind and rows of one of a run's files of its UID map or references.

    Raises:
        OSError: it can't be read.
    """
    table = run.read(name)
    kind = REFERENCE_ROWS if table.schema.names == REFERENCES_SCHEMA.names else ROWS
    return kind, table.cast(_KINDS[kind][0])


def divided(kind: bytes, table: pa.Table, in_use: UidsInUse) -> tuple[pa.Table, pa.Table]:
    """Return the rows that UIDs in use now may touch, and all others."""
    return in_use.divide(table, _KINDS[kind][1])


def new_uids_of(rows: pa.Table) -> pa.Table:
    """Return the columns of rows of the map that are looked up by new UIDs."""
    return rows.filter(pc.is_valid(rows["new_uid_hash"])).select(NEW_UIDS_SCHEMA.names)


def claims_of(settled: pa.Table) -> pa.Table:
    """Return the claims of objects that are in the output, of rows of skipped objects."""
    rows = settled.select([*CLAIMS_SCHEMA.names, "status"])
    is_there = pc.and_(pc.is_valid(rows["instance_hash"]), pc.equal(rows["status"], Status.SKIPPED.value))
    return rows.filter(is_there).select(CLAIMS_SCHEMA.names)


def in_shards(kind: bytes, table: pa.Table, shards: int) -> Iterator[tuple[bytes, UidShard]]:
    """Yield (shard, rows) of a table of that kind."""
    for shard, rows in by_shard(table, _KINDS[kind][1], shards):
        yield shard, UidShard([], [], [EarlierTable(kind, rows)])


def find(table: pa.Table, column: str, hashes: Iterable[bytes]) -> npt.NDArray[np.bool_]:
    """Return a mask of the rows with one of ``hashes`` in a column, as far as their beginnings tell: there may be more."""
    if not table.num_rows:
        return np.zeros(0, np.bool_)
    wanted = np.array([int.from_bytes(one[:BEGINNING], "big") for one in hashes], np.uint64)
    return np.isin(beginnings(table[column].chunk(0)), wanted)


class EarlierMapShard(NamedTuple):
    """Rows of an earlier run in a shard.

    Attributes:
        rows: rows of its map whose originals belong to the shard.
        references: its references to these.
        new_uids: columns of those whose new UIDs belong to the shard.
        claims: instances in the shard that skipped objects have.
    """

    rows: pa.Table
    references: pa.Table
    new_uids: pa.Table
    claims: pa.Table

    @classmethod
    def of(cls, tables: Iterable[EarlierTable]) -> "EarlierMapShard":
        """Join the tables of a shard."""
        streams: dict[bytes, list[bytes]] = {kind: [] for kind in _KINDS}
        for table in tables:
            streams[table.kind].append(table.rows)
        return cls(*(from_bytes(streams[kind], schema) for kind, (schema, _) in _KINDS.items()))

    def touched(self, by_hash: Mapping[bytes, UidUse]) -> tuple[list[UidUse], "EarlierMapShard"]:
        """Return the uses of UIDs that are in use now, and the rows of all others."""
        mask, referred = find(self.rows, "uid_hash", by_hash), find(self.references, "uid_hash", by_hash)
        uses = uses_of(self.rows.filter(pa.array(mask)))
        return uses, self._replace(rows=self.rows.filter(pa.array(~mask)), references=self.references.filter(pa.array(~referred)))

    def claims_to(self, by_hash: Mapping[bytes, UidUse]) -> list[tuple[bytes, bytes]]:
        """Return (instance, beginning of its study's hash) of skipped objects that have an instance in use now."""
        found = self.claims.filter(pa.array(find(self.claims, "instance_hash", by_hash)))
        pairs = zip(found["instance_hash"].to_pylist(), found["study_hash"].to_pylist(), strict=True)
        return [(instance, bytes.fromhex(study)) for instance, study in pairs if instance in by_hash]

    def violations(self, originals: Iterable[bytes], new_uids: Iterable[tuple[bytes, bytes]]) -> int:
        """Return the number of new UIDs, in use now or of the map, that break it with one another; in itself it was proven.

        Args:
            originals, new_uids: as for ``violations`` of the uses.
        """
        originals, pairs = set(originals), list(new_uids)
        as_originals = self.rows.filter(pa.array(find(self.rows, "uid_hash", (new for new, _ in pairs))))
        known_originals = set(as_originals["uid_hash"].to_pylist())
        broken = {new for new, _ in pairs if new in known_originals}
        size = NEW_UIDS_SCHEMA.field("new_uid_hash").type.byte_width
        beginnings_of = {new[:size]: original for new, original in pairs}
        mask = find(self.new_uids, "new_uid_hash", [*beginnings_of, *originals])
        originals_begin = {original[:size] for original in originals}
        for row in self.new_uids.filter(pa.array(mask)).to_pylist():
            new = row["new_uid_hash"]
            if new in originals_begin or beginnings_of.get(new, row["uid_hash"]) != row["uid_hash"]:
                broken.add(new)
        return len(broken)


def read_uses(run: EarlierRun, name: str) -> list[UidUse]:
    """Return the uses in one of a run's files of its UID map.

    Raises:
        OSError: it can't be read.
    """
    return uses_of(run.read(name), with_users=run.same_key)


def uses_of(rows_of_map: pa.Table, *, with_users: bool = True) -> list[UidUse]:
    """Return the uses in rows of a UID map: by objects of an earlier run.

    Args:
        with_users: True: ``users`` mean the same in this run.
    """
    roles = {name: role for role, name in ROLES.items()}
    columns = rows_of_map.to_pydict()
    rows = zip(*(columns[name] for name in ("uid_hash", "new_uid", "role", "owned", "owners", "users")), strict=True)
    return [
        earlier_use(uid_hash, (new_uid or "").encode(), roles[role], owned, owners, users if with_users else [])
        for uid_hash, new_uid, role, owned, owners, users in rows
    ]
