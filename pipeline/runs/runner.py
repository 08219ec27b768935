"""Execution of a run: plan, setup, job, account."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.runners.runner import PipelineResult, PipelineRunner

from storage import StorageError, StorageUnavailableError
from transforms import EarlierRuns, ProgressListener, warm_up

from ..errors import RunAgainError, RunError
from ..events import reporter
from ..failures import as_run_error
from ..job import build_job
from ..options import JobOptions
from ..signals import set_interruption_message, signals_deferred
from ..workers.worker_pool import WorkerProcesses
from ..workers.worker_process import freeze_garbage_collector
from . import restricted
from .lock import RunLock
from .metrics import Span, operations_of, spans_of
from .pending import remove_note, write_note
from .plans import PlanLock, publish_plan
from .progress import ProgressDisplay, ProgressFiles
from .provenance import TAKES_UP
from .report import RunReport, finish, publish_run
from .settings import SETTINGS
from .setup import ExecutionPlan, RunSetup, plan_execution, set_up

_ENGINE_GOES_ON = (
    "Interrupted: the engine may still be working on this run; cancel its job there, then start the same command again."
)
_PLAN_STOPPED = "Interrupted: nothing was written, and the plan is not complete; start the same command again."


@dataclass(frozen=True)
class _BegunRun:
    """A run that has started to write to its audit.

    Attributes:
        setup: its setup.
        earlier: the runs whose work it continues.
        origin: the result of ``Provenance.origin``.
    """

    setup: RunSetup
    earlier: EarlierRuns
    origin: dict[str, Any]


class _Executed(NamedTuple):
    """Metrics of a finished job.

    Attributes:
        operations: numbers of operations on object storage, by kind.
        spans: the times of its stages.
    """

    operations: dict[str, int]
    spans: dict[str, Span]


def run(options: JobOptions, own_flags: Iterable[str] = (), *, debug: bool = False) -> RunReport:
    """Run the job, wait until it is done, and return its account.

    Args:
        own_flags: flags of the command, suggested for misspelt ones.
        debug: show the log of Beam, which may name objects.

    Raises:
        UsageError: a setting can't be used. Nothing was read or written.
        RunError: the run failed. The objects in the output are complete, and the run can be started again.
    """
    plan = plan_execution(options, own_flags)
    with _worker_processes(plan, debug=debug) as processes:
        setup = set_up(plan)
        with _run_errors("the audit can't be listed", StorageError), _locked(setup) as begun:
            if not plan.is_local:
                set_interruption_message(_ENGINE_GOES_ON)
            elif setup.is_plan:
                set_interruption_message(_PLAN_STOPPED)
            return _account(begun, _execute(begun, processes, debug=debug))


def submit(options: JobOptions, own_flags: Iterable[str] = (), *, debug: bool = False) -> None:
    """Submit the job to its engine, and write a note to the audit by which ``dicom-deid finish`` finds it.

    Args, Raises: as for ``run``.
    """
    plan = plan_execution(options, own_flags, detach=True)
    with _worker_processes(plan, debug=debug):
        setup = set_up(plan)
        with _run_errors("the audit can't be listed", StorageError):
            begun = _begin(setup, set())
            set_interruption_message(_ENGINE_GOES_ON)
            # before the submission, so that the run can be finished even if the engine's answer is lost
            write_note(setup.audit, setup.run_id, begun.origin, setup.reporting.certificate)
            try:
                # no progress is shown: the folder of this listener doesn't exist
                _build_pipeline(begun, ProgressFiles(os.devnull), None).run()
            except Exception as error:
                remove_note(setup.audit.folder, setup.run_id)
                if debug:
                    raise
                raise as_run_error(error) from None


def _worker_processes(plan: ExecutionPlan, *, debug: bool) -> WorkerProcesses:
    # created before this process uses threads or gRPC, so that the processes can be forked
    options, warmed_up = plan.options, partial(warm_up, plan.options.profile)
    return WorkerProcesses(plan.processes, options.beam_args, warmed_up, embedded=plan.is_embedded, debug=debug)


@contextlib.contextmanager
def _locked(setup: RunSetup) -> Iterator[_BegunRun]:
    """Hold the run's lock during the block. At its end, discard restricted settings that were not published."""
    with contextlib.ExitStack() as stack:
        with signals_deferred():
            lock = stack.enter_context(_lock_of(setup))
        begun = _begin(setup, lock.alive)
        stack.callback(_discard_restricted, begun)
        yield begun


