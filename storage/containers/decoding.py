"""Compressed bytes, decoded on the way in bounded memory."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from anonymizer import DeidentificationError, Reason
from anonymizer.internals import ByteStream

from .forward import ForwardStream, broken
from .limits import MAX_WINDOW

#: compressed bytes are asked for in chunks that grow, as a header may be all that is wanted ...
_CHUNK, _MAX_CHUNK = 64 << 10, 1 << 20
#: ... and go to the decoder in pieces: zlib hands the rest of a piece back as a copy each time
_PIECE = 64 << 10
_PROPERTIES = 5


class Decoder(Protocol):
    """One compressed stream: the interface of ``bz2`` and ``lzma``."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes: ...


class _Zlib:
    """zlib with that interface."""

    def __init__(self, wbits: int) -> None:
        self._inflate = zlib.decompressobj(wbits)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        # without input left, too, zlib may hold output back that the last call had no room for
        return not self._inflate.unconsumed_tail and not self._full

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        piece = self._inflate.decompress(self._inflate.unconsumed_tail or data, max_length)
        self._full = len(piece) == max_length
        return piece


class _ZipLzma:
    """LZMA as zips have it: behind a version, the size of the properties and these (APPNOTE 5.8.8)."""

    eof = False
    unused_data = b""

    def __init__(self, size: int) -> None:
        self._size = size
        self._head = b""
        self._lzma: lzma.LZMADecompressor | None = None

    @property
    def needs_input(self) -> bool:
        return self._lzma is None or self._lzma.needs_input

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        if self._lzma is None:
            self._head += data
            if len(self._head) < 4 + _PROPERTIES:
                return b""
            self._lzma = self._start()
            data = self._head[4 + _PROPERTIES :]
        if self._lzma.eof:
            return b""
        piece = self._lzma.decompress(data, max_length)
        self.eof = self._lzma.eof
        return piece

    def _start(self) -> lzma.LZMADecompressor:
        if self._head[2:4] != b"\x05\x00":
            raise broken()
        rest, lc = divmod(self._head[4], 9)
        pb, lp = divmod(rest, 5)
        # nothing lies further back than the beginning
        window = min(int.from_bytes(self._head[5:9], "little"), max(self._size, 4096))
        if window > MAX_WINDOW:
            raise DeidentificationError(Reason.CONTAINER_LIMIT)
        filters = [{"id": lzma.FILTER_LZMA1, "dict_size": window, "lc": lc, "lp": lp, "pb": pb}]
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)


def deflate_decoder() -> Decoder:
    """Return a decoder for deflated members of zips."""
    return _Zlib(-zlib.MAX_WBITS)


def bzip2_decoder() -> Decoder:
    """Return a decoder for members of zips, and for tars."""
    return bz2.BZ2Decompressor()


def lzma_decoder(size: int) -> Decoder:
    """Return a decoder for members of zips.

    Args:
        size: what it decodes to, in bytes.
    """
    return _ZipLzma(size)


def _gzip_decoder() -> Decoder:
    # with the header and the trailer, which zlib checks
    return _Zlib(zlib.MAX_WBITS | 16)


def _xz_decoder() -> Decoder:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_WINDOW + (1 << 20))


class Compression(Enum):
    """The compression of a tar; the value is the beginning of such a file."""

    GZIP = b"\x1f\x8b\x08"
    BZIP2 = b"BZh"
    XZ = b"\xfd7zXZ\x00"

    def decoder(self) -> Decoder:
        """Return a decoder for one stream, of which the file may hold several."""
        return _DECODERS[self]()


_DECODERS: dict[Compression, Callable[[], Decoder]] = {
    Compression.GZIP: _gzip_decoder,
    Compression.BZIP2: bzip2_decoder,
    Compression.XZ: _xz_decoder,
}
#: bytes that tell a compression
MAGIC = 6


def compression_of(head: bytes) -> Compression | None:
    """Return the compression of a file that begins so, whatever its name says: browsers and stores unpack, and leave the name."""
    return next((each for each in Compression if head.startswith(each.value)), None)


class DecodedStream(ForwardStream):
    """The decoded bytes of a compressed stream.

    Attributes:
        complete: the end was read, and it was where it should be.
    """

    def __init__(
        self,
        source: ByteStream,
        decoder: Decoder,
        following: Compression | None = None,
        limit: Callable[[], int] | None = None,
    ) -> None:
        """
        Args:
            following: streams of that kind that follow belong to it; other bytes behind the end never do.
            limit: bytes that it may decode to.
        """
        super().__init__()
        self.complete = False
        self._source = source
        self._decoder = decoder
        self._following = following
        self._limit = limit
        self._ended = False
        self._chunk_size = _CHUNK
        self._pending = memoryview(b"")
        self._pushed_back = b""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` decoded bytes; ``b""`` at the end, wherever it is.

        Raises:
            DeidentificationError: it can't be decoded, or to too much.
        """
        while size > 0 and not self._ended:
            needed = self._decoder.needs_input
            data = self._pull() if needed else b""
            piece = self._decode(data, size)
            if self._decoder.eof:
                self._go_on()
            elif needed and not data and not piece:
                self._ended = True
            if piece:
                self.position += len(piece)
                if self._limit is not None and self.position > self._limit():
                    raise DeidentificationError(Reason.CONTAINER_LIMIT)
                return piece
        return b""

    def _decode(self, data: bytes | memoryview, size: int) -> bytes:
        try:
            return self._decoder.decompress(data, size)
        except lzma.LZMAError as error:
            if "limit" in str(error):
                raise DeidentificationError(Reason.CONTAINER_LIMIT) from None
            raise broken() from None
        except (zlib.error, OSError, EOFError, ValueError):
            raise broken() from None

    def _pull(self) -> bytes | memoryview:
        if self._pushed_back:
            rest, self._pushed_back = self._pushed_back, b""
            return rest
        if not self._pending:
            self._pending = memoryview(self._source.read(self._chunk_size))
            self._chunk_size = min(2 * self._chunk_size, _MAX_CHUNK)
        piece, self._pending = self._pending[:_PIECE], self._pending[_PIECE:]
        return piece

    def _go_on(self) -> None:
        """Begin the next stream behind one that ended, if there is one."""
        rest = self._decoder.unused_data
        if self._following is not None:
            # they may be padded with zeros
            rest = rest.lstrip(b"\0")
            while len(rest) < MAGIC and (more := self._pull()):
                rest = (rest + more).lstrip(b"\0")
            if rest.startswith(self._following.value):
                self._decoder = self._following.decoder()
                self._pushed_back = rest
                return
        self._ended = self.complete = True
