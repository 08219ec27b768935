"""The parent's side of the codecs: one template process for this process, and a request to a child of it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any, NamedTuple

from ..codestreams import frame_error
from ..reasons import Reason
from .messages import GREETING, NO_PROCESS, Buffer, ProtocolError, receive, send

#: what a template runs. It imports the modules of its package without the packages above, which load the whole engine
_MAIN = """
import importlib, json, sys, types
path, packages, descriptor = json.loads(sys.argv[1])
sys.path[:] = path
for name, places in packages:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = places
importlib.import_module(packages[-1][0] + ".template").serve(descriptor)
"""
#: variables of the environment that a template gets: how libraries are found, and which kernels numpy takes
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
#: a process that forks has one thread only
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "VECLIB_MAXIMUM_THREADS": "1"}
#: seconds until a new template has loaded its libraries, on a machine that is busy
_START = 120
#: bytes of memory, whatever the frame, and for each sample and each byte of the request
_MEMORY, _MEMORY_OF_SAMPLE, _MEMORY_OF_BYTE = 192 << 20, 32, 4
#: seconds of CPU, whatever the frame, and samples and bytes for one more
_CPU, _SAMPLES_OF_SECOND, _BYTES_OF_SECOND = 8, 1_000_000, 4_000_000
#: the clock's limits are for what waits and uses no CPU: seconds, and for each second of CPU
_WALL, _WALL_OF_CPU = 30, 6
#: samples of a frame that is large
_LARGE = 8 << 20
_REASONS = {
    "refused": Reason.PIXEL_INVALID_FRAMES,
    "missing": Reason.PIXEL_CODEC_MISSING,
    "unsupported": Reason.PIXEL_UNSUPPORTED_FORMAT,
}


class Request(NamedTuple):
    """A request to a child.

    Attributes:
        content: its fields; ``operation`` names what to do.
        buffer: a frame, or samples.
        samples: how many there are in the decoded frame: the limits follow from it.
        most: bytes that the answer may have.
        buffers: how many there are in it.
    """

    content: dict[str, Any]
    buffer: Buffer
    samples: int
    most: int
    buffers: int = 1


class _Template:
    """A template process and the socket that it takes requests by."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair()
        with theirs:
            package = __name__.rpartition(".")[0]
            names = [".".join(package.split(".")[: count + 1]) for count in range(package.count(".") + 1)]
            packages = [(name, [os.path.abspath(place) for place in sys.modules[name].__path__]) for name in names]
            path = [os.path.abspath(place) for place in sys.path]
            arguments = json.dumps([path, packages, theirs.fileno()])
            environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
            try:
                self._process = subprocess.Popen(
                    # isolated: nothing of the environment, no user's packages; the path is ours
                    [sys.executable, "-I", "-S", "-B", "-c", _MAIN, arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env=environment | _ONE_THREAD,
                    pass_fds=(theirs.fileno(),),
                    # its group, which ends as a whole; no terminal's signals
                    start_new_session=True,
                )
            except BaseException:
                self.control.close()
                raise

    @property
    def is_gone(self) -> bool:
        """True if the process has ended."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """End the process. Requests in flight are lost."""
        self.control.close()
        self._process.kill()
        self._process.wait()


class _LostError(Exception):
    """A template that is gone, and with it what it was asked."""


class Client:
    """The template process of this process, and requests to it. Any thread may ask at any time.

    As many children work at once as there are processors, and one of those with a large frame: memory is bounded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._template: _Template | None = None
        self._free = threading.BoundedSemaphore(os.cpu_count() or 1)
        self._free_for_large = threading.BoundedSemaphore(1)

    def ask(self, request: Request) -> list[bytearray]:
        """Return the buffers that a child answers ``request`` with.

        Raises:
            DeidentificationError: ``pixel-invalid-frames`` where the library refuses the frame, ``pixel-codec-missing``,
                ``pixel-unsupported-format``; ``pixel-codec-failed`` where the child was killed, by a limit or a crash.
        """
        large = self._free_for_large if request.samples > _LARGE else contextlib.nullcontext()
        with large, self._free:
            # a template may have died since it was last asked, or while it was: another one is tried once
            for _ in range(2):
                with contextlib.suppress(OSError):
                    template, connection = self._connect()
                    if connection is not None:
                        try:
                            with connection:
                                return _ask_child(connection, request, template)
                        except _LostError:
                            pass
                    self._drop(template)
        raise frame_error(Reason.PIXEL_CODEC_FAILED)

    def stop(self) -> None:
        """End the template process; the next request starts another one."""
        with self._lock:
            if self._template is not None:
                self._template.stop()
                self._template = None

    def forget(self) -> None:
        """Leave the template to the process that started it: this one was forked off."""
        if self._template is not None:
            self._template.control.close()

    def _drop(self, template: _Template) -> None:
        """End a template that died."""
        with self._lock:
            # another thread may have put a new one into its place
            if self._template is template:
                template.stop()
                self._template = None

    def _connect(self) -> tuple[_Template, socket.socket | None]:
        """Return the template and a connection to a child of it that is there; None: the template died.

        Raises:
            OSError: no process can be started.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs, self._lock:
                if self._template is None:
                    self._template = _Template()
                template = self._template
                with contextlib.suppress(OSError):
                    socket.send_fds(template.control, [b"+"], [theirs.fileno()])
            ours.settimeout(_START)
            try:
                greeting = ours.recv(1)
            except OSError:
                greeting = b""
        except BaseException:
            ours.close()
            raise
        if greeting == GREETING:
            return template, ours
        ours.close()
        if greeting == NO_PROCESS:
            # others may be at work: the template stays
            raise OSError(errno.EAGAIN, "no process can be forked")
        return template, None


def _ask_child(connection: socket.socket, request: Request, template: _Template) -> list[bytearray]:
    size = len(request.buffer)
    cpu = _CPU + request.samples // _SAMPLES_OF_SECOND + size // _BYTES_OF_SECOND
    wall = _WALL + _WALL_OF_CPU * cpu
    memory = _MEMORY + _MEMORY_OF_SAMPLE * request.samples + _MEMORY_OF_BYTE * size
    connection.settimeout(wall)
    try:
        send(connection, request.content | {"limits": [memory, cpu, wall, size + (1 << 20)]}, [request.buffer])
        answer, buffers = receive(connection, request.most, time.monotonic() + wall)
    except (OSError, ProtocolError):
        if template.is_gone:
            raise _LostError from None
        raise frame_error(Reason.PIXEL_CODEC_FAILED) from None
    if answer.get("status") != "done" or len(buffers) != request.buffers:
        status = answer.get("status")
        reason = _REASONS.get(status) if isinstance(status, str) else None
        raise frame_error(reason or Reason.PIXEL_CODEC_FAILED)
    return buffers


_client = Client()


def ask(content: dict[str, Any], buffer: Buffer, *, samples: int, most: int, count: int = 1) -> list[bytearray]:
    """Ask the client of this process; see ``Client.ask``."""
    return _client.ask(Request(content, buffer, samples, most, count))


def _replace_client() -> None:
    global _client
    _client.forget()
    _client = Client()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_replace_client)
