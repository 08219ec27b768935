"""Worker processes of a local run, watched: Beam's runner waits for ever for some that died."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import GrpcWorkerHandler, WorkerHandler
from apache_beam.runners.runner import PipelineRunner
from apache_beam.transforms.environments import Environment

from . import worker_process
from .errors import AGAIN, RunError
from .storage import has_connected

T = TypeVar("T")

_URN = "dicom-deid:env:process:v1"
#: how long processes that were killed may take to be gone, and the news of a death to come after what it led to
_GONE_SECONDS, _NEWS_SECONDS = 20.0, 1.0


class WorkerProcesses:
    """So many processes for Beam's workers, or none: then the run has no process but this one.

    They come into being when this is entered, and wait for the work that ``run`` has for them. None is left when it is left.

    Where that is safe they are forked: that takes milliseconds, and the imports of a process that starts anew two seconds of
    CPU. It is safe while nothing has used gRPC, threads or connections, and not on macOS, whose own frameworks don't bear it.
    """

    def __init__(self, count: int, beam_args: Sequence[str], prepare: Callable[[], None], *, debug: bool) -> None:
        """
        Args:
            prepare: what each of them does first, while the run is being set up.
            debug: let them print what they raise; it may name objects.
        """
        self._beam_args = tuple(beam_args)
        forks = sys.platform == "linux" and threading.active_count() == 1 and not has_connected()
        self._workers = [_Worker("fork" if forks else "spawn", self._ended, prepare, debug=debug) for _ in range(count)]
        self._idle = iter(self._workers)
        #: the first one is the run's outcome: its result, or what it raised, or how a worker died
        self._outcomes: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._died = threading.Event()

    def __enter__(self) -> WorkerProcesses:
        for worker in self._workers:
            worker.process.start()
        # threads only now: none is to be at work in the middle of a fork
        for worker in self._workers:
            threading.Thread(target=worker.watch, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

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
        """
        if not self._workers:
            return work(None)
        WorkerHandler.register_environment(_URN, None)(partial(_Handler, self._assign))
        runner = FnApiRunner(_ProcessEnvironment())
        results: list[T] = []

        def run() -> None:
            try:
                results.append(work(runner))
                self._outcomes.put(lambda: None)
            except BaseException as error:
                # that a worker died may be known a moment later than what came of it
                self._died.wait(_NEWS_SECONDS)
                self._outcomes.put(_raiser(error))

        # in a thread that may be left behind: where a worker died, the runner may never return. Daemon, as are then all
        # threads that Beam starts from it: none of them keeps the command from ending
        threading.Thread(target=run, name="dicom-deid-run", daemon=True).start()
        try:
            self._outcomes.get()()
        except BaseException:
            # before anybody clears away what they leave unfinished: none is to write on
            self._end()
            raise
        return results[0]

    def _assign(self, control: str, worker_id: str) -> _Worker:
        worker = next(self._idle)
        worker.assign(worker_process.Assignment(control, worker_id, dict(os.environ), self._beam_args))
        return worker

    def _ended(self, code: int | None) -> None:
        if code:
            self._outcomes.put(_raiser(RunError(_how_it_died(code))))
            self._died.set()


class _Worker:
    """A process, and the news of its end."""

    def __init__(self, method: str, ended: Callable[[int | None], None], prepare: Callable[[], None], *, debug: bool) -> None:
        context = multiprocessing.get_context(method)
        receiver, self._sender = context.Pipe(duplex=False)
        self.process = context.Process(  # type: ignore[attr-defined] # of all contexts, but not of their base
            target=worker_process.main, args=(receiver, os.getpid(), prepare), kwargs={"debug": debug}, daemon=True
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


class _ProcessEnvironment(Environment):
    """To Beam: where the steps run."""

    def to_runner_api_parameter(self, context: object) -> tuple[str, None]:
        return _URN, None


class _Handler(GrpcWorkerHandler):
    """To Beam's runner: a worker to start and stop."""

    def __init__(self, assign: Callable[[str, str], _Worker], payload: None, *runner: Any) -> None:
        super().__init__(*runner)
        self._assign = assign

    def start_worker(self) -> None:
        self._worker = self._assign(self.control_address, self.worker_id)

    def stop_worker(self) -> None:
        # its connection was closed, on which it ends
        self._worker.gone.wait()


def _raiser(error: BaseException) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail


def _how_it_died(code: int) -> str:
    if code < 0:
        how = f"was killed by signal {-code}" + (", as the system does when memory runs out" * (code == -signal.SIGKILL))
    else:
        how = f"ended with exit code {code}"
    return f"a worker process {how}; {AGAIN}"
