"""The command line. Nothing here imports Beam before a run needs it."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from . import __version__
from .commands.audit import audit
from .commands.command_errors import errors_reported
from .commands.estimate import estimate
from .commands.explain import explain
from .commands.file import file
from .commands.finish import finish
from .commands.grouped_help import GroupedCommand
from .commands.job_options import with_job_options
from .commands.key import key_commands
from .commands.quarantined import quarantined
from .commands.reidentify import reidentify
from .commands.reporting_options import with_reporting
from .events import reporter
from .logs import silence_logs
from .signals import signals_handled, wants_events

if TYPE_CHECKING:
    from .commands.metrics_file import MetricsFile
    from .options import JobOptions


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
        with errors_reported():
            return super().make_context(*args, **settings)

    def invoke(self, context: click.Context) -> Any:
        """As the base class."""
        with errors_reported():
            return super().invoke(context)


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


@main.command(
    cls=GroupedCommand,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True},
    example="dicom-deid key new secret.key\n"
    "dicom-deid run --input archive --output released --key file:secret.key --options CleanDesc,RetainLongModifDates",
)
@with_reporting
@with_job_options
@click.option(
    "--print-patients",
    metavar="FILE",
    help="Make no run: write the inputs' patients to a new CSV file (0600, identifiers), to fill in as --patient-table.",
)
@click.option("--detach", is_flag=True, help="Submit to an engine and don't wait; `dicom-deid finish` accounts for the run.")
@click.option("--debug", is_flag=True, help="Show Beam's log, which may name objects.")
@click.pass_context
def run(
    context: click.Context,
    job: Callable[[], JobOptions],
    print_patients: str | None,
    detach: bool,
    debug: bool,
    metrics: MetricsFile,
) -> None:
    """De-identify an archive: every object ends in OUTPUT or as a row of the audit that says why not.

    Any option of Apache Beam may follow, such as --runner.
    """
    # before Beam is imported, which logs even then
    silence_logs(debug=debug)
    # what is imported and built until the run begins stays to its end: to search it for garbage took a tenth of the start
    gc.disable()

    from .place_checks import with_audit_place

    options = with_audit_place(job())
    own_flags = [flag for parameter in context.command.params for flag in parameter.opts if flag.startswith("--")]
    if print_patients is not None:
        from .commands.print_patients import list_patients

        sys.exit(list_patients(options, print_patients, own_flags, detach=detach))

    # refuses a Beam that it doesn't know
    from .runs import runner

    if detach:
        runner.submit(options, own_flags, debug=debug)
        told = f"Submitted. When the engine is through with it: dicom-deid finish --audit {options.audit}"
        reporter.say("run-submitted", told, to_stdout=True, exit_code=0)
        return
    from .commands.summary import exit_code_of, show

    report = runner.run(options, own_flags, debug=debug)
    code = exit_code_of(report)
    metrics.write(code, [report])
    show(report, f"Audit tables and run.json: {options.audit}", f"De-identified objects: {options.output}")
    sys.exit(code)
