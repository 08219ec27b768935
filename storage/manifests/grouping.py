"""Rows of one zip or tar that follow each other: its members are read together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .names import ManifestEntry

#: members that one reading of a container is for: their names are in memory at once
MOST_MEMBERS = 50_000


def by_container(entries: Iterable[ManifestEntry]) -> Iterator[tuple[ManifestEntry, tuple[bytes, ...] | None]]:
    """Yield the objects that entries name, in their order, with the members that are meant; None: the object itself is meant.

    Raises:
        ManifestError, OSError: as what gives ``entries``.
    """
    container: ManifestEntry | None = None
    members: list[bytes] = []
    for entry in entries:
        whole = entry if entry.member is None else entry._replace(member=None)
        if container is not None and (entry.member is None or whole != container or len(members) >= MOST_MEMBERS):
            yield container, tuple(members)
            container, members = None, []
        if entry.member is None:
            yield entry, None
        else:
            container = whole
            members.append(entry.member)
    if container is not None:
        yield container, tuple(members)
