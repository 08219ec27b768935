"""``dicom-deid finish``: account for a run that was not waited for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ..events import reporter
from ..exit_codes import EXIT_FAILED
from .beam_options import use_beam_options
from .command_errors import usage_error
from .grouped_help import GroupedCommand
from .reporting_options import with_reporting
from .storage_options import with_storage

if TYPE_CHECKING:
    from storage import StorageOptions

    from .metrics_file import MetricsFile


@click.command(
    cls=GroupedCommand,
    context_settings={"ignore_unknown_options": True},
    example="dicom-deid finish --audit gs://bucket/released-audit --key gcp-secret:projects/P/secrets/S",
)
@with_reporting
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
    metrics: MetricsFile,
) -> None:
    """Account for runs that were submitted with --detach: check their sums and write run.json.

    Exit codes as for run; 1 also while the engine is still at work. Beam's options for S3 and Azure may follow.
    """
    use_beam_options(beam_args)

    from anonymizer import Key
    from storage import Folder

    from ..runs.audit import Audit, load_seals
    from ..runs.pending import finish_pending
    from .summary import exit_code_of, show

    seals = load_seals(Key.load(key, scope), scope, uid_map_key, uid_map_scope)
    finished = finish_pending(Audit(Folder(audit, storage()), seals))
    if not any(finished):
        usage_error("--audit: no run is pending there")
    for run_id, why in finished.refused.items():
        reporter.say("run-refused", f"Not finished: {why}.", level="error", run_id=run_id, message=why)
    for run_id in finished.without_account:
        why = "no account yet: it is at work, or failed. If it failed, remove its note"
        reporter.say("run-pending", f"Run {run_id} has {why}.", level="warning", run_id=run_id, message=why)
    code = max((exit_code_of(report) for report in finished.reports), default=0)
    if finished.without_account or finished.refused:
        code = EXIT_FAILED
    metrics.write(code, finished.reports)
    for report in finished.reports:
        show(report, f"Audit tables and run.json: {audit}")
    sys.exit(code)
