"""The ledger: the work that a run has done so far, written beside the audit's tables, so that a killed run can go on.

Its files hold rows of the tables and findings of pass 1, hashes and new UIDs, and no source name. Each counts by itself: one that
is missing costs the work in it, and nothing else.
"""

import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgpack

from anonymizer import AttributeAction
from anonymizer.internals import SEAL_SIZE, TRANSIENT_REASONS, PixelDecision
from storage import NotOursError, TableFolder, nothing_to_wait_for

from .audit_names import LEDGER
from .engine_config import EngineConfig
from .records import AuditRow, HeaderGroup, SharedFindings
from .shuffle.packing import compress, decompress
from .shuffle.record_coder import decode_record, encode_record
from .source_ids import SourceHasher

#: number of the files' format; those of another one are not read: 1 could hold code, 2 may tell of objects that are on no disk, 3
#: doesn't say what objects are, 4 had another layout, 5 has no decisions on pixels, 6 no searches for text, 7 no sex
#: and age of patients
_FORMAT = 8
#: a run that goes on repeats at most this part of each worker's work, or so many objects: more where each file is a request
#: that is waited for, and as many objects may be under way at once
_PART, _LEAST, _LEAST_REMOTE = 16, 32, 128
#: objects that are worth a file at any rate
_MOST = 32_768
#: files that may wait for the disk; then the worker waits, too
_MOST_WAITING = 2
#: seconds after which work is written down; on other engines files cost more
_SECONDS, _SECONDS_ON_ENGINES = 10.0, 60.0


class KnownHeader(NamedTuple):
    """Findings of pass 1 in one object, without its source name.

    Attributes:
        source_id, version, container_id: as in ListedSource.
        instance, new_uid, kept_uid, pixels: as in InstanceHeader.
    """

    source_id: str
    version: str
    container_id: str
    instance: bytes
    new_uid: bytes
    kept_uid: bytes = b""
    pixels: PixelDecision | None = None

    @property
    def listed_as(self) -> str:
        """The source id of what was listed: the object, or the container that it lies in."""
        return self.container_id or self.source_id


class KnownGroup(NamedTuple):
    """Objects of one study with the same findings, as in HeaderGroup."""

    study: bytes
    shared: SharedFindings
    headers: list[KnownHeader]


class _StoredRow(NamedTuple):
    """A row without its actions.

    Attributes:
        actions: their index among the distinct ones: the instances of a series share them.
    """

    row: AuditRow
    actions: int


class _StoredEntries(NamedTuple):
    """The layout of entries in a file."""

    groups: list[KnownGroup]
    rows: list[_StoredRow]
    actions: list[tuple[AttributeAction, ...]]
    since: float


class Entries(NamedTuple):
    """Contents of a ledger, as ``pack_entries`` takes them."""

    groups: list[KnownGroup]
    rows: list[AuditRow]
    since: float


def is_lasting(row: AuditRow) -> bool:
    """Return True when the object would end the same way again."""
    return row.reason not in TRANSIENT_REASONS


def pack_entries(groups: Iterable[KnownGroup], rows: Iterable[AuditRow], since: float = 0.0) -> bytes:
    """Return entries as bytes, compressed.

    Args:
        since: as for ``Outputs.is_whole``, of all objects of the rows.
    """
    places: dict[tuple[AttributeAction, ...], int] = {}
    stored = [_StoredRow(row._replace(actions=()), places.setdefault(row.actions, len(places))) for row in rows]
    return compress(encode_record(_StoredEntries(list(groups), stored, list(places), since)))


def unpack_entries(packed: bytes) -> Entries:
    """Return the entries that were packed."""
    stored = decode_record(_StoredEntries, decompress(packed))
    rows = [row._replace(actions=stored.actions[actions]) for row, actions in stored.rows]
    return Entries(stored.groups, rows, stored.since)


@dataclass(frozen=True)
class Ledger:
    """The ledger of a run. Picklable.

    Attributes:
        folder: of the audit's tables.
        run_id: stands in the files' names.
        work_digest: digest of the outputs' making: entries of other makings are of no use.
        config: gives the seal: each file begins with its code, so that no other file is believed.
        on_engine: True: the run isn't on this machine alone.
        is_remote: True: the folder is on object storage.
        is_kept: False: only ledgers of other runs are read, and none is written.
    """

    folder: TableFolder
    run_id: str
    work_digest: str
    config: EngineConfig
    on_engine: bool = False
    is_remote: bool = False
    is_kept: bool = True

    def write(self, groups: list[KnownGroup], rows: list[AuditRow]) -> None:
        """Write a file with findings of pass 1 and rows."""
        objects = len(rows) + sum(len(group.headers) for group in groups)
        content = msgpack.packb((_FORMAT, self.work_digest, boot_id(), pack_entries(groups, rows, time.time())))
        name = f"{LEDGER}-{self.run_id}-{secrets.token_hex(8)}-{objects}.bin"
        # one that a power cut spoils has no true code, and costs the work in it
        self.folder.create(name, self.config.seal().code(name, content) + content, durable=False)

    def read(self, name: str) -> bytes:
        """Return the packed entries of a file; none where it is gone, of another making, or not of a run with this key.

        Raises:
            OSError: it can't be read.
        """
        try:
            content = self.folder.read(name)
        except (FileNotFoundError, NotOursError):
            # another run had taken it up, and has finished; or somebody planted it
            return NOTHING
        # before anything of it is looked at
        code, content = content[:SEAL_SIZE], content[SEAL_SIZE:]
        if not self.config.seal().fits(name, content, code):
            return NOTHING
        form, work_digest, *more = msgpack.unpackb(content)
        if (form, work_digest) != (_FORMAT, self.work_digest):
            return NOTHING
        booted, entries = more
        if booted and booted == boot_id():
            return bytes(entries)
        # after a power cut each output is checked on the disk
        return pack_entries(*unpack_entries(entries)._replace(since=0.0))


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return an id that changes each time this machine starts; ``""`` where there is none."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


