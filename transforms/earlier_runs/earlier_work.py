"""What earlier work is worth for what is listed now: plain functions, no Beam."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from storage import ObjectRef, Outputs, Written

from ..ledger import KnownGroup, KnownHeader, pack_entries, unpack_entries
from ..records import AuditRow, AuditRows, EarlierOutput, HeaderGroup, InstanceHeader, Status
from ..shuffle.arrow_shards import from_bytes, to_bytes
from ..shuffle.packing import pack, unpack
from ..shuffle.sharding import spread
from ..source_ids import ListedSource
from .earlier_rows import SETTLED_SCHEMA, Settled
from .listed_table import refs_of

#: source id and version
_Which = tuple[str, str]
_Group = tuple[bytes, tuple[Any, ...]]


class Compared(NamedTuple):
    """What is to be done, and what isn't.

    Attributes:
        to_do: nothing is known of them.
        scanned: HeaderGroup tuples: pass 1 saw them.
        finished: HeaderGroup tuples, their headers without ``ref`` and ``source_id``: done with, and in the output, or their
            duplicates are.
        refused: as ``finished``: done with, and nothing of them is in the output.
        rows: what became of those that are done with.
        settled: places in the rows of a run that came to its end, and was done with them.
        settled_inputs: ordinals of the inputs that list those now.
    """

    to_do: list[ObjectRef]
    scanned: list[tuple[Any, ...]]
    finished: list[tuple[Any, ...]]
    refused: list[tuple[Any, ...]]
    rows: AuditRows
    settled: list[int]
    settled_inputs: list[int]


class EarlierWork:
    """What is known of the objects of a shard, or of a container, by earlier runs.

    Attributes:
        settled: rows of a run that came to its end.
    """

    def __init__(self, entries: Iterable[bytes] = (), settled: pa.Table | None = None) -> None:
        """
        Args:
            entries: packed, of ledgers.
            settled: rows of tables, of SETTLED_SCHEMA.
        """
        #: of each object in the version that it had
        self._headers: dict[_Which, tuple[KnownHeader, _Group]] = {}
        #: and since when what they tell of is on the disk
        self._rows: dict[_Which, tuple[AuditRow, float]] = {}
        #: of written objects, in whatever version they were
        self._written: dict[str, AuditRow] = {}
        self.settled = Settled(SETTLED_SCHEMA.empty_table() if settled is None else settled)
        for packed in entries:
            self._add(packed)

    def _add(self, packed: bytes) -> None:
        groups, rows, since = unpack_entries(packed)
        for group in groups:
            shared = (group.study, group.shared)
            for header in (KnownHeader(*fields) for fields in group.headers):
                self._headers[header.source[:2]] = (header, shared)
        for row in rows:
            self._add_row(row, since)

    def _add_row(self, row: AuditRow, since: float) -> None:
        self._rows[row.source_id, row.source_version] = (row, since)
        if row.status is Status.WRITTEN:
            self._written[row.source_id] = row

    def of_containers(self) -> dict[str, "EarlierWork"]:
        """What is known of the members of each container, by its source id. Its rows are not settled here any more."""
        found: dict[str, EarlierWork] = defaultdict(EarlierWork)
        for container, rows in self.settled.of_containers().items():
            found[container] = EarlierWork(settled=rows)
        for which, known in self._headers.items():
            if container := known[0].source[2]:
                found[container]._headers[which] = known
        for row, since in self._rows.values():
            if row.container_id:
                found[row.container_id]._add_row(row, since)
        return found

    def part(self, source_ids: Collection[str]) -> "EarlierWork":
        """What is known of some of the objects. It isn't known here any more."""
        found = EarlierWork(settled=self.settled.part(source_ids))
        for which in [which for which in self._headers if which[0] in source_ids]:
            found._headers[which] = self._headers.pop(which)
        for which in [which for which in self._rows if which[0] in source_ids]:
            found._add_row(*self._rows.pop(which))
            self._written.pop(which[0], None)
        return found

    def packed(self) -> bytes:
        """All of it that wasn't taken."""
        groups = [KnownGroup(*group, [header[:]]) for header, group in self._headers.values()]
        rows: dict[float, list[AuditRow]] = {}
        for row, since in self._rows.values():
            rows.setdefault(since, []).append(row)
        entries = [pack_entries(groups, ()), *(pack_entries((), found, since) for since, found in rows.items())]
        return pack((entries, to_bytes(self.settled.left())))

    @classmethod
    def unpacked(cls, packed: bytes) -> "EarlierWork":
        """What was packed."""
        entries, settled = unpack(packed)
        return cls(entries, from_bytes((settled,), SETTLED_SCHEMA))

    def compare_listed(self, listed: pa.Table, outputs: Outputs) -> Compared:
        """Which of these are done with, and which not; each once.

        Args:
            listed: of LISTED_SCHEMA, no zip or tar among them.
            outputs: what isn't there any more is written again.
        """
        ids, versions = listed["source_id"].to_pylist(), listed["source_version"].to_pylist()
        places = self.settled.take(ids, versions, outputs.is_there)
        left = listed.filter(pa.array([place is None for place in places], pa.bool_()))
        return self._compare(refs_of(left), places, listed["input"].to_pylist(), outputs)

    def compare(self, members: Sequence[tuple[ObjectRef, ListedSource]], outputs: Outputs) -> Compared:
        """As ``compare_listed``, of members of a zip or tar."""
        sources = [source for _, source in members]
        places = self.settled.take((one.source_id for one in sources), (one.version for one in sources), outputs.is_there)
        left = (member for member, place in zip(members, places, strict=True) if place is None)
        return self._compare(left, places, [one.input for one in sources], outputs)

    def _compare(
        self, left: Iterable[tuple[ObjectRef, ListedSource]], places: list[int | None], inputs: list[int], outputs: Outputs
    ) -> Compared:
        """
        Args:
            left: objects with which a run that came to its end was not done, or not like that.
            places: of the rows of all others.
            inputs: ordinals of the inputs of all.
        """
        settled = [place for place in places if place is not None]
        settled_inputs = [one for one, place in zip(inputs, places, strict=True) if place is not None]
        compared = Compared([], [], [], [], AuditRows(), settled, settled_inputs)
        scanned, finished, refused = _Groups(), _Groups(), _Groups()
        for ref, source in left:
            which = (source.source_id, source.version)
            header, group = self._headers.get(which, (None, None)) if source.version else (None, None)
            row, since = self._rows.get(which, (None, 0.0)) if source.version else (None, 0.0)
            if row is not None and row.status is Status.WRITTEN and not _is_whole(row, outputs, since):
                row = None
            if (before := self.settled.before(source.source_id)) is not None:
                ref = ref._replace(before=before)
            if row is None and (earlier := self._earlier_output(source, outputs)) is not None:
                ref = ref._replace(earlier=earlier[:])
            if header is None or group is None:
                # pass 2 is of no use without what pass 1 found; what pass 1 rejected has but the row
                if row is not None and not row.scanned:
                    compared.rows.append(row)
                else:
                    compared.to_do.append(ref)
            elif row is None:
                source_id = bytes.fromhex(source.source_id)
                scanned.add(group, InstanceHeader(ref[:], source_id, header.instance, header.new_uid, header.kept_uid))
            else:
                compared.rows.append(row)
                done = finished if row.status in (Status.WRITTEN, Status.DUPLICATE) else refused
                done.add(group, InstanceHeader((), b"", header.instance, header.new_uid))
        compared.scanned.extend(scanned)
        compared.finished.extend(finished)
        compared.refused.extend(refused)
        return compared

    def _earlier_output(self, source: ListedSource, outputs: Outputs) -> EarlierOutput | None:
        if (row := self._written.get(source.source_id)) is not None:
            is_changed = not source.version or row.source_version != source.version
            return EarlierOutput(row.output_name, row.size, row.crc32c, is_changed, "")
        return self.settled.earlier_output(source.source_id, source.version, outputs.is_there)


def _is_whole(row: AuditRow, outputs: Outputs, since: float) -> bool:
    return outputs.is_whole(row.output_name, Written(row.size, int(row.crc32c, 16)), since)


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
    """(shard, packed entries) of a ledger's: those of one listed object, and those of a container's members, have one shard."""
    groups, rows, since = unpack_entries(entries)
    found: dict[bytes, tuple[list[KnownGroup], list[AuditRow]]] = {}
    for group in groups:
        parts: dict[bytes, list[tuple[Any, ...]]] = {}
        for header in group.headers:
            parts.setdefault(shard_of(ListedSource(*KnownHeader(*header).source).listed_as, shards), []).append(header)
        for shard, headers in parts.items():
            found.setdefault(shard, ([], []))[0].append(group._replace(headers=headers))
    for row in rows:
        found.setdefault(shard_of(row.container_id or row.source_id, shards), ([], []))[1].append(row)
    for shard, of_shard in found.items():
        yield shard, pack_entries(*of_shard, since)


def shard_of(listed_as: str, shards: int) -> bytes:
    """Which of the shards a listed object has, by its source id."""
    return spread(bytes.fromhex(listed_as), shards)
