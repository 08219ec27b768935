"""A member that is being read."""

from __future__ import annotations

import zlib
from typing import Protocol

from anonymizer.internals import ByteStream

from ..objects import ObjectRef
from ..store import Entry
from .forward import broken


class HasEntry(Protocol):
    """An object that knows the container as it is read."""

    @property
    def entry(self) -> Entry: ...


class OpenMember:
    """A reader of a member's bytes: as many as the container says that it has, the last of them only if the checksum holds."""

    def __init__(self, ref: ObjectRef, stream: ByteStream, container: HasEntry, crc32: int = -1) -> None:
        """
        Args:
            stream: ends behind the member, or where it goes wrong.
            crc32: -1 where there is none.
        """
        self._ref = ref
        self._stream = stream
        self._container = container
        self._expected = crc32
        self._crc = 0
        self._left = ref.size
        self._checked = False

    @property
    def ref(self) -> ObjectRef:
        """Implement ``OpenObject.ref``."""
        return self._ref._replace(version=self._ref.version or self._container.entry.version)

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; ``b""`` at the end.

        Raises:
            DeidentificationError: it isn't what the container says.
            OSError, TransientError: the container can't be read.
        """
        if size <= 0 or self._checked:
            return b""
        piece = b""
        if self._left:
            piece = self._stream.read(min(size, self._left))
            if not piece:
                raise broken()
            self._left -= len(piece)
            if self._expected >= 0:
                self._crc = zlib.crc32(piece, self._crc)
        if not self._left:
            if self._stream.read(1) or self._expected not in (-1, self._crc):
                raise broken()
            self._checked = True
        return piece
