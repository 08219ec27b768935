"""Messages of HTTP/1.1 on their way through the fault proxy: read by pieces, passed on, spoilt."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any

#: bytes that are in memory at a time for each direction of a connection; a body of this size is sent in one piece
BLOCK = 256 * 1024
_HOP_BY_HOP = (b"connection", b"keep-alive", b"proxy-connection", b"expect", b"te", b"upgrade")
#: what a client checks content against, the first of these that an answer has; an ETag is more of a version's name
_HASHES = [
    re.compile(rb"(?i)(%b)(.)" % header)
    for header in (rb"x-goog-hash:.*?crc32c=", rb"x-amz-checksum-(?!type)[^:]*: *", rb"content-md5: *", rb"etag: *\"?")
]
_CODES = {"429": "TooManyRequests", "500": "InternalError", "503": "SlowDown"}


class Gone(Exception):
    """A connection ended in the middle; which one's, as text."""


@dataclass
class Head:
    """The first line and the headers of a message, without those that are for one connection only."""

    lines: list[bytes]
    headers: dict[str, str]

    @classmethod
    def parse(cls, raw: bytes) -> Head:
        lines = raw[:-4].split(b"\r\n")
        pairs = [line.partition(b":") for line in lines[1:]]
        headers = {name.decode("latin-1").lower(): value.strip().decode("latin-1") for name, _, value in pairs}
        kept = [line for line in lines[1:] if line[: line.find(b":")].lower() not in _HOP_BY_HOP]
        head = cls([lines[0], *kept], headers)
        # an answer of HTTP/1.0 ends its connection unless it says otherwise
        if b"HTTP/1.0" in lines[0] and "connection" not in headers:
            headers["connection"] = "close"
        return head

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"

    @property
    def chunked(self) -> bool:
        return self.headers.get("transfer-encoding", "").lower() == "chunked"

    @property
    def endless(self) -> bool:
        """Whether an answer's body ends only with the connection."""
        status = self.lines[0].split(b" ", 2)[1]
        return not self.chunked and "content-length" not in self.headers and status not in (b"204", b"304")

    @property
    def length(self) -> int:
        """Of the body, or 0 where the head doesn't tell."""
        return 0 if self.chunked else int(self.headers.get("content-length", 0))

    def raw(self, last: bool = False) -> bytes:
        return b"\r\n".join([*self.lines, *([b"Connection: close"] if last else []), b"", b""])


@dataclass
class Peer:
    """The connection to a client or to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    called: str = "client-gone"

    async def _read(self, reading: Coroutine[Any, Any, bytes]) -> bytes:
        try:
            if data := await reading:
                return data
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        raise Gone(self.called)

    async def head(self) -> Head:
        return Head.parse(await self._read(self.reader.readuntil(b"\r\n\r\n")))

    async def answer(self) -> Head:
        """The head of an answer; those before it, which only say that the server goes on, are left out."""
        head = await self.head()
        while head.lines[0].split(b" ")[1].startswith(b"1"):
            head = await self.head()
        return head

    async def body(self, head: Head, bodiless: bool = False) -> AsyncIterator[bytes]:
        """The content that follows ``head``, in blocks."""
        if bodiless:
            return
        if head.chunked:
            while size := int((await self._read(self.reader.readline())).split(b";")[0], 16):
                async for data in self._blocks(size):
                    yield data
                await self._read(self.reader.readexactly(2))
            while (await self._read(self.reader.readline())).strip():
                pass
        elif "content-length" in head.headers:
            async for data in self._blocks(head.length):
                yield data
        elif head.lines[0].startswith(b"HTTP/") and head.endless:
            while data := await self.reader.read(BLOCK):
                yield data

    async def _blocks(self, size: int) -> AsyncIterator[bytes]:
        if 0 < size <= BLOCK:
            yield await self._read(self.reader.readexactly(size))
            return
        while size:
            data = await self._read(self.reader.read(min(size, BLOCK)))
            size -= len(data)
            yield data

    async def send(
        self,
        head: bytes,
        chunks: AsyncIterator[bytes] | None = None,
        chunked: bool = False,
        end: bool = True,
        unless: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Sends a message; where ``unless`` says so or the other side has gone, the rest is read and not sent.

        Returns:
            Whether it was sent to its end.
        """
        complete = True
        if chunks is not None:
            async for data in chunks:
                complete = complete and not unless()
                if complete:
                    complete = await self._write(head + (b"%x\r\n%b\r\n" % (len(data), data) if chunked else data))
                    head = b""
        if chunked and end:
            head += b"0\r\n\r\n"
        return complete and await self._write(head)

    async def _write(self, data: bytes) -> bool:
        """False if nobody reads any more."""
        if self.writer.is_closing():
            return False
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            return False
        return True


