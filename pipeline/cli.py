"""The command line. Nothing here imports Beam before a run needs it."""

from __future__ import annotations

import csv
import functools
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from . import __version__

if TYPE_CHECKING:
    from profiles import ConfidentialityProfile

    from .run_report import RunReport

EXIT_FAILED, EXIT_USAGE, EXIT_QUARANTINED = 1, 2, 3

_PROFILE_OPTIONS = (
    click.option("--profile", default="basic", show_default=True, help="The confidentiality profile: basic."),
    click.option("--options", default="", metavar="NAME,...", help="Options of PS3.15 Annex E, such as RetainUIDs."),
    click.option("--patient-name", metavar="TEXT", help="PatientName for all; empty without this."),
    click.option("--patient-id", default="pseudonym", show_default=True, metavar="TEXT|pseudonym", help="PatientID for all."),
)
_ENGINE_OPTIONS = (
    click.option("--key", default="", metavar="URI", help="The secret: file:PATH or env:NAME, 32 bytes or more."),
    click.option("--scope", default="", metavar="NAME", help="The same key under another scope gives unlinkable results."),
    click.option("--uid-root", metavar="OID", help="Your organisation's root for new UIDs; 2.25 without this."),
    click.option(
        "--burned-in",
        type=click.Choice(["quarantine", "keep"]),
        default="quarantine",
        show_default=True,
        help="Objects whose BurnedInAnnotation is YES.",
    ),
)


def _add(options: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _usage(message: str) -> NoReturn:
    click.echo(f"Error: {message}", err=True)
    sys.exit(EXIT_USAGE)


def _with_profile(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` the profile options, and hand them to it as one ``profile``."""

    @functools.wraps(command)
    def wrapper(profile: str, options: str, patient_name: str | None, patient_id: str, **others: Any) -> None:
        from profiles import ConfidentialityProfile, ProfileError

        if profile != "basic":
            _usage("--profile: only basic is built in; profiles from files are not supported in this version")
        try:
            alias = None if patient_id == "pseudonym" else patient_id
            chosen = ConfidentialityProfile.default(options, patient_name=patient_name, patient_id=alias)
        except ProfileError as error:
            _usage(str(error))
        command(profile=chosen, **others)

    return _add(_PROFILE_OPTIONS)(wrapper)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dicom-deid")
def main() -> None:
    """De-identify DICOM by PS3.15 Annex E: whole archives, or one file.

    Exit codes: 0 all written or accounted for; 3 finished, with objects quarantined; 2 usage; 1 failed.
    """


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True})
@click.option("--input", "inputs", multiple=True, metavar="PATH|GLOB", help="Folder, file or glob; needed, repeatable.")
@click.option("--output", default="", metavar="FOLDER", help="Where the de-identified copy goes; needed.")
@click.option("--audit", metavar="FOLDER", help="Where the audit tables go; OUTPUT/_audit without this.")
@_with_profile
@_add(_ENGINE_OPTIONS)
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
    burned_in: str,
    debug: bool,
    beam_args: tuple[str, ...],
) -> None:
    """De-identify an archive: every object ends in OUTPUT or as a row of the audit that says why not.

    Any option of Apache Beam may follow, such as --runner.
    """
    # before Beam is imported, which logs even then
    _quiet(debug)

    from .errors import RunError, UsageError
    from .options import JobOptions
    from .runner import run as run_job

    job = JobOptions(
        inputs=inputs,
        output=output,
        audit=audit or str(Path(output) / "_audit"),
        profile=profile,
        key_uri=key,
        scope=scope,
        uid_root=uid_root,
        keep_burned_in=burned_in == "keep",
        beam_args=beam_args,
    )
    own_flags = [flag for parameter in context.command.params for flag in parameter.opts if flag.startswith("--")]
    try:
        report = run_job(job, own_flags, debug=debug)
    except UsageError as error:
        _usage(str(error))
    except RunError as error:
        click.echo(f"Failed: {error}", err=True)
        sys.exit(EXIT_FAILED)
    _show(report, job.output, job.audit)
    sys.exit(EXIT_QUARANTINED if report.quarantined else 0)


def _quiet(debug: bool) -> None:
    """Keep Beam's logs back: it logs elements and exception texts, which name objects."""
    level = logging.INFO if debug else logging.CRITICAL + 1
    logging.basicConfig(level=level)
    logging.getLogger().setLevel(level)
    logging.getLogger("apache_beam").setLevel(level)


def _show(report: RunReport, output: str, audit: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("objects", "count", title=f"{report.listed} objects listed")
    table.columns[1].justify = "right"
    for status, count in report.counts.items():
        table.add_row(status, str(count))
    if report.reasons:
        table.add_section()
    for reason, count in report.reasons.items():
        table.add_row(reason, str(count))
    console = Console()
    console.print(table)
    console.print(f"De-identified objects: {output}\nAudit tables and run.json: {audit}", soft_wrap=True, highlight=False)


@main.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@_with_profile
@_add(_ENGINE_OPTIONS)
def file(
    source: str,
    target: str,
    profile: ConfidentialityProfile,
    key: str,
    scope: str,
    uid_root: str | None,
    burned_in: str,
) -> None:
    """De-identify one file. OUT appears only when it is whole."""
    from anonymizer import Anonymizer, DeidentificationError, SecretError

    # names are identifiers: the messages don't repeat them
    if not Path(source).is_file():
        _usage("IN is no file")
    if Path(target).is_dir() or not Path(target).parent.is_dir():
        _usage("OUT is a folder, or its folder doesn't exist")
    if not key:
        click.echo("No --key was given: nobody can repeat this mapping.", err=True)
    try:
        anonymizer = Anonymizer(profile, key or None, scope=scope, uid_root=uid_root, keep_burned_in=burned_in == "keep")
    except SecretError as error:
        _usage(str(error))
    try:
        anonymizer.anonymize_file(source, target)
    except DeidentificationError as error:
        click.echo(f"Quarantined, nothing written: {error}", err=True)
        sys.exit(EXIT_QUARANTINED)
    except OSError as error:
        click.echo(f"Failed: {error.strerror}", err=True)
        sys.exit(EXIT_FAILED)


@main.command()
@_with_profile
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of a table.")
def explain(profile: ConfidentialityProfile, as_csv: bool) -> None:
    """Show what the chosen profile does to each attribute, and which rule decides it."""
    header = ("tag", "keyword", "vr", "action", "meaning", "decided by")
    rows = [(row.tag, row.keyword, row.vr, row.action, row.meaning, row.decided_by) for row in profile.explain()]
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([header, *rows])
        return

    from rich.console import Console
    from rich.table import Table

    table = Table(*header)
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table, width=None if console.is_terminal else 200)
