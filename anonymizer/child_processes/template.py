"""The template process: it loads libraries once and forks a child for each request.

It runs in a process of its own, which ``client`` starts. Nothing here, nor in the modules of operations that it imports, may
import other parts of the project: they would cost time and memory in every worker.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
from collections.abc import Mapping

from .child import answer
from .limits import end_with_parent
from .messages import NO_PROCESS
from .operations import Operation


def serve(descriptor: int, module: str) -> None:
    """Fork a child for each descriptor that comes in, until the parent closes its end or is gone. Doesn't return.

    Args:
        module: has ``load`` for the libraries, which starts no thread, and ``OPERATIONS``.
    """
    # children are reaped by the system; a terminal's Ctrl-C is for the parent, whose end ends this process
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked = importlib.import_module(module)
    asked.load()
    operations: Mapping[str, Operation] = asked.OPERATIONS
    # objects of now are never freed: the collector of a child doesn't touch, and so copy, their pages
    gc.collect()
    gc.freeze()
    me = os.getpid()
    with contextlib.suppress(OSError), socket.socket(fileno=descriptor) as control:
        while True:
            # a byte comes with each descriptor; no read takes two of them
            message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if not message:
                break
            for request in descriptors:
                try:
                    child = os.fork()
                except OSError:
                    with contextlib.suppress(OSError):
                        os.write(request, NO_PROCESS)
                else:
                    if not child:
                        _run_child(control, request, me, operations)
                os.close(request)
    # the children, which share this process's group, and this process
    os.killpg(0, signal.SIGKILL)


def _run_child(control: socket.socket, request: int, parent: int, operations: Mapping[str, Operation]) -> None:
    """Answer the request in this process, and end it."""
    try:
        end_with_parent(parent)
        control.close()
        with socket.socket(fileno=request) as connection:
            answer(connection, operations)
    finally:
        os._exit(0)
