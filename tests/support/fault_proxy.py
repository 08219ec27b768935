"""A proxy in front of an object store that counts requests and spoils a seeded share of them, as networks and stores do.

It runs in a thread of the test's process and is there for clients in any process::

    with fault_proxy(FaultPlan(seed=1)) as proxy, fake_gcs_server(external_url=proxy.url) as server:
        proxy.upstream = server.url

The client's Host header goes through as it came: fake-gcs-server builds the address of a resumable upload from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

ERRORS = ("429", "500", "503")
#: faults of answers that look well: only on the content of objects, where a client has something to check it against
SNEAKY = ("short", "corrupt", "corrupt-hash")
#: what may happen to a request:
#: - cut-before: the connection ends, and the server never heard of the request
#: - cut-after: the server did the work, and the connection ends without an answer
#: - 429, 500, 503: an error of the store's, with a body as it would send
#: - delay: everything as it should be, but late
#: - truncate: half of the answer's body, then the connection ends
#: - short: half of the object under a Content-Length that agrees, with the checksum of the whole
#: - corrupt, corrupt-hash: another byte in the object, another checksum in the header
#: - corrupt-upload: another byte in the object on its way to the server
KINDS = ("cut-before", "cut-after", *ERRORS, "delay", "truncate", *SNEAKY, "corrupt-upload")

#: bytes that are in memory at a time for each direction of a connection; a body of this size is sent in one piece
BLOCK = 256 * 1024
_HOP_BY_HOP = (b"connection", b"keep-alive", b"proxy-connection", b"expect", b"te", b"upgrade")
#: what tells requests for the same path apart, and is the same in each run
_TELLING = ("prefix", "delimiter", "startOffset", "start-after", "partNumber", "blockid")
#: what a client checks content against, the first of these that an answer has; an ETag is more of a version's name
_HASHES = [
    re.compile(rb"(?i)(%b)(.)" % header)
    for header in (rb"x-goog-hash:.*?crc32c=", rb"x-amz-checksum-(?!type)[^:]*: *", rb"content-md5: *", rb"etag: *\"?")
]
_CODES = {"429": "TooManyRequests", "500": "InternalError", "503": "SlowDown"}


class Call(NamedTuple):
    """What a request asks a store for.

    ``operation`` is list, metadata, media, insert, start, part, status, complete, abort, copy, compose, delete, patch, batch,
    bucket or other; start, part, complete and abort are of uploads in parts (resumable, multipart, by blocks).
    """

    operation: str
    bucket: str = ""
    name: str = ""


class Request(NamedTuple):
    """A request that came. ``status`` is the server's, or the proxy's in its place; 0 if there was none."""

    operation: str
    method: str
    path: str
    query: str
    status: int
    fault: str
    bucket: str
    name: str


@dataclass(frozen=True)
class FaultPlan:
    """Which requests fail, and how: the same ones in each run, as the n-th request for an object always meets the same luck.

    Attributes:
        seed: another one, other luck.
        share: of the requests that some of ``kinds`` fits.
        kinds: of KINDS.
        only: a pattern that is searched in "operation METHOD path?query".
        max_repeats: how often in a row requests for the same may fail.
        delay: the shortest and the longest, in seconds.
    """

    seed: int
    share: float = 0.05
    kinds: tuple[str, ...] = KINDS
    only: str | None = None
    max_repeats: int = 2
    delay: tuple[float, float] = (0.2, 2.0)

    def __post_init__(self) -> None:
        if unknown := set(self.kinds) - set(KINDS):
            raise ValueError(f"no faults: {sorted(unknown)}")

    def fits(self, kind: str, method: str, operation: str) -> bool:
        """Whether a fault can happen to a request."""
        if kind in SNEAKY:
            return operation == "media"
        if kind == "corrupt-upload":
            return operation in ("insert", "part")
        return kind != "truncate" or method == "GET"


def classify(method: str, path: str, query: dict[str, list[str]], headers: dict[str, str]) -> Call:
    """What a request asks for, by the rules of the store that it speaks to."""
    if path.startswith(("/storage/v1/", "/upload/", "/download/storage/", "/batch/")):
        return _google(method, path, query, headers)
    if "x-ms-version" in headers:
        _, _, bucket, name = (*path.split("/", 3), "", "", "")[:4]
        if not name:
            return Call("list" if query.get("comp") == ["list"] and bucket else "bucket", bucket)
        put = {"block": "part", "blocklist": "complete"}.get((query.get("comp") or [""])[0])
        plain = put or ("copy" if "x-ms-copy-source" in headers else "other" if "comp" in query else "insert")
        verbs = {"GET": "status" if "comp" in query else "media", "HEAD": "metadata", "DELETE": "delete", "PUT": plain}
        return Call(verbs.get(method, "other"), bucket, unquote(name))
    _, bucket, name = (*path.split("/", 2), "", "")[:3]
    return Call(_amazon(method, bool(name), query, headers), bucket, unquote(name))


def _google(method: str, path: str, query: dict[str, list[str]], headers: dict[str, str]) -> Call:
    found = re.fullmatch(r"(/upload|/download)?/storage/v1/b(?:/([^/]+)(/o(?:/(.+)?)?)?)?/?", path)
    if not found:
        return Call({"/batch/": "batch", "/upload": "part"}.get(path[:7], "other"))
    service, bucket, objects, quoted = found.groups(default="")
    if service == "/upload":
        started = "start" if query.get("uploadType") == ["resumable"] else "insert"
        sent = "status" if headers.get("content-range", "").startswith("bytes */") else "part"
        operation = {"POST": started, "PUT": sent, "DELETE": "abort"}.get(method, "other")
        return Call(operation, bucket, (query.get("name") or [""])[0])
    if not objects:
        return Call("bucket", bucket)
    if not quoted:
        return Call("list", bucket)
    # a slash of the name's own is quoted, so these are the API's
    name, _, action = quoted.partition("/")
    if action:
        operation = "compose" if action == "compose" else "copy" if action.startswith(("rewriteTo/", "copyTo/")) else "other"
        return Call(operation, bucket, unquote(name))
    read = "media" if service or query.get("alt") == ["media"] else "metadata"
    return Call({"GET": read, "HEAD": "metadata", "DELETE": "delete"}.get(method, "patch"), bucket, unquote(name))


def _amazon(method: str, named: bool, query: dict[str, list[str]], headers: dict[str, str]) -> str:
    if not named:
        if method == "POST" and "delete" in query:
            return "batch"
        return "list" if method == "GET" and ("list-type" in query or "prefix" in query) else "bucket"
    if "uploadId" in query:
        return {"PUT": "part", "POST": "complete", "DELETE": "abort"}.get(method, "status")
    if method == "POST":
        return "start" if "uploads" in query else "other"
    if query.keys() & {"acl", "tagging", "retention", "legal-hold", "attributes", "torrent"}:
        return "other"
    put = "copy" if "x-amz-copy-source" in headers else "insert"
    return {"GET": "media", "HEAD": "metadata", "PUT": put, "DELETE": "delete"}.get(method, "other")


@dataclass
class FaultProxy:
    """The running proxy. ``plan`` and ``upstream`` may be set at any time.

    Attributes:
        url: where it listens.
        upstream: the URL of the server behind it.
        plan: None lets everything through.
    """

    url: str
    upstream: str = ""
    plan: FaultPlan | None = None
    _log: list[Request] = field(default_factory=list)
    _asked: Counter[str] = field(default_factory=Counter)
    _in_a_row: Counter[str] = field(default_factory=Counter)
    _idle: dict[str, list[_Peer]] = field(default_factory=dict)

    def log(self) -> list[Request]:
        """All requests since the last reset, in the order in which they were answered."""
        return list(self._log)

    def counts(self, key: Callable[[Request], str] = lambda request: request.operation) -> Counter[str]:
        """Requests by operation, or by what ``key`` makes of each."""
        return Counter(map(key, self.log()))

    def faults(self) -> Counter[str]:
        """How often which fault happened.

        Beside KINDS there may be "client-gone" and "upstream-lost", which are not this proxy's doing.
        """
        return Counter(request.fault for request in self.log() if request.fault)

    def reset(self) -> None:
        """Forgets all requests; the plan begins anew."""
        self._log.clear()
        self._asked.clear()
        self._in_a_row.clear()

    def _decide(self, call: Call, method: str, target: str, telling: str) -> tuple[str, Random]:
        """The fault that a request meets, if any, and the chance that decides the rest."""
        plan, key = self.plan, f"{method} {call.operation} {call.bucket}/{call.name} {telling}"
        self._asked[key] += 1
        if plan is None or (plan.only and not re.search(plan.only, f"{call.operation} {method} {target}")):
            return "", Random(0)
        random = Random(f"{plan.seed} {self._asked[key]} {key}")
        kinds = [kind for kind in plan.kinds if plan.fits(kind, method, call.operation)]
        if not kinds or random.random() >= plan.share or self._in_a_row[key] >= plan.max_repeats:
            self._in_a_row[key] = 0
            return "", random
        fault = random.choice(kinds)
        self._in_a_row[key] += fault != "delay"
        return fault, random

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client's."""
        client = _Peer(reader, writer)
        try:
            while await self._exchange(client):
                pass
        except (_Gone, asyncio.CancelledError):
            # a client that has no more requests; a server that left in the middle of an answer, which the client is to see;
            # or the end of the proxy
            pass
        finally:
            writer.close()

    async def _exchange(self, client: _Peer) -> bool:
        """One request and its answer; False if the connection ends with it."""
        request = await client.head()
        method, target, _ = (part.decode("latin-1") for part in request.lines[0].split(b" "))
        if "expect" in request.headers:
            # whether the server wants the body is not asked: it gets a request in one go
            await client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        path, _, query = target.partition("?")
        parameters = parse_qs(query, keep_blank_values=True)
        call = classify(method, path, parameters, request.headers)
        upload = _Upload(request, client.body(request))
        if path.startswith("/upload/") and method == "POST":
            call = call._replace(name=await upload.name() or call.name)
        telling = " ".join(f"{name}={value}" for name, value in parameters.items() if name in _TELLING)
        fault, random = self._decide(call, method, target, telling)

        def note(status: int, fault: str) -> None:
            self._log.append(Request(call.operation, method, path, query, status, fault, call.bucket, call.name))

        if fault == "cut-before":
            note(0, fault)
            return False
        if fault in ERRORS:
            async for _ in upload.chunks():
                pass
            note(int(fault), fault)
            await client.send(_error(fault, path, method, random))
            return True
        if fault == "delay" and self.plan:
            await asyncio.sleep(random.uniform(*self.plan.delay))
        if fault == "corrupt-upload" and not await upload.corrupt(random):
            fault = ""
        try:
            server, answer = await self._forward(request, upload)
        except _Gone as gone:
            note(0, str(gone) if str(gone) == "client-gone" else "upstream-lost")
            return False
        body = server.body(answer, bodiless=method == "HEAD")
        status = int(answer.lines[0].split(b" ", 2)[1])
        if fault == "cut-after":
            async for _ in body:
                pass
            self._release(server, answer)
            note(status, fault)
            return False
        if fault in ("truncate", *SNEAKY):
            done, body = _spoil(fault, answer, body, random, method) if status in (200, 206) else (False, body)
            fault = fault if done else ""
        note(status, fault)
        last = request.closes or answer.endless or fault == "truncate"
        framed = answer.chunked and method != "HEAD"
        await client.send(answer.raw(last), body, framed, end=fault != "truncate")
        if fault in ("truncate", "short"):
            # the rest of the answer is still on its way: nobody can use this connection again
            server.writer.close()
        else:
            self._release(server, answer)
        return not last

    async def _forward(self, request: _Head, upload: _Upload) -> tuple[_Peer, _Head]:
        """Sends a request and awaits the head of its answer."""
        while True:
            idle = self._idle.setdefault(self.upstream, [])
            server = idle.pop() if idle else None
            if fresh := server is None:
                server = await self._connect()
            elif server.reader.at_eof() or server.writer.is_closing():
                server.writer.close()
                continue
            waiting = asyncio.ensure_future(server.answer())
            try:
                # a server may answer and leave before it has read everything; the client's body must be read all the same
                complete = await server.send(request.raw(), upload.chunks(), request.chunked, unless=waiting.done)
                answer = await waiting
                if not complete:
                    answer.headers["connection"] = "close"
                return server, answer
            except _Gone as gone:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
                server.writer.close()
                # a server may end a connection that lay idle in the moment in which it is used again
                if fresh or str(gone) == "client-gone" or not upload.whole:
                    raise

    async def _connect(self) -> _Peer:
        address = urlsplit(self.upstream)
        try:
            return _Peer(*await asyncio.open_connection(address.hostname, address.port, limit=BLOCK), "upstream-lost")
        except (OSError, ValueError):
            raise _Gone("upstream-lost") from None

    def _release(self, server: _Peer, answer: _Head) -> None:
        if answer.closes or answer.endless:
            server.writer.close()
        else:
            self._idle.setdefault(self.upstream, []).append(server)

    async def end(self, listening: asyncio.AbstractServer) -> None:
        """Ends all connections."""
        listening.close()
        running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for server in (server for idle in self._idle.values() for server in idle):
            server.writer.close()