class Upload:
    """The body of a request, of which the beginning may be looked at first."""

    def __init__(self, head: Head, rest: AsyncIterator[bytes]) -> None:
        self._head, self._rest = head, rest
        self._begin = b""
        self._flip = -1
        #: whether all of it is in memory, and it can be sent once more
        self.whole = not head.length and not head.chunked

    async def _peek(self) -> bytes:
        """Its beginning: all of a small one."""
        if not self._begin:
            self._begin = await anext(self._rest, b"")
            while len(self._begin) < min(self._head.length, 16384):
                # the first bytes of a large one may have come by themselves
                self._begin += await anext(self._rest)
            self.whole = not self._head.chunked and len(self._begin) == self._head.length
        return self._begin

    async def chunks(self) -> AsyncIterator[bytes]:
        """All of it, as it is to be sent; once more if it is ``whole``."""
        at = 0
        if self._head.length <= BLOCK:
            await self._peek()
        if self._begin:
            yield _flipped(self._begin, self._flip)
            at = len(self._begin)
        async for data in self._rest:
            yield _flipped(data, self._flip - at)
            at += len(data)

    async def name(self) -> str:
        """The object's, from the metadata that Google's uploads begin with."""
        begin = await self._peek()
        # the first part of a multipart body is the metadata; the body that starts a resumable upload is nothing else
        text = begin.partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0] if begin.startswith(b"--") else begin
        with contextlib.suppress(ValueError, AttributeError):
            return str(json.loads(text).get("name") or "")
        return ""

    async def corrupt(self, random: Random) -> bool:
        """Picks a byte of the object that is to be sent wrong; False if there is none."""
        begin = await self._peek()
        first, size = 0, self._head.length or len(begin)
        if begin.startswith(b"--") and "multipart/" in self._head.headers.get("content-type", ""):
            first = begin.find(b"\r\n\r\n", begin.find(b"\r\n\r\n") + 4) + 4
            # from there to the boundary that ends it all, which is longer than the first one by its line's end and two dashes
            size = self._head.length - first - len(begin.partition(b"\r\n")[0]) - 4
        elif "x-amz-decoded-content-length" in self._head.headers:
            # Amazon's own chunks, each behind a line with its size
            line = begin.partition(b"\r\n")[0]
            first, size = len(line) + 2, int(line.split(b";")[0], 16)
        self._flip = first + random.randrange(size) if size > 0 else -1
        return size > 0


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] if 0 <= at < len(data) else data


def spoil(fault: str, answer: Head, body: AsyncIterator[bytes], random: Random, method: str) -> tuple[bool, AsyncIterator[bytes]]:
    """Changes an answer; False if there is nothing in it to change."""
    size = answer.length
    if fault == "corrupt-hash":
        for number, found in ((number, one.match(line)) for one in _HASHES for number, line in enumerate(answer.lines)):
            if found:
                # 0 and 1 belong to the alphabets of base64 and of hexadecimal numbers
                answer.lines[number] = found[1] + (b"1" if found[2] == b"0" else b"0") + found.string[found.end() :]
                return True, body
        return False, body
    if method == "HEAD" or (size < 1 and not (fault == "truncate" and answer.chunked)):
        return False, body
    if fault == "corrupt":
        return True, _rewritten(body, flip=random.randrange(size))
    if fault == "short":
        lengths = (b"content-length", b"%d" % (size // 2))
        answer.lines = [b": ".join(lengths) if line.lower().startswith(lengths[0]) else line for line in answer.lines]
    return True, _rewritten(body, keep=size // 2)


async def _rewritten(body: AsyncIterator[bytes], flip: int = -1, keep: int = -1) -> AsyncIterator[bytes]:
    at = 0
    async for data in body:
        # of chunks nobody knows how many will come: half of the first one
        left = len(data) if keep < 0 else (keep or len(data) // 2) - at
        if left > 0:
            yield _flipped(data, flip - at)[:left]
        at += len(data)
        if keep >= 0 and at >= keep:
            return


def error(status: str, path: str, method: str, random: Random) -> bytes:
    """An answer that refuses a request, in the words of the store that it was for."""
    google = path.startswith(("/storage/v1/", "/upload/", "/download/storage/", "/batch/"))
    reason = {"reason": "rateLimitExceeded" if status == "429" else "backendError", "message": "Try again."}
    text = json.dumps({"error": {"code": int(status), "message": "Try again.", "errors": [reason]}})
    if not google:
        text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{_CODES[status]}</Code><Message>Try again.</Message></Error>"
    kind = "application/json; charset=UTF-8" if google else "application/xml"
    later = "Retry-After: 1\r\n" if status != "500" and random.random() < 0.5 else ""
    body = "" if method == "HEAD" else text
    return f"HTTP/1.1 {status} Error\r\nContent-Type: {kind}\r\n{later}Content-Length: {len(body)}\r\n\r\n{body}".encode()
