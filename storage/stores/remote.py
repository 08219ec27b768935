"""Common parts of stores over a network: ranges of headers, streams that a library pushes, small objects in one request."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from itertools import chain
from typing import Protocol, TypeVar

import google_crc32c

from anonymizer import DeidentificationError, Reason
from anonymizer.internals import joined

from ..errors import TransientError
from ..objects import Written
from ..retry import retry_transient
from ..store import HEADER_BYTES, WHOLE_BYTES, Entry, ObjectStore, OpenEntry, StorageError

#: objects up to this size are read and written by one request with all of it in memory; larger ones stream
SMALL = 8 << 20
#: of what is written; small files have their own
CONTENT_TYPE = "application/dicom"
#: of an upload in parts; one is kept in memory
PART = 16 << 20
#: parts that may be of one size: some stores want them so. Doubled each time, 10,000 parts hold 5 TiB
_PARTS_ALIKE = 1200
#: (entry, start, length) -> those bytes, fewer at the object's end only, and what is known of the object now
Fetch = Callable[[Entry, int, int], tuple[bytes, Entry]]

_PIECE = 1 << 20
_AHEAD = 4
#: what a header scan fetches after the first range wasn't enough
_EXTENSIONS = (1 << 20, 8 << 20)
_MAX_HEADER_RANGE = 1 << 20
#: headers that must have been seen before they count as usual
_ENOUGH = 20


T = TypeVar("T")


def until_whole(attempt: Callable[[], T]) -> T:
    """Return the result of ``attempt``, on a file of the job's own, tried anew while bytes go wrong on their way.

    Raises:
        StorageError: they still did the last time.
    """
    try:
        return retry_transient(attempt)
    except TransientError:
        raise StorageError("bytes go wrong on their way to and from the store, time and again") from None


@contextlib.contextmanager
def sending(errors: tuple[type[Exception], ...], is_corrupted: Callable[[Exception], bool]) -> Iterator[None]:
    """Run a block that sends bytes to a store; its library's errors go through.

    Args:
        errors: those of the library.
        is_corrupted: whether the store says by one that it saw other bytes.

    Raises:
        TransientError: it does.
    """
    try:
        yield
    except errors as error:
        if is_corrupted(error):
            raise TransientError from None
        raise


class _HeaderSizes:
    """The lengths of headers, measured as they are read: an archive of long ones soon needs one request for each again."""

    def __init__(self) -> None:
        self._recent: deque[int] = deque(maxlen=128)

    def add(self, size: int) -> None:
        self._recent.append(size)

    def first_range(self) -> int:
        """Return the number of bytes that hold nearly all headers seen lately."""
        sizes = sorted(self._recent)
        usual = sizes[len(sizes) * 95 // 100] if len(sizes) >= _ENOUGH else 0
        return min(max(HEADER_BYTES, -(-usual // HEADER_BYTES) * HEADER_BYTES), _MAX_HEADER_RANGE)


_SIZES = _HeaderSizes()


class RangeReader:
    """An object's beginning, or a part's: ranges of it, fetched when they are needed and not before."""

    def __init__(self, fetch: Fetch, entry: Entry, start: int, end: int | None) -> None:
        """
        Args:
            fetch: (entry, start, length) -> those bytes, fewer at the object's end only, and what is known of it now.
        """
        self._fetch = fetch
        self._start = self._position = start
        self._end = end
        self.entry = entry
        self._buffer = b""
        self._used = 0
        self._fetches = 0
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """Implement ``OpenEntry.read``."""
        if self._used == len(self._buffer) and not self._ended:
            self._fill(size)
        piece = self._buffer[self._used : self._used + size]
        self._used += len(piece)
        return piece

    def _fill(self, wanted: int) -> None:
        length = max(wanted, self._range_size())
        end = self.entry.size if self._end is None else self._end
        if end >= 0:
            length = min(length, end - self._position)
        self._buffer, self._used = b"", 0
        if length > 0:
            self._buffer, self.entry = self._fetch(self.entry, self._position, length)
            self._fetches += 1
            self._position += len(self._buffer)
        self._ended = len(self._buffer) < length or length <= 0

    def _range_size(self) -> int:
        if self._fetches == 0:
            left = (self.entry.size if self._end is None else self._end) - self._start
            return WHOLE_BYTES if 0 <= left <= WHOLE_BYTES else _SIZES.first_range()
        return _EXTENSIONS[min(self._fetches, len(_EXTENSIONS)) - 1]

    def close(self) -> None:
        """Close the reader, and remember how much was needed."""
        if self._fetches:
            _SIZES.add(self._position - len(self._buffer) + self._used - self._start)


class BytesReader:
    """An object that is in memory whole."""

    def __init__(self, content: bytes, entry: Entry) -> None:
        self._content = content
        self._at = 0
        self.entry = entry

    def read(self, size: int, /) -> bytes:
        """Implement ``OpenEntry.read``."""
        piece = self._content[self._at : self._at + size] if self._at or size < len(self._content) else self._content
        self._at += len(piece)
        return piece


class PiecesReader:
    """A large object or part where a library has no stream that can be stopped: one range after the other, a part's size each."""

    def __init__(
        self,
        fetch: Fetch,
        entry: Entry,
        start: int,
        end: int | None,
        finish: Callable[[Entry], object],
    ) -> None:
        """
        Args:
            fetch: as for RangeReader.
            finish: called when all was read.
        """
        self._fetch = fetch
        self._position = start
        self._end = end
        self._finish = finish
        self.entry = entry
        self._piece = memoryview(b"")
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """Implement ``OpenEntry.read``."""
        if not self._piece and not self._ended:
            self._piece = memoryview(self._next())
        piece, self._piece = bytes(self._piece[:size]), self._piece[size:]
        return piece

    def _next(self) -> bytes:
        known = [last for last in (self._end, self.entry.size) if last is not None and last >= 0]
        length = min([PART, *(last - self._position for last in known)])
        content = b""
        if length > 0:
            content, self.entry = self._fetch(self.entry, self._position, length)
            self._position += len(content)
        if not content:
            self._ended = True
            self._finish(self.entry)
        return content


