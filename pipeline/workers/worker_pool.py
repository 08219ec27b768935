"""Worker processes of a local run, watched: Beam's runner waits for ever for some that died."""

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

from ..beam_internals import closed_to_others, runner_of_processes
from ..errors import RUN_AGAIN_HINT, RunAgainError
from ..failures import transient_message_in
from ..signals import Interrupted, signals_blocked, signals_deferred
from . import worker_process
from .socket_folder import make_socket_folder

T = TypeVar("T")

#: how long processes that were killed may take to be gone, and the news of a death to come after what it led to
_GONE_SECONDS, _NEWS_SECONDS = 20.0, 1.0
#: how long work that is to stop may take to write down what is done
_STOP_SECONDS = 4.0


class WorkerProcesses:
    """So many processes for Beam's workers, or none: then the run has no process but this one.

    They come into being when this is entered, and wait for the work that ``run`` has for them. None is left when it is left.
    Meanwhile nothing in the command's process listens where other users of the machine reach it.

    Where that is safe they are forked: that takes milliseconds, and the imports of a process that starts anew two seconds of
    CPU. It is safe while nothing has used gRPC, threads or connections, and not on macOS, whose own frameworks don't bear it.
    """

    def __init__(
        self, count: int, beam_args: Sequence[str], prepare: Callable[[], None], *, embedded: bool = False, debug: bool
    ) -> None:
        """
        Args:
            prepare: what each of them does first, while the run is being set up.
            embedded: the options name an engine that is in this process.
            debug: let them print what they raise; it may name objects.
        """
        self._count, self._prepare, self._embedded, self._debug = count, prepare, embedded, debug
        self._beam_args = tuple(beam_args)
        self._workers: list[_Worker] = []
        self._idle: Iterator[_Worker] = iter(())
        self._cleanup = contextlib.ExitStack()
        #: the first one is the run's outcome: its result, or what it raised, or how a worker died
        self._outcomes: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._died, self._over = threading.Event(), threading.Event()

    def __enter__(self) -> WorkerProcesses:
        """
        Raises:
            UsageError: there is no place for their sockets.
        """
        go_on()
        remember_outages()
        with contextlib.ExitStack() as cleanup:
            with signals_deferred():
                folder = None
                if self._count or self._embedded:
                    folder = make_socket_folder()
                    cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
                cleanup.enter_context(closed_to_others(folder, self._hear, embedded=self._embedded))
                if folder is not None:
                    self._start(folder)
                    cleanup.callback(self._end)
            self._cleanup = cleanup.pop_all()
        return self

    def _start(self, folder: Path) -> None:
        forks = sys.platform == "linux" and threading.active_count() == 1 and not has_connected()
        task = (os.getpid(), str(folder), self._prepare, self._debug)
        self._workers = [_Worker("fork" if forks else "spawn", self._ended, task) for _ in range(self._count)]
        self._idle = iter(self._workers)
        with signals_blocked():
            for worker in self._workers:
                worker.process.start()
        # threads only now: none is to be at work in the middle of a fork
        for worker in self._workers:
            threading.Thread(target=worker.watch, daemon=True).start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        remember_outages(False)
        self._cleanup.close()

    def _end(self) -> None:
        """See to it that none is left."""
        # they have ended by themselves, but for a run that failed, was interrupted or came to nothing
        left = [worker for worker in self._workers if not worker.gone.is_set()]
        for worker in left:
            worker.process.kill()
        deadline = time.monotonic() + _GONE_SECONDS
        for worker in left:
            worker.gone.wait(deadline - time.monotonic())

    def run(self, work: Callable[[PipelineRunner | None], T]) -> T:
        """What ``work`` makes of a runner with these processes, None for the runner that the options name.

        Raises:
            RunError: a worker process died.
            StorageUnavailableError: one of them said so.
        """
        runner = runner_of_processes(self._assign) if self._workers else None
        results: list[T] = []

        def run() -> None:
            try:
                results.append(work(runner))
                self._outcomes.put(lambda: None)
            except BaseException as error:
                self._over.set()
                if self._workers:
                    # that a worker died may be known a moment later than what came of it
                    self._died.wait(_NEWS_SECONDS)
                self._outcomes.put(_raiser(error))

        # in a thread that may be left behind: where a worker died, the runner may never return, and signals come to the main
        # thread. Daemon, as are then all threads that Beam starts from it: none of them keeps the command from ending
        threading.Thread(target=run, name="dicom-deid-run", daemon=True).start()
        try:
            self._outcomes.get()()
        except BaseException as error:
            # before anybody clears away what they leave unfinished: none is to write on
            self._stop(error)
            self._end()
            raise
        return results[0]

    def _stop(self, error: BaseException) -> None:
        """Have the work end before its end, and what is done written down."""
        stop()
        for worker in self._workers:
            worker.stop()
        if isinstance(error, Interrupted | KeyboardInterrupt | StorageUnavailableError):
            self._over.wait(_STOP_SECONDS)

    def _hear(self, error: str) -> None:
        message = transient_message_in(error)
        if message is not None:
            # here, too, it would only be waited for
            note_outage(message)
            self._outcomes.put(_raiser(StorageUnavailableError(message)))

    def _assign(self, control: str, worker_id: str) -> _Worker:
        worker = next(self._idle)
        worker.assign(worker_process.Assignment(control, worker_id, dict(os.environ), self._beam_args))
        return worker

    def _ended(self, code: int | None) -> None:
        if code:
            self._outcomes.put(_raiser(RunAgainError(_how_it_died(code))))
            self._died.set()


class _Worker:
    """A process, and the news of its end."""

    def __init__(self, method: str, ended: Callable[[int | None], None], task: tuple[object, ...]) -> None:
        context = multiprocessing.get_context(method)
        receiver, self._sender = context.Pipe(duplex=False)
        self.process = context.Process(  # type: ignore[attr-defined] # of all contexts, but not of their base
            target=worker_process.main, args=(receiver, *task), daemon=True
        )
        self.gone = threading.Event()
        self._ended = ended

    def watch(self) -> None:
        """Wait for the end."""
        self.process.join()
        self._ended(self.process.exitcode)
        self.gone.set()

    def assign(self, assignment: worker_process.Assignment) -> None:
        """Let it work."""
        self._sender.send(assignment)

    def stop(self) -> None:
        """Let it write down what it has done, and do no more."""
        with contextlib.suppress(OSError):
            self._sender.send(None)

    def wait(self) -> None:
        """Return when it has ended."""
        self.gone.wait()


def _raiser(error: BaseException) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail


def _how_it_died(code: int) -> str:
    if code < 0:
        how = f"was killed by signal {-code}" + (", as the system does when memory runs out" * (code == -signal.SIGKILL))
    else:
        how = f"ended with exit code {code}"
    return f"a worker process {how}; {RUN_AGAIN_HINT}"
