"""Process several objects at once, where most of the time is spent waiting for object storage."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from storage import ObjectRef, Packing

T = TypeVar("T")
R = TypeVar("R")


class WorkerThreads:
    """Threads that a DoFn keeps from its setup to its teardown; none for a concurrency of 1."""

    def __init__(self, concurrency: int) -> None:
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="dicom-deid") if concurrency > 1 else None

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Return the results of ``function`` for ``items``, in their order."""
        return map(function, items) if self._pool is None else self._pool.map(function, items)

    def close(self) -> None:
        """End the threads, once they have finished their items."""
        if self._pool is not None:
            self._pool.shutdown()


def reading_order(items: Iterable[T], ref_of: Callable[[T], ObjectRef]) -> list[list[T]]:
    """Return ``items`` in lists, each for one thread: members of one compressed tar in its order, all others as they come."""
    tars: dict[tuple[bytes, str], list[tuple[int, T]]] = {}
    order: list[list[T]] = []
    for item in items:
        ref = ref_of(item)
        if ref.member is not None and ref.member[0] == Packing.TAR_STREAM.value:
            tars.setdefault((ref.name, ref.version), []).append((ref.member[1], item))
        else:
            order.append([item])
    for members in tars.values():
        order.append([item for _, item in sorted(members, key=lambda member: member[0])])
    return order
