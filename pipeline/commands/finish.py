"""``dicom-deid finish``: reports of detached runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ..events import reporter
from ..exit_codes import EXIT_FAILED
from .beam_options import beam_arguments, use_beam_options
from .command_errors import usage_error
from .grouped_help import GroupedCommand, options_of
from .reporting_options import with_reporting
from .storage_options import with_storage

if TYPE_CHECKING:
    from storage import StorageOptions

    from .metrics_file import MetricsFile

_run_option = options_of("Run")


@click.command(
    cls=GroupedCommand,
    context_settings={"ignore_unknown_options": True},
    example="dicom-deid finish --audit gs://bucket/released-audit --key gcp-secret:projects/P/secrets/S/versions/1",
)
@with_reporting
@_run_option("--audit", required=True, metavar="FOLDER", help="Folder of the runs' audit tables.")
@_run_option("--key", required=True, metavar="URI", help="Key of the runs: file:PATH, env:NAME or gcp-secret:RESOURCE.")
@_run_option("--scope", default="", metavar="NAME", help="Scope of the runs. Default: none.")
@_run_option("--uid-map-key", metavar="URI", help="Key of the imported UID map, if the runs had --uid-map-key.")
@_run_option("--uid-map-scope", metavar="NAME", help="Scope of --uid-map-key. Default: --scope.")
@_run_option(
    "--made-by",
    default="",
    metavar="TEXT",
    help="Organisation or person who releases the data, for the report. Default: as the run was told.",
)
@with_storage
@beam_arguments
def finish(
    audit: str,
    key: str,
    scope: str,
    uid_map_key: str | None,
    uid_map_scope: str | None,
    made_by: str,
    storage: Callable[[], StorageOptions],
    beam_args: tuple[str, ...],
    metrics: MetricsFile,
) -> None:
    """Finish runs that --detach submitted.

    For each run whose engine is done, its tables are checked and run.json is written.

    Exit codes: as for run, and 1 also while the engine is still working. Options of Apache Beam for S3 and Azure are accepted,
    too.
    """
    use_beam_options(beam_args)

    from anonymizer import Key
    from storage import Folder

    from ..runs.audit import Audit, has_plan, load_seals
    from ..runs.pending import finish_pending
    from .summary import exit_code_of, show

    seals = load_seals(Key.load(key, scope), scope, uid_map_key, uid_map_scope)
    folder = Folder(audit, storage())
    finished = finish_pending(Audit(folder, seals), made_by)
    if not any(finished):
        if has_plan(folder):
            usage_error("--audit: the folder has a plan, which is complete: name the folder of the runs' audit tables")
        usage_error("--audit: no run is pending in this folder")
    for run_id, why in finished.refused.items():
        reporter.say("run-refused", f"Not finished: {why}.", level="error", run_id=run_id, message=why)
    for run_id in finished.without_account:
        why = "no account yet: the engine is still working on it, or it failed. If it failed, remove its pending-*.json"
        reporter.say("run-pending", f"Run {run_id} has {why}.", level="warning", run_id=run_id, message=why)
    code = max((exit_code_of(report) for report in finished.reports), default=0)
    if finished.without_account or finished.refused:
        code = EXIT_FAILED
    metrics.write(code, finished.reports)
    for report in finished.reports:
        show(report, f"Audit tables and run.json: {audit}")
    sys.exit(code)
