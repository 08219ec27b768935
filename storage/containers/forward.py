"""Bytes that are read once, from the first to the last."""

from __future__ import annotations

import contextlib

from anonymizer import DeidentificationError, Reason
from anonymizer.internals import ByteStream

from ..store import Entry, OpenEntry
from .seekable import OpenRange

_CHUNK = 256 << 10
#: to leave out so much is worth a request of its own
_WORTH_A_REQUEST = 8 << 20


def broken() -> DeidentificationError:
    """Return the error for a container that isn't what it should be."""
    return DeidentificationError(Reason.INVALID_CONTAINER)


class ForwardStream:
    """A stream that knows where it is.

    Attributes:
        position: of the next byte that ``read`` gives.
    """

    def __init__(self) -> None:
        self.position = 0

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; ``b""`` at the end."""
        raise NotImplementedError

    def take_at_most(self, count: int) -> bytes:
        """Return the next ``count`` bytes; fewer at the end only."""
        pieces = []
        while count and (piece := self.read(count)):
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes.

        Raises:
            DeidentificationError: it ends before.
        """
        taken = self.take_at_most(count)
        if len(taken) < count:
            raise broken()
        return taken

    def skip(self, count: int) -> None:
        """Leave the next ``count`` bytes out.

        Raises:
            DeidentificationError: it ends before.
        """
        while count > 0:
            piece = self.read(min(count, _CHUNK))
            if not piece:
                raise broken()
            count -= len(piece)


class RangeStream(ForwardStream):
    """An object in storage from its beginning. Where much of it is left out, it is opened anew behind that."""

    def __init__(self, open_range: OpenRange, size: int = -1) -> None:
        """
        Args:
            size: of the object, -1 where it isn't known.
        """
        super().__init__()
        self._open_range = open_range
        self._size = size
        self._stack = contextlib.ExitStack()
        self._ahead = b""
        self._stream: OpenEntry = self._stack.enter_context(open_range(0, None))

    def __enter__(self) -> RangeStream:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the object."""
        self._stack.close()

    @property
    def entry(self) -> Entry:
        """The object, as far as it is known by now."""
        return self._stream.entry

    @property
    def size(self) -> int:
        """The object's size in bytes, -1 where it isn't known yet."""
        return self._size if self._size >= 0 else self.entry.size

    def peek(self, count: int) -> bytes:
        """Return the next ``count`` bytes, fewer at the end only; they are still to be read."""
        position = self.position
        self._ahead = self.take_at_most(count)
        self.position = position
        return self._ahead

    def read(self, size: int, /) -> bytes:
        if self._ahead:
            piece, self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            piece = self._stream.read(size)
        self.position += len(piece)
        return piece

    def skip(self, count: int) -> None:
        target = self.position + count
        if 0 <= self.size < target:
            raise broken()
        if count < _WORTH_A_REQUEST or self.size < 0:
            super().skip(count)
        elif target == self.size:
            # an empty range is no range, so the last byte is read
            self._open_at(target - 1)
            super().skip(1)
        else:
            self._open_at(target)

    def rewind(self) -> None:
        """Go back to the beginning."""
        if self.position:
            self._open_at(0)

    def _open_at(self, position: int) -> None:
        version = self.entry.version
        self._ahead = b""
        self._stack.close()
        self._stream = self._stack.enter_context(self._open_range(position, None))
        self.position = position
        if version and self.entry.version not in ("", version):
            raise DeidentificationError(Reason.CHANGED_DURING_RUN)


class Bounded:
    """The next bytes of a stream, so many and no more."""

    def __init__(self, stream: ByteStream, count: int) -> None:
        self._stream = stream
        self._left = count

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; ``b""`` at the end."""
        if not self._left:
            return b""
        piece = self._stream.read(min(size, self._left))
        self._left -= len(piece)
        return piece
