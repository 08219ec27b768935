"""Google's servers in miniature, on this machine: Secret Manager, the servers that hand out tokens, and a proxy to them."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import google_crc32c
import grpc
from google.cloud.secretmanager_v1.types import AccessSecretVersionRequest, AccessSecretVersionResponse, SecretPayload

#: what a server may do instead of answering: refuse with a code, send a damaged secret, send no checksum, answer late
Fault = grpc.StatusCode | str | float


@dataclass
class SecretServer:
    """Speaks ``google.cloud.secretmanager.v1.SecretManagerService/AccessSecretVersion``.

    Attributes:
        secrets: by the full name of the version.
        faults: one for each of the next calls: a status code, ``"damaged"``, ``"no checksum"``, or a delay in seconds.
        calls: metadata of each call so far, and the name that it asked for.
        port: on 127.0.0.1.
    """

    secrets: dict[str, bytes]
    faults: list[Fault] = field(default_factory=list)
    calls: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self.port}"

    def answer(self, request: AccessSecretVersionRequest, context: grpc.ServicerContext) -> AccessSecretVersionResponse:
        """One call."""
        self.calls.append({**{key: str(value) for key, value in context.invocation_metadata()}, "name": request.name})
        fault = self.faults.pop(0) if self.faults else 0.0
        if isinstance(fault, grpc.StatusCode):
            context.abort(fault, f"a fault, for {request.name}")
        if isinstance(fault, float):
            time.sleep(fault)
        data = self.secrets.get(request.name)
        if data is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Secret [{request.name}] not found or has no versions.")
            raise AssertionError("abort raises")
        payload = SecretPayload(data=data)
        if fault != "no checksum":
            payload.data_crc32c = google_crc32c.value(data)
        if fault == "damaged":
            payload.data = data[::-1]
        return AccessSecretVersionResponse(name=request.name, payload=payload)


@contextmanager
def serving(server: SecretServer, tls: grpc.ServerCredentials | None = None) -> Iterator[SecretServer]:
    """Runs ``server`` on a free port, with or without TLS."""
    handler = grpc.unary_unary_rpc_method_handler(
        server.answer,
        request_deserializer=AccessSecretVersionRequest.deserialize,
        response_serializer=AccessSecretVersionResponse.serialize,
    )
    service = "google.cloud.secretmanager.v1.SecretManagerService"
    running = grpc.server(ThreadPoolExecutor(4))
    running.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"AccessSecretVersion": handler}),))
    address = "127.0.0.1:0"
    server.port = running.add_secure_port(address, tls) if tls else running.add_insecure_port(address)
    running.start()
    try:
        yield server
    finally:
        running.stop(None).wait()


@contextmanager
def token_server(answer: Callable[[str, str], tuple[int, dict[str, object] | str]]) -> Iterator[str]:
    """A server for tokens and metadata: ``answer`` gets path and body and gives status and content.

    Yields:
        ``127.0.0.1:port``.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            status, content = answer(self.path, body)
            data = (content if isinstance(content, str) else json.dumps(content)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/text" if isinstance(content, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Metadata-Flavor", "Google")
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with _in_thread(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"127.0.0.1:{port}"


@contextmanager
def proxy_to(port: int, asked: list[str]) -> Iterator[str]:
    """A proxy that leads every CONNECT to ``port`` of this machine, and notes in ``asked`` where it was to lead.

    Yields:
        The proxy's URL.
    """

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().split()[1].decode())
            while self.rfile.readline().strip():
                pass
            with socket.create_connection(("127.0.0.1", port)) as target:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=_copy, args=(target, self.connection), daemon=True)
                back.start()
                _copy(self.connection, target)
                back.join()

    class Proxy(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with _in_thread(Proxy(("127.0.0.1", 0), Handler)) as proxy_port:
        yield f"http://127.0.0.1:{proxy_port}"


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # the other side has gone, and with it the reason to copy
        return


@contextmanager
def _in_thread(server: socketserver.TCPServer) -> Iterator[int]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
