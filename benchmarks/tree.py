"""A runner of a command that prints its exit status and the most memory that it and all its descendants had together, in bytes.

``python -I -S tree.py LOG COMMAND...``: it looks at them every few milliseconds, and so disturbs what is timed. Memory that
several processes share counts once (Linux' proportional set size).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

#: seconds between looks
_PERIOD = 0.002


def main() -> None:
    log, command = sys.argv[1], sys.argv[2:]
    child = os.fork()
    if not child:
        try:
            said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(said, 1)
            os.dup2(said, 2)
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    most, ended, status = 0, 0, 0
    while not ended:
        most = max(most, sum(map(_memory, _with_descendants(child))))
        time.sleep(_PERIOD)
        ended, status = os.waitpid(child, os.WNOHANG)
    print(os.waitstatus_to_exitcode(status), most)


def _with_descendants(process: int) -> Iterator[int]:
    yield process
    try:
        threads = os.listdir(f"/proc/{process}/task")
    except OSError:
        return
    for thread in threads:
        for child in _read(f"/proc/{process}/task/{thread}/children").split():
            yield from _with_descendants(int(child))


def _memory(process: int) -> int:
    """Return the bytes of a process, its share of what it has in common with others; 0 if it ended."""
    for line in _read(f"/proc/{process}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


if __name__ == "__main__":
    main()