#: no entries
NOTHING = pack_entries((), ())


class LedgerWriter:
    """Writes down the work of one worker; the more it has done, the more at once.

    The objects it writes down are on the disk by then: the writer waits for that, and the worker doesn't.
    """

    def __init__(
        self, ledger: Ledger, before: Callable[[], None] | None = None, sync: Callable[[], Future[None]] | None = None
    ) -> None:
        """
        Args:
            before: called before a file is written, to make durable all else that won't be done again.
            sync: as ``ObjectWriter.flush``; None: there is nothing to wait for.
        """
        self._ledger = ledger
        self._before = before
        self._sync = sync
        self._least = _LEAST_REMOTE if ledger.is_remote else _LEAST
        self._seconds = _SECONDS_ON_ENGINES if ledger.on_engine else _SECONDS
        self._now = _Entries()
        #: each with a future that is done when its objects are on the disk
        self._waiting: deque[tuple[_Entries, Future[None]]] = deque()
        self._durable = _Entries()
        self._rows: list[AuditRow] = []
        self._done = 0
        self._since = self._written = time.monotonic()

    def add_headers(self, groups: Iterable[KnownGroup]) -> None:
        """Add objects that went through pass 1."""
        if not self._ledger.is_kept:
            return
        self._now.add_headers(groups)
        self._cut_if_due()

    def add_rows(self, rows: Iterable[AuditRow]) -> None:
        """Add rows of objects that are done with, those that claim one instance all at once."""
        if not self._ledger.is_kept:
            if self._sync is not None:
                self._rows += rows
            return
        self._now.add_rows(rows)
        self._cut_if_due()

    def take(self) -> list[AuditRow]:
        """Return the rows of objects that reached the disk since the last call, written down if they are worth a file."""
        while self._waiting and self._waiting[0][1].done():
            self._settle()
        rows, self._rows = self._rows, []
        return rows

    def end_bundle(self) -> list[AuditRow]:
        """Wait until all objects are on the disk, and return the rows that are left.

        On this machine they are all written down, too: the worker may get no other bundle.
        """
        self._cut()
        while self._waiting:
            self._settle()
        if not self._ledger.on_engine:
            self._write()
        return self.take()

    def save(self) -> None:
        """Write down as much as possible, when the run is interrupted."""
        with contextlib.suppress(Exception):
            self.end_bundle()
            self._write()

    def _is_due(self, pending: int, since: float) -> bool:
        due = min(max(self._least, self._done // _PART), _MOST)
        return pending >= due or time.monotonic() - since >= self._seconds

    def _cut_if_due(self) -> None:
        if not self._now.count:
            self._since = time.monotonic()
        elif self._is_due(self._now.count, self._since):
            self._cut()

    def _cut(self) -> None:
        """Begin the entries of the next file."""
        if self._now.count:
            self._waiting.append((self._now, self._sync() if self._sync is not None else nothing_to_wait_for()))
            self._now = _Entries()
            if self._sync is None or len(self._waiting) > _MOST_WAITING:
                self._settle()
        self._since = time.monotonic()

    def _settle(self) -> None:
        """Wait until the objects of the first waiting entries are on the disk."""
        entries, synced = self._waiting.popleft()
        synced.result()
        if self._sync is not None:
            self._rows += entries.rows
        self._durable.join(entries)
        if self._is_due(self._durable.count, self._written):
            self._write()

    def _write(self) -> None:
        found, self._durable = self._durable, _Entries()
        rows = list(filter(is_lasting, found.rows))
        if found.groups or rows:
            if self._before is not None:
                self._before()
            self._ledger.write(found.groups, rows)
        self._done += found.count
        self._written = time.monotonic()


class _Entries:
    """Groups and rows, and the number of their objects."""

    def __init__(self) -> None:
        self.groups: list[KnownGroup] = []
        self.rows: list[AuditRow] = []
        self.count = 0

    def add_headers(self, groups: Iterable[KnownGroup]) -> None:
        for group in groups:
            self.groups.append(group)
            self.count += len(group.headers)

    def add_rows(self, rows: Iterable[AuditRow]) -> None:
        before = len(self.rows)
        self.rows += rows
        self.count += len(self.rows) - before

    def join(self, other: "_Entries") -> None:
        self.groups += other.groups
        self.rows += other.rows
        self.count += other.count


def known_groups(groups: Iterable[HeaderGroup], sources: SourceHasher) -> Iterator[KnownGroup]:
    """Yield groups without the source names of their objects."""
    for group in groups:
        headers = []
        for header in group.headers:
            source = sources.of(header.ref, header.source_id.hex())
            headers.append(
                KnownHeader(
                    source.source_id,
                    source.version,
                    source.container_id,
                    header.instance,
                    header.new_uid,
                    header.kept_uid,
                    header.pixels,
                )
            )
        yield KnownGroup(group.study, group.shared, headers)
