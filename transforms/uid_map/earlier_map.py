"""The UID map of an earlier run: its rows pass from table to table as they are, but for the few that new objects touch."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import starmap
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..earlier_runs.earlier_rows import EarlierRun
from ..records import Status
from ..shuffle.arrow_shards import BEGINNING, beginnings, by_shard, from_bytes, to_bytes
from ..tables.schemas import REFERENCES_SCHEMA, ROLES, UID_MAP_SCHEMA
from .uid_uses import UidUse, earlier_use
from .uids_in_use import UidsInUse

NEW_UIDS_SCHEMA = pa.schema([("new_uid_hash", pa.binary(16)), ("uid_hash", pa.binary(32))])
CLAIMS_SCHEMA = pa.schema([("instance_hash", pa.binary(32)), ("study_hash", pa.string())])


#: kinds of tables: the columns by which they go to shards
ROWS, REFERENCE_ROWS, NEW_UIDS, CLAIMS = b"r", b"o", b"n", b"c"
_KINDS = {
    ROWS: (UID_MAP_SCHEMA, "uid_hash"),
    REFERENCE_ROWS: (REFERENCES_SCHEMA, "uid_hash"),
    NEW_UIDS: (NEW_UIDS_SCHEMA, "new_uid_hash"),
    CLAIMS: (CLAIMS_SCHEMA, "instance_hash"),
}


def is_table(content: bytes) -> bool:
    """Whether something that goes to a shard is one of these tables: what is packed begins with its size, which is no letter."""
    return content[:1] in _KINDS


def read_map(run: EarlierRun, name: str) -> tuple[bytes, pa.Table]:
    """One of a run's files of its UID map or references, and which of both it is.

    Raises:
        OSError: it can't be read.
    """
    table = run.read(name)
    kind = REFERENCE_ROWS if table.schema.names == REFERENCES_SCHEMA.names else ROWS
    return kind, table.cast(_KINDS[kind][0])


def divided(kind: bytes, table: pa.Table, in_use: UidsInUse) -> tuple[pa.Table, pa.Table]:
    """The rows that UIDs in use now may touch, and all others."""
    return in_use.divide(table, _KINDS[kind][1])


def new_uids_of(rows: pa.Table) -> pa.Table:
    """Of rows of the map, what is looked for by the new UIDs."""
    return rows.filter(pc.is_valid(rows["new_uid_hash"])).select(NEW_UIDS_SCHEMA.names)


def claims_of(settled: list[pa.Table]) -> bytes:
    """The claims of what the output has, as Arrow's stream: of rows of skipped objects."""
    rows = pa.concat_tables(settled).select([*CLAIMS_SCHEMA.names, "status"])
    is_there = pc.and_(pc.is_valid(rows["instance_hash"]), pc.equal(rows["status"], Status.SKIPPED.value))
    return to_bytes(rows.filter(is_there).select(CLAIMS_SCHEMA.names))


def in_shards(kind: bytes, table: pa.Table, shards: int) -> Iterator[tuple[bytes, bytes]]:
    """(shard, kind and table) of a table of that kind."""
    for shard, content in by_shard(table, _KINDS[kind][1], shards):
        yield shard, kind + content


def find(table: pa.Table, column: str, hashes: Iterable[bytes]) -> npt.NDArray[np.bool_]:
    """Which rows have one of ``hashes`` in a column, as far as their beginnings tell: there may be more."""
    if not table.num_rows:
        return np.zeros(0, np.bool_)
    wanted = np.array([int.from_bytes(one[:BEGINNING], "big") for one in hashes], np.uint64)
    return np.isin(beginnings(table[column].chunk(0)), wanted)


class EarlierMapShard(NamedTuple):
    """What an earlier run has in a shard.

    Attributes:
        rows: of its map whose originals are in the shard.
        odd: its references to these.
        new_uids: those whose new UIDs are.
        claims: instances in the shard that skipped objects have.
    """

    rows: pa.Table
    odd: pa.Table
    new_uids: pa.Table
    claims: pa.Table

    @classmethod
    def of(cls, shuffled: Iterable[bytes]) -> "EarlierMapShard":
        """Of what ``in_shards`` gave for a shard."""
        streams: dict[bytes, list[bytes]] = {kind: [] for kind in _KINDS}
        for content in shuffled:
            streams[content[:1]].append(content[1:])
        return cls(*(from_bytes(streams[kind], schema) for kind, (schema, _) in _KINDS.items()))

    def touched(self, by_hash: Mapping[bytes, UidUse]) -> tuple[list[UidUse], "EarlierMapShard"]:
        """What is known of UIDs that are in use now; and what is left."""
        mask, odd = find(self.rows, "uid_hash", by_hash), find(self.odd, "uid_hash", by_hash)
        uses = list(starmap(UidUse, uses_of(self.rows.filter(pa.array(mask)))))
        return uses, self._replace(rows=self.rows.filter(pa.array(~mask)), odd=self.odd.filter(pa.array(~odd)))

    def claims_to(self, by_hash: Mapping[bytes, UidUse]) -> list[tuple[bytes, bytes]]:
        """(instance, beginning of its study's hash) of skipped objects that have an instance in use now."""
        found = self.claims.filter(pa.array(find(self.claims, "instance_hash", by_hash)))
        pairs = zip(found["instance_hash"].to_pylist(), found["study_hash"].to_pylist(), strict=True)
        return [(instance, bytes.fromhex(study)) for instance, study in pairs if instance in by_hash]

    def violations(self, originals: Iterable[bytes], new_uids: Iterable[tuple[bytes, bytes]]) -> int:
        """How many new UIDs, of those in use now or of the map, break it with one another; within itself it was proven before.

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


def read_uses(run: EarlierRun, name: str) -> list[tuple[Any, ...]]:
    """UidUse tuples of one of a run's files of its UID map.

    Raises:
        OSError: it can't be read.
    """
    return uses_of(run.read(name), with_users=run.same_key)


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
