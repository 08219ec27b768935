"""Run the job: check everything first, then build, run and account for it."""

import contextlib
import os
import secrets
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult, PipelineRunner

from anonymizer import Key, PatientTableError, SecretError
from anonymizer.internals import Engine, Seal, check_root
from storage import (
    FileReader,
    Folder,
    RunWriter,
    StorageError,
    StorageUnavailableError,
    StoredArchive,
    is_inside,
    scheme_of,
    writer_for,
)
from transforms import NAMESPACE, STORAGE, ConflictRules, EarlierRuns, EngineConfig, Ledger, ProgressListener, new_run_id, warm_up

from ..beam_args import check_beam_args, complete, cores, is_embedded, is_local, take_processes
from ..errors import RunAgainError, RunError, UsageError
from ..events import reporter
from ..failures import explain
from ..job import AuditTarget, JobParts, build_job
from ..options import JobOptions, check_crosswalk, check_locations
from ..signals import set_interruption_message, signals_deferred
from ..workers.worker_pool import WorkerProcesses
from ..workers.worker_process import freeze_garbage_collector
from . import restricted
from .audit import Audit
from .crosswalk import crosswalk_target
from .earlier_runs import earlier_run, imported_uid_map, replaced_run, unfinished_work
from .inputs import former_listing, number_inputs
from .lock import RunLock
from .pending import forget, pending_runs, remember
from .progress import ProgressDisplay, ProgressFiles
from .provenance import TAKES_UP, check_origin, has_origin, made_with, making, origin_of, write_origin
from .recorded_outputs import AuditedOutputs
from .report import RunReport, finish
from .settings import SETTINGS, settings_of
from .times import Span, now, spans_of
from .workload import survey_inputs

#: a key that a local run makes for itself reaches its worker processes by their environment
OWN_KEY = "DICOM_DEID_RUN_KEY"
_ENGINE_GOES_ON = (
    "Interrupted: the engine may still be at work on this run; end its job there, then start the same command again."
)
#: builds the pipeline and hands it to a runner, None for that of the options
_Start = Callable[[ProgressListener, PipelineRunner | None], PipelineResult]


def run(options: JobOptions, own_flags: list[str], *, debug: bool = False) -> RunReport | None:
    """Run the job and return its account; None for a job that is not waited for.

    Args:
        own_flags: the command's flags, for suggestions when an unknown one was given.
        debug: let Beam log; its messages may name objects.

    Raises:
        UsageError: found before any work.
        RunError: the run failed; what is in the output is whole, and the run may be started again.
    """
    # first of all: a misspelt flag explains why another is missing
    parsed = check_beam_args(options.beam_args, own_flags)
    for flag, value in (("--input", options.inputs), ("--output", options.output)):
        if not value:
            raise UsageError(f"{flag} is missing")
    check_locations(options)
    check_crosswalk(options)
    if options.recheck and options.resume is None:
        raise UsageError("--recheck needs --resume: it compares with the tables of the last run")
    if is_inside(options.audit, options.output):
        reporter.warn("audit-in-output", "--audit lies inside --output: who gets the output gets the audit, too.")
    if options.detach and is_local(parsed):
        raise UsageError("--detach needs a distributed runner: a local job ends with the command")
    if parsed.template_location and not options.detach:
        raise UsageError("--template_location would make a template in place of a run: launchers of templates use --detach")
    # here as in any worker, file systems find their options
    FileSystems.set_options(PipelineOptions(list(options.beam_args)))
    archive, workload = survey_inputs(options)
    beam_options = complete(options.beam_args, parsed, processes=workload.processes(cores()))
    _make_importable_for_workers()
    # before anything else is under way in this process: they are forked where that is safe
    with WorkerProcesses(
        take_processes(beam_options),
        options.beam_args,
        partial(warm_up, options.profile),
        embedded=is_embedded(beam_options),
        debug=debug,
    ) as processes:
        return _run(options, archive, beam_options, processes, local=is_local(parsed), debug=debug)


