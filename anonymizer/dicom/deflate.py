"""Deflated data sets (PS3.5 A.5), inflated and deflated on the way so that memory does not grow with them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from ..errors import DeidentificationError
from ..reasons import Reason

_RAW = -zlib.MAX_WBITS
_CHUNK = 1 << 20


class ByteStream(Protocol):
    """Anything with ``read``: an open file, a member of an archive, an object in storage."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; ``b""`` at the end."""


class InflatingStream:
    """A reader of the inflated bytes of a deflated data set.

    Attributes:
        taken: deflated bytes that were read for them.
    """

    def __init__(self, stream: ByteStream, head: bytes) -> None:
        """
        Args:
            head: bytes of the deflated data that were already read from ``stream``.
        """
        self._stream = stream
        self._pending = head
        self.taken = len(head)
        self._inflate = zlib.decompressobj(_RAW)

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` inflated bytes.

        Raises:
            DeidentificationError: no deflated data, or it ends too early.
        """
        while not self._inflate.eof:
            pending = self._pending
            if not pending:
                pending = self._stream.read(_CHUNK)
                self.taken += len(pending)
            try:
                # without input, too: zlib may hold output back that the last call had no room for
                inflated = self._inflate.decompress(pending, size)
            except zlib.error:
                raise DeidentificationError(Reason.INVALID_DEFLATE) from None
            self._pending = self._inflate.unconsumed_tail
            if inflated:
                return inflated
            if not pending:
                raise DeidentificationError(Reason.TRUNCATED)
        return b""


def deflate(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """Yield the pieces of a data set, deflated, padded to an even length."""
    compressor = zlib.compressobj(wbits=_RAW)
    length = 0
    for piece in pieces:
        deflated = compressor.compress(piece)
        length += len(deflated)
        if deflated:
            yield deflated
    rest = compressor.flush()
    yield rest + b"\0" * ((length + len(rest)) % 2)