class _Gone(Exception):
    """A connection ended in the middle; which one's, as text."""


@dataclass
class _Head:
    """The first line and the headers of a message, without those that are for one connection only."""

    lines: list[bytes]
    headers: dict[str, str]

    @classmethod
    def parse(cls, raw: bytes) -> _Head:
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
class _Peer:
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
        raise _Gone(self.called)

    async def head(self) -> _Head:
        return _Head.parse(await self._read(self.reader.readuntil(b"\r\n\r\n")))

    async def answer(self) -> _Head:
        """The head of an answer; those before it, which only say that the server goes on, are left out."""
        head = await self.head()
        while head.lines[0].split(b" ")[1].startswith(b"1"):
            head = await self.head()
        return head

    async def body(self, head: _Head, bodiless: bool = False) -> AsyncIterator[bytes]:
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


class _Upload:
    """The body of a request, of which the beginning may be looked at first."""

    def __init__(self, head: _Head, rest: AsyncIterator[bytes]) -> None:
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


def _spoil(
    fault: str, answer: _Head, body: AsyncIterator[bytes], random: Random, method: str
) -> tuple[bool, AsyncIterator[bytes]]:
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


def _error(status: str, path: str, method: str, random: Random) -> bytes:
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


@contextlib.contextmanager
def fault_proxy(plan: FaultPlan | None = None, upstream: str = "") -> Iterator[FaultProxy]:
    """A proxy on a port of 127.0.0.1, until the block ends."""
    loop = asyncio.new_event_loop()
    proxy = FaultProxy("", upstream, plan)
    listening = asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=BLOCK, backlog=512)
    server = loop.run_until_complete(listening)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever, name="fault proxy", daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(proxy.end(server), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
