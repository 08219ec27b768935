"""``dicom-deid pixels propose-rules``: rectangles that recur for a device and size of image, as rules for people to review."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

import click

from ..exit_codes import EXIT_NOT_FOUND
from ..safe_csv import write_csv
from .beam_options import beam_arguments, use_beam_options
from .finished_run import of_finished_run
from .grouped_help import GroupedCommand, options_of
from .storage_options import with_storage

if TYPE_CHECKING:
    from storage import StorageOptions

_rule_option = options_of("Rules")


@click.command(
    "propose-rules",
    cls=GroupedCommand,
    context_settings={"ignore_unknown_options": True},
    example="dicom-deid pixels propose-rules draft.csv --input archive --audit released-audit --key file:secret.key",
)
@click.argument("out", metavar="OUT.csv")
@of_finished_run
@_rule_option(
    "--least",
    default=5,
    show_default=True,
    type=click.IntRange(1),
    metavar="NUMBER",
    help="Objects that a device and size of image must have.",
)
@_rule_option(
    "--share",
    default=80.0,
    show_default=True,
    type=click.FloatRange(0, 100, min_open=True),
    metavar="PERCENT",
    help="Share of them in which a rectangle must stand.",
)
@with_storage
@beam_arguments
def propose_rules(
    out: str,
    inputs: tuple[str, ...],
    audit: str,
    key: str,
    scope: str,
    least: int,
    share: float,
    storage: Callable[[], StorageOptions],
    beam_args: tuple[str, ...],
) -> None:
    """Write rectangles that recur for a device and size of image as draft rules.

    They are those that reviewers, ultrasound regions and text detection had blanked in the objects that the run wrote. OUT.csv
    is a new file of pixel rules (mode 0600): it names devices. A run refuses it until somebody has looked at images, and
    replaced the provenance of each rule. Headers of up to 1,000 objects of each size of image are read.

    Exit codes: 0 written, or nothing recurs; 3 some objects were not found in the inputs; 2 the command line is wrong; 1 failed;
    4 failed for a transient reason.
    """
    use_beam_options(beam_args)

    import pyarrow as pa

    from anonymizer import Key
    from storage import Folder, StoredArchive, scheme_of
    from transforms import Status

    from ..errors import UsageError
    from ..surveys.devices import with_devices
    from ..surveys.quarantined import Search, Wanted, inputs_of, load_run, read_rows
    from ..surveys.rule_proposals import by_layout, cleaned_objects, propose

    if not inputs:
        raise UsageError("--input is missing: name the inputs of the run")
    if not out.lower().endswith(".csv"):
        raise UsageError("OUT must end in .csv: it would not be read as a file of rules")
    run_key = Key.load(key, scope)
    run = load_run(Folder(audit, storage()), run_key)
    numbered = inputs_of(run, inputs, run_key)
    cleaned = cleaned_objects(run)
    wanted = Wanted((Status.WRITTEN.value,), source_ids=pa.array([source_id.hex() for source_id in cleaned], pa.string()))
    search = Search(read_rows(run, wanted), run_key)
    archive = StoredArchive(options := storage(), options.threads if any(map(scheme_of, inputs)) else 1)
    groups = by_layout(with_devices(search.found(archive, numbered), archive), cleaned)
    proposals = propose(groups, run.run_id, least, share / 100)
    if proposals.rules:
        _write(out, proposals.rules)
        click.echo(f"Draft: {out}, {len(proposals.rules)} rules. No run takes them before somebody has reviewed them.")
    else:
        click.echo("No rectangle recurs: no file was written.")
    for count, said in (
        (proposals.too_few, f"with fewer than {least} objects"),
        (proposals.without, "without a rectangle that recurs"),
        (proposals.unnamed, "that no condition can name"),
    ):
        if count:
            click.echo(f"Devices and sizes {said}: {count}", err=True)
    if missing := search.missing:
        click.echo(f"{missing} of {search.objects} objects were not found in the inputs.", err=True)
        sys.exit(EXIT_NOT_FOUND)


def _write(path: str, rules: list[list[str]]) -> None:
    """Write a file of rules.

    Raises:
        UsageError: the file exists, or its folder doesn't.
        RunError: the file can't be written.
    """
    from profiles import RULE_COLUMNS
    from storage import cannot_write, create_private

    from ..errors import RunError, UsageError

    def write(stream: BinaryIO) -> None:
        text = io.StringIO(newline="")
        write_csv(text, [RULE_COLUMNS, *rules])
        stream.write(text.getvalue().encode())

    try:
        create_private(path, write)
    except FileExistsError:
        raise UsageError("OUT: the file exists and is not overwritten: choose another name") from None
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError("OUT: the folder of the file doesn't exist: make it first") from None
    except OSError as error:
        raise cannot_write(error) or RunError(f"OUT can't be written: {error.strerror}") from None
