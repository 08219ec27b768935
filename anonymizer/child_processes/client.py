"""The parent's side: a template process of this process, and a request to a child of it."""

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
import weakref
from typing import Any, NamedTuple

from .messages import GREETING, NO_PROCESS, Buffer, ProtocolError, receive, send

#: what a template runs. It imports the modules of its package without the packages above, which load the whole engine
_MAIN = """
import importlib, json, sys, types
path, packages, descriptor, module = json.loads(sys.argv[1])
sys.path[:] = path
for name, places in packages:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = places
importlib.import_module("{}.template").serve(descriptor, module)
"""
#: variables of the environment that a template gets: how libraries are found, and which kernels numpy takes
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
#: a process that forks has one thread only
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "VECLIB_MAXIMUM_THREADS": "1"}
#: seconds until a new template has loaded its libraries, on a machine that is busy
_START = 120
#: what a child says of a request that it doesn't do
_STATUSES = frozenset({"refused", "missing", "unsupported"})


class Limits(NamedTuple):
    """Limits of children.

    Attributes:
        memory, memory_of_sample, memory_of_byte: bytes, whatever is asked for, and for each sample and each byte of the request.
        cpu, samples_of_second, bytes_of_second: seconds, whatever is asked for, and samples and bytes for one more.
        wall, wall_of_cpu: the clock's limits are for what waits and uses no CPU: seconds, and for each second of CPU.
        large: samples of a request of which only one is under way at a time.
    """

    memory: int = 192 << 20
    memory_of_sample: int = 32
    memory_of_byte: int = 4
    cpu: int = 8
    samples_of_second: int = 1_000_000
    bytes_of_second: int = 4_000_000
    wall: int = 30
    wall_of_cpu: int = 6
    large: int = 8 << 20


class ChildError(Exception):
    """A request that wasn't done.

    Attributes:
        status: ``refused``, ``missing``, ``unsupported`` as a child says; ``failed``: also by a limit or a crash.
    """

    def __init__(self, status: str) -> None:
        super().__init__(f"a child process: {status}")
        self.status = status


class Request(NamedTuple):
    """A request to a child.

    Attributes:
        content: its fields; ``operation`` names what to do.
        buffer: its bytes, a frame or samples.
        samples: how many there are in the decoded frame: the limits follow from it.
        most: bytes that the answer's buffers may have.
        buffers: how many there are in it.
        cpu: seconds of CPU that it may take, where that is less than the limits allow.
    """

    content: dict[str, Any]
    buffer: Buffer
    samples: int
    most: int
    buffers: int = 1
    cpu: int | None = None


class _Template:
    """A template process and the socket that it takes requests by."""

    def __init__(self, module: str) -> None:
        self.control, theirs = socket.socketpair()
        with theirs:
            package = __name__.rpartition(".")[0]
            names = sorted({*_packages(__name__), *_packages(module)})
            packages = [(name, [os.path.abspath(place) for place in sys.modules[name].__path__]) for name in names]
            path = [os.path.abspath(place) for place in sys.path]
            arguments = json.dumps([path, packages, theirs.fileno(), module])
            environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
            try:
                self._process = subprocess.Popen(
                    # isolated: nothing of the environment, no user's packages; the path is ours
                    [sys.executable, "-I", "-S", "-B", "-c", _MAIN.replace("{}", package), arguments],
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


def _packages(module: str) -> list[str]:
    """Return the packages that a module is in."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


class _LostError(Exception):
    """A template that is gone, and with it what it was asked."""


class Client:
    """A template process of this process, and requests to it. Any thread may ask at any time.

    As many children work at once as there are processors, and one of those with a large request: memory is bounded. A process
    that is forked off this one has a template of its own.
    """

    def __init__(self, module: str, limits: Limits | None = None) -> None:
        """
        Args:
            module: the name of a module with ``load`` and ``OPERATIONS``, which imports nothing of the project but its package
                and this one. Its package was imported.
        """
        self._module = module
        self.limits = limits or Limits()
        self._begin()
        _clients.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._template: _Template | None = None
        self._free = threading.BoundedSemaphore(os.cpu_count() or 1)
        self._free_for_large = threading.BoundedSemaphore(1)

    def ask(self, request: Request) -> tuple[dict[str, Any], list[bytearray]]:
        """Return the fields and buffers that a child answers ``request`` with.

        Raises:
            ChildError: it doesn't do it.
        """
        large = self._free_for_large if request.samples > self.limits.large else contextlib.nullcontext()
        with large, self._free:
            # a template may have died since it was last asked, or while it was: another one is tried once
            for _ in range(2):
                with contextlib.suppress(OSError):
                    template, connection = self._connect()
                    if connection is not None:
                        try:
                            with connection:
                                return _ask_child(connection, request, template, self.limits)
                        except _LostError:
                            pass
                    self._drop(template)
        raise ChildError("failed")

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
        self._begin()

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
                    self._template = _Template(self._module)
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


def _ask_child(
    connection: socket.socket, request: Request, template: _Template, limits: Limits
) -> tuple[dict[str, Any], list[bytearray]]:
    size = len(request.buffer)
    cpu = limits.cpu + request.samples // limits.samples_of_second + size // limits.bytes_of_second
    if request.cpu is not None:
        cpu = min(cpu, request.cpu)
    wall = limits.wall + limits.wall_of_cpu * cpu
    memory = limits.memory + limits.memory_of_sample * request.samples + limits.memory_of_byte * size
    connection.settimeout(wall)
    try:
        send(connection, request.content | {"limits": [memory, cpu, wall, size + (1 << 20)]}, [request.buffer])
        answer, buffers = receive(connection, request.most, time.monotonic() + wall)
    except (OSError, ProtocolError):
        if template.is_gone:
            raise _LostError from None
        raise ChildError("failed") from None
    status = answer.pop("status", None)
    if status != "done" or len(buffers) != request.buffers:
        raise ChildError(status if isinstance(status, str) and status in _STATUSES else "failed")
    return answer, buffers


#: the clients of this process
_clients: weakref.WeakSet[Client] = weakref.WeakSet()


def _forget_templates() -> None:
    for client in _clients:
        client.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_templates)
