"""The ledger: what a run has found and done, durable as it goes beside the audit's tables: one that was killed can go on.

Its files hold what the tables will hold and what pass 1 found, hashes and new UIDs, and no source name. Each counts by itself:
one that is missing costs the work that it tells of, and nothing else.
"""

import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import msgpack

from anonymizer import AttributeAction, Reason
from anonymizer.internals import SEAL_SIZE, TRANSIENT_REASONS
from storage import NotOursError, ObjectRef, TableFolder, nothing_to_wait_for

from .audit_names import LEDGER
from .engine_config import EngineConfig
from .records import AuditRow, Status
from .shuffle.plain import from_plain, to_plain
from .source_ids import ListedSource, SourceHasher

#: the form of the files; another one's are not read: 1 could hold code, 2 may tell of what no disk has, 3 doesn't
#: say what objects are
_FORMAT = 4
#: a run that goes on repeats at most this part of what each worker had done, or so many objects: more where each file is a
#: request that is waited for, and as many objects may be under way at once
_PART, _LEAST, _LEAST_REMOTE = 16, 32, 128
#: objects that are worth a file at any rate
_MOST = 32_768
#: files that may wait for the disk; then who works waits, too
_MOST_WAITING = 2
#: seconds after which what is done is written down; where the engine is another's, files count more
_SECONDS, _SECONDS_ON_ENGINES = 10.0, 60.0


class KnownHeader(NamedTuple):
    """What pass 1 found in an object, as in InstanceHeader; ``source``: fields of a ListedSource."""

    source: tuple[str, str, str, int]
    instance: bytes
    new_uid: bytes
    kept_uid: bytes = b""


class KnownGroup(NamedTuple):
    """As HeaderGroup; its headers are the fields of KnownHeaders."""

    study: bytes
    shared: tuple[Any, ...]
    headers: list[tuple[Any, ...]]


def is_lasting(row: AuditRow) -> bool:
    """Whether the object would end the same way again."""
    return row.reason not in TRANSIENT_REASONS


def pack_entries(groups: Iterable[KnownGroup], rows: Iterable[AuditRow], since: float = 0.0) -> bytes:
    """Entries, as plain values.

    Args:
        since: as for ``Outputs.is_whole``, of all that the rows tell of.
    """
    places: dict[tuple[AttributeAction, ...], int] = {}
    plain = [
        row._replace(
            status=row.status.value,  # type: ignore[arg-type]
            reason=row.reason and row.reason.value,  # type: ignore[arg-type]
            # the instances of a series share them
            actions=places.setdefault(row.actions, len(places)),  # type: ignore[arg-type]
        )[:]
        for row in rows
    ]
    return to_plain(([group[:] for group in groups], plain, [[action[:] for action in actions] for actions in places], since))


class Entries(NamedTuple):
    """What a ledger tells, as ``pack_entries`` takes it."""

    groups: list[KnownGroup]
    rows: list[AuditRow]
    since: float


def unpack_entries(packed: bytes) -> Entries:
    """What was packed."""
    groups, plain, distinct, since = from_plain(packed)
    actions = [tuple(AttributeAction(*fields) for fields in several) for several in distinct]
    rows = (AuditRow(*fields) for fields in plain)
    read = [
        row._replace(
            status=Status(row.status),
            reason=row.reason and Reason(row.reason),
            actions=actions[row.actions],  # type: ignore[call-overload]
        )
        for row in rows
    ]
    return Entries([KnownGroup(*fields) for fields in groups], read, since)


