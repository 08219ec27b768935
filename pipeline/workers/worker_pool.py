"""Supervised worker processes of a local run. Beam's runner alone would wait for ever for some that died."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import TypeVar

from apache_beam.runners.runner import PipelineRunner

from storage import StorageUnavailableError, go_on, has_connected, note_outage, remember_outages, stop

from ..beam_internals import private_servers, runner_of_processes
from ..errors import RUN_AGAIN_HINT, RunAgainError
from ..failures import transient_message_in
from ..signals import Interrupted, signals_blocked, signals_deferred
from . import worker_process
from .socket_folder import make_socket_folder

T = TypeVar("T")

#: limits on the wait for killed processes to end, and for the exit code of a worker after an error that its death caused
_KILL_SECONDS, _EXIT_CODE_SECONDS = 20.0, 1.0
#: limit on the wait for interrupted work to record what is done
_STOP_SECONDS = 4.0


class WorkerProcesses:
    """Worker processes of a run, as a context: they start on entry, and none is left on exit.

    With a count of 0, the run has no process but this one. Within the context, nothing in this process listens where other users
    of the machine could connect.

    Processes are forked where that is safe. A fork takes milliseconds, and the imports of a new process take two seconds of CPU.
    Forks are safe before gRPC, threads or connections are used, except on macOS, whose frameworks don't support them.
    """

    def __init__(
        self, count: int, beam_args: Sequence[str], prepare: Callable[[], None], *, embedded: bool = False, debug: bool
    ) -> None:
        """Describe the processes; they start on entry.

        Args:
            count: number of processes.
            beam_args: options of Beam, as on the command line.
            prepare: called first in each process, while the run is being set up.
            embedded: True if the engine is a job server in this process.
            debug: let processes print exceptions, which may name objects.
        """
        self._count, self._prepare, self._embedded, self._debug = count, prepare, embedded, debug
        self._beam_args = tuple(beam_args)
        self._workers: list[_Worker] = []
        self._idle: Iterator[_Worker] = iter(())
        self._cleanup = contextlib.ExitStack()
        #: functions that return or raise; the first one is the run's outcome: success, its error, or a worker's death
        self._outcomes: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._worker_died, self._work_ended = threading.Event(), threading.Event()

    def __enter__(self) -> WorkerProcesses:
        """Start the processes.

        Raises:
            UsageError: no folder can hold their sockets.
        """
        go_on()
        remember_outages()
        with contextlib.ExitStack() as cleanup:
            with signals_deferred():
                folder = None
                if self._count or self._embedded:
                    folder = make_socket_folder()
                    cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
                cleanup.enter_context(private_servers(folder, self._on_worker_error, embedded=self._embedded))
                if folder is not None:
                    self._start(folder)
                    cleanup.callback(self._kill_all)
            self._cleanup = cleanup.pop_all()
        return self

    def _start(self, folder: Path) -> None:
        forks = sys.platform == "linux" and threading.active_count() == 1 and not has_connected()
        task = (os.getpid(), str(folder), self._prepare, self._debug)
        self._workers = [_Worker("fork" if forks else "spawn", self._on_exit, task) for _ in range(self._count)]
        self._idle = iter(self._workers)
        with signals_blocked():
            for worker in self._workers:
                worker.process.start()
        # threads start after all forks: no thread may be active during a fork
        for worker in self._workers:
            threading.Thread(target=worker.watch, daemon=True).start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        remember_outages(False)
        self._cleanup.close()

    def _kill_all(self) -> None:
        """Kill the processes that are still alive."""
        # after a successful run, all have ended by themselves
        left = [worker for worker in self._workers if not worker.gone.is_set()]
        for worker in left:
            worker.process.kill()
        deadline = time.monotonic() + _KILL_SECONDS
        for worker in left:
            worker.gone.wait(deadline - time.monotonic())

    def run(self, work: Callable[[PipelineRunner | None], T]) -> T:
        """Call ``work``, and return its result.

        Args:
            work: called with a runner that uses these processes, or None for the runner that the options name.

        Raises:
            RunError: a worker process died.
            StorageUnavailableError: a worker process reported that a store is unavailable.
        """
        runner = runner_of_processes(self._assign) if self._workers else None
        results: list[T] = []

        def run() -> None:
            try:
                results.append(work(runner))
                self._outcomes.put(lambda: None)
            except BaseException as error:
                self._work_ended.set()
                if self._workers:
                    # the death of a worker may be noticed a moment after the error that it caused
                    self._worker_died.wait(_EXIT_CODE_SECONDS)
                self._outcomes.put(_raiser(error))

        # in a thread that may be abandoned: after the death of a worker the runner may never return, and signals reach only the
        # main thread. It is a daemon, as are all threads that Beam starts from it, so that none keeps the command from ending
        threading.Thread(target=run, name="dicom-deid-run", daemon=True).start()
        try:
            self._outcomes.get()()
        except BaseException as error:
            # stopped before their unfinished files are removed, so that no process writes any more
            self._stop(error)
            self._kill_all()
            raise
        return results[0]

    def _stop(self, error: BaseException) -> None:
        """Interrupt the work, and let it record what is done."""
        stop()
        for worker in self._workers:
            worker.stop()
        if isinstance(error, Interrupted | KeyboardInterrupt | StorageUnavailableError):
            self._work_ended.wait(_STOP_SECONDS)

    def _on_worker_error(self, error: str) -> None:
        message = transient_message_in(error)
        if message is not None:
            # work in this process must not wait for the store either
            note_outage(message)
            self._outcomes.put(_raiser(StorageUnavailableError(message)))

    def _assign(self, control: str, worker_id: str) -> _Worker:
        worker = next(self._idle)
        worker.assign(worker_process.Assignment(control, worker_id, dict(os.environ), self._beam_args))
        return worker

    def _on_exit(self, code: int | None) -> None:
        if code:
            self._outcomes.put(_raiser(RunAgainError(_exit_message(code))))
            self._worker_died.set()


class _Worker:
    """A worker process, supervised."""

    def __init__(self, method: str, on_exit: Callable[[int | None], None], task: tuple[object, ...]) -> None:
        context = multiprocessing.get_context(method)
        receiver, self._sender = context.Pipe(duplex=False)
        self.process = context.Process(  # type: ignore[attr-defined] # of all contexts, but not of their base
            target=worker_process.main, args=(receiver, *task), daemon=True
        )
        self.gone = threading.Event()
        self._on_exit = on_exit

    def watch(self) -> None:
        """Wait until the process ends, and report its exit code."""
        self.process.join()
        self._on_exit(self.process.exitcode)
        self.gone.set()

    def assign(self, assignment: worker_process.Assignment) -> None:
        """Send the process its assignment."""
        self._sender.send(assignment)

    def stop(self) -> None:
        """Tell the process to record what is done, and to stop."""
        with contextlib.suppress(OSError):
            self._sender.send(None)

    def wait(self) -> None:
        """Wait until the process has ended."""
        self.gone.wait()


def _raiser(error: BaseException) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail


def _exit_message(code: int) -> str:
    if code < 0:
        how = f"was killed by signal {-code}" + (", as the system does when memory runs out" * (code == -signal.SIGKILL))
    else:
        how = f"ended with exit code {code}"
    return f"a worker process {how}; {RUN_AGAIN_HINT}"
