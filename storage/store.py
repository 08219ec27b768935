"""The interface of every kind of storage; the modules beside this one are its kinds."""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from profiles import UserFacingError

from .errors import NotOursError
from .objects import Written
from .protocols import Operations

#: bytes of an object's beginning that a header scan fetches at once. Of 347 real files of many modalities 344 have no longer
#: header; at 64 KiB those of Siemens MR don't fit, and would cost a request more
HEADER_BYTES = 128 << 10
#: smaller objects come whole: a second request costs more than these bytes
WHOLE_BYTES = 256 << 10


@dataclass(frozen=True)
class StorageOptions:
    """Options for reaching storage. They travel with the job, so they hold no secret: those come from where a process runs.

    Attributes:
        anonymous: use no credentials.
        user_project: project that pays for requests to gs:// buckets whose requester pays.
        requester_pays: accept the costs of s3:// buckets whose requester pays.
        kms_key: customer-managed key that encrypts what is written to gs:// or s3://; empty for the bucket's default.
        threads: objects under way at once in a process.
    """

    anonymous: bool = False
    user_project: str = ""
    requester_pays: bool = False
    kms_key: str = ""
    threads: int = 16


class Entry(NamedTuple):
    """An object as a store lists it.

    Attributes:
        uri: with its scheme, or a path; as bytes, because file systems take any.
        size: in bytes, -1 where it isn't known.
        version: generation, entity tag or modification time; ``""`` where it isn't known.
    """

    uri: bytes
    size: int = -1
    version: str = ""


class OpenEntry(Protocol):
    """An object that is being read, from some byte on."""

    @property
    def entry(self) -> Entry:
        """The object as it is read, with its size and version as far as they are known by now."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; ``b""`` at the end.

        Raises:
            OSError: it can't be read.
            DeidentificationError: it changed.
            TransientError: what came isn't what the store says it holds, or didn't come.
        """


class StorageError(UserFacingError):
    """A location that can't be used at all: no credentials, no such bucket, no access. The message names no object."""


class OddFileError(StorageError, NotOursError):
    """A file that no run has written, in the place of one that a run could write."""


class ObjectStore(Protocol):
    """A kind of storage, in one process: it holds clients, and is never pickled."""

    def divides(self, prefix: str) -> bool:
        """Return whether it lists ``prefix`` in order and from any name on, so that it can be divided."""

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Entry]:
        """Yield the objects whose URI begins with ``prefix``, in the order of their names as UTF-8.

        Args:
            after: begin behind this URI: all that sort at or before it are left out.
            limit: so many at most.

        Raises:
            StorageError: the bucket can't be listed.
        """

    def open(
        self, entry: Entry, *, start: int = 0, end: int | None = None, header: bool = False
    ) -> AbstractContextManager[OpenEntry]:
        """Open the bytes ``start`` to ``end`` (exclusive; None: all) of that version of an object.

        Args:
            header: only the beginning will be read: bytes are fetched as they are asked for, not as one stream.

        Raises:
            OSError: it can't be read.
            DeidentificationError: it can't be read, or is another version now.
        """

    def names(self, folder: str, beginning: str) -> Sequence[str]:
        """Return the names of the objects right in ``folder`` that begin so.

        Raises:
            StorageError: it can't be listed.
        """

    def get(self, uri: str) -> tuple[bytes, str]:
        """Return a small object's content and version.

        Raises:
            FileNotFoundError: there is none.
            StorageError: it can't be read.
        """

    def put(self, uri: str, content: bytes, *, version: str | None = None, durable: bool = True) -> None:
        """Write a small object whole, in place of the one that is there.

        Args:
            version: replace only this version; ``""``: only where there is none; None: whatever is there.
            durable: return when no power cut can undo it. Stores over a network do so at any rate.

        Raises:
            ObjectConflictError: something else is there. Stores that have no such condition may overlook it.
            StorageError: it can't be written.
        """

    def move(self, source: str, target: str) -> None:
        """Give an object another name in the same bucket; nothing happens where there is none.

        Raises:
            StorageError: it can't be moved.
        """

    def delete(self, uri: str) -> None:
        """Remove an object; nothing happens where there is none.

        Raises:
            StorageError: it can't be removed.
        """


class RemoteStore(ObjectStore, Protocol):
    """A store over a network, where an object is written by one request that succeeds as a whole or not at all."""

    def create(self, uri: str, chunks: Iterable[bytes | memoryview], metadata: dict[str, str], *, version: str = "") -> Written:
        """Write an object, unless there is one: see ``ObjectWriter.write``.

        Args:
            metadata: what the store keeps beside the object.
            version: replace this version; ``""``: there is to be none.
        """


_PAUSED = ContextVar("operations aren't counted", default=False)


class Counts:
    """Operations of this process, counted by all of its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Operations()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Count nothing that this thread does within the block, nor a thread that it starts in its own context."""
        token = _PAUSED.set(True)
        try:
            yield
        finally:
            _PAUSED.reset(token)

    def add(self, *, lists: int = 0, reads: int = 0, writes: int = 0, bytes_read: int = 0, bytes_written: int = 0) -> None:
        """Add these to the counts."""
        if _PAUSED.get():
            return
        with self._lock:
            now = self._counts
            self._counts = Operations(
                now.lists + lists,
                now.reads + reads,
                now.writes + writes,
                now.bytes_read + bytes_read,
                now.bytes_written + bytes_written,
            )

    def take(self) -> Operations:
        """Return the counts since the last call."""
        with self._lock:
            taken, self._counts = self._counts, Operations()
        return taken


#: of this process
COUNTS = Counts()
