"""UIDs that objects of this run have: rows of an earlier run's tables with none of them need no shuffle."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from apache_beam import CombineGlobally, Map, PTransform
from apache_beam.pvalue import PCollection

from ..shuffle.arrow_shards import BEGINNING, beginnings
from .uid_shards import UidShard

#: beyond so many, all goes through the shuffle: each worker process gets 8 bytes for each of them
MOST = 1 << 20
#: stands for more
_TOO_MANY = b"*"


class UidsInUse:
    """UIDs by the beginnings of their hashes: there may be more of them than UIDs, and never less."""

    def __init__(self, gathered: bytes) -> None:
        """
        Args:
            gathered: the element that GatherUidsInUse gives.
        """
        self._numbers = None if gathered == _TOO_MANY else np.frombuffer(gathered, np.uint64)

    def divide(self, table: pa.Table, column: str) -> tuple[pa.Table, pa.Table]:
        """Return the rows that may have one of them in a column of hashes, and those that haven't."""
        if self._numbers is None or not table.num_rows:
            return table, table.slice(0, 0)
        if not len(self._numbers):
            return table.slice(0, 0), table
        table = table.combine_chunks()
        numbers = beginnings(table[column].chunk(0))
        places = np.searchsorted(self._numbers, numbers)
        found = self._numbers[np.minimum(places, len(self._numbers) - 1)] == numbers
        return table.filter(pa.array(found)), table.filter(pa.array(~found))


def _hashes_in(sharded: tuple[bytes, UidShard]) -> bytes:
    shard = sharded[1]
    hashes = b"".join(
        (*(use.hash[:BEGINNING] for use in shard.uses), *(hash_of_new[:BEGINNING] for hash_of_new, _ in shard.new_uids))
    )
    return np.frombuffer(hashes, ">u8").astype(np.uint64).tobytes()


def joined(parts: Iterable[bytes]) -> bytes:
    """Join the hashes that were gathered in parts."""
    contents = list(parts)
    if _TOO_MANY in contents:
        return _TOO_MANY
    numbers = np.unique(np.frombuffer(b"".join(contents), np.uint64))
    return _TOO_MANY if len(numbers) > MOST else numbers.tobytes()


class GatherUidsInUse(PTransform[PCollection[tuple[bytes, UidShard]], PCollection[bytes]]):
    """(shard, its records) -> one element for UidsInUse."""

    def expand(self, shards: PCollection[tuple[bytes, UidShard]]) -> PCollection[bytes]:
        return shards | "Hashes" >> Map(_hashes_in).with_output_types(bytes) | "Join" >> CombineGlobally(joined)
