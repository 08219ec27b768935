"""``dicom-deid quarantined``: the names of objects that a run refused, for who holds inputs, audit and key."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from ..safe_csv import HELP, write_csv
from .beam_options import use_beam_options
from .grouped_help import GroupedCommand
from .storage_options import with_storage
from .terminal import print_table, text_of, visible

if TYPE_CHECKING:
    from storage import StorageOptions

    from ..surveys.quarantined import FoundObject

EXIT_NOT_FOUND = 3

#: the table's columns. The names come last: they may be long, and are never cut
_TITLES = ("status", "reason", "tag", "source")


@click.command(
    cls=GroupedCommand,
    context_settings={"ignore_unknown_options": True},
    example="dicom-deid quarantined --input archive --audit released-audit --key file:secret.key",
)
@click.option("--input", "inputs", multiple=True, metavar="PLACE", help="An input of the run, as it was named then; repeatable.")
@click.option("--audit", metavar="FOLDER", required=True, help="Where the run's audit tables are.")
@click.option("--key", required=True, metavar="URI", help="The run's key: names are found again by it.")
@click.option("--scope", default="", metavar="NAME", help="The run's scope.")
@click.option("--reason", "reasons", multiple=True, metavar="CODE", help="Only what was refused for this; repeatable.")
@click.option(
    "--status",
    "statuses",
    type=click.Choice(["quarantined", "filtered"]),
    multiple=True,
    default=["quarantined"],
    show_default=True,
    help="What became of the objects; repeatable.",
)
@click.option("--new", "only_new", is_flag=True, help="Only what was not refused for the same in the run that was gone on with.")
@click.option("--csv", "as_csv", is_flag=True, help=f"Print CSV with all columns instead of a table. {HELP}")
@click.option(
    "--manifest", metavar="FILE", help="Write a new manifest (.csv, 0600) for --input of another run, and print no names."
)
@with_storage
@click.argument("beam_args", nargs=-1, type=click.UNPROCESSED, metavar="[BEAM OPTIONS]")
def quarantined(
    inputs: tuple[str, ...],
    audit: str,
    key: str,
    scope: str,
    reasons: tuple[str, ...],
    statuses: tuple[str, ...],
    only_new: bool,
    as_csv: bool,
    manifest: str | None,
    storage: Callable[[], StorageOptions],
    beam_args: tuple[str, ...],
) -> None:
    """List the objects that a run refused, by name, with reason code and attribute.

    The inputs are listed again, here, and zips and tars opened that have some of them. What is printed or written are source
    names, which are identifiers: keep them where the archive is.

    Exit codes: 0 all were found in the inputs; 3 some weren't; 2 usage; 1 failed; 4 failed for a reason that passes. Beam's
    options for S3 and Azure may follow.
    """
    use_beam_options(beam_args)

    from anonymizer import Key
    from storage import Folder, StoredArchive

    from ..surveys.quarantined import Search, Wanted, inputs_of, load_run, read_rows

    _check(inputs, reasons, as_csv, manifest)
    run_key = Key.load(key, scope)
    run = load_run(Folder(audit, storage()), run_key)
    numbered = inputs_of(run, inputs, run_key)
    search = Search(read_rows(run, Wanted(statuses, reasons, only_new)), run_key)
    found = search.found(StoredArchive(storage()), numbered)
    unnamed = 0
    if manifest is not None:
        unnamed = _write_manifest(manifest, found)
    else:
        (_print_csv if as_csv else _print_table)(found)
    if missing := search.missing:
        elsewhere = search.missing_elsewhere(numbered)
        more = f" {elsewhere} of them are of inputs that were not named." if elsewhere else ""
        click.echo(f"{missing} of {search.objects} objects were not found in the inputs.{more}", err=True)
    if unnamed:
        click.echo(f"{unnamed} objects have names that no manifest can hold, and are not in it.", err=True)
    if missing or unnamed:
        sys.exit(EXIT_NOT_FOUND)


def _check(inputs: tuple[str, ...], reasons: tuple[str, ...], as_csv: bool, manifest: str | None) -> None:
    """
    Raises:
        UsageError: options that can't be.
    """
    from anonymizer import Reason

    from ..errors import UsageError

    if not inputs:
        raise UsageError("--input is needed: where the names are")
    if as_csv and manifest is not None:
        raise UsageError("--csv and --manifest: one of both")
    if manifest is not None and not manifest.lower().endswith(".csv"):
        raise UsageError("--manifest: its name must end in .csv, or a run would not know it as one")
    if not {reason.value for reason in Reason}.issuperset(reasons):
        raise UsageError("--reason: there is no such code; docs/reference/reason-codes.md has all")


def _write_manifest(path: str, found: Iterable[FoundObject]) -> int:
    """Write what was found; how many can't be named in a manifest.

    Raises:
        UsageError: there is such a file, or no folder for it.
        RunError: it can't be written.
    """
    from storage import cannot_write, write_manifest

    from ..errors import RunError, UsageError

    try:
        written, unnamed = write_manifest(path, ((one.uri, one.member) for one in found))
    except FileExistsError:
        raise UsageError("--manifest: there is such a file, and it is not overwritten: choose another name") from None
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError("--manifest: its folder doesn't exist: make it first") from None
    except OSError as error:
        raise cannot_write(error) or RunError(f"--manifest can't be written: {error.strerror}") from None
    click.echo(f"Manifest: {path}, {written} objects")
    return unnamed


def _print_csv(found: Iterable[FoundObject]) -> None:
    from ..surveys.quarantined import SHOWN

    # line ends in names stay what they are
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    head = ["source", "uri", "member", *SHOWN, "source_hex"]

    def cells(one: FoundObject) -> list[Any]:
        exact = "" if text_of(one.source).encode() == one.source else one.source.hex()
        texts = [text_of(name) for name in (one.source, one.uri, one.member or b"")]
        row = {**one.row, "pixel_risks": " ".join(one.row["pixel_risks"] or ())}
        return [*texts, *(row[name] for name in SHOWN), exact]

    write_csv(sys.stdout, chain([head], map(cells, found)), quoted=True)


def _print_table(found: Iterable[FoundObject]) -> None:
    print_table(_TITLES, sorted(_rows(found)))


def _rows(found: Iterable[FoundObject]) -> Iterator[tuple[str, ...]]:
    for one in found:
        cells = (one.row["status"], one.row["reason"], one.row["reason_tag"], text_of(one.source))
        yield tuple(visible(cell or "") for cell in cells)