class _Stopped(Exception):
    """The end of a stream that nobody reads on."""


class PushedStream:
    """Bytes that a library writes to a file of its own choosing, read as a stream; a few pieces ahead, never the whole."""

    def __init__(self, push: Callable[[PushedStream], Entry], entry: Entry) -> None:
        """
        Args:
            push: writes all bytes to its argument, checks them, and says what is known of the object then.
        """
        self._push = push
        self.entry = entry
        self._pieces: queue.Queue[bytes | BaseException | None] = queue.Queue(_AHEAD)
        self._gathered = bytearray()
        self._piece = memoryview(b"")
        self._stopped = False
        self._ended = False
        # whether its operations are counted is up to the reader
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), daemon=True)
        self._thread.start()

    # -- the library's side ------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> int:
        """Take bytes from the library."""
        self._gathered += data
        if len(self._gathered) >= _PIECE:
            self._hand_over()
        return len(data)

    def _hand_over(self) -> None:
        piece, self._gathered = bytes(self._gathered), bytearray()
        self._pieces.put(piece)
        if self._stopped:
            raise _Stopped

    def _run(self) -> None:
        try:
            self.entry = self._push(self)
            if self._gathered:
                self._hand_over()
        except _Stopped:
            return
        except BaseException as error:
            self._pieces.put(error)
        else:
            self._pieces.put(None)

    # -- the reader's side -------------------------------------------------------------------------------------------

    def read(self, size: int, /) -> bytes:
        """Implement ``OpenEntry.read``."""
        if not self._piece and not self._ended:
            found = self._pieces.get()
            if isinstance(found, bytes):
                self._piece = memoryview(found)
            else:
                self._ended = True
                if found is not None:
                    raise found
        piece, self._piece = bytes(self._piece[:size]), self._piece[size:]
        return piece

    def close(self) -> None:
        """End the library's work, wherever it is."""
        self._stopped = True
        while self._thread.is_alive():
            # it may be waiting for room
            try:
                self._pieces.get(timeout=0.01)
            except queue.Empty:
                self._thread.join(0.05)


