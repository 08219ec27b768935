"""The records of objects in storage: what is listed, read and written."""

from enum import Enum
from typing import NamedTuple


class Packing(Enum):
    """The way in which the bytes of a member lie in its container."""

    #: as they are, from ``offset`` on
    TAR = "tar"
    #: somewhere in the decompressed stream, from its byte ``offset`` on
    TAR_STREAM = "tar-stream"
    #: behind a local header at ``offset``, by the ZIP method of that name
    ZIP_STORED = "zip-stored"
    ZIP_DEFLATED = "zip-deflated"
    ZIP_BZIP2 = "zip-bzip2"
    ZIP_LZMA = "zip-lzma"


class Member(NamedTuple):
    """The place of an object in a zip or tar.

    Attributes:
        packing: a Packing's value; or, where the object can't be read, the value of the Reason why.
        offset: in bytes; what it counts from depends on ``packing``.
        stored_size: bytes that it takes there.
        crc32: CRC-32 of the object as the container has it, -1 where it has none.
        container_source: length in bytes of the container's ``listed_as``, with which the object's source name begins.
    """

    packing: str
    offset: int
    stored_size: int
    crc32: int = -1
    container_source: int = 0


class ObjectRef(NamedTuple):
    """A listed object.

    Attributes:
        name: where it is: a path or URI; for a member, its container's. Bytes, because file systems take any.
        source: its name relative to the input, with the input's ordinal before it from the second input on.
        size: in bytes, -1 where it isn't known yet.
        version: what changes when the content does: modification time, generation or entity tag; ``""`` where it isn't known yet.
            Of a member, its container's.
        member: the fields of a Member for an object in a zip or tar, else None.
        input: the ordinal of the input that lists it.
        earlier: the fields of an EarlierOutput, where it was written before, and isn't done with; else None.
        before: the reason (``""`` for none) and ``since`` of its row in the run that is gone on with; None where it has none.
        members: of a zip or tar, those of its members that are listed, by what follows ``!/`` in their source names; None: all.
    """

    name: bytes
    source: bytes
    size: int
    version: str
    member: tuple[str, int, int, int, int] | None = None
    input: int = 0
    earlier: tuple[str, int, str, bool, str, bool] | None = None
    before: tuple[str, str] | None = None
    members: tuple[bytes, ...] | None = None

    @property
    def listed_as(self) -> bytes:
        """The text for it in the audit: a container of which some members are listed is never taken for the whole one."""
        return self.source if self.members is None else self.source + b"!/"


class Written(NamedTuple):
    """An object in the output: size in bytes and CRC-32C."""

    size: int
    crc32c: int

    @property
    def crc32c_text(self) -> str:
        """The CRC-32C as tables have it: 8 hex digits."""
        return f"{self.crc32c:08x}"


class ExistingOutput(NamedTuple):
    """An object that lies in the output.

    Attributes:
        version: what changes when it is replaced.
    """

    written: Written
    version: str
