"""A child process from its limits to its answer of one request. It ends when this returns, or before."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from typing import Any

from .limits import set_limits
from .messages import GREETING, Buffer, ProtocolError, receive, send
from .operations import Operation, UnsupportedError

#: bytes of a request; the parent sends no larger ones
_MOST_REQUEST = 1 << 31


def answer(connection: socket.socket, operations: Mapping[str, Operation]) -> None:
    """Answer one request.

    An answer's ``status``: ``done``; ``refused`` by the library; ``missing`` library; ``unsupported``; ``failed`` for want of
    memory or by an error of ours. A child that is killed doesn't answer.
    """
    connection.sendall(GREETING)
    try:
        request, buffers = receive(connection, _MOST_REQUEST)
        set_limits(*request["limits"])
        header, results = _do(operations, request, buffers)
    except (ProtocolError, OSError, MemoryError):
        header, results = {"status": "failed"}, []
    with contextlib.suppress(OSError):
        send(connection, header, results)


def _do(
    operations: Mapping[str, Operation], request: dict[str, Any], buffers: list[bytearray]
) -> tuple[dict[str, Any], list[Buffer]]:
    operation = operations[request["operation"]]
    try:
        header, results = operation(request, buffers)
    except ImportError:
        return {"status": "missing"}, []
    except UnsupportedError:
        return {"status": "unsupported"}, []
    except (MemoryError, OSError):
        return {"status": "failed"}, []
    # the libraries' own errors have no class in common but this
    except Exception:
        return {"status": "refused"}, []
    return header | {"status": "done"}, results
