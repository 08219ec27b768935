"""The proof that pass 2 waits for: the UID map is injective, and no new UID equals any original."""

from collections.abc import Iterable

import apache_beam as beam
from apache_beam.pvalue import AsIter, PBegin, PCollection

from .uid_uses import UidMapError


def check(violations: Iterable[int]) -> bool:
    """Return True when there are none.

    Raises:
        UidMapError: the map doesn't hold.
    """
    if found := sum(violations):
        raise UidMapError(
            f"the UID map doesn't hold, so nothing was written: new UIDs ({found}) are already in the archive, which may "
            "contain outputs of an earlier run with the same key; keep them apart, or use another --scope"
        )
    return True


class ProveUidMap(beam.PTransform[PBegin, PCollection[bool]]):
    """Yield one True when no part of the map is broken; else the job fails before anything is written."""

    def __init__(self, violations: PCollection[int]) -> None:
        """
        Args:
            violations: the number of new UIDs that break the map, for each of its shards.
        """
        super().__init__()
        self._violations = violations

    def expand(self, pbegin: PBegin) -> PCollection[bool]:
        return (
            pbegin
            | "Once" >> beam.Impulse()
            | "Check" >> beam.Map(lambda _, found: check(found), AsIter(self._violations)).with_output_types(bool)
        )
