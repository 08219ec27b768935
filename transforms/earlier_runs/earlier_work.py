"""Earlier work on the objects that are listed now: plain functions, no Beam."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from storage import ObjectRef, Outputs, Written

from ..ledger import KnownGroup, KnownHeader, pack_entries, unpack_entries
from ..records import (
    AuditRow,
    AuditRows,
    EarlierOutput,
    HeaderGroup,
    HeaderGroups,
    InstanceHeader,
    SharedFindings,
    Status,
)
from ..shuffle.arrow_shards import from_bytes, to_bytes
from ..shuffle.packing import compress, decompress
from ..shuffle.record_coder import decode_record, encode_record
from ..shuffle.sharding import spread
from ..source_ids import ListedSource
from .earlier_rows import SETTLED_SCHEMA, SettledRows
from .listed_table import refs_of

#: source id and version
_SourceKey = tuple[str, str]
#: in the place of an object that nobody reads again
_NO_REF = ObjectRef(b"", b"", -1, "")


class _Findings(NamedTuple):
    """Findings of pass 1 that objects of one study share."""

    study: bytes
    shared: SharedFindings


class _PackedWork(NamedTuple):
    """The layout of packed work: entries of ledgers; rows of SETTLED_SCHEMA as Arrow's stream."""

    entries: list[bytes]
    settled: bytes


class Compared(NamedTuple):
    """Listed objects by the work that earlier runs did on them.

    Attributes:
        to_do: no work that counts.
        scanned: a run scanned them.
        finished: a run was done with them, and they or their duplicates are in the output; headers without ``ref``.
        refused: as ``finished``, but nothing of them is in the output.
        rows: the rows of those that unfinished runs were done with.
        settled: indices of the rows of those that the last finished run was done with.
        settled_inputs: ordinals of the inputs that list those now.
    """

    to_do: list[ObjectRef]
    scanned: HeaderGroups
    finished: HeaderGroups
    refused: HeaderGroups
    rows: AuditRows
    settled: list[int]
    settled_inputs: list[int]