def _run(
    options: JobOptions,
    archive: StoredArchive,
    beam_options: PipelineOptions,
    processes: WorkerProcesses,
    *,
    local: bool,
    debug: bool,
) -> RunReport | None:
    folder, started = Folder(options.audit, options.storage), now()
    key_uri = options.key_uri or _own_key(folder, local)
    try:
        key = Key.load(key_uri, options.scope)
        if options.uid_root is not None:
            check_root(options.uid_root)
    except SecretError as error:
        raise UsageError(str(error)) from None
    uid_map = imported_uid_map(options, key_uri, key.key_id)
    seals = {seal.key_id: seal for seal in (Seal(key), *([uid_map.seal] if uid_map else []))}
    audit = Audit(folder, tuple(seals.values()))
    config = _with_digest(
        EngineConfig(
            profile=options.profile,
            key_uri=key_uri,
            key_id=key.key_id,
            scope=options.scope,
            uid_root=options.uid_root,
            patient_table=options.patient_table,
            read=FileReader(options.storage) if scheme_of(options.patient_table or "") else None,
            **(uid_map.hash_key(key.key_id) if uid_map else {}),
        ),
        key,
    )
    settings = settings_of(options, made_with(options, key, uid_map and uid_map.origin, config.patient_table_digest), key)
    check_origin(options, audit, settings.made)
    run_id = new_run_id()
    target = AuditTarget(folder, settings.constants(run_id, key.key_id))
    metadata = {"profile-digest": target.constants.profile_digest, "key-id": key.key_id, "run-id": run_id}
    writer = writer_for(options.output, run_id, options.storage, metadata if options.object_metadata else None)
    digest = making(options, settings.made, key)
    ledger = Ledger(folder, run_id, digest, config, on_engine=not local, is_remote=bool(scheme_of(options.audit)))
    last_run = earlier_run(options, audit, key, digest, settings.making)
    inputs = number_inputs(options.inputs, key, last_run)
    former = former_listing(inputs, last_run or replaced_run(options, audit, key), options.max_gone)
    crosswalk = crosswalk_target(options, run_id, config)
    write_origin(options, audit, settings.made)
    runner_name = str(beam_options.get_all_options()["runner"])

    def prepared(alive: set[str]) -> tuple[_Start, dict[str, Any]]:
        earlier = EarlierRuns(tuple(unfinished_work(folder, alive | pending_runs(folder))), last_run, uid_map and uid_map.run)

        def start(progress: ProgressListener, runner: PipelineRunner | None) -> PipelineResult:
            pipeline = beam.Pipeline(runner=runner, options=beam_options)
            conflicts = ConflictRules(
                options.replace_changed,
                _recorded(options, ledger, earlier),
                keeps_one=_keeps_one(options),
                is_mended=not scheme_of(options.output),
            )
            parts = JobParts(config, archive, writer, target, ledger, earlier, progress, inputs, former, crosswalk, conflicts)
            build_job(pipeline, parts)
            freeze_garbage_collector()
            return pipeline.run()

        name = restricted.begin(audit, run_id, settings.restricted, crosswalk.certificate if crosswalk else b"")
        settings.words["restricted"] = name
        return start, origin_of(options, settings, runner_name, digest, earlier, key, inputs.ids, started)

    began = partial(
        reporter.say,
        "run-started",
        None,
        run_id=run_id,
        version=version("dicom-deid"),
        inputs=len(options.inputs),
        runner=runner_name,
        resumes=last_run and last_run.run_id,
    )
    try:
        if options.detach:
            start, origin = prepared(set())
            began(takes_up=origin[TAKES_UP])
            set_interruption_message(_ENGINE_GOES_ON)
            _submit(start, audit, run_id, origin, debug=debug)
            return None
        with contextlib.ExitStack() as stack:
            with signals_deferred():
                lock = stack.enter_context(RunLock(folder, options.output, run_id))
            start, origin = prepared(lock.alive)
            stack.callback(_drop, folder, run_id, origin)
            began(takes_up=origin[TAKES_UP])
            if not local:
                set_interruption_message(_ENGINE_GOES_ON)
            operations, spans = _execute(start, writer, processes, debug=debug)
            try:
                return finish(audit, run_id, origin, operations, spans)
            except (OSError, StorageError) as error:
                raise _failed("the run's tables can't be read back", error) from None
    except StorageError as error:
        raise _failed("the audit can't be listed", error) from None


def _drop(folder: Folder, run_id: str, origin: dict[str, Any]) -> None:
    """Clear away what a run that did not come to its end would have said of people and places."""
    # of one that did, nothing is left
    if origin.get(SETTINGS, {}).get("restricted"):
        with contextlib.suppress(StorageError), signals_deferred():
            restricted.discard(folder, run_id)


