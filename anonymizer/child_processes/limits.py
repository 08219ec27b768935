"""Limits of a child process: memory, CPU, time, files. They hold whatever a decoder does."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
#: descriptors a child may have open: its socket, the null device, files in memory, and what libraries open for themselves
_MOST_FILES = 64


def set_limits(memory: int, cpu: int, wall: int, file: int) -> None:
    """Set the limits of this process. None of them can be raised again.

    Args:
        memory: bytes of address space beyond those that the process has now.
        cpu: seconds of CPU; the process is killed at the next.
        wall: seconds until it is killed.
        file: bytes of a file.
    """
    import resource

    limits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": cpu,
        "RLIMIT_FSIZE": file,
        "RLIMIT_NOFILE": _MOST_FILES,
        "RLIMIT_NPROC": 0,
        "RLIMIT_AS": _address_space() + memory,
    }
    # the wall clock first: it holds where a limit isn't to be had
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(wall)
    for name, limit in limits.items():
        number = getattr(resource, name, None)
        if number is None:
            continue
        # not every system has, or takes, each of them; some refuse to lower a limit that is unlimited
        with contextlib.suppress(OSError, ValueError):
            _, hard = resource.getrlimit(number)
            least = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(number, (least, least))


def end_with_parent(parent: int) -> None:
    """Have this process killed when the process that forked it ends, where the system can do so. It must have one thread only."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _address_space() -> int:
    """Return the bytes of address space of this process."""
    try:
        with open("/proc/self/statm", "rb") as status:
            return int(status.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        # elsewhere nobody tells; libraries of the system take the most
        return 4 << 30


def _find_prctl() -> Callable[..., int] | None:
    if sys.platform != "linux":
        return None
    try:
        found: Callable[..., int] = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    return found


_prctl = _find_prctl()
