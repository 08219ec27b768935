"""Beam's worker on this machine, as a process that never outlives its run."""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import NamedTuple

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.worker.sdk_worker import SdkHarness
from apache_beam.runners.worker.statesampler import StateSampler

from .logs import quiet

_POLL_SECONDS = 0.2
_SAMPLING_MILLISECONDS = 10
#: what Beam's own worker processes have
_STATE_CACHE_BYTES = 100 << 20


class Assignment(NamedTuple):
    """What a worker is told when the run has work for it.

    Attributes:
        control: the address of Beam's runner.
        worker_id: who it is to the runner.
        environment: the command's environment; where the key is may stand there.
        beam_args: the command's options for Beam.
    """

    control: str
    worker_id: str
    environment: dict[str, str]
    beam_args: tuple[str, ...]


def main(assignments: Connection, parent: int, prepare: Callable[[], None], *, debug: bool) -> None:
    """Wait for an assignment, then work for the run until it has no more work. The process ends with this function.

    Args:
        assignments: whence the assignment comes.
        parent: the command's process; this one ends with it.
        prepare: what is done first, without an assignment.
        debug: let Beam print what workers raise; it may name objects.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    # a key press reaches every process of a terminal: the command ends its workers itself
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    quiet(debug=debug)
    if not debug:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    prepare()
    settle()
    assignment: Assignment = assignments.recv()
    os.environ.update(assignment.environment)
    FileSystems.set_options(PipelineOptions(list(assignment.beam_args)))
    SdkHarness(assignment.control, worker_id=assignment.worker_id, state_cache_size=_STATE_CACHE_BYTES).run()
    # nobody waits for Python to take leave of all its modules
    sys.stderr.flush()
    os._exit(0)


def settle() -> None:
    """What a process does that is about to work for the run.

    Garbage is collected from now on, but not among what is there already: the command did without while it started.

    Beam waits at the end of each bundle for the thread that looks up now and then which step is at work: by default every 200 ms.
    """
    StateSampler.__init__.__defaults__ = (_SAMPLING_MILLISECONDS,)
    if not gc.isenabled():
        # never looked at, it stays in pages that forked processes share
        gc.freeze()
        gc.enable()


def _end_with(parent: int) -> None:
    # asked again and again: only Linux has a signal for it, and that comes when the thread that started a process ends
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(1)
