"""Protocols of storage, as the steps need it; the stores beside this module implement them."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from anonymizer.internals import ByteStream

from .objects import ExistingOutput, ObjectRef, Written


class ListingPart(NamedTuple):
    """A part of an input that can be listed apart from its others, by any worker.

    Attributes:
        kind: what ``name`` is; the archive's own word.
        name: a path, URI or prefix.
        base: length in bytes of what precedes an object's source name in its name.
        prefix: what comes before source names: the input's ordinal from the second input on.
        pattern: a regular expression that source names must match, empty for all; of a table without a header, its columns.
    """

    kind: str
    name: str
    base: int
    prefix: bytes = b""
    pattern: str = ""


class OpenObject(ByteStream, Protocol):
    """An object that is being read."""

    @property
    def ref(self) -> ObjectRef:
        """The object as it is read, with its size and version as far as they are known by now."""


class Operations(NamedTuple):
    """Operations on object storage, each attempt counted, in the classes that stores bill by; and bytes moved.

    Attributes:
        lists: pages of listings (class A).
        reads: objects or ranges read, metadata asked for (class B).
        writes: objects written or copied (class A).
        bytes_read, bytes_written: of objects.
    """

    lists: int = 0
    reads: int = 0
    writes: int = 0
    bytes_read: int = 0
    bytes_written: int = 0


class Archive(Protocol):
    """The source of objects. Picklable."""

    @property
    def concurrency(self) -> int:
        """The number of objects worth having under way at once in a process: 1 where waiting costs nothing."""

    def parts(self, location: tuple[int, str]) -> Iterator[ListingPart]:
        """Yield the parts of an input, by its ordinal and its location as the user named it."""

    def objects(self, part: ListingPart) -> Iterator[ObjectRef]:
        """Yield the objects of a part, zips and tars among them unopened."""

    def is_container(self, name: bytes) -> bool:
        """Return whether a listed object of that name is one of those whose members are the instances."""

    def members(self, container: ObjectRef) -> Iterator[list[ObjectRef]]:
        """Yield the members of a zip or tar, in lists that one worker should read in their order.

        Whatever goes wrong, the container itself is the last to be yielded: reading it tells why.
        """

    def open(self, ref: ObjectRef, *, header: bool = False) -> AbstractContextManager[OpenObject]:
        """Open the object's bytes.

        Args:
            header: only the beginning will be read: bytes are fetched as they are asked for, not as one stream.

        Raises:
            OSError: it can't be read.
            DeidentificationError: it is not what was listed any more, or no object.
            TransientError: see there; reading may raise it, too.
            StorageUnavailableError: the place where it lies can't be read; leaving the block may raise it, too.
        """

    def release(self) -> None:
        """Close the compressed tar that this thread keeps open between its members."""

    def take_operations(self) -> Operations:
        """Return the operations of this process on object storage since the last call."""


class Outputs(Protocol):
    """The objects in the place where objects go."""

    def is_there(self, name: str, size: int) -> bool:
        """Return whether an object of that name and size, which was written before, is still there.

        Where to ask is an operation that is paid for, the answer is yes.
        """

    def is_whole(self, name: str, written: Written, since: float) -> bool:
        """Return whether exactly the written object is there, of which only a ledger tells.

        Args:
            since: seconds since the epoch at which it was on the disk; 0 where a power cut may have come in between. What was
                changed later is read.
        """


class ObjectWriter(Outputs, Protocol):
    """The destination of objects. Picklable."""

    def write(self, name: str, chunks: Iterable[bytes | memoryview], source_id: str, *, instead_of: str | None = None) -> Written:
        """Write an object that becomes visible whole or not at all; the same content under that name is a success.

        Whatever ``chunks`` raises goes through, and nothing is left behind.

        Args:
            source_id: keyed hash of the source's name, for stores that keep it beside the object.
            instead_of: replace the object that has this version by now; None: replace nothing.

        Raises:
            ObjectConflictError: ``name`` exists with other content, and isn't to be replaced.
            DeidentificationError: it can't be written.
            TransientError: see there.
        """

    def flush(self) -> Future[None]:
        """Return a future that is done when no power cut can undo what this process wrote so far; nobody else waits for that.

        It raises StorageUnavailableError if that can't be had.
        """

    def open(self, name: str) -> AbstractContextManager[ByteStream]:
        """Open an output of which the beginning is to be read.

        Raises:
            OSError: it can't be read; reading may raise it, too.
            DeidentificationError, TransientError, StorageUnavailableError: as for ``Archive.open``.
        """

    def namesake(self, name: str) -> str | None:
        """Return the name of an output of the same study and instance: ``name`` itself if that is taken; None: there is none.

        Raises:
            DeidentificationError: nobody can tell.
            StorageUnavailableError: nothing can be read there.
        """

    def found(self, name: str) -> ExistingOutput | None:
        """Return the output of that name, all of it read; None where there is none.

        Raises:
            DeidentificationError: it can't be read.
            StorageUnavailableError: nothing can be read there.
        """


class TableTarget(Protocol):
    """The destination of tables. Picklable."""

    def create(self, name: str, content: bytes, *, durable: bool = True) -> None:
        """Write a file whole; one of that name is replaced. Its exceptions name no object.

        Args:
            durable: return when no power cut can undo it.
        """


class TableFolder(TableTarget, Protocol):
    """The destination of the audit's tables. Picklable."""

    def read(self, name: str) -> bytes:
        """Return a file's content.

        Raises:
            FileNotFoundError: there is none.
        """
