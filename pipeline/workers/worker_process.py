"""Beam's worker on this machine, as a process that never outlives its run."""

import contextlib
import gc
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import NamedTuple

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from storage import remember_outages, stop

from .. import beam_internals
from ..logs import silence_logs
from ..signals import ignore_signals

_POLL_SECONDS = 0.2


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


def main(assignments: Connection, parent: int, folder: str, prepare: Callable[[], None], debug: bool) -> None:
    """Wait for an assignment, then work for the run until it has no more work. The process ends with this function.

    Args:
        assignments: whence the assignment comes, and later the word to stop.
        parent: the command's process; this one ends with it.
        folder: the run's sockets; the command removes them, or this process if it can't any more.
        prepare: what is done first, without an assignment.
        debug: let Beam print what workers raise; it may name objects.
    """
    ignore_signals()
    threading.Thread(target=_end_with, args=(parent, folder), daemon=True).start()
    silence_logs(debug=debug)
    if not debug:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    prepare()
    freeze_garbage_collector()
    remember_outages()
    assignment: Assignment | None = assignments.recv()
    if assignment is None:
        # the run is over before it began
        os._exit(0)
    threading.Thread(target=_stop_when_told, args=(assignments,), daemon=True).start()
    os.environ.update(assignment.environment)
    FileSystems.set_options(PipelineOptions(list(assignment.beam_args)))
    try:
        beam_internals.work(assignment.control, assignment.worker_id)
    except BaseException:
        # the connection broke, and may do so before it can be seen that the command is gone; if it is here, its run has failed
        shutil.rmtree(folder, ignore_errors=True)
        raise
    # nobody waits for Python to take leave of all its modules
    sys.stderr.flush()
    os._exit(0)


def freeze_garbage_collector() -> None:
    """What a process does that is about to work for the run.

    Garbage is collected from now on, but not among what is there already: the command did without while it started.
    """
    beam_internals.sample_often()
    if not gc.isenabled():
        # never looked at, it stays in pages that forked processes share
        gc.freeze()
        gc.enable()


def _stop_when_told(assignments: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        # whatever it is: there is one assignment
        assignments.recv()
        stop()


def _end_with(parent: int, folder: str) -> None:
    # asked again and again: only Linux has a signal for it, and that comes when the thread that started a process ends
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
