"""The proxy of the storage tests spoils what it should, nothing else, and counts right."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.support.fault_proxy import ERRORS, KINDS, FaultPlan, FaultProxy, classify, fault_proxy

CONTENT = bytes(range(256)) * 40
MEDIA = "/storage/v1/b/hospital/o/a%2Fb.dcm?alt=media"
INSERT = "/upload/storage/v1/b/hospital/o?uploadType=multipart"


class Upstream(ThreadingHTTPServer):
    """Answers GET with CONTENT under a checksum, takes everything else, and keeps what it got."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, str, bytes]] = []
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        self.server.got.append((self.command, self.path, b""))
        self.send_response(200)
        if "endless" in self.path:
            self.end_headers()
            self.wfile.write(CONTENT)
            self.close_connection = True
            return
        if "chunked" in self.path:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(CONTENT), CONTENT) * 2 + b"0\r\n\r\n")
            return
        self.send_header("x-goog-hash", "crc32c=AAAAAA==,md5=BBBB")
        size = int(self.path.rpartition("size=")[2]) if "size=" in self.path else len(CONTENT)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command == "GET":
            for at in range(0, size, 65536):
                self.wfile.write((CONTENT * 7)[: min(65536, size - at)])
        if "leaves" in self.path:
            # without a word, as a server does whose connections lay idle for too long
            self.close_connection = True

    do_HEAD = do_GET

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        if "early" in self.path:
            self.close_connection = True
        body = self._large(size) if "large" in self.path else b"" if "early" in self.path else self.rfile.read(size)
        self.server.got.append((self.command, self.path, body))
        self.send_response(412 if "early" in self.path else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        if "early" in self.path:
            # a server that ends a connection with content of the client's unread takes its own answer back: it reads on, until
            # all has come or the client has gone
            self._large(size)

    do_PUT = do_POST

    def _large(self, size: int) -> bytes:
        left = size
        while left:
            piece = self.rfile.read(min(left, 65536))
            if not piece:
                break
            left -= len(piece)
        return b"%d" % size

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def always(upstream: Upstream, *kinds: str, **plan: Any) -> Iterator[FaultProxy]:
    """A proxy in which every request meets one of ``kinds``."""
    settings = {"seed": 1, "share": 1.0, "max_repeats": 1000, **plan}
    with fault_proxy(FaultPlan(kinds=kinds, **settings), upstream.url) as proxy:
        yield proxy


def ask(proxy: FaultProxy, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", int(proxy.url.rpartition(":")[2]), timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def multipart(name: str, media: bytes) -> tuple[bytes, dict[str, str]]:
    """The body of an upload of Google's, and its header."""
    parts = b"--==b==\r\ncontent-type: application/json\r\n\r\n%b\r\n--==b==\r\ncontent-type: a/b\r\n\r\n%b\r\n--==b==--"
    return parts % (json.dumps({"name": name}).encode(), media), {"Content-Type": 'multipart/related; boundary="==b=="'}


def test_without_a_plan_everything_goes_through(upstream: Upstream) -> None:
    with fault_proxy(upstream=upstream.url) as proxy:
        assert ask(proxy, "GET", MEDIA)[2] == CONTENT
        assert ask(proxy, "GET", "/chunked")[2] == CONTENT * 2
        assert ask(proxy, "GET", "/endless")[2] == CONTENT
        assert ask(proxy, "HEAD", MEDIA)[2] == b""
        assert ask(proxy, "PUT", "/b/o", CONTENT)[2] == b"ok"
        assert upstream.got[-1] == ("PUT", "/b/o", CONTENT)
        assert {request.status for request in proxy.log()} == {200} and not proxy.faults()


def test_the_server_never_hears_of_a_request_that_is_cut_before(upstream: Upstream) -> None:
    with always(upstream, "cut-before") as proxy:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            ask(proxy, "PUT", "/b/o", CONTENT)
        assert upstream.got == [] and proxy.log()[0].status == 0


def test_the_server_does_the_work_of_a_request_that_is_cut_after(upstream: Upstream) -> None:
    with always(upstream, "cut-after") as proxy:
        with pytest.raises(http.client.RemoteDisconnected):
            ask(proxy, "PUT", "/b/o", CONTENT)
        assert upstream.got == [("PUT", "/b/o", CONTENT)] and proxy.log()[0].status == 200


@pytest.mark.parametrize("status", ERRORS)
def test_errors_speak_like_the_store(upstream: Upstream, status: str) -> None:
    with always(upstream, status) as proxy:
        answers = [ask(proxy, "PUT", "/bucket/object", CONTENT) for _ in range(20)]
        assert {answer[0] for answer in answers} == {int(status)} and b"<Error><Code>" in answers[0][2]
        later = ["retry-after" in headers for _, headers, _ in answers]
        assert not any(later) if status == "500" else any(later) and not all(later)
        assert json.loads(ask(proxy, "GET", MEDIA)[2])["error"]["code"] == int(status)
        assert ask(proxy, "HEAD", "/bucket/object")[2] == b""
        assert upstream.got == []


def test_delay(upstream: Upstream) -> None:
    with always(upstream, "delay", delay=(0.3, 0.4)) as proxy:
        started = time.monotonic()
        assert ask(proxy, "GET", MEDIA)[2] == CONTENT
        assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize("path", [MEDIA, "/chunked"])
def test_a_truncated_answer_is_seen_to_be_one(upstream: Upstream, path: str) -> None:
    with always(upstream, "truncate") as proxy:
        with pytest.raises(http.client.IncompleteRead) as raised:
            ask(proxy, "GET", path)
        assert 0 < len(raised.value.partial) < len(CONTENT)
        # what the server still had to say reaches nobody's next request
        proxy.plan = None
        assert ask(proxy, "GET", MEDIA)[2] == CONTENT


def test_a_short_answer_looks_whole(upstream: Upstream) -> None:
    with always(upstream, "short") as proxy:
        status, headers, body = ask(proxy, "GET", MEDIA)
        assert (status, body) == (200, CONTENT[: len(CONTENT) // 2])
        assert headers["content-length"] == str(len(body)) and headers["x-goog-hash"] == "crc32c=AAAAAA==,md5=BBBB"


def test_a_corrupt_answer_has_one_other_byte(upstream: Upstream) -> None:
    with always(upstream, "corrupt") as proxy:
        body = ask(proxy, "GET", MEDIA)[2]
        assert len(body) == len(CONTENT) and sum(one != other for one, other in zip(body, CONTENT, strict=True)) == 1


def test_a_corrupt_checksum_comes_with_the_right_content(upstream: Upstream) -> None:
    with always(upstream, "corrupt-hash") as proxy:
        _, headers, body = ask(proxy, "GET", MEDIA)
        assert body == CONTENT and headers["x-goog-hash"] == "crc32c=0AAAAA==,md5=BBBB"


@pytest.mark.parametrize("size", [1, 30, 300_000])
def test_a_corrupt_upload_has_one_other_byte_in_its_object(upstream: Upstream, size: int) -> None:
    with always(upstream, "corrupt-upload") as proxy:
        media = b"M" * size
        body, headers = multipart("a/b.dcm", media)
        for _ in range(10):
            ask(proxy, "POST", INSERT, body, **headers)
            sent = upstream.got[-1][2]
            wrong = [at for at, (one, other) in enumerate(zip(sent, body, strict=True)) if one != other]
            assert len(sent) == len(body) and len(wrong) == 1 and body[wrong[0] :].startswith(b"M")
            assert body.index(media) <= wrong[0] < body.index(media) + size
        ask(proxy, "PUT", "/bucket/object", media)
        assert sum(byte != ord("M") for byte in upstream.got[-1][2]) == 1
        chunks = b"%x\r\n%b\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n" % (size, media)
        ask(proxy, "PUT", "/bucket/object", chunks, **{"x-amz-decoded-content-length": str(size)})
        sent = upstream.got[-1][2]
        assert sent.replace(b"L", b"M") == chunks and sent.count(b"L") == 1
        # an empty object has no byte to change
        ask(proxy, "PUT", "/bucket/object", b"")
        assert proxy.log()[-1].fault == "" and proxy.faults() == {"corrupt-upload": 12}


def test_contents_are_spoiled_only_where_there_are_any(upstream: Upstream) -> None:
    with always(upstream, "short", "corrupt", "corrupt-hash", "truncate", "corrupt-upload") as proxy:
        assert ask(proxy, "HEAD", MEDIA)[0] == ask(proxy, "POST", "/bucket/object?uploads")[0] == 200
        assert ask(proxy, "GET", MEDIA + "&size=0")[2] == b"" or proxy.log()[-1].fault == "corrupt-hash"
        assert not proxy.counts(lambda request: request.method if request.fault else "")["HEAD"]


def luck(proxy: FaultProxy, names: list[str]) -> dict[str, list[str]]:
    """The faults of ten requests for each name."""
    proxy.reset()
    for name in names * 10:
        try:
            ask(proxy, "GET", f"/storage/v1/b/bucket/o/{name}?alt=media")
        except (http.client.HTTPException, ConnectionError):
            continue
    faults: dict[str, list[str]] = {}
    for request in proxy.log():
        faults.setdefault(request.name, []).append(request.fault)
    return faults


def test_the_same_seed_brings_the_same_luck_in_any_order(upstream: Upstream) -> None:
    plan = {"share": 0.3, "max_repeats": 2, "delay": (0.0, 0.001)}
    names = ["a", "b", "c", "d"]
    with always(upstream, *KINDS, **plan) as proxy:
        first, again = luck(proxy, names), luck(proxy, names[::-1])
    with always(upstream, *KINDS, **plan, seed=2) as proxy:
        other = luck(proxy, names)
    assert first == again != other
    assert 4 <= sum(fault != "" for faults in first.values() for fault in faults) <= 20


def test_retries_get_through(upstream: Upstream) -> None:
    with always(upstream, "500", max_repeats=2) as proxy:
        assert [ask(proxy, "GET", MEDIA)[0] for _ in range(6)] == [500, 500, 200, 500, 500, 200]
        # uploads go to one path: the objects' names tell them apart
        uploads = [multipart(name, b"x") for name in ("one", "two") * 3]
        statuses = [ask(proxy, "POST", INSERT, body, **headers)[0] for body, headers in uploads]
        assert statuses == [500, 500, 500, 500, 200, 200]


def test_only_what_the_plan_is_for(upstream: Upstream) -> None:
    with always(upstream, "503", only="^insert .*hospital") as proxy:
        body, headers = multipart("a", b"x")
        assert ask(proxy, "POST", INSERT, body, **headers)[0] == 503
        assert ask(proxy, "GET", MEDIA)[0] == ask(proxy, "PUT", "/research/object", b"x")[0] == 200
    with pytest.raises(ValueError, match="no faults"):
        FaultPlan(1, kinds=("explode",))


@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        ("GET /storage/v1/b/B/o?prefix=x", "list B "),
        ("GET /storage/v1/b/B/o/a%2Fb", "metadata B a/b"),
        ("GET /storage/v1/b/B/o/a%2Fb?alt=media", "media B a/b"),
        ("GET /download/storage/v1/b/B/o/a%2Fb?alt=media&generation=1", "media B a/b"),
        ("POST /upload/storage/v1/b/B/o?uploadType=media&name=a%2Fb", "insert B a/b"),
        ("POST /upload/storage/v1/b/B/o?uploadType=resumable&name=a", "start B a"),
        ("PUT /upload/storage/v1/b/B/o?uploadType=resumable&name=a&upload_id=1", "part B a"),
        ("DELETE /upload/storage/v1/b/B/o?uploadType=resumable&name=a&upload_id=1", "abort B a"),
        ("POST /storage/v1/b/B/o/a/rewriteTo/b/C/o/c", "copy B a"),
        ("POST /storage/v1/b/B/o/a/compose", "compose B a"),
        ("PATCH /storage/v1/b/B/o/a", "patch B a"),
        ("DELETE /storage/v1/b/B/o/a", "delete B a"),
        ("GET /storage/v1/b/B", "bucket B "),
        ("POST /batch/storage/v1", "batch  "),
        ("GET /B?list-type=2&prefix=a", "list B "),
        ("PUT /B", "bucket B "),
        ("POST /B?delete", "batch B "),
        ("GET /B/a/b%20c", "media B a/b c"),
        ("HEAD /B/a", "metadata B a"),
        ("PUT /B/a", "insert B a"),
        ("POST /B/a?uploads", "start B a"),
        ("PUT /B/a?partNumber=1&uploadId=x", "part B a"),
        ("POST /B/a?uploadId=x", "complete B a"),
        ("DELETE /B/a?uploadId=x", "abort B a"),
        ("DELETE /B/a", "delete B a"),
    ],
)
def test_requests_are_told_apart(request_line: str, expected: str) -> None:
    method, target = request_line.split()
    path, _, query = target.partition("?")
    assert " ".join(classify(method, path, parse_qs(query, keep_blank_values=True), {})) == expected


def test_large_bodies_pass_in_little_memory(upstream: Upstream) -> None:
    size = 100_000_000
    with fault_proxy(upstream=upstream.url) as proxy:
        connection = http.client.HTTPConnection("127.0.0.1", int(proxy.url.rpartition(":")[2]), timeout=60)
        tracemalloc.start()
        try:
            blocks = (b"x" * 100_000 for _ in range(size // 100_000))
            connection.request("PUT", "/bucket/large", blocks, {"Content-Length": str(size)})
            assert connection.getresponse().read() == b"ok" and upstream.got[-1][2] == b"%d" % size
            connection.request("GET", f"/bucket/object?size={size}")
            answer, got = connection.getresponse(), 0
            while data := answer.read(65536):
                got += len(data)
            assert got == size and tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()
            connection.close()


def test_many_clients_at_once_each_get_their_own_answer(upstream: Upstream) -> None:
    def client(number: int) -> int:
        wrong = 0
        connection = http.client.HTTPConnection("127.0.0.1", int(proxy.url.rpartition(":")[2]), timeout=20)
        for turn in range(20):
            connection.request("GET", f"/bucket/{number}?size={number * 100 + turn}")
            wrong += len(connection.getresponse().read()) != number * 100 + turn
        connection.close()
        return wrong

    with fault_proxy(upstream=upstream.url) as proxy, ThreadPoolExecutor(32) as threads:
        assert sum(threads.map(client, range(32))) == 0
        assert proxy.counts() == {"media": 640}
        assert proxy.counts(lambda request: request.name) == {str(number): 20 for number in range(32)}
        # connections to the server are kept, too
        assert upstream.connections <= 32


def test_a_server_that_ends_idle_connections_is_no_fault(upstream: Upstream) -> None:
    with fault_proxy(upstream=upstream.url) as proxy:
        assert {ask(proxy, "GET", "/bucket/leaves")[0] for _ in range(50)} == {200}
        assert {ask(proxy, "PUT", "/bucket/object", b"x")[0] for _ in range(50)} == {200}
        assert not proxy.faults()


def test_an_answer_before_the_end_of_the_upload_arrives(upstream: Upstream) -> None:
    with fault_proxy(upstream=upstream.url) as proxy:
        assert ask(proxy, "PUT", "/bucket/early", b"x" * 5_000_000)[0] == 412
        assert ask(proxy, "PUT", "/bucket/object", b"x")[0] == 200


def test_a_client_that_waits_for_100_continue(upstream: Upstream) -> None:
    with fault_proxy(upstream=upstream.url) as proxy:
        with socket.create_connection(("127.0.0.1", int(proxy.url.rpartition(":")[2])), timeout=20) as client:
            client.sendall(b"PUT /bucket/object HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 100 ")
            client.sendall(b"abc")
            assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert upstream.got == [("PUT", "/bucket/object", b"abc")]


def test_a_server_that_is_not_there_is_not_the_plans_doing() -> None:
    with fault_proxy(upstream="http://127.0.0.1:9") as proxy:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            ask(proxy, "GET", MEDIA)
        assert proxy.faults() == {"upstream-lost": 1}
