"""Contents of the shards in which UIDs are joined: many in one element, for each by itself would cost more than it weighs."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from anonymizer.internals import MAX_UID_LENGTH

from ..records import UidUse
from ..shuffle.record_coder import PackedRecordCoder, register_record
from ..shuffle.sharding import spread
from .uid_uses import UidMapError


class EarlierTable(NamedTuple):
    """Rows of an earlier run.

    Attributes:
        kind: one of the kinds of tables in earlier_map.py.
        rows: as Arrow's stream.
    """

    kind: bytes
    rows: bytes


class UidShard(NamedTuple):
    """Records for one shard.

    Attributes:
        uses: uses of the UIDs whose originals belong to the shard.
        new_uids: for new UIDs whose hash belongs to the shard, that hash and the hash of the original.
        tables: rows of an earlier run for both.
    """

    uses: list[UidUse]
    new_uids: list[tuple[bytes, bytes]]
    tables: list[EarlierTable]

    @classmethod
    def empty(cls) -> "UidShard":
        """Return one to which records may be added."""
        return cls([], [], [])


register_record(UidShard, PackedRecordCoder)


def sharded(uses: Iterable[UidUse], shards: int, hash_of: Callable[[bytes], bytes]) -> Iterator[tuple[bytes, UidShard]]:
    """Yield (shard, its records) of uses.

    Raises:
        UidMapError: a new UID is too long.
    """
    found: defaultdict[bytes, UidShard] = defaultdict(UidShard.empty)
    for use in uses:
        found[spread(use.hash, shards)].uses.append(use)
        if use.new_uid:
            if len(use.new_uid) > MAX_UID_LENGTH:
                raise UidMapError("a new UID is longer than 64 characters")
            hash_of_new = hash_of(use.new_uid)
            found[spread(hash_of_new, shards)].new_uids.append((hash_of_new, use.hash))
    yield from found.items()
