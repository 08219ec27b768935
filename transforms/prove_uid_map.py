"""The proof that pass 2 waits for: the UID map is injective, and no new UID equals any original."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection

from anonymizer import MAX_UID_LENGTH

from .build_uid_map import UidMapError, UidMapRow
from .engine_config import EngineConfig

_ORIGINAL, _NEW = 1, 1 << 32


def marks(row: UidMapRow, hash_of_new: bytes) -> Iterator[tuple[bytes, int]]:
    """(hash, mark) of a row's original and new UID: in hashes, both sides of the map can be compared."""
    yield row.hash, _ORIGINAL
    yield hash_of_new, _NEW


def violations(mark: int) -> int:
    """Whether the sum of a UID's marks breaks the map: new for two originals, or new and original at once."""
    new, original = divmod(mark, _NEW)
    return int(new > 1 or (new == 1 and original > 0))


class _Mark(beam.DoFn):
    def __init__(self, config: EngineConfig) -> None:
        self._config = config

    def setup(self) -> None:
        self._uids = self._config.engine().uids

    def process(self, fields: tuple[Any, ...]) -> Iterator[tuple[bytes, int]]:
        row = UidMapRow(*fields)
        if len(row.new_uid) > MAX_UID_LENGTH:
            raise UidMapError("a new UID is longer than 64 characters")
        yield from marks(row, self._uids.hash(row.new_uid))


def check(total_violations: int) -> bool:
    """True when there are none.

    Raises:
        UidMapError: the map doesn't hold.
    """
    if total_violations:
        raise UidMapError(
            f"{total_violations} new UIDs are already in the archive, as originals or for another original: "
            "it may hold outputs of an earlier run with the same key"
        )
    return True


class ProveUidMap(beam.PTransform[PCollection[tuple[Any, ...]], PCollection[bool]]):
    """UidMapRow tuples -> one True; the job fails before anything is written when the map doesn't hold."""

    def __init__(self, config: EngineConfig) -> None:
        super().__init__()
        self._config = config

    def expand(self, mapping: PCollection[tuple[Any, ...]]) -> PCollection[bool]:
        return (
            mapping
            | "Mark" >> beam.ParDo(_Mark(self._config)).with_output_types(tuple[bytes, int])
            | "Sum" >> beam.CombinePerKey(sum)
            | "Violations" >> beam.Map(lambda marked: violations(marked[1])).with_output_types(int)
            | "Total" >> beam.CombineGlobally(sum)
            | "Check" >> beam.Map(check).with_output_types(bool)
        )