class EarlierWork:
    """Work of earlier runs on the objects of a shard, or of a container.

    Attributes:
        settled: rows of the last finished run.
    """

    def __init__(self, entries: Iterable[bytes] = (), settled: pa.Table | None = None) -> None:
        """
        Args:
            entries: packed, of ledgers.
            settled: rows of SETTLED_SCHEMA.
        """
        #: of each object in the version that it had
        self._headers: dict[_SourceKey, tuple[KnownHeader, _Findings]] = {}
        #: with the time since when the outputs are on the disk
        self._rows: dict[_SourceKey, tuple[AuditRow, float]] = {}
        #: of written objects, in whatever version they were
        self._written: dict[str, AuditRow] = {}
        self.settled = SettledRows(SETTLED_SCHEMA.empty_table() if settled is None else settled)
        for packed in entries:
            self._add(packed)

    def _add(self, packed: bytes) -> None:
        groups, rows, since = unpack_entries(packed)
        for group in groups:
            findings = _Findings(group.study, group.shared)
            for header in group.headers:
                self._headers[header.source_id, header.version] = (header, findings)
        for row in rows:
            self._add_row(row, since)

    def _add_row(self, row: AuditRow, since: float) -> None:
        self._rows[row.source_id, row.source_version] = (row, since)
        if row.status is Status.WRITTEN:
            self._written[row.source_id] = row

    def of_containers(self) -> dict[str, "EarlierWork"]:
        """Return the work on the members of each container, by its source id, and take the rows from ``settled``."""
        found: dict[str, EarlierWork] = defaultdict(EarlierWork)
        for container, rows in self.settled.of_containers().items():
            found[container] = EarlierWork(settled=rows)
        for key, known in self._headers.items():
            if container := known[0].container_id:
                found[container]._headers[key] = known
        for row, since in self._rows.values():
            if row.container_id:
                found[row.container_id]._add_row(row, since)
        return found

    def part(self, source_ids: Collection[str]) -> "EarlierWork":
        """Return the work on some of the objects, and take it from here."""
        found = EarlierWork(settled=self.settled.part(source_ids))
        for key in [key for key in self._headers if key[0] in source_ids]:
            found._headers[key] = self._headers.pop(key)
        for key in [key for key in self._rows if key[0] in source_ids]:
            found._add_row(*self._rows.pop(key))
            self._written.pop(key[0], None)
        return found

    def packed(self) -> bytes:
        """Return all work that wasn't taken, as bytes."""
        groups = [KnownGroup(findings.study, findings.shared, [header]) for header, findings in self._headers.values()]
        rows: dict[float, list[AuditRow]] = {}
        for row, since in self._rows.values():
            rows.setdefault(since, []).append(row)
        entries = [pack_entries(groups, ()), *(pack_entries((), found, since) for since, found in rows.items())]
        return compress(encode_record(_PackedWork(entries, to_bytes(self.settled.left()))))

    @classmethod
    def unpacked(cls, packed: bytes) -> "EarlierWork":
        """Return the work that was packed."""
        work = decode_record(_PackedWork, decompress(packed))
        return cls(work.entries, from_bytes((work.settled,), SETTLED_SCHEMA))

    def compare_listed(self, listed: pa.Table, outputs: Outputs) -> Compared:
        """Compare listed objects with the work on them, each once.

        Args:
            listed: of LISTED_SCHEMA, no zip or tar among them.
            outputs: objects whose output isn't there any more are written again.
        """
        ids, versions = listed["source_id"].to_pylist(), listed["source_version"].to_pylist()
        places = self.settled.take(ids, versions, outputs.is_there)
        left = listed.filter(pa.array([place is None for place in places], pa.bool_()))
        return self._compare(refs_of(left), places, listed["input"].to_pylist(), outputs)

    def compare(self, members: Sequence[tuple[ObjectRef, ListedSource]], outputs: Outputs) -> Compared:
        """Compare members of a zip or tar, as ``compare_listed`` does."""
        sources = [source for _, source in members]
        places = self.settled.take((one.source_id for one in sources), (one.version for one in sources), outputs.is_there)
        left = (member for member, place in zip(members, places, strict=True) if place is None)
        return self._compare(left, places, [one.input for one in sources], outputs)

    def _compare(
        self, left: Iterable[tuple[ObjectRef, ListedSource]], places: list[int | None], inputs: list[int], outputs: Outputs
    ) -> Compared:
        """
        Args:
            left: objects with which the last finished run was not done, or not like that.
            places: for each object the index of its settled row; None for those in ``left``.
            inputs: ordinals of the inputs of all objects.
        """
        settled = [place for place in places if place is not None]
        settled_inputs = [one for one, place in zip(inputs, places, strict=True) if place is not None]
        to_do: list[ObjectRef] = []
        rows = AuditRows()
        scanned, finished, refused = _Groups(), _Groups(), _Groups()
        for ref, source in left:
            key = (source.source_id, source.version)
            header, findings = self._headers.get(key, (None, None)) if source.version else (None, None)
            row, since = self._rows.get(key, (None, 0.0)) if source.version else (None, 0.0)
            if row is not None and row.status is Status.WRITTEN and not _is_whole(row, outputs, since):
                row = None
            if (before := self.settled.before(source.source_id)) is not None:
                ref = ref._replace(before=before)
            if row is None and (earlier := self._earlier_output(source, outputs)) is not None:
                ref = ref._replace(earlier=earlier)
            if header is None or findings is None:
                # pass 2 needs the findings of pass 1; objects that pass 1 rejected have but a row
                if row is not None and not row.scanned:
                    rows.append(row)
                else:
                    to_do.append(ref)
            elif row is None:
                source_id = bytes.fromhex(source.source_id)
                known = header.instance, header.new_uid, header.kept_uid, header.pixels
                scanned.add(findings, InstanceHeader(ref, source_id, *known))
            else:
                rows.append(row)
                done = finished if row.status in (Status.WRITTEN, Status.DUPLICATE) else refused
                done.add(findings, InstanceHeader(_NO_REF, b"", header.instance, header.new_uid))
        return Compared(to_do, scanned.groups, finished.groups, refused.groups, rows, settled, settled_inputs)

    def _earlier_output(self, source: ListedSource, outputs: Outputs) -> EarlierOutput | None:
        if (row := self._written.get(source.source_id)) is not None:
            is_changed = not source.version or row.source_version != source.version
            return EarlierOutput(row.output_name, row.size, row.crc32c, is_changed, "")
        return self.settled.earlier_output(source.source_id, source.version, outputs.is_there)


def _is_whole(row: AuditRow, outputs: Outputs, since: float) -> bool:
    return outputs.is_whole(row.output_name, Written(row.size, int(row.crc32c, 16)), since)


class _Groups:
    """Groups headers that come one by one.

    Attributes:
        groups: the groups.
    """

    def __init__(self) -> None:
        self.groups = HeaderGroups()
        #: by their identity: headers of one group have one object
        self._headers: dict[int, list[InstanceHeader]] = {}

    def add(self, findings: _Findings, header: InstanceHeader) -> None:
        """Add a header with its findings."""
        headers = self._headers.get(id(findings))
        if headers is None:
            headers = self._headers[id(findings)] = []
            self.groups.append(HeaderGroup(findings.study, findings.shared, headers))
        headers.append(header)


def by_shard(entries: bytes, shards: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (shard, packed entries) of a ledger's entries: those of one object, or of one container's members, have one shard."""
    groups, rows, since = unpack_entries(entries)
    found: dict[bytes, tuple[list[KnownGroup], list[AuditRow]]] = {}
    for group in groups:
        parts: dict[bytes, list[KnownHeader]] = {}
        for header in group.headers:
            parts.setdefault(shard_of(header.listed_as, shards), []).append(header)
        for shard, headers in parts.items():
            found.setdefault(shard, ([], []))[0].append(group._replace(headers=headers))
    for row in rows:
        found.setdefault(shard_of(row.container_id or row.source_id, shards), ([], []))[1].append(row)
    for shard, of_shard in found.items():
        yield shard, pack_entries(*of_shard, since)


def shard_of(listed_as: str, shards: int) -> bytes:
    """Return the shard of a listed object, by its source id."""
    return spread(bytes.fromhex(listed_as), shards)
