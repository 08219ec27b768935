"""The object that is being read: its bytes in their order, and those that pass without a look."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from ..errors import DeidentificationError
from ..files.pieces import WORTH_A_CALL, FileRange, PieceBatch
from ..reasons import Reason
from .deflate import ByteStream, InflatingStream
from .encoding import ITEM, SEQUENCE_END, UNDEFINED, Encoding
from .tags import PIXEL_DATA

#: what is read at once of bytes that only pass
_CHUNK = 1 << 20
#: bytes of a deflated data set that may be held whatever it takes up, and beyond that for each byte that it takes up
_INFLATED, _INFLATED_RATIO = 16 << 20, 100
#: what is shown of a fragment at first: its headers, mostly; and at most
_HEAD, _MOST_SHOWN = 1 << 10, 16 << 20
#: from so many bytes on a value passes as a range of its file
_RANGE = WORTH_A_CALL


class ObjectReader:
    """A reader of an object, once, from its beginning to its end.

    Attributes:
        bytes_read: bytes read so far, of a deflated data set the inflated ones.
    """

    def __init__(self, stream: ByteStream, handle: int | None = None) -> None:
        """
        Args:
            handle: descriptor of the file that ``stream`` reads without a buffer of its own, if long values may pass as ranges of
                it.
        """
        self._stream = stream
        self._handle = handle
        self._inflating: InflatingStream | None = None
        self.bytes_read = 0

    @property
    def passes_ranges(self) -> bool:
        """Return whether long values pass unread."""
        return self._handle is not None

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes, fewer only at the end.

        Raises:
            DeidentificationError: the source can't be read on; an OSError would be taken for one of whoever writes.
        """
        try:
            found = self._stream.read(size) if size > 0 else b""
            if found and len(found) < size:
                parts = [found]
                missing = size - len(found)
                while missing > 0 and (part := self._stream.read(missing)):
                    parts.append(part)
                    missing -= len(part)
                found = b"".join(parts)
        except OSError:
            raise DeidentificationError(Reason.UNREADABLE) from None
        self.bytes_read += len(found)
        return found

    def inflate(self, head: bytes) -> None:
        """Inflate from here on: the bytes so far were the shell of a deflated data set, which begins with ``head``."""
        self._stream = self._inflating = InflatingStream(self._stream, head)
        self._handle = None

    def most(self, size: int) -> int:
        """Return the number of bytes that may be held in memory, ``size`` at most: a deflated object may be a bomb."""
        if self._inflating is None:
            return size
        return min(size, max(_INFLATED, _INFLATED_RATIO * self._inflating.taken))

    def copy(self, length: int, tag: int) -> Iterator[bytes]:
        """Yield the next ``length`` bytes, which belong to the value of ``tag``.

        Raises:
            DeidentificationError: the object ends before.
        """
        while length > 0:
            chunk = self.read(min(length, _CHUNK))
            if not chunk:
                raise DeidentificationError(Reason.TRUNCATED, tag)
            length -= len(chunk)
            yield chunk

    def copy_through(self, length: int, tag: int) -> Iterator[PieceBatch]:
        """Yield as ``copy`` does, for bytes that nobody looks at."""
        if self._handle is not None and length >= _RANGE:
            passed = FileRange(self._handle, length)
            yield passed
            if passed.copied < length:
                raise DeidentificationError(Reason.TRUNCATED, tag)
        else:
            for chunk in self.copy(length, tag):
                yield [chunk]

    def fragments(
        self, buffer: bytes, encoding: Encoding, inspect: Callable[[bytes, bool], bool] | None = None
    ) -> Generator[PieceBatch, None, bytes]:
        """Yield encapsulated pixel data up to its delimiter, untouched (PS3.5 A.4); return the bytes that were read behind it.

        Args:
            buffer: what was read of it already.
            inspect: gets the beginning of each fragment, the offset table first, and whether it is all of it; then a longer one
                until it returns True: it has seen enough.

        Raises:
            DeidentificationError: what is there are no fragments, or they don't end.
        """
        item = encoding.item
        position = 0
        # of a file only the items' headers are read, and short fragments with them
        ahead = _RANGE if self.passes_ranges else _CHUNK
        while True:
            if len(buffer) - position < item.size:
                if position:
                    yield [buffer[:position]]
                buffer, position = buffer[position:] + self.read(ahead), 0
                if len(buffer) < item.size:
                    raise DeidentificationError(Reason.TRUNCATED, PIXEL_DATA)
            group, element, length = item.unpack_from(buffer, position)
            tag = group << 16 | element
            end = position + item.size
            if tag == SEQUENCE_END and length == 0:
                yield [buffer[:end]]
                return buffer[end:]
            if tag != ITEM or length == UNDEFINED:
                raise DeidentificationError(Reason.INVALID_FRAGMENTS, PIXEL_DATA)
            if inspect is not None:
                buffer = self._shown(buffer, end, length, inspect)
            position = end + length
            if position > len(buffer):
                # the fragment goes on behind the buffer: pass on what is here and stream the rest
                yield [buffer]
                yield from self.copy_through(position - len(buffer), PIXEL_DATA)
                buffer, position = b"", 0
            elif position > _CHUNK:
                yield [buffer[:position]]
                buffer, position = buffer[position:], 0

    def _shown(self, buffer: bytes, start: int, length: int, inspect: Callable[[bytes, bool], bool]) -> bytes:
        """Show the beginning of the fragment at ``start`` of ``buffer``; return ``buffer`` with the bytes read for that.

        Raises:
            DeidentificationError: it begins with more than anybody should have to look at.
        """
        if len(buffer) - start < min(length, _HEAD):
            buffer += self.read(min(length, _HEAD) - (len(buffer) - start))
        while not inspect(buffer[start : start + length], len(buffer) - start >= length):
            shown = len(buffer) - start
            if shown >= length:
                break
            if shown >= _MOST_SHOWN:
                raise DeidentificationError(Reason.INVALID_FRAGMENTS, PIXEL_DATA)
            buffer += self.read(min(length - shown, _CHUNK))
        return buffer
