"""The template process: it loads the codecs once and forks a child for each request.

It runs in a process of its own, which ``client`` starts. Nothing here, nor in the modules of codecs that it imports, may import
other parts of the project: they would cost time and memory in every worker.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket

from .child import answer, load_codecs
from .limits import end_with_parent
from .messages import NO_PROCESS


def serve(descriptor: int) -> None:
    """Fork a child for each descriptor that comes in, until the parent closes its end or is gone. Doesn't return."""
    # children are reaped by the system; a terminal's Ctrl-C is for the parent, whose end ends this process
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load_codecs()
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
                        _run_child(control, request, me)
                os.close(request)
    # the children, which share this process's group, and this process
    os.killpg(0, signal.SIGKILL)


def _run_child(control: socket.socket, request: int, parent: int) -> None:
    """Answer the request in this process, and end it."""
    try:
        end_with_parent(parent)
        control.close()
        with socket.socket(fileno=request) as connection:
            answer(connection)
    finally:
        os._exit(0)
