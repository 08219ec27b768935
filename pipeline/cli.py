"""The command line. Nothing here imports Beam before a run needs it."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from . import __version__
from .commands.audit import audit
from .commands.estimate import estimate
from .commands.explain import explain
from .commands.file import file
from .commands.finish import finish
from .commands.key import key_commands
from .commands.profile_options import ENGINE_OPTIONS, add_options, fail, rule_files, unavailable_behind, usage_error, with_profile
from .commands.quarantined import quarantined
from .commands.reidentify import reidentify
from .commands.reporting_options import with_reporting
from .commands.storage_options import with_storage
from .errors import EXIT_FAILED
from .events import reporter
from .logs import silence_logs
from .signals import signals_handled, wants_events

if TYPE_CHECKING:
    from profiles import ConfidentialityProfile
    from storage import StorageOptions

    from .commands.metrics_file import MetricsFile


class _Commands(click.Group):
    """The command: click's, but for what signals and places that can't be used do to it."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **settings: Any) -> Any:
        """As the base class."""
        with signals_handled() if args is None else contextlib.nullcontext():
            # what is wrong with a command line is found before its options are known
            reporter.as_json = wants_events(sys.argv[1:] if args is None else args)
            return super().main(args, *more, **settings)

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        """As the base class."""
        with _told():
            return super().make_context(*args, **settings)

    def invoke(self, context: click.Context) -> Any:
        """As the base class."""
        with _told():
            return super().invoke(context)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """A block whose errors are told in the way that the command line asks for: none comes as several lines, or a traceback, among
    events.
    """
    try:
        yield
    except click.ClickException as error:
        if not reporter.as_json:
            raise
        # what was given in place of a value may be a path
        if isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter) and error.param is not None:
            usage_error(f"the value of {error.param.opts[0]} can't be used; see --help")
        usage_error(error.format_message())
    except (click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        if unavailable_behind(error) is not None:
            fail(error)
        if not reporter.as_json:
            raise
        message = f"an error of this program ({type(error).__name__}): run again with --log-format text to see where"
        reporter.say("run-failed", None, level="error", message=message, exit_code=EXIT_FAILED)
        sys.exit(EXIT_FAILED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dicom-deid")
def main() -> None:
    """De-identify DICOM by PS3.15 Annex E: whole archives, or one file.

    Exit codes: 0 all written or accounted for; 3 finished, with objects quarantined; 2 usage; 1 failed; 4 failed for a
    reason that passes, such as a full disk: run again. 130, 143 and 129: interrupted by Ctrl-C, SIGTERM, SIGHUP; run again.
    """
    # nothing here computes with matrices: the threads that numpy's library would start only spin
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # when the command ends nobody waits for Python to look for garbage among all modules
    atexit.register(gc.freeze)


main.add_command(audit)
main.add_command(estimate)
main.add_command(explain)
main.add_command(file)
main.add_command(finish)
main.add_command(key_commands)
main.add_command(quarantined)
main.add_command(reidentify)


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True})
@with_reporting
@click.option(
    "--input", "inputs", multiple=True, metavar="PLACE", help="Folder, prefix, file, glob or manifest; needed, repeatable."
)
@click.option("--output", default="", metavar="FOLDER", help="Where the de-identified copy goes, a path or URI; needed.")
@click.option("--audit", metavar="FOLDER", help="Where the audit tables go, apart from the output; OUTPUT-audit without this.")
@with_profile
@add_options(ENGINE_OPTIONS)
@with_storage
@click.option(
    "--resume",
    is_flag=False,
    flag_value="",
    metavar="[FOLDER]",
    help="Do only what is new or changed since the run whose audit tables are there: in --audit without FOLDER.",
)
@click.option("--allow-empty", is_flag=True, help="Take an input that lists nothing for what it is: it is mounted, and empty.")
@click.option(
    "--max-gone",
    type=click.FloatRange(0, 100),
    default=10.0,
    show_default=True,
    metavar="PERCENT",
    help="Fail when more of what the last run listed under the same inputs is gone, and 20 objects at least.",
)
@click.option("--uid-map", metavar="FOLDER", help="Audit tables of a run whose new UIDs stay, whatever the key says now.")
@click.option("--uid-map-key", metavar="URI", help="The key by which that map's UIDs are hashed; --key without this.")
@click.option("--uid-map-scope", metavar="NAME", help="Its scope; --scope without this.")
@click.option("--mixed-output", is_flag=True, help="Go on with an output that was made with another profile or key.")
@click.option(
    "--replace-changed", is_flag=True, help="Replace what an object was written as when it changed; it is refused without this."
)
@click.option(
    "--recheck", is_flag=True, help="With --resume: make anew what another version or other settings made, under the same names."
)
@click.option(
    "--conflicts",
    type=click.Choice(["quarantine", "keep-one"]),
    default="quarantine",
    show_default=True,
    help="Different objects with one SOPInstanceUID: refuse all, or keep the least compressed.",
)
@click.option("--crosswalk", metavar="FOLDER", help="Write original names and identifiers there, for `dicom-deid reidentify`.")
@click.option("--crosswalk-certificate", metavar="FILE", help="X.509 certificate (RSA) to which the crosswalk is encrypted.")
@click.option(
    "--print-patients",
    metavar="FILE",
    help="Make no run: write the inputs' patients to a new CSV file (0600, identifiers), to fill in as --patient-table.",
)
@click.option("--object-metadata", is_flag=True, help="On object storage, keep ids of source, key and run beside each object.")
@click.option("--detach", is_flag=True, help="Submit to an engine and don't wait; `dicom-deid finish` accounts for the run.")
@click.option("--debug", is_flag=True, help="Show Beam's log, which may name objects.")
@click.argument("beam_args", nargs=-1, type=click.UNPROCESSED, metavar="[BEAM OPTIONS]")
@click.pass_context
def run(
    context: click.Context,
    inputs: tuple[str, ...],
    output: str,
    audit: str | None,
    profile: ConfidentialityProfile,
    key: str,
    scope: str,
    uid_root: str | None,
    patient_table: str | None,
    storage: Callable[[], StorageOptions],
    resume: str | None,
    replace_changed: bool,
    recheck: bool,
    conflicts: str,
    allow_empty: bool,
    max_gone: float,
    uid_map: str | None,
    uid_map_key: str | None,
    uid_map_scope: str | None,
    mixed_output: bool,
    crosswalk: str | None,
    crosswalk_certificate: str | None,
    print_patients: str | None,
    object_metadata: bool,
    detach: bool,
    debug: bool,
    beam_args: tuple[str, ...],
    metrics: MetricsFile,
) -> None:
    """De-identify an archive: every object ends in OUTPUT or as a row of the audit that says why not.

    Any option of Apache Beam may follow, such as --runner.
    """
    # before Beam is imported, which logs even then
    silence_logs(debug=debug)
    # what is imported and built until the run begins stays to its end: to search it for garbage took a tenth of the start
    gc.disable()

    from .errors import RunError, UsageError
    from .options import JobOptions, audit_beside

    try:
        # refuses a Beam that it doesn't know
        from .runs.runner import run as run_job

        audit = audit or (audit_beside(output) if output else "")
    except UsageError as error:
        usage_error(str(error))
    job = JobOptions(
        inputs=inputs,
        output=output,
        audit=audit,
        profile=profile,
        key_uri=key,
        scope=scope,
        uid_root=uid_root,
        patient_table=patient_table,
        storage=storage(),
        detach=detach,
        beam_args=beam_args,
        resume=resume,
        mixed_output=mixed_output,
        uid_map=uid_map,
        uid_map_key=uid_map_key,
        uid_map_scope=uid_map_scope,
        crosswalk=crosswalk,
        crosswalk_certificate=crosswalk_certificate,
        object_metadata=object_metadata,
        replace_changed=replace_changed,
        recheck=recheck,
        rule_files=rule_files(context.params),
        conflicts=conflicts,
        allow_empty=allow_empty,
        max_gone=max_gone,
    )
    own_flags = [flag for parameter in context.command.params for flag in parameter.opts if flag.startswith("--")]
    try:
        if print_patients is not None:
            from .surveys.patient_listing import list_patients

            sys.exit(list_patients(job, print_patients, own_flags))
        report = run_job(job, own_flags, debug=debug)
    except UsageError as error:
        usage_error(str(error))
    except RunError as error:
        fail(error)
    if report is None:
        told = f"Submitted. When the engine is through with it: dicom-deid finish --audit {job.audit}"
        reporter.say("run-submitted", told, to_stdout=True, exit_code=0)
        return
    from .commands.summary import exit_code_of, show

    code = exit_code_of(report)
    metrics.write(code, [report])
    show(report, f"Audit tables and run.json: {job.audit}", f"De-identified objects: {job.output}")
    sys.exit(code)
