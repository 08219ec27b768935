"""Run the job: check everything first, then build, run and account for it."""

import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from anonymizer import Engine, Key, PatientTable, PatientTableError, SecretError, check_root
from transforms import EngineConfig, UidMapError

from .beam_args import check_beam_args, complete, is_local
from .errors import RunError, UsageError
from .job import AuditTarget, build_job
from .local_storage import LocalArchive, LocalWriter
from .options import JobOptions, check_locations
from .progress import ProgressDisplay, ProgressFiles
from .run_lock import RunLock
from .run_report import RunReport, check_origin, finish, has_origin, write_origin

#: a key that a local run makes for itself reaches its worker processes by their environment
OWN_KEY = "DICOM_DEID_RUN_KEY"
#: from so many objects on a local run pays for a process per core
_LARGE = 10_000


def run(options: JobOptions, own_flags: list[str], *, debug: bool = False) -> RunReport:
    """Run the job and return its account.

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
    key_uri = options.key_uri or _own_key(options, is_local(parsed))
    try:
        key = Key.load(key_uri, options.scope)
        if options.uid_root is not None:
            check_root(options.uid_root)
    except SecretError as error:
        raise UsageError(str(error)) from None
    check_origin(options, key.key_id)
    config = EngineConfig(
        profile=options.profile,
        key_uri=key_uri,
        key_id=key.key_id,
        scope=options.scope,
        uid_root=options.uid_root,
        keep_burned_in=options.keep_burned_in,
        patient_table=options.patient_table,
        patient_table_digest=_patient_table_digest(options, key),
    )
    archive = LocalArchive()
    beam_options = complete(options.beam_args, parsed, large=_is_large(archive, options.inputs))
    _make_importable_for_workers()
    run_id = secrets.token_hex(4)
    folder = Path(options.audit)
    audit = AuditTarget(
        instances=str(folder / f"instances-{run_id}"),
        uid_map=str(folder / f"uid_map-{run_id}"),
        listing=str(folder / f"listing-{run_id}"),
        profile_digest=options.profile.digest,
        key_id=key.key_id,
        version=version("dicom-deid"),
    )
    write_origin(options, key.key_id)
    with RunLock(folder, Path(options.output), run_id):
        _execute(options, config, archive, audit, beam_options, run_id, debug=debug)
        try:
            return finish(options, run_id, key.key_id, str(beam_options.get_all_options()["runner"]))
        except OSError as error:
            raise RunError(f"the run's tables can't be read back: {error.strerror}") from None


def _execute(
    options: JobOptions,
    config: EngineConfig,
    archive: LocalArchive,
    audit: AuditTarget,
    beam_options: PipelineOptions,
    run_id: str,
    *,
    debug: bool,
) -> None:
    writer = LocalWriter(options.output, run_id)
    with _progress() as progress:
        try:
            pipeline = beam.Pipeline(options=beam_options)
            build_job(pipeline, list(options.inputs), config, archive, writer, audit, progress)
            state = pipeline.run().wait_until_finish()
        except Exception as error:
            if debug:
                raise
            raise RunError(_explain(error)) from None
        finally:
            writer.clean()
    if state != "DONE":
        raise RunError(f"the runner ended in state {state}")


def _patient_table_digest(options: JobOptions, key: Key) -> str:
    if options.patient_table is None:
        return ""
    try:
        table = PatientTable.load(options.patient_table)
        Engine(options.profile, key, patients=table)
        return table.digest(key)
    except PatientTableError as error:
        raise UsageError(f"--patient-table: {error}") from None


def _own_key(options: JobOptions, local: bool) -> str:
    if not local:
        raise UsageError("--key is needed: workers of a distributed run must share it")
    if has_origin(options):
        raise UsageError("--key is needed: --output was made by an earlier run, and only with its key can it go on")
    os.environ[OWN_KEY] = secrets.token_hex(32)
    print("No --key was given: this run made one for itself, and no later run will repeat its mappings.", file=sys.stderr)
    return f"env:{OWN_KEY}"


def _is_large(archive: LocalArchive, inputs: tuple[str, ...]) -> bool:
    found = 0
    for location in enumerate(inputs):
        for _ in archive.list(location):
            found += 1
            if found >= _LARGE:
                return True
    return False


def _make_importable_for_workers() -> None:
    """Worker processes import the packages from where this one did, installed or not."""
    root = str(Path(__file__).resolve().parent.parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))


@contextlib.contextmanager
def _progress() -> Iterator[ProgressFiles]:
    with tempfile.TemporaryDirectory(prefix="dicom-deid-") as folder:
        files = ProgressFiles(folder)
        display = ProgressDisplay(files)
        display.start()
        try:
            yield files
        finally:
            display.stop()


def _explain(error: Exception) -> str:
    """What may be said of a failure: never its text, which may name objects."""
    text = str(error)
    if isinstance(error, UidMapError) or UidMapError.__name__ in text:
        return (
            "the UID map doesn't hold, so nothing was written: a new UID is already in the archive, which may contain outputs of "
            "an earlier run with the same key; keep them apart, or use another --scope"
        )
    return f"the job failed ({type(error).__name__}); run again with --debug to see why: Beam's messages may name objects"
