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
from .commands.census import census
from .commands.command_errors import errors_reported
from .commands.detect import detect
from .commands.estimate import estimate
from .commands.explain import explain
from .commands.file import file
from .commands.finish import finish
from .commands.grouped_help import GroupedCommand
from .commands.job_options import with_job_options
from .commands.key import key_commands
from .commands.pixels import pixels
from .commands.quarantined import quarantined
from .commands.reidentify import reidentify
from .commands.report import report
from .commands.reporting_options import with_reporting
from .events import reporter
from .logs import silence_logs
from .signals import signals_handled, wants_events

if TYPE_CHECKING:
    from .commands.metrics_file import MetricsFile
    from .options import JobOptions


class _Commands(click.Group):
    """The command group, which handles signals, and reports errors in the chosen log format."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **settings: Any) -> Any:
        """Run the command, as the base class does, and end it by signals."""
        before = reporter.as_json
        with signals_handled() if args is None else contextlib.nullcontext():
            # errors of the command line are reported before its options are known
            reporter.as_json = wants_events(sys.argv[1:] if args is None else args)
            try:
                return super().main(args, *more, **settings)
            finally:
                # a program may call the command, and then speak for itself
                reporter.as_json = before

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        """Parse the command line, as the base class does."""
        with errors_reported():
            return super().make_context(*args, **settings)

    def invoke(self, context: click.Context) -> Any:
        """Execute the subcommand, as the base class does."""
        with errors_reported():
            return super().invoke(context)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dicom-deid")
def main() -> None:
    """De-identify DICOM objects by DICOM PS3.15 Annex E: a whole archive, or one file.

    Exit codes: 0 every object was written or needs no action; 3 finished, but objects were quarantined; 2 the command line is
    wrong; 1 failed; 4 failed for a transient reason, such as a full disk: run again; 130, 143, 129 interrupted by Ctrl-C,
    SIGTERM, SIGHUP: run again.
    """
    # no matrix is computed here: the threads that numpy's library starts would only spin
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # to collect garbage among all modules would only delay the end of the command
    atexit.register(gc.freeze)


main.add_command(audit)
main.add_command(census)
main.add_command(detect)
main.add_command(estimate)
main.add_command(explain)
main.add_command(file)
main.add_command(finish)
main.add_command(key_commands)
main.add_command(pixels)
main.add_command(quarantined)
main.add_command(reidentify)
main.add_command(report)


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
    help="Only list the inputs' patients, in a new CSV file (mode 0600, identifiers) to fill in for --patient-table.",
)
@click.option("--detach", is_flag=True, help="Submit the job to an engine, and don't wait. Run `dicom-deid finish` afterwards.")
@click.option("--debug", is_flag=True, help="Show the log of Apache Beam. It may name objects.")
@click.pass_context
def run(
    context: click.Context,
    job: Callable[[], JobOptions],
    print_patients: str | None,
    detach: bool,
    debug: bool,
    metrics: MetricsFile,
) -> None:
    """De-identify an archive. Every object is written to the output folder, or the audit says why not.

    All options of Apache Beam are accepted, too, such as --runner.
    """
    # before Beam is imported, which logs even while it is
    silence_logs(debug=debug)
    # all that is imported and built before the run begins stays until its end: to search it for garbage took 10% of the start
    gc.disable()

    from .errors import UsageError
    from .place_checks import with_audit_place
    from .plan_checks import with_plan_place

    options = with_plan_place(with_audit_place(job()))
    own_flags = [flag for parameter in context.command.params for flag in parameter.opts if flag.startswith("--")]
    if print_patients is not None:
        if options.plan is not None:
            raise UsageError("--plan and --print-patients exclude each other")
        from .commands.print_patients import list_patients

        sys.exit(list_patients(options, print_patients, own_flags, detach=detach))

    # imported late: it refuses releases of Beam that aren't supported
    from .runs import runner

    if detach:
        runner.submit(options, own_flags, debug=debug)
        sentence = f"Submitted. When the engine is done, run: dicom-deid finish --audit {options.audit}"
        reporter.say("run-submitted", sentence, to_stdout=True, exit_code=0)
        return
    from .commands.summary import exit_code_of, show

    finished = runner.run(options, own_flags, debug=debug)
    code = exit_code_of(finished)
    metrics.write(code, [finished])
    if options.plan is None:
        show(finished, f"Audit tables and run.json: {options.audit}", f"De-identified objects: {options.output}")
    else:
        show(finished, f"Tables and plan.json: {options.plan.folder}")
    sys.exit(code)
