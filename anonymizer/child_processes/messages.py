"""Messages between the parent and a child: a header in JSON and buffers, over a stream socket. No pickle: no child is trusted."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, TypeAlias

#: bytes of a header
_MOST_HEADER = 1 << 20
_LENGTH = struct.Struct("<L")

#: first byte of a connection: somebody is there, and what goes wrong from now on is the request's fault; or nobody can be
GREETING, NO_PROCESS = b"+", b"-"

Buffer: TypeAlias = "bytes | bytearray | memoryview"


class ProtocolError(Exception):
    """A message that the other side can't have meant, or its end before it was whole."""


def send(connection: socket.socket, header: dict[str, Any], buffers: Sequence[Buffer] = ()) -> None:
    """Send a message.

    Raises:
        OSError: the other side is gone, or took too long.
    """
    encoded = json.dumps(header | {"buffers": [len(buffer) for buffer in buffers]}).encode()
    connection.sendall(_LENGTH.pack(len(encoded)) + encoded)
    for buffer in buffers:
        # whoever waits for no bytes may have answered already, and be gone
        if len(buffer):
            connection.sendall(buffer)


def receive(connection: socket.socket, most: int, deadline: float | None = None) -> tuple[dict[str, Any], list[bytearray]]:
    """Receive a message.

    Args:
        most: bytes that its buffers may have together.
        deadline: by ``time.monotonic``.

    Raises:
        ProtocolError: it is none, is too large, or ends too early.
        OSError: the connection broke; ``TimeoutError`` past the deadline.
    """
    (length,) = _LENGTH.unpack(_receive_exactly(connection, _LENGTH.size, deadline))
    if length > _MOST_HEADER:
        raise ProtocolError
    try:
        header = json.loads(bytes(_receive_exactly(connection, length, deadline)))
    except (ValueError, RecursionError):
        raise ProtocolError from None
    lengths = header.pop("buffers", None) if isinstance(header, dict) else None
    if not isinstance(lengths, list) or not all(type(length) is int and length >= 0 for length in lengths) or sum(lengths) > most:
        raise ProtocolError
    return header, [_receive_exactly(connection, length, deadline) for length in lengths]


def _receive_exactly(connection: socket.socket, length: int, deadline: float | None) -> bytearray:
    received = bytearray(length)
    view = memoryview(received)
    while view:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            connection.settimeout(left)
        count = connection.recv_into(view)
        if not count:
            raise ProtocolError
        view = view[count:]
    return received
