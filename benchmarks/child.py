"""A runner of a command that prints what it took: ``python -I -S child.py LIMIT READY LOG COMMAND...``.

A process of its own, and a small one: Linux counts what the parent had in memory when it started a child as the child's, too.

Prints exit status (negative: a signal), seconds, seconds of CPU in user and kernel mode, and the peak of memory in bytes, which
is this process's where it is but 7 MB or so. LIMIT, in bytes, is of the command's address space (0: none); READY bytes of memory
are had at once while it runs; what the command says goes to LOG.
"""

from __future__ import annotations

import mmap
import os
import resource
import signal
import sys
import time

#: bytes that are given at once, bytes that are to be there ahead of their use, and how often that is looked after, in seconds
_GIVEN, _AHEAD, _PERIOD = 32 << 20, 128 << 20, 0.005


def main() -> None:
    limit, ready, log, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    holder = _hold(ready) if ready else 0
    began = time.perf_counter()
    child = os.fork()
    if not child:
        try:
            said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(said, 1)
            os.dup2(said, 2)
            if limit:
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    # with the children that the command has waited for: their CPU is added, of their peaks and its own it is the largest
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - began
    if holder:
        os.kill(holder, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(status), seconds, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024)


def _hold(size: int) -> int:
    """Start a process that has ``size`` bytes of memory ready, and gives of it as much as is being used up; return its ID.

    A virtual machine gives memory that is free back to its host, within seconds. To get it again costs up to ten times as much as
    to copy into it: who writes sooner would seem to be the faster one.
    """
    parent = os.getpid()
    is_ready, ready = os.pipe()
    holder = os.fork()
    if holder:
        # its own end is closed: a holder that got no memory ends, and nobody waits for it
        os.close(ready)
        os.read(is_ready, 1)
        return holder
    try:
        memory = mmap.mmap(-1, size)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            memory.madvise(mmap.MADV_HUGEPAGE)
        for place in range(0, size, mmap.PAGESIZE):
            memory[place] = 1
        before = _free()
        os.write(ready, b"1")
        for place in range(0, size, _GIVEN):
            while _free() - before > _AHEAD and os.getppid() == parent:
                time.sleep(_PERIOD)
            memory.madvise(mmap.MADV_DONTNEED, place, min(_GIVEN, size - place))
    finally:
        os._exit(0)


def _free() -> int:
    """Return the bytes of memory that nobody uses."""
    with open("/proc/meminfo", "rb") as stream:
        lines = dict(line.split(b":") for line in stream)
    return int(lines[b"MemFree"].split()[0]) * 1024


if __name__ == "__main__":
    main()
