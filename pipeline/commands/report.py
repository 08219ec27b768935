"""``dicom-deid report``: the report of a finished run, made anew from its tables."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..safe_csv import write_csv
from .beam_options import beam_arguments, use_beam_options
from .grouped_help import GroupedCommand, options_of
from .private_keys import load_private_keys, private_key_options
from .storage_options import with_storage

if TYPE_CHECKING:
    from storage import StorageOptions

    from ..reports.sampling import Sample
    from ..runs.report_again import FinishedRun

_run_option = options_of("Run")
_report_option = options_of("Report")
_sample_option = options_of("Sample")
_restricted_option = options_of("Restricted files")


@click.command(
    cls=GroupedCommand,
    context_settings={"ignore_unknown_options": True},
    example="dicom-deid report --audit released-audit --key file:secret.key --sample 60 --review review.html",
)
@_run_option("--audit", required=True, metavar="FOLDER", help="Folder of the run's audit tables.")
@_run_option("--run", "run_id", default="", metavar="RUN_ID", help="An earlier run of the audit. Default: the last one.")
@_run_option(
    "--key",
    metavar="URI",
    help="Key of the run: file:PATH, env:NAME or gcp-secret:RESOURCE. Without it the account isn't authenticated.",
)
@_run_option("--scope", default="", metavar="NAME", help="Scope of the run. Default: none.")
@_report_option("--release", metavar="FILE", help="New file for the release edition, which is handed out with the data.")
@_report_option("--review", metavar="FILE", help="New file for the review edition: restricted, mode 0600.")
@_report_option(
    "--made-by", default="", metavar="TEXT", help="Organisation or person who releases the data. Default: as the run was told."
)
@_report_option(
    "--least-class-size",
    type=click.IntRange(2, 10_000),
    default=11,
    show_default=True,
    metavar="K",
    help="Count classes of fewer than K patients as small; the release edition tells no other count below K.",
)
@_sample_option(
    "--sample",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Draw N patients of the output by the key, for people to look at. 60 with nothing found bound the rate to 5 %.",
)
@_sample_option("--sample-csv", metavar="FILE", help="New CSV file (mode 0600) with the drawn patients, to fill in.")
@_sample_option("--sample-verdicts", metavar="FILE", help="The filled in CSV: its verdicts are stated in the review edition.")
@_restricted_option("--contact-sheets", metavar="FOLDER", help="Embed the run's contact sheets in FOLDER in the review edition.")
@_restricted_option("--census", metavar="FOLDER", help="List the rarest values of the run's census in the review edition.")
@private_key_options(_restricted_option, "settings, contact sheets or census", "are")
@with_storage
@beam_arguments
def report(
    audit: str,
    run_id: str,
    key: str | None,
    scope: str,
    release: str | None,
    review: str | None,
    made_by: str,
    least_class_size: int,
    sample: int | None,
    sample_csv: str | None,
    sample_verdicts: str | None,
    contact_sheets: str | None,
    census: str | None,
    key_files: tuple[str, ...],
    passphrase_from: str | None,
    storage: Callable[[], StorageOptions],
    beam_args: tuple[str, ...],
) -> None:
    """Make the report of a finished run anew, in both editions.

    Each run writes its report into its audit. This makes it anew from the tables, whose digests are checked, and can add
    contact sheets and a sample of patients with people's verdicts. New files are their owner's alone, and none is overwritten.

    Exit codes: 0 the files were written; 2 the command line is wrong; 1 failed; 4 failed for a transient reason. Options of
    Apache Beam for S3 and Azure are accepted, too.
    """
    use_beam_options(beam_args)

    from ..errors import UsageError

    if release is None and review is None and sample_csv is None:
        raise UsageError("--release, --review or --sample-csv is missing: name a new file to write")
    if (sample is not None or sample_verdicts is not None or sample_csv is not None) and key is None:
        raise UsageError("--sample needs --key: patients are drawn by it")
    if sample_csv is not None and sample is None:
        raise UsageError("--sample-csv needs --sample: say how many patients are drawn")
    if sample_verdicts is not None and sample is None:
        raise UsageError("--sample-verdicts needs --sample: say how many patients were drawn")
    for option, given in (("--contact-sheets", contact_sheets), ("--census", census), ("--sample-verdicts", sample_verdicts)):
        if given is not None and review is None:
            raise UsageError(f"{option} needs --review: it goes into the review edition")
    if census is not None and key is None:
        raise UsageError("--census needs --key: whoever can write to the census could plant values")

    from anonymizer import Key
    from storage import Folder
    from transforms import decrypt

    from ..place_checks import check_apart
    from ..reports.content import Edition
    from ..reports.editions import content_of
    from ..reports.rendering import render
    from ..reports.source import ReportSource
    from ..runs.audit import load_seals
    from ..runs.report_again import count, load_finished, read_sheets, read_values
    from ..runs.restricted import output_of
    from ..runs.run_reports import account_before

    keys = load_private_keys(key_files, passphrase_from)
    opened = (lambda content: decrypt(content, keys)) if keys else None
    seals = load_seals(Key.load(key, scope), scope, None, None) if key is not None else ()
    options = storage()
    run = load_finished(Folder(audit, options), seals, run_id)
    restricted = run.restricted(opened)
    if output := output_of(restricted):
        for option, place in (("--review", review), ("--sample-csv", sample_csv)):
            if place is not None:
                check_apart(option, place, "the output", output)
    drawn = _drawn(run, sample, sample_verdicts)
    if drawn is not None and sample_csv is not None:
        _write("--sample-csv", sample_csv, _csv_of(drawn))
    if release is None and review is None:
        return
    counted = count(run)
    source = ReportSource(
        run.account,
        counted.tally,
        restricted=restricted,
        made_by=made_by or str((restricted or {}).get("made_by") or ""),
        authenticity=run.authenticity,
        least_class=least_class_size,
        actions_missing=counted.actions_missing,
        before=account_before(run.audit.folder, run.account),
        sample=drawn,
        sheets=read_sheets(Folder(contact_sheets, options), run.account["run_id"], opened)
        if contact_sheets is not None
        else None,
        values=None if census is None else read_values(Folder(census, options), run, keys),
    )
    for option, place, edition in (("--release", release, Edition.RELEASE), ("--review", review, Edition.REVIEW)):
        if place is not None:
            _write(option, place, render(content_of(source, edition)))
            click.echo(f"Report, {edition.value} edition: {place}")


def _drawn(run: FinishedRun, size: int | None, verdicts: str | None) -> Sample | None:
    """Return the sample, with verdicts if there are any.

    Raises:
        UsageError: the verdicts can't be read.
    """
    if size is None:
        return None
    from ..errors import UsageError
    from ..reports.sampling import VerdictError, read_verdicts
    from ..runs.report_again import draw

    drawn = draw(run, size)
    if verdicts is None:
        return drawn
    try:
        found = read_verdicts(Path(verdicts).read_bytes())
    except OSError as error:
        raise UsageError(f"--sample-verdicts can't be read: {error.strerror}") from None
    except VerdictError as error:
        raise UsageError(f"--sample-verdicts: {error}") from None
    judged = drawn._replace(verdicts=found)
    if not judged.is_of_sample:
        raise UsageError(
            "--sample-verdicts has lines that were not drawn from this run: give the --run, --sample, --key and --scope by which "
            "--sample-csv wrote the file"
        )
    return judged


def _csv_of(sample: Sample) -> bytes:
    from ..reports.sampling import csv_rows

    stream = io.StringIO(newline="")
    write_csv(stream, csv_rows(sample), quoted=True)
    return stream.getvalue().encode()


def _write(option: str, path: str, content: bytes) -> None:
    """Write a new file, its owner's alone.

    Raises:
        UsageError: the file exists, or its folder doesn't.
        RunError: it can't be written.
    """
    from storage import cannot_write, create_private

    from ..errors import RunError, UsageError

    try:
        create_private(path, lambda stream: stream.write(content))
    except FileExistsError:
        raise UsageError(f"{option}: the file exists and is not overwritten: choose another name") from None
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{option}: the folder of the file doesn't exist: make it first") from None
    except OSError as error:
        raise cannot_write(error) or RunError(f"{option} can't be written: {error.strerror}") from None
