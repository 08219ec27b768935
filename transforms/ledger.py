"""The ledger: what a run has found and done, durable as it goes beside the audit's tables: one that was killed can go on.

Its files hold what the tables will hold and what pass 1 found, hashes and new UIDs, and no source name. Each counts by itself:
one that is missing costs the work that it tells of, and nothing else.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgpack

from anonymizer import SEAL_SIZE, AttributeAction, Reason

from .audit_names import LEDGER
from .engine_config import EngineConfig
from .plain import from_plain, to_plain
from .records import AuditRow, ObjectRef, Status
from .sources import Sources
from .storage import NotOursError, TableFolder

#: the form of the files; another one's are not read: 1 could hold code
_FORMAT = 2
#: a run that goes on repeats at most this part of what each worker had done, or so many objects: more where each file is a
#: request that is waited for, and as many objects may be under way at once
_PART, _LEAST, _LEAST_REMOTE = 16, 32, 128
#: objects that are worth a file at any rate
_MOST = 32_768
#: seconds after which what is done is written down; where the engine is another's, files count more
_SECONDS, _SECONDS_ON_ENGINES = 10.0, 60.0

#: what goes wrong with these may be right the next time: they are done again
PASSING = frozenset(
    {
        Reason.UNREADABLE,
        Reason.CHECKSUM_MISMATCH,
        Reason.CHANGED_DURING_RUN,
        Reason.UID_NOT_IN_MAP,
        Reason.OUTPUT_UNWRITABLE,
        Reason.INTERNAL_ERROR,
    }
)


class KnownHeader(NamedTuple):
    """What pass 1 found in an object, as in InstanceHeader; ``source``: the fields of a Source."""

    source: tuple[str, str, str]
    instance: bytes
    new_uid: bytes


class KnownGroup(NamedTuple):
    """As HeaderGroup; its headers are the fields of KnownHeaders."""

    study: bytes
    shared: tuple[Any, ...]
    headers: list[tuple[Any, ...]]


def is_lasting(row: AuditRow) -> bool:
    """Whether the object would end the same way again."""
    return row.reason not in PASSING


def pack_entries(groups: Iterable[KnownGroup], rows: Iterable[AuditRow]) -> bytes:
    """Entries, as plain values."""
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
    return to_plain(([group[:] for group in groups], plain, [[action[:] for action in actions] for actions in places]))


def unpack_entries(packed: bytes) -> tuple[list[KnownGroup], list[AuditRow]]:
    """What was packed."""
    groups, plain, distinct = from_plain(packed)
    actions = [tuple(AttributeAction(*fields) for fields in several) for several in distinct]
    rows = (AuditRow(*fields) for fields in plain)
    return [KnownGroup(*fields) for fields in groups], [
        row._replace(
            status=Status(row.status),
            reason=row.reason and Reason(row.reason),
            actions=actions[row.actions],  # type: ignore[call-overload]
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Ledger:
    """Where a run writes down what it has done. Picklable.

    Attributes:
        folder: of the audit's tables.
        run_id: stands in the files' names.
        made_with: what tells the outputs' making from another one: entries of other makings are of no use.
        config: gives the seal: each file begins with its code, so that nobody else's is believed.
        on_engine: not on this machine alone.
        is_remote: the folder is on object storage.
    """

    folder: TableFolder
    run_id: str
    made_with: str
    config: EngineConfig
    on_engine: bool = False
    is_remote: bool = False

    def write(self, groups: list[KnownGroup], rows: list[AuditRow]) -> None:
        """Write a file."""
        objects = len(rows) + sum(len(group.headers) for group in groups)
        content = msgpack.packb((_FORMAT, self.made_with, pack_entries(groups, rows)))
        name = f"{LEDGER}-{self.run_id}-{secrets.token_hex(8)}-{objects}.bin"
        self.folder.create(name, self.config.seal().code(name, content) + content)

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
        form, made_with, *entries = msgpack.unpackb(content)
        return entries[0] if (form, made_with) == (_FORMAT, self.made_with) else NOTHING


#: no entries
NOTHING = pack_entries((), ())


class LedgerWriter:
    """Writes down what one worker does; the more it has done, the more at once."""

    def __init__(self, ledger: Ledger, before: Callable[[], None] | None = None) -> None:
        """
        Args:
            before: called before a file is written: what isn't to be done again must be durable by then.
        """
        self._ledger = ledger
        self._before = before
        self._least = _LEAST_REMOTE if ledger.is_remote else _LEAST
        self._seconds = _SECONDS_ON_ENGINES if ledger.on_engine else _SECONDS
        self._groups: list[KnownGroup] = []
        self._rows: list[AuditRow] = []
        self._pending = 0
        self._done = 0
        self._since = time.monotonic()

    def add_headers(self, groups: Iterable[KnownGroup]) -> None:
        """Objects that went through pass 1."""
        for group in groups:
            self._groups.append(group)
            self._pending += len(group.headers)
        self._flush_if_due()

    def add_rows(self, rows: Iterable[AuditRow]) -> None:
        """Objects that are done with, those that claim one instance all at once."""
        lasting = list(filter(is_lasting, rows))
        self._rows += lasting
        self._pending += len(lasting)
        self._flush_if_due()

    def end_bundle(self) -> None:
        """Where a bundle is all that a worker gets, nothing is left for later."""
        if not self._ledger.on_engine:
            self.flush()

    def _flush_if_due(self) -> None:
        if not self._pending:
            self._since = time.monotonic()
        elif (
            self._pending >= min(max(self._least, self._done // _PART), _MOST) or time.monotonic() - self._since >= self._seconds
        ):
            self.flush()

    def flush(self) -> None:
        """Write down what isn't yet."""
        if self._pending:
            if self._before is not None:
                self._before()
            self._ledger.write(self._groups, self._rows)
            self._done += self._pending
        self._groups, self._rows, self._pending = [], [], 0
        self._since = time.monotonic()


def known_groups(groups: Iterable[tuple[Any, ...]], sources: Sources) -> Iterator[KnownGroup]:
    """HeaderGroup tuples without their source names."""
    for study, shared, headers in groups:
        known = [
            KnownHeader(sources.of(ObjectRef(*ref), source_id.hex())[:], instance, new_uid)[:]
            for ref, source_id, instance, new_uid in headers
        ]
        yield KnownGroup(study, shared, known)
