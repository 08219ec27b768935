"""What earlier work is worth for what is listed now: plain functions, no Beam."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from .group_work_units import spread
from .ledger import KnownGroup, KnownHeader, pack_entries, unpack_entries
from .records import AuditRow, AuditRows, HeaderGroup, InstanceHeader, ObjectRef, Status
from .sources import Source, Sources

#: source id and version
_Which = tuple[str, str]
_Group = tuple[bytes, tuple[Any, ...]]


class Compared(NamedTuple):
    """What is to be done, and what isn't.

    Attributes:
        to_do: nothing is known of them.
        scanned: HeaderGroup tuples: pass 1 saw them.
        finished: HeaderGroup tuples, their headers without ``ref`` and ``source_id``: done with.
        rows: what became of those that are done with.
    """

    to_do: list[ObjectRef]
    scanned: list[tuple[Any, ...]]
    finished: list[tuple[Any, ...]]
    rows: AuditRows


class EarlierWork:
    """Entries of a ledger, by the objects that they tell of, each in the version that it had."""

    def __init__(self) -> None:
        self._headers: dict[_Which, tuple[KnownHeader, _Group]] = {}
        self._rows: dict[_Which, AuditRow] = {}

    def add(self, packed: bytes) -> None:
        """Take packed entries."""
        groups, rows = unpack_entries(packed)
        for group in groups:
            shared = (group.study, group.shared)
            for header in (KnownHeader(*fields) for fields in group.headers):
                self._headers[header.source[:2]] = (header, shared)
        for row in rows:
            self._rows[row.source_id, row.source_version] = row

    def of_containers(self) -> dict[str, bytes]:
        """For each container, by its source id: what is known of its members, packed."""
        found: dict[str, tuple[list[KnownGroup], list[AuditRow]]] = {}
        for header, group in self._headers.values():
            if container := header.source[2]:
                found.setdefault(container, ([], []))[0].append(KnownGroup(*group, [header[:]]))
        for row in self._rows.values():
            if row.container_id:
                found.setdefault(row.container_id, ([], []))[1].append(row)
        return {container: pack_entries(*entries) for container, entries in found.items()}

    def compare(self, refs: Iterable[ObjectRef], sources: Sources, is_there: Callable[[str, int], bool]) -> Compared:
        """Which of these are done with, and which not.

        Args:
            is_there: whether the output has an object of that name and size: what isn't there any more is written again.
        """
        compared = Compared([], [], [], AuditRows())
        scanned, finished = _Groups(), _Groups()
        for ref in refs:
            source = sources.of(ref)
            which = (source.source_id, source.version)
            header, group = self._headers.get(which, (None, None)) if source.version else (None, None)
            row = self._rows.get(which) if source.version else None
            if row is not None and row.status is Status.WRITTEN and not is_there(row.output_name, row.size):
                row = None
            if header is None or group is None:
                # pass 2 is of no use without what pass 1 found; what pass 1 rejected has but the row
                if row is not None and not row.study_hash:
                    compared.rows.append(row)
                else:
                    compared.to_do.append(ref)
            elif row is None:
                scanned.add(group, InstanceHeader(ref[:], bytes.fromhex(source.source_id), header.instance, header.new_uid))
            else:
                compared.rows.append(row)
                finished.add(group, InstanceHeader((), b"", header.instance, header.new_uid))  # type: ignore[arg-type]
        compared.scanned.extend(scanned)
        compared.finished.extend(finished)
        return compared


class _Groups:
    """HeaderGroups of headers that come one by one."""

    def __init__(self) -> None:
        self._groups: dict[int, tuple[_Group, list[tuple[Any, ...]]]] = {}

    def add(self, group: _Group, header: InstanceHeader) -> None:
        # those of one group have one tuple
        self._groups.setdefault(id(group), (group, []))[1].append(header[:])

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return (HeaderGroup(*group, headers)[:] for group, headers in self._groups.values())


def by_shard(packed: bytes, shards: int) -> Iterator[tuple[bytes, bytes]]:
    """(shard, packed entries): those of one listed object have one shard, and those of a container's members its."""
    groups, rows = unpack_entries(packed)
    found: dict[bytes, tuple[list[KnownGroup], list[AuditRow]]] = {}
    for group in groups:
        parts: dict[bytes, list[tuple[Any, ...]]] = {}
        for header in group.headers:
            parts.setdefault(shard_of(Source(*KnownHeader(*header).source).listed_as, shards), []).append(header)
        for shard, headers in parts.items():
            found.setdefault(shard, ([], []))[0].append(group._replace(headers=headers))
    for row in rows:
        found.setdefault(shard_of(row.container_id or row.source_id, shards), ([], []))[1].append(row)
    for shard, entries in found.items():
        yield shard, pack_entries(*entries)


def shard_of(listed_as: str, shards: int) -> bytes:
    """Which of the shards a listed object has, by its source id."""
    return spread(bytes.fromhex(listed_as), shards)
