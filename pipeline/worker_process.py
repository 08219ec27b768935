"""``python -m pipeline.worker_process``: Beam's worker on this machine, as a process that never outlives its run.

Beam's own would, when the command is killed while they start: they wait for a server that is gone.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from .process_lock import hold

_POLL_SECONDS = 0.2


def main(parent: int, folder: str, *, debug: bool) -> None:
    """Work for the command until it has no more work.

    Args:
        parent: the command's process; this one ends with it.
        folder: a file with this process's id, locked while it lives, says there that it is at work.
        debug: let Beam print what workers raise; it may name objects.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        hold(os.path.join(folder, str(os.getpid())))
    except FileNotFoundError:
        # the run has ended
        return
    if not os.path.isdir(folder):
        # it has just ended, and has perhaps not seen the lock
        return
    if not debug:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())

    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)


def _end_with(parent: int) -> None:
    # asked again and again: only Linux has a signal for it, and that comes when the thread that started a process ends
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], debug=sys.argv[3:] == ["debug"])