class _Closable(OpenEntry, Protocol):
    def close(self) -> None: ...


@contextlib.contextmanager
def opened(
    entry: Entry, start: int, end: int | None, *, header: bool, fetch: Fetch, stream: Callable[[], _Closable]
) -> Iterator[OpenEntry]:
    """Open an object's reader for ``ObjectStore.open``: by ranges for headers, whole where it is small, else as a stream.

    Args:
        fetch: as for RangeReader.
        stream: opens the stream.
    """
    last = entry.size if end is None else end
    if not header and 0 <= last - start <= SMALL:
        yield BytesReader(*retry_transient(lambda: fetch(entry, start, last - start)))
        return
    reader = RangeReader(fetch, entry, start, end) if header else stream()
    try:
        yield reader
    finally:
        reader.close()


def holds(store: ObjectStore, uri: str, content: bytes) -> bool:
    """Return whether that very content is there."""
    try:
        return store.get(uri)[0] == content
    except FileNotFoundError:
        return False


def crc32c_of(store: ObjectStore, entry: Entry) -> int:
    """Return an object's checksum, where the store keeps none."""
    crc = 0
    with store.open(entry) as stream:
        while piece := stream.read(SMALL):
            crc = google_crc32c.extend(crc, piece)
    return crc


def head_of(chunks: Iterable[bytes | memoryview], limit: int = SMALL) -> tuple[bytes, Iterator[bytes] | None]:
    """Return the content of ``chunks`` if it has at most ``limit`` bytes; else its beginning, and the rest by 1 MiB and less."""
    pieces = joined(chunks)
    head: list[bytes] = []
    size = 0
    for piece in pieces:
        if size + len(piece) > limit:
            return b"".join(head), chain((piece,), pieces)
        head.append(piece)
        size += len(piece)
    return (head[0] if len(head) == 1 else b"".join(head)), None


def parts_of(size: int) -> int:
    """Return the number of parts in which an object of that size is uploaded; 0: by one request, not in parts."""
    number, left = 0, size if size > SMALL else 0
    while left > 0:
        left -= PART << number // _PARTS_ALIKE
        number += 1
    return number


class Parts:
    """Chunks in parts of an upload, and the size and checksum of those that were taken."""

    def __init__(self, head: bytes, rest: Iterator[bytes]) -> None:
        self._head = head
        self._rest = rest
        self.written = Written(0, 0)

    def __iter__(self) -> Iterator[bytes]:
        gathered, size, number = [self._head], len(self._head), 0
        for piece in self._rest:
            gathered.append(piece)
            size += len(piece)
            room = PART << number // _PARTS_ALIKE
            if size >= room:
                content = b"".join(gathered)
                gathered, size, number = [content[room:]], size - room, number + 1
                yield self._taken(content[:room])
        if size:
            yield self._taken(b"".join(gathered))

    def _taken(self, part: bytes) -> bytes:
        self.written = Written(self.written.size + len(part), google_crc32c.extend(self.written.crc32c, part))
        return part


def unreadable() -> DeidentificationError:
    """Return the error where the store doesn't give the object out."""
    return DeidentificationError(Reason.UNREADABLE)


def unwritable() -> DeidentificationError:
    """Return the error where the store doesn't take the object."""
    return DeidentificationError(Reason.OUTPUT_UNWRITABLE)


def content_type(uri: str) -> str:
    """Return the content type of a small file of the audit."""
    return "application/json" if uri.endswith(".json") else "application/vnd.apache.parquet"