def _keeps_one(options: JobOptions) -> bool:
    return options.conflicts == "keep-one"


def _recorded(options: JobOptions, ledger: Ledger, earlier: EarlierRuns) -> AuditedOutputs | None:
    """What tells of outputs by their names; object storage has none that are half-written, and no locks."""
    if scheme_of(options.output) and not _keeps_one(options):
        return None
    places = dict.fromkeys(filter(None, (options.audit, options.resume)))
    return AuditedOutputs(tuple(Folder(place, options.storage) for place in places), ledger, earlier.ledgers)


def _failed(what: str, error: OSError | StorageError) -> RunError:
    if isinstance(error, StorageUnavailableError):
        return RunAgainError(str(error))
    return RunError(f"{what}: {getattr(error, 'strerror', None) or error}")


def _execute(
    start: _Start, writer: RunWriter, processes: WorkerProcesses, *, debug: bool
) -> tuple[dict[str, int], dict[str, Span]]:
    """Run the pipeline; returns what it did on object storage, and when."""
    with _progress() as progress:

        def work(runner: PipelineRunner | None) -> tuple[str, dict[str, int], dict[str, Span]]:
            result = start(progress, runner)
            return result.wait_until_finish(), _operations(result), spans_of(result)

        try:
            state, operations, spans = processes.run(work)
        except RunError:
            raise
        except Exception as error:
            if debug:
                raise
            raise explain(error) from None
        finally:
            with signals_deferred():
                writer.clean()
    if state != "DONE":
        raise RunError(f"the runner ended in state {state}")
    return operations, spans


def _submit(start: _Start, audit: Audit, run_id: str, origin: dict[str, Any], *, debug: bool) -> None:
    """Hand the pipeline to its engine, with a note in the audit that ``dicom-deid finish`` will find."""
    # before the engine knows of it: what it does is accounted for, even if nothing is heard of it any more
    remember(audit, run_id, origin)
    try:
        # nobody watches: the folder of this listener doesn't exist
        start(ProgressFiles(os.devnull), None)
    except Exception as error:
        forget(audit.folder, run_id)
        if debug:
            raise
        raise explain(error) from None


def _operations(result: PipelineResult) -> dict[str, int]:
    """The runner's counts of operations on object storage; none where there were none, or where it doesn't count."""
    try:
        counters = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    except NotImplementedError:
        return {}
    found = {counter.key.metric.name: counter.result for counter in counters}
    totals = Counter[str]()
    for counter in counters:
        totals[counter.key.metric.name] += counter.result or 0
    return {field: totals[name] for field, name in STORAGE.items() if name in found}


def _with_digest(config: EngineConfig, key: Key) -> EngineConfig:
    """The configuration with what tells its table of patients from another one, once the table was found to be usable."""
    try:
        table = config.patients()
        if table is None:
            return config
        Engine(config.profile, key, patients=table)
        return replace(config, patient_table_digest=table.digest(key))
    except FileNotFoundError:
        raise UsageError("--patient-table doesn't exist") from None
    except (PatientTableError, StorageError) as error:
        raise UsageError(f"--patient-table: {error}") from None


def _own_key(audit: Folder, local: bool) -> str:
    if not local:
        raise UsageError("--key is needed: workers of a distributed run must share it")
    if has_origin(audit):
        raise UsageError("--key is needed: --output was made by an earlier run, and only with its key can it go on")
    os.environ[OWN_KEY] = secrets.token_hex(32)
    reporter.warn("own-key", "No --key was given: this run made one for itself, and no later run will repeat its mappings.")
    return f"env:{OWN_KEY}"


def _make_importable_for_workers() -> None:
    """Worker processes import the packages from where this one did, installed or not."""
    root = str(Path(__file__).resolve().parent.parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))


@contextlib.contextmanager
def _progress() -> Iterator[ProgressFiles]:
    with contextlib.ExitStack() as stack:
        with signals_deferred():
            try:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dicom-deid-"))
            except OSError:
                raise RunError("there is no folder for temporary files: set TMPDIR to one that can be written") from None
            files = ProgressFiles(folder)
            display = ProgressDisplay(files)
            stack.callback(_stop, display)
            display.start()
        yield files


def _stop(display: ProgressDisplay) -> None:
    # a terminal that is gone takes no more
    with contextlib.suppress(OSError):
        display.stop()