def _lock_of(setup: RunSetup) -> RunLock:
    if setup.is_plan:
        return PlanLock(setup.target.folder, setup.audit.folder, setup.run_id)
    return RunLock(setup.audit.folder, setup.options.output, setup.run_id)


def _begin(setup: RunSetup, alive: set[str]) -> _BegunRun:
    """Find unfinished work of killed runs, write the restricted settings, and report the start of the run.

    Args:
        alive: ids of runs at work.
    """
    earlier = setup.earlier_runs(alive)
    certificate = setup.crosswalk.files.certificate if setup.crosswalk else b""
    name = restricted.write_unpublished(setup.target, setup.run_id, setup.provenance.restricted, certificate)
    begun = _BegunRun(setup, earlier, setup.origin(earlier, name))
    reporter.say(
        "plan-started" if setup.is_plan else "run-started",
        None,
        run_id=setup.run_id,
        version=version("dicom-deid"),
        inputs=len(setup.options.inputs),
        runner=setup.plan.runner,
        resumes=setup.continued and setup.continued.run_id,
        takes_up=begun.origin[TAKES_UP],
    )
    return begun


def _discard_restricted(begun: _BegunRun) -> None:
    # a finished run has published them, and nothing is left to discard
    if begun.origin[SETTINGS]["restricted"]:
        with contextlib.suppress(StorageError), signals_deferred():
            restricted.discard(begun.setup.target.folder, begun.setup.run_id)


def _build_pipeline(begun: _BegunRun, progress: ProgressListener, runner: PipelineRunner | None) -> beam.Pipeline:
    pipeline = beam.Pipeline(runner=runner, options=begun.setup.plan.beam_options)
    build_job(pipeline, begun.setup.job_parts(begun.earlier, progress))
    freeze_garbage_collector()
    return pipeline


def _execute(begun: _BegunRun, processes: WorkerProcesses, *, debug: bool) -> _Executed:
    """Run the pipeline, and wait until it is done.

    Raises:
        RunError: the pipeline failed.
    """
    with _progress() as progress:

        def work(runner: PipelineRunner | None) -> tuple[str, _Executed]:
            result: PipelineResult = _build_pipeline(begun, progress, runner).run()
            return result.wait_until_finish(), _Executed(operations_of(result), spans_of(result))

        try:
            state, executed = processes.run(work)
        except RunError:
            raise
        except Exception as error:
            if debug:
                raise
            raise as_run_error(error) from None
        finally:
            with signals_deferred():
                begun.setup.writer.clean()
    if state != "DONE":
        raise RunError(f"the job ended in state {state}: start the same command again")
    return executed


def _account(begun: _BegunRun, executed: _Executed) -> RunReport:
    """Check the run's tables, and write ``run.json``.

    Raises:
        RunError: the tables don't account for each listed object once, or can't be read.
    """
    setup = begun.setup
    publish = partial(publish_plan, runs=setup.audit.folder, compared=setup.compared) if setup.is_plan else publish_run
    with _run_errors("the run's tables can't be read back", StorageError, OSError):
        return finish(
            *(setup.target, setup.run_id, begun.origin, executed.operations, executed.spans),
            reporting=setup.reporting,
            publish=publish,
        )


@contextlib.contextmanager
def _run_errors(failure: str, *kinds: type[Exception]) -> Iterator[None]:
    """Raise errors of some classes within the block as RunError.

    Args:
        failure: beginning of the message.
        kinds: the classes.

    Raises:
        RunError: in place of such an error.
    """
    try:
        yield
    except kinds as error:
        if isinstance(error, StorageUnavailableError):
            raise RunAgainError(str(error)) from None
        raise RunError(f"{failure}: {getattr(error, 'strerror', None) or error}") from None


@contextlib.contextmanager
def _progress() -> Iterator[ProgressFiles]:
    with contextlib.ExitStack() as stack:
        with signals_deferred():
            try:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dicom-deid-"))
            except OSError:
                raise RunError("there is no folder for temporary files: set TMPDIR to a writable folder") from None
            files = ProgressFiles(folder)
            display = ProgressDisplay(files)
            stack.callback(_stop, display)
            display.start()
        yield files


def _stop(display: ProgressDisplay) -> None:
    # a closed terminal takes no output
    with contextlib.suppress(OSError):
        display.stop()