@dataclass(frozen=True)
class Ledger:
    """Where a run writes down what it has done. Picklable.

    Attributes:
        folder: of the audit's tables.
        run_id: stands in the files' names.
        work_digest: what tells the outputs' making from another one: entries of other makings are of no use.
        config: gives the seal: each file begins with its code, so that nobody else's is believed.
        on_engine: not on this machine alone.
        is_remote: the folder is on object storage.
    """

    folder: TableFolder
    run_id: str
    work_digest: str
    config: EngineConfig
    on_engine: bool = False
    is_remote: bool = False

    def write(self, groups: list[KnownGroup], rows: list[AuditRow]) -> None:
        """Write a file."""
        objects = len(rows) + sum(len(group.headers) for group in groups)
        content = msgpack.packb((_FORMAT, self.work_digest, boot_id(), pack_entries(groups, rows, time.time())))
        name = f"{LEDGER}-{self.run_id}-{secrets.token_hex(8)}-{objects}.bin"
        # one that a power cut spoils has no true code, and costs the work that it tells of
        self.folder.create(name, self.config.seal().code(name, content) + content, durable=False)

    def read(self, name: str) -> bytes:
        """The packed entries of a file; none where it is gone, was made with something else, or isn't what a run with this key
        wrote.

        Raises:
            OSError: it can't be read.
        """
        try:
            content = self.folder.read(name)
        except (FileNotFoundError, NotOursError):
            # another run had taken it up, and is through; or somebody planted it
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
        # what a disk has kept of a power cut, it must show
        return pack_entries(*unpack_entries(entries)._replace(since=0.0))


@lru_cache(maxsize=1)
def boot_id() -> str:
    """What changes each time this machine starts; ``""`` where nothing tells."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


#: no entries
NOTHING = pack_entries((), ())


class LedgerWriter:
    """Writes down what one worker does; the more it has done, the more at once.

    What it writes down is on the disk by then: it waits for that, and who works doesn't.
    """

    def __init__(
        self, ledger: Ledger, before: Callable[[], None] | None = None, sync: Callable[[], Future[None]] | None = None
    ) -> None:
        """
        Args:
            before: called before a file is written: what isn't to be done again must be durable by then.
            sync: as ``ObjectWriter.flush``; None: there is nothing to wait for.
        """
        self._ledger = ledger
        self._before = before
        self._sync = sync
        self._least = _LEAST_REMOTE if ledger.is_remote else _LEAST
        self._seconds = _SECONDS_ON_ENGINES if ledger.on_engine else _SECONDS
        self._now = _Entries()
        #: each with what is done when its objects are on the disk
        self._waiting: deque[tuple[_Entries, Future[None]]] = deque()
        self._durable = _Entries()
        self._rows: list[AuditRow] = []
        self._done = 0
        self._since = self._written = time.monotonic()

    def add_headers(self, groups: Iterable[KnownGroup]) -> None:
        """Objects that went through pass 1."""
        self._now.add_headers(groups)
        self._cut_if_due()

    def add_rows(self, rows: Iterable[AuditRow]) -> None:
        """Objects that are done with, those that claim one instance all at once."""
        self._now.add_rows(rows)
        self._cut_if_due()

    def take(self) -> list[AuditRow]:
        """The rows of what is on the disk since this was last asked, and written down if that is worth a file."""
        while self._waiting and self._waiting[0][1].done():
            self._settle()
        rows, self._rows = self._rows, []
        return rows

    def end_bundle(self) -> list[AuditRow]:
        """The rows that are left, once all is on the disk.

        Where a bundle is all that a worker gets, nothing is left to be written down later.
        """
        self._cut()
        while self._waiting:
            self._settle()
        if not self._ledger.on_engine:
            self._write()
        return self.take()

    def save(self) -> None:
        """Write down what can be, where the run ends before its end."""
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
        """What comes now is for the next file."""
        if self._now.count:
            self._waiting.append((self._now, self._sync() if self._sync is not None else nothing_to_wait_for()))
            self._now = _Entries()
            if self._sync is None or len(self._waiting) > _MOST_WAITING:
                self._settle()
        self._since = time.monotonic()

    def _settle(self) -> None:
        """Wait until the first that wait are on the disk."""
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
    """Groups and rows, and how many objects they are."""

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


def known_groups(groups: Iterable[tuple[Any, ...]], sources: SourceHasher) -> Iterator[KnownGroup]:
    """HeaderGroup tuples without their source names."""
    for study, shared, headers in groups:
        known = [
            KnownHeader(_which(sources.of(ObjectRef(*ref), source_id.hex())), instance, new_uid, kept_uid)[:]
            for ref, source_id, instance, new_uid, kept_uid, _ in headers
        ]
        yield KnownGroup(study, shared, known)


def _which(source: ListedSource) -> tuple[str, str, str, int]:
    """The fields that say which it is."""
    return source.source_id, source.version, source.container_id, source.input
