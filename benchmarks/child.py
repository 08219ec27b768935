"""Runs a command and says what it took: ``python -I -S child.py LIMIT TOUCH LOG COMMAND...``.

A process of its own, and a small one: Linux counts what the parent had in memory when it started a child as the child's, too.

Prints exit status (negative: a signal), seconds, seconds of CPU in user and kernel mode, and the peak of memory in bytes, which
is this process's where it is but 7 MB or so. LIMIT, in bytes, is of the command's address space (0: none); TOUCH bytes of memory
are made ready before; what the command says goes to LOG.
"""

from __future__ import annotations

import mmap
import os
import resource
import sys
import time


def main() -> None:
    limit, touch, log, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    if touch:
        _touch(touch)
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
    print(os.waitstatus_to_exitcode(status), seconds, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024)


def _touch(size: int) -> None:
    """Make the system's next ``size`` bytes of free memory such as can be had at once.

    A virtual machine gives memory that is free back to its host. To get it again costs up to ten times as much as to copy into
    it, and whoever comes first would pay for all.
    """
    child = os.fork()
    if not child:
        try:
            memory = mmap.mmap(-1, size)
            for place in range(0, size, mmap.PAGESIZE):
                memory[place] = 1
        finally:
            os._exit(0)
    os.waitpid(child, 0)


if __name__ == "__main__":
    main()
