"""``dicom-deid finish``: account for a run that was not waited for; and how any run's account is shown."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from .errors import EXIT_FAILED, EXIT_QUARANTINED
from .logs import quiet
from .profile_options import fail, usage_error
from .storage_options import with_storage

if TYPE_CHECKING:
    from .run_report import RunReport
    from .storage import StorageOptions

_SAID_OF_REFUSED = (
    "Objects whose pixels may show who somebody is were refused (burned-in-annotation, pixel-...): nobody has looked at them. "
    "`dicom-deid explain` says why for each reason; --pixels keep lets them pass (--faces keep lets heads pass)."
)
_SAID_OF_KEPT = (
    "--pixels keep: objects whose pixels may show who somebody is pass, and say PatientIdentityRemoved NO. Look at them before "
    "anybody else does."
)


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--audit", required=True, metavar="FOLDER", help="Where the run's audit tables are.")
@click.option("--key", required=True, metavar="URI", help="The run's key: its account must be by it.")
@click.option("--scope", default="", metavar="NAME", help="The run's scope.")
@click.option("--uid-map-key", metavar="URI", help="As for the run: its account gets a code of that key, too.")
@click.option("--uid-map-scope", metavar="NAME", help="Its scope; --scope without this.")
@with_storage
@click.argument("beam_args", nargs=-1, type=click.UNPROCESSED, metavar="[BEAM OPTIONS]")
def finish(
    audit: str,
    key: str,
    scope: str,
    uid_map_key: str | None,
    uid_map_scope: str | None,
    storage: Callable[[], StorageOptions],
    beam_args: tuple[str, ...],
) -> None:
    """Account for runs that were submitted with --detach: check their sums and write run.json.

    Exit codes as for run; 1 also while the engine is still at work. Beam's options for S3 and Azure may follow.
    """
    # before Beam is imported, which logs even then
    quiet()

    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    from anonymizer import Key, SecretError

    from .audit import Audit, load_seals
    from .beam_args import check_beam_args
    from .errors import RunError, UsageError
    from .pending import finish_pending
    from .storage import Folder

    try:
        check_beam_args(beam_args, [flag for option in finish.params for flag in option.opts])
        FileSystems.set_options(PipelineOptions(list(beam_args)))
        seals = load_seals(Key.load(key, scope), scope, uid_map_key, uid_map_scope)
        finished = finish_pending(Audit(Folder(audit, storage()), seals))
    except SecretError as error:
        usage_error(str(error))
    except UsageError as error:
        usage_error(str(error))
    except RunError as error:
        fail(error)
    if not any(finished):
        usage_error("--audit: no run is pending there")
    for report in finished.reports:
        show(report, audit)
    for why in finished.refused.values():
        click.echo(f"Not finished: {why}.", err=True)
    for run_id in finished.without_account:
        click.echo(f"Run {run_id} has no account yet: it is at work, or failed. If it failed, remove its note.", err=True)
    if finished.without_account or finished.refused:
        sys.exit(EXIT_FAILED)
    sys.exit(EXIT_QUARANTINED if any(report.quarantined for report in finished.reports) else 0)


def show(report: RunReport, audit: str) -> None:
    """Print a run's account."""
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
    table.add_section()
    for name, risk in report.pixel_risks.items():
        # an object has one reason, and may have several risks
        if risk["quarantined"] != report.reasons.get(name, 0):
            table.add_row(f"{name}, with other risks", str(risk["quarantined"]))
        if risk["kept"]:
            table.add_row(f"{name}, but kept", str(risk["kept"]))
    for what, count in (
        ("UIDs that point outside the archive", report.references["outside"]),
        ("UIDs that join two patients", report.references["joining_patients"]),
    ):
        if count:
            table.add_section()
            table.add_row(what, str(count))
    if report.gone:
        table.add_section()
        table.add_row("gone from the source", str(report.gone))
    console = Console()
    console.print(table)
    is_refused, is_kept = (any(risk[what] for risk in report.pixel_risks.values()) for what in ("quarantined", "kept"))
    # some may have been kept by a run that went before
    is_kept = is_kept or report.origin.get("pixels") == "keep"
    for said, applies in ((_SAID_OF_REFUSED, is_refused), (_SAID_OF_KEPT, is_kept)):
        if applies:
            console.print(said, soft_wrap=True, highlight=False, markup=False)
    console.print(f"Audit tables and run.json: {audit}", soft_wrap=True, highlight=False, markup=False)
