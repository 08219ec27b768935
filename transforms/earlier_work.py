"""What earlier work is worth for what is listed now: plain functions, no Beam."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from .group_work_units import spread
from .ledger import NOTHING, KnownGroup, KnownHeader, pack_entries, unpack_entries
from .packed import pack, unpack
from .records import AuditRow, AuditRows, HeaderGroup, InstanceHeader, ObjectRef, Status
from .settled import SettledRow
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
        settled: SettledRow tuples: a run that came to its end was done with them.
        gone: SettledRow tuples: they are not listed any more.
    """

    to_do: list[ObjectRef]
    scanned: list[tuple[Any, ...]]
    finished: list[tuple[Any, ...]]
    rows: AuditRows
    settled: list[tuple[Any, ...]]
    gone: list[tuple[Any, ...]]


class EarlierWork:
    """What is known of the objects of a shard, or of a container, by earlier runs."""

    def __init__(self) -> None:
        #: of ledgers: of each object in the version that it had
        self._headers: dict[_Which, tuple[KnownHeader, _Group]] = {}
        self._rows: dict[_Which, AuditRow] = {}
        #: of tables, by source id
        self._settled: dict[str, SettledRow] = {}

    def add(self, packed: bytes) -> None:
        """Take what ``by_shard`` or ``of_containers`` packed."""
        entries, settled = unpack(packed)
        groups, rows = unpack_entries(entries)
        for group in groups:
            shared = (group.study, group.shared)
            for header in (KnownHeader(*fields) for fields in group.headers):
                self._headers[header.source[:2]] = (header, shared)
        for row in rows:
            self._rows[row.source_id, row.source_version] = row
        for fields in settled:
            self._settled[fields[0]] = SettledRow(*fields)

    def of_containers(self) -> dict[str, "EarlierWork"]:
        """What is known of the members of each container, by its source id. It is not known here any more."""
        found: dict[str, EarlierWork] = defaultdict(EarlierWork)
        for which, known in self._headers.items():
            if container := known[0].source[2]:
                found[container]._headers[which] = known
        for which, row in self._rows.items():
            if row.container_id:
                found[row.container_id]._rows[which] = row
        for source_id, settled in list(self._settled.items()):
            if settled.container_id:
                found[settled.container_id]._settled[source_id] = self._settled.pop(source_id)
        return found

    def packed(self) -> bytes:
        """All of it."""
        groups = [KnownGroup(*group, [header[:]]) for header, group in self._headers.values()]
        return pack((pack_entries(groups, self._rows.values()), [row[:] for row in self._settled.values()]))

    def take_all(self, version: str, is_there: Callable[[str, int], bool]) -> list[tuple[Any, ...]]:
        """The rows of a container's members, if it has that version still and all of them are done with; else none."""
        rows = list(self._settled.values())
        done = all(row.lasting and row.source_version == version and _is_there(row, is_there) for row in rows)
        return [row[:] for row in rows] if version and done else []

    def compare(self, refs: Iterable[ObjectRef], sources: Sources, is_there: Callable[[str, int], bool]) -> Compared:
        """Which of these are done with, and which not; each once.

        Args:
            is_there: whether the output has an object of that name and size: what isn't there any more is written again.
        """
        compared = Compared([], [], [], AuditRows(), [], [])
        scanned, finished = _Groups(), _Groups()
        for ref in refs:
            source = sources.of(ref)
            settled = self._settled.pop(source.source_id, None)
            if settled is not None and settled.lasting and source.version and settled.source_version == source.version:
                if _is_there(settled, is_there):
                    compared.settled.append(settled[:])
                    continue
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

    def gone(self) -> list[tuple[Any, ...]]:
        """SettledRow tuples of what was not listed; after ``compare`` had all that was."""
        return [row[:] for row in self._settled.values()]


def _is_there(row: SettledRow, is_there: Callable[[str, int], bool]) -> bool:
    return row.output_name is None or is_there(row.output_name, row.size or 0)


class _Groups:
    """HeaderGroups of headers that come one by one."""

    def __init__(self) -> None:
        self._groups: dict[int, tuple[_Group, list[tuple[Any, ...]]]] = {}

    def add(self, group: _Group, header: InstanceHeader) -> None:
        # those of one group have one tuple
        self._groups.setdefault(id(group), (group, []))[1].append(header[:])

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return (HeaderGroup(*group, headers)[:] for group, headers in self._groups.values())


def by_shard(entries: bytes, shards: int) -> Iterator[tuple[bytes, bytes]]:
    """(shard, packed): a ledger's entries. Those of one listed object have one shard, and those of a container's members its."""
    groups, rows = unpack_entries(entries)
    found: dict[bytes, tuple[list[KnownGroup], list[AuditRow]]] = {}
    for group in groups:
        parts: dict[bytes, list[tuple[Any, ...]]] = {}
        for header in group.headers:
            parts.setdefault(shard_of(Source(*KnownHeader(*header).source).listed_as, shards), []).append(header)
        for shard, headers in parts.items():
            found.setdefault(shard, ([], []))[0].append(group._replace(headers=headers))
    for row in rows:
        found.setdefault(shard_of(row.container_id or row.source_id, shards), ([], []))[1].append(row)
    for shard, of_shard in found.items():
        yield shard, pack((pack_entries(*of_shard), []))


def settled_by_shard(rows: Iterable[SettledRow], shards: int) -> Iterator[tuple[bytes, bytes]]:
    """(shard, packed): rows of tables, as ``by_shard`` has entries."""
    found: dict[bytes, list[tuple[Any, ...]]] = {}
    for row in rows:
        found.setdefault(shard_of(row.container_id or row.source_id, shards), []).append(row[:])
    for shard, of_shard in found.items():
        yield shard, pack((NOTHING, of_shard))


def shard_of(listed_as: str, shards: int) -> bytes:
    """Which of the shards a listed object has, by its source id."""
    return spread(bytes.fromhex(listed_as), shards)
