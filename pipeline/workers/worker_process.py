"""Process of a worker of Beam on this machine, which never outlives its run."""

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
    """Assignment of a worker process to a run.

    Attributes:
        control: address of Beam's runner.
        worker_id: id of the worker for the runner.
        environment: environment variables of the command, which may hold the key.
        beam_args: options of Beam, as on the command line.
    """

    control: str
    worker_id: str
    environment: dict[str, str]
    beam_args: tuple[str, ...]


def main(assignments: Connection, parent: int, folder: str, prepare: Callable[[], None], debug: bool) -> None:
    """Wait for an assignment, then work for the run until it has no more work. The process ends with this function.

    Args:
        assignments: connection that yields the assignment, and later a request to stop.
        parent: process id of the command; this process ends with it.
        folder: folder of the run's sockets. The command removes it, or this process after the command was killed.
        prepare: called before the assignment arrives.
        debug: let Beam print exceptions, which may name objects.
    """
    ignore_signals()
    threading.Thread(target=_exit_with_parent, args=(parent, folder), daemon=True).start()
    silence_logs(debug=debug)
    if not debug:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    prepare()
    freeze_garbage_collector()
    remember_outages()
    assignment: Assignment | None = assignments.recv()
    if assignment is None:
        # the run failed before it began
        os._exit(0)
    threading.Thread(target=_stop_on_request, args=(assignments,), daemon=True).start()
    os.environ.update(assignment.environment)
    FileSystems.set_options(PipelineOptions(list(assignment.beam_args)))
    try:
        beam_internals.work(assignment.control, assignment.worker_id)
    except BaseException:
        # a broken connection may be noticed before the death of the command; if the command lives, its run has failed
        shutil.rmtree(folder, ignore_errors=True)
        raise
    # Python's own shutdown would only take time
    sys.stderr.flush()
    os._exit(0)


def freeze_garbage_collector() -> None:
    """Prepare the interpreter of a process that is about to work for the run.

    The command starts with the garbage collector off. Here it is switched on, and existing objects are exempted from it.
    """
    beam_internals.shorten_sampling()
    if not gc.isenabled():
        # frozen objects aren't touched by collections, so that forked processes share their pages
        gc.freeze()
        gc.enable()


def _stop_on_request(assignments: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        # any second message is a request to stop: there is one assignment
        assignments.recv()
        stop()


def _exit_with_parent(parent: int, folder: str) -> None:
    # polled: only Linux has a signal for this, which is sent when the thread that started the process ends
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
