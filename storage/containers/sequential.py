"""Members of compressed tars, which can only be reached through all that lies before them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from anonymizer.internals import ByteStream

from ..objects import Member, ObjectRef
from ..protocols import OpenObject
from .decoding import MAGIC, DecodedStream, compression_of
from .forward import Bounded, RangeStream, broken
from .opened import OpenMember
from .seekable import OpenRange


class SequentialTars:
    """The tar that was read last, kept open where it is, so that members in their order cost one pass. For one thread."""

    def __init__(self) -> None:
        self._container: tuple[bytes, str] | None = None
        self._raw: RangeStream | None = None
        self._decoded: DecodedStream | None = None
        self._reader: _Reader | None = None

    @contextlib.contextmanager
    def open(self, ref: ObjectRef, open_range: OpenRange) -> Iterator[OpenObject]:
        """Open a member's bytes, until the next is opened.

        Raises:
            OSError, TransientError: the container can't be read.
            DeidentificationError: it can't be read, or isn't what was listed.
        """
        assert ref.member is not None
        member = Member(*ref.member)
        try:
            raw, decoded = self._at(ref, member.offset, open_range)
            decoded.skip(member.offset - decoded.position)
        except BaseException:
            self.close()
            raise
        reader = self._reader = _Reader(self, decoded)
        try:
            yield OpenMember(ref, Bounded(reader, ref.size), raw, member.crc32)
        finally:
            if self._reader is reader:
                self._reader = None

    def _at(self, ref: ObjectRef, offset: int, open_range: OpenRange) -> tuple[RangeStream, DecodedStream]:
        """Return the tar of ``ref``, not beyond ``offset``."""
        container = (ref.name, ref.version)
        if self._raw is None or self._decoded is None or self._container != container or self._decoded.position > offset:
            self.close()
            # from here on close() lets go of it, whatever happens
            self._raw = RangeStream(open_range)
            compression = compression_of(self._raw.peek(MAGIC))
            if compression is None:
                raise broken()
            self._decoded = DecodedStream(self._raw, compression.decoder(), compression)
            self._container = container
        return self._raw, self._decoded

    def is_reading(self, reader: ByteStream) -> bool:
        """Return whether ``reader`` is the one that reads now."""
        return self._reader is reader

    def close(self) -> None:
        """Let go of the tar."""
        raw, self._raw = self._raw, None
        self._container = self._decoded = self._reader = None
        if raw is not None:
            raw.close()


class _Reader:
    """A reader of the tar, as long as nobody else reads it. After a fault the tar is closed, as its position isn't known."""

    def __init__(self, tars: SequentialTars, decoded: DecodedStream) -> None:
        self._tars = tars
        self._decoded = decoded

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; ``b""`` at the end."""
        if not self._tars.is_reading(self):
            raise ValueError("reading from a member that isn't open any more")
        try:
            return self._decoded.read(size)
        except BaseException:
            self._tars.close()
            raise
