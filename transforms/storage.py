"""What the steps need of storage; ``pipeline`` brings the implementations."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from anonymizer import ByteStream

from .records import ObjectRef, Written


class ObjectConflictError(Exception):
    """An object of that name exists with other content. It was left as it is."""


class Archive(Protocol):
    """Where objects come from. Picklable."""

    def list(self, location: tuple[int, str]) -> Iterator[ObjectRef]:
        """The objects below an input: its ordinal and what the user named."""

    def open(self, ref: ObjectRef) -> AbstractContextManager[ByteStream]:
        """The object's bytes.

        Raises:
            OSError: it can't be read.
            DeidentificationError: it is not what was listed any more.
        """


class ObjectWriter(Protocol):
    """Where objects go. Picklable."""

    def write(self, name: str, chunks: Iterable[bytes | memoryview]) -> Written:
        """Write an object that becomes visible whole or not at all; the same content under that name is a success.

        Whatever ``chunks`` raises goes through, and nothing is left behind.

        Raises:
            ObjectConflictError: ``name`` exists with other content.
            DeidentificationError: it can't be written.
        """


class ProgressListener(Protocol):
    """Who wants to know how far a local run is. Picklable."""

    def add(self, stage: str, count: int) -> None:
        """``count`` more objects were ``listed``, ``scanned`` or ``finished``."""
