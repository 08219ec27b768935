"""Worker processes of a local run, watched: Beam's runner waits for ever for some that died."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import TypeVar

from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from .errors import AGAIN, RunError
from .process_lock import is_held

T = TypeVar("T")

#: Beam waits for each worker process in a thread of this name, which fails when the process did
_WAITING_THREAD = "run_worker"
_EXIT_CODE = re.compile(r"return code (-?\d+)")
#: how long processes that were killed may take to be gone, and the news of a death to come after what it led to
_GONE_SECONDS, _NEWS_SECONDS = 20.0, 1.0


def run_in_processes(work: Callable[[PipelineRunner], T], *, debug: bool) -> T:
    """What ``work`` makes of a runner with worker processes. None of them is left when this returns or raises.

    Raises:
        RunError: a worker process died.
    """
    with _WorkerProcesses(debug=debug) as processes:
        return processes.run(work)


class _WorkerProcesses:
    def __init__(self, *, debug: bool) -> None:
        self._debug = debug
        self._folder = tempfile.mkdtemp(prefix="dicom-deid-workers-")
        #: the first word is the run's outcome: its result, or what it raised, or how a worker died
        self._outcomes: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._died = threading.Event()

    def __enter__(self) -> _WorkerProcesses:
        self._hook, threading.excepthook = threading.excepthook, self._thread_failed
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()
        threading.excepthook = self._hook

    def run(self, work: Callable[[PipelineRunner], T]) -> T:
        """``work``, in a thread that may be left behind: where a worker died, Beam's runner may never return."""
        # exec: the worker is a child of this process, without a shell in between that would outlive the one or the other
        command = f"exec {shlex.quote(sys.executable)} -m {__package__}.worker_process {os.getpid()} {shlex.quote(self._folder)}"
        runner = FnApiRunner(SubprocessSDKEnvironment.from_command_string(command + (" debug" if self._debug else "")))
        results: list[T] = []

        def run() -> None:
            try:
                results.append(work(runner))
                self._outcomes.put(lambda: None)
            except BaseException as error:
                # that a worker died may be known a moment later than what came of it
                self._died.wait(_NEWS_SECONDS)
                self._outcomes.put(_raiser(error))

        # daemon, as are then all threads that Beam starts from it: none of them keeps the command from ending
        threading.Thread(target=run, name="dicom-deid-run", daemon=True).start()
        self._outcomes.get()()
        return results[0]

    def _thread_failed(self, failure: threading.ExceptHookArgs) -> None:
        if failure.thread is not None and failure.thread.name == _WAITING_THREAD and not self._died.is_set():
            found = _EXIT_CODE.search(str(failure.exc_value))
            self._outcomes.put(_raiser(RunError(_how_it_died(int(found.group(1)) if found else None))))
            self._died.set()
        self._hook(failure)

    def _end(self) -> None:
        """Kill the workers that are left, after a run that failed or was interrupted; else they have ended by themselves."""
        ended = f"{self._folder}.ended"
        # no worker that starts only now gets past this
        os.rename(self._folder, ended)
        deadline = time.monotonic() + _GONE_SECONDS
        for path in Path(ended).iterdir():
            killed = False
            while is_held(path) and time.monotonic() < deadline:
                if not killed:
                    os.kill(int(path.name), signal.SIGKILL)
                    killed = True
                time.sleep(0.01)
        shutil.rmtree(ended, ignore_errors=True)


def _raiser(error: BaseException) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail


def _how_it_died(code: int | None) -> str:
    if code is not None and code < 0:
        how = f"was killed by signal {-code}" + (", as the system does when memory runs out" * (code == -signal.SIGKILL))
    else:
        how = f"ended with exit code {code}"
    return f"a worker process {how}; {AGAIN}"
