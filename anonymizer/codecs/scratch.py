"""Files without a name in the file system, for libraries that take paths only."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

_OWN = "/proc/self/fd/{}"


@contextlib.contextmanager
def scratch_file(content: bytes | bytearray | memoryview) -> Iterator[str]:
    """Have ``content`` in a file in memory; where there is none, in one that only this user can read and that is removed."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        with open(os.memfd_create("frame"), "wb", buffering=0) as file:
            _write_all(file.fileno(), content)
            yield _OWN.format(file.fileno())
        return
    descriptor, path = tempfile.mkstemp()
    try:
        _write_all(descriptor, content)
        yield path
    finally:
        os.close(descriptor)
        os.unlink(path)


@contextlib.contextmanager
def captured_messages() -> Iterator[list[str]]:
    """Collect what C libraries write to standard error. The list is filled at the end."""
    messages: list[str] = []
    with tempfile.TemporaryFile() if not hasattr(os, "memfd_create") else open(os.memfd_create("messages"), "w+b") as file:
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield messages
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            # the library's end of the file has written: the position is shared
            messages += os.pread(file.fileno(), 1 << 16, 0).decode("latin-1").splitlines()


def _write_all(descriptor: int, content: bytes | bytearray | memoryview) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
