"""An object's bytes on their way from S3, compared with its checksum and size."""

from __future__ import annotations

import base64
import hashlib
import re
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import google_crc32c

from anonymizer import DeidentificationError, Reason

from ..errors import TransientError
from ..store import COUNTS, Entry
from .remote import unreadable
from .s3_client import ERRORS, PAUSES

_PIECE = 1 << 20
_MD5 = re.compile("[0-9a-f]{32}")


class Integrity:
    """A checksum of an object's bytes, to compare with that of the answer that brought the first of them."""

    def __init__(self, answer: Any) -> None:
        self._crc = 0
        self._md5: Any = None
        self._update: Callable[[bytes], None] | None = None
        self._expected = ""
        etag = str(answer.get("ETag", "")).strip('"')
        # one with a "-" is made of checksums of the parts that the object was uploaded in
        if "-" not in (expected := answer.get("ChecksumCRC32C") or "-"):
            self._update = self._add_crc32c
        elif "-" not in (expected := answer.get("ChecksumCRC32") or "-"):
            self._update = self._add_crc32
        elif _MD5.fullmatch(etag) and answer.get("ServerSideEncryption") in (None, "AES256"):
            # encrypted with keys of the user's, the tag is something else
            self._md5 = hashlib.md5(usedforsecurity=False)
            self._update, expected = self._md5.update, base64.b64encode(bytes.fromhex(etag)).decode()
        self._expected = expected

    def _add_crc32c(self, data: bytes) -> None:
        self._crc = google_crc32c.extend(self._crc, data)

    def _add_crc32(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._update is not None:
            self._update(data)

    def check(self) -> None:
        """
        Raises:
            TransientError: not what the store holds.
        """
        digest = self._md5.digest() if self._md5 is not None else self._crc.to_bytes(4, "big")
        if self._update is not None and base64.b64encode(digest).decode() != self._expected:
            raise TransientError


def crc32c_text(crc: int) -> str:
    """Return a checksum as S3 writes it."""
    return base64.b64encode(crc.to_bytes(4, "big")).decode()


def as_answered(entry: Entry, answer: Any) -> Entry:
    """Return the object as an answer that brought bytes of it describes it.

    Raises:
        DeidentificationError: it has another size than it had when it was listed.
        TransientError: another size under the same version.
    """
    total = str(answer.get("ContentRange") or "").rpartition("/")[2] or str(answer.get("ContentLength", ""))
    size = int(total) if total.isdigit() else -1
    if -1 not in (size, entry.size) and size != entry.size:
        if entry.version:
            raise TransientError
        raise DeidentificationError(Reason.CHANGED_DURING_RUN)
    return Entry(entry.uri, max(size, entry.size), entry.version or str(answer.get("ETag", "")).strip('"'))


def content_of(entry: Entry, answer: Any, start: int, length: int) -> tuple[bytes, Entry]:
    """Return the bytes of an answer, all that were asked for; the library's errors go through."""
    body = answer["Body"]
    try:
        now = as_answered(entry, answer)
        expected = min(length, now.size - start) if now.size >= 0 else length
        if answer.get("ContentLength", expected) != expected:
            raise TransientError
        content: bytes = body.read()
    except BaseException:
        body.close()
        raise
    if len(content) != expected:
        raise TransientError
    return content, now


def check(answer: Any, content: bytes) -> None:
    """
    Raises:
        TransientError: not what the store holds.
    """
    integrity = Integrity(answer)
    integrity.add(content)
    integrity.check()


def has_arrived(answer: Any, content: bytes, checksum: str) -> bool:
    """Return whether a store's answer is about the same bytes as were sent.

    S3 refuses what doesn't fit the checksum that came with it. Stores that only speak its API may not know it: there the entity
    tag tells, which is the content's MD5 unless a customer-managed key is in use.
    """
    if answer.get("ChecksumCRC32C", checksum) != checksum:
        return False
    tag = str(answer.get("ETag", "")).strip('"')
    if not _MD5.fullmatch(tag) or answer.get("ServerSideEncryption") not in (None, "AES256"):
        return True
    return hashlib.md5(content, usedforsecurity=False).hexdigest() == tag


class S3Stream:
    """A large object or part. No more of it is in memory than a piece, and a connection that is lost costs no byte twice."""

    def __init__(self, get: Callable[[Entry, int, int | None], Any], entry: Entry, start: int, end: int | None) -> None:
        """
        Args:
            get: (entry, start, end) -> the answer; None where there is nothing so far behind.
        """
        self._get = get
        self.entry = entry
        self._position = start
        self._end = end
        self._whole = start == 0 and end is None
        self._body: Any = None
        self._integrity: Integrity | None = None
        self._piece = memoryview(b"")
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """Implement ``OpenEntry.read``."""
        if not self._piece and not self._ended:
            content = self._next()
            self._piece = memoryview(content)
            self._ended = not content
        piece, self._piece = bytes(self._piece[:size]), self._piece[size:]
        return piece

    def _next(self) -> bytes:
        for pause in (*PAUSES, None):
            if self._body is None and not self._open():
                return self._checked_end()
            try:
                content: bytes = self._body.read(_PIECE)
            except ERRORS:
                # what came of this piece is lost with the connection; the pieces before it were handed out
                self.close()
                if pause is not None:
                    time.sleep(pause)
                continue
            self._position += len(content)
            COUNTS.add(bytes_read=len(content))
            if self._integrity is not None:
                self._integrity.add(content)
            return content or self._checked_end()
        raise unreadable()

    def _open(self) -> bool:
        """Begin, or go on; return False where nothing is left."""
        if 0 <= self._last() <= self._position:
            return False
        answer = self._get(self.entry, self._position, self._end)
        if answer is None:
            return False
        self.entry = as_answered(self.entry, answer)
        self._body = answer["Body"]
        if self._integrity is None:
            self._integrity = Integrity(answer if self._whole else {})
        return True

    def _last(self) -> int:
        """Return the offset where the bytes end, -1 where it isn't known yet."""
        size = self.entry.size
        return size if self._end is None else self._end if size < 0 else min(self._end, size)

    def _checked_end(self) -> bytes:
        last = self._last()
        if last > self._position:
            raise TransientError
        if self._whole and self._integrity is not None:
            self._integrity.check()
        return b""

    def close(self) -> None:
        """End the download, wherever it is: a connection with bytes still to come is of no further use."""
        body, self._body = self._body, None
        if body is not None:
            with suppress(*ERRORS, OSError):
                body.close()
