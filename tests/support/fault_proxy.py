"""A proxy in front of an object store that counts requests and spoils a seeded share of them, as networks and stores do.

It runs in a thread of the test's process and is there for clients in any process::

    with fault_proxy(FaultPlan(seed=1)) as proxy, fake_gcs_server(external_url=proxy.url) as server:
        proxy.upstream = server.url

The client's Host header goes through as it came: fake-gcs-server builds the address of a resumable upload from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.http_messages import BLOCK, Gone, Head, Peer, Upload, error, spoil

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

#: what tells requests for the same path apart, and is the same in each run
_TELLING = ("prefix", "delimiter", "startOffset", "start-after", "partNumber", "blockid")


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
    _idle: dict[str, list[Peer]] = field(default_factory=dict)

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
        client = Peer(reader, writer)
        try:
            while await self._exchange(client):
                pass
        except (Gone, asyncio.CancelledError):
            # a client that has no more requests; a server that left in the middle of an answer, which the client is to see;
            # or the end of the proxy
            pass
        finally:
            writer.close()

    async def _exchange(self, client: Peer) -> bool:
        """One request and its answer; False if the connection ends with it."""
        request = await client.head()
        method, target, _ = (part.decode("latin-1") for part in request.lines[0].split(b" "))
        if "expect" in request.headers:
            # whether the server wants the body is not asked: it gets a request in one go
            await client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        path, _, query = target.partition("?")
        parameters = parse_qs(query, keep_blank_values=True)
        call = classify(method, path, parameters, request.headers)
        upload = Upload(request, client.body(request))
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
            await client.send(error(fault, path, method, random))
            return True
        if fault == "delay" and self.plan:
            await asyncio.sleep(random.uniform(*self.plan.delay))
        if fault == "corrupt-upload" and not await upload.corrupt(random):
            fault = ""
        try:
            server, answer = await self._forward(request, upload)
        except Gone as gone:
            note(0, str(gone) if str(gone) == "client-gone" else "upstream-lost")
            return False
        body = server.body(answer, bodiless=method == "HEAD")
        status = int(answer.lines[0].split(b" ", 2)[1])
        if fault == "cut-after":
            note(status, fault)
            async for _ in body:
                pass
            self._release(server, answer)
            return False
        if fault in ("truncate", *SNEAKY):
            done, body = spoil(fault, answer, body, random, method) if status in (200, 206) else (False, body)
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

    async def _forward(self, request: Head, upload: Upload) -> tuple[Peer, Head]:
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
            except Gone as gone:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
                server.writer.close()
                # a server may end a connection that lay idle in the moment in which it is used again
                if fresh or str(gone) == "client-gone" or not upload.whole:
                    raise

    async def _connect(self) -> Peer:
        address = urlsplit(self.upstream)
        try:
            return Peer(*await asyncio.open_connection(address.hostname, address.port, limit=BLOCK), "upstream-lost")
        except (OSError, ValueError):
            raise Gone("upstream-lost") from None

    def _release(self, server: Peer, answer: Head) -> None:
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
