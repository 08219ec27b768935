"""An object in storage as a file to seek in, for formats that are read from their end."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from anonymizer import DeidentificationError, Reason

from ..store import OpenEntry

#: opens the bytes [start, end) of a container as one stream; end None: all
OpenRange = Callable[[int, int | None], AbstractContextManager[OpenEntry]]

#: fetched at once from the end: the central directories of most zips, and most Parquet footers, are in it
_TAIL = 256 << 10
#: fetched at once elsewhere; who reads on gets twice as much each time
_STEP, _MAX_STEP = 256 << 10, 8 << 20


class SeekableEntry(io.RawIOBase):
    """A file that reads ranges as they are needed, few and large."""

    def __init__(self, open_range: OpenRange, size: int = -1) -> None:
        """
        Args:
            size: of the object; where it isn't known (-1), a first range tells.

        Raises:
            OSError: it can't be read, or its size isn't to be found out.
        """
        super().__init__()
        self._open_range = open_range
        self._position = 0
        #: of the object, as it was read first; ``""`` while that isn't known
        self.version = ""
        self.size = size if size >= 0 else self._find_size()
        self._tail_start = max(0, self.size - _TAIL)
        self._tail = b""
        self._block_start, self._block = 0, b""
        self._step = _STEP

    def _find_size(self) -> int:
        with self._open_range(0, 1) as stream:
            stream.read(1)
            self._check_version(stream)
            if stream.entry.size < 0:
                raise OSError("an object without a known size")
            return stream.entry.size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise OSError(22, "a position before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as far as the fetched bytes go.

        Raises:
            OSError: it can't be read.
            DeidentificationError: it can't be read, or changed.
            TransientError: see there.
        """
        view = memoryview(buffer).cast("B")
        start, block = self._block_at(self._position, len(view))
        offset = self._position - start
        piece = block[offset : offset + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def bytes_at(self, start: int, end: int) -> bytes:
        """Return exactly the bytes [start, end), which must lie in the object."""
        self._position = start
        pieces = []
        while self._position < end:
            block_start, block = self._block_at(self._position, end - self._position)
            piece = block[self._position - block_start : end - block_start]
            pieces.append(piece)
            self._position += len(piece)
        return b"".join(pieces)

    def _block_at(self, position: int, wanted: int) -> tuple[int, bytes]:
        """Return fetched bytes that go beyond ``position``, and their offset; none at the end."""
        if position >= self.size or not wanted:
            return position, b""
        if position >= self._tail_start:
            self._tail = self._tail or self._fetch(self._tail_start, self.size)
            return self._tail_start, self._tail
        block_end = self._block_start + len(self._block)
        if not self._block_start <= position < block_end:
            self._step = min(2 * self._step, _MAX_STEP) if self._block and position == block_end else _STEP
            end = min(position + max(self._step, min(wanted, _MAX_STEP)), self._tail_start)
            # what comes is much: the old block must not stay beside it
            self._block = b""
            self._block_start, self._block = position, self._fetch(position, end)
        return self._block_start, self._block

    def _fetch(self, start: int, end: int) -> bytes:
        pieces, left = [], end - start
        with self._open_range(start, end) as stream:
            while left and (piece := stream.read(left)):
                pieces.append(piece)
                left -= len(piece)
            self._check_version(stream)
        if left:
            # the size was taken from a listing
            raise DeidentificationError(Reason.CHANGED_DURING_RUN)
        return b"".join(pieces)

    def _check_version(self, stream: OpenEntry) -> None:
        version = stream.entry.version
        if self.version and version and version != self.version:
            raise DeidentificationError(Reason.CHANGED_DURING_RUN)
        self.version = version or self.version
