"""Members of a container in lists, each to be read by one worker in its order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..objects import ObjectRef

#: members that one worker reads
BATCH = 32


def in_batches(members: Iterable[ObjectRef]) -> Iterator[list[ObjectRef]]:
    """Yield lists of members.

    Raises:
        Exception: as ``members``; what lies before the fault was given then: it is as good as in any other container.
    """
    batch: list[ObjectRef] = []
    try:
        for member in members:
            batch.append(member)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
