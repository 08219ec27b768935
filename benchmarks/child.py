"""Runs a command and says what it took: ``python -I -S child.py LIMIT LOG COMMAND...``.

A process of its own, and a small one: Linux counts what the parent had in memory when it started a child as the child's, too.

Prints exit status (negative: a signal), seconds, seconds of CPU in user and kernel mode, and the peak of memory in bytes. LIMIT, in
bytes, is of the command's address space (0: none); what it says goes to LOG.
"""

from __future__ import annotations

import os
import resource
import sys
import time


def main() -> None:
    limit, log, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
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


if __name__ == "__main__":
    main()
