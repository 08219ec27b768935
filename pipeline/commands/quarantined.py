"""``dicom-deid quarantined``: the names of refused objects, for holders of inputs, audit and key."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from ..exit_codes import EXIT_NOT_FOUND
from ..safe_csv import HELP, write_csv
from .beam_options import beam_arguments, use_beam_options
from .finished_run import of_finished_run
from .grouped_help import GroupedCommand, options_of
from .reason_codes import check_reasons
from .storage_options import with_storage
from .terminal import print_table, text_of, visible

if TYPE_CHECKING:
    from storage import StorageOptions, StoredArchive

    from ..surveys.quarantined import FoundObject

_selection_option = options_of("Selection")
_result_option = options_of("Result")
#: columns of the table. Names come last: they may be long, and are never cut
_TITLES = ("status", "reason", "tag", "source")
_DEVICE_TITLES = (
    *("objects", "manufacturer", "model", "station", "software", "rows", "columns", "SOP class", "transfer syntax", "example"),
)


@click.command(
    cls=GroupedCommand,
    context_settings={"ignore_unknown_options": True},
    example="dicom-deid quarantined --input archive --audit released-audit --key file:secret.key",
)
@of_finished_run
@_selection_option(
    "--reason",
    "reasons",
    multiple=True,
    metavar="CODE",
    help="List only objects refused for this reason; repeatable. Default: all reasons.",
)
@_selection_option(
    "--status",
    "statuses",
    type=click.Choice(["quarantined", "filtered"]),
    multiple=True,
    default=["quarantined"],
    show_default=True,
    help="List objects with this status; repeatable.",
)
@_selection_option(
    "--new", "only_new", is_flag=True, help="List only objects that the continued run had not refused for the same reason."
)
@_result_option(
    "--devices",
    "by_device",
    is_flag=True,
    help="Read the objects' headers, and print instead of names how many are of one device, size of image, SOP class and "
    "transfer syntax, with an example.",
)
@_result_option("--csv", "as_csv", is_flag=True, help=f"Print CSV with all columns instead of a table. {HELP}")
@_result_option(
    "--manifest",
    metavar="FILE",
    help="Write the names to a new manifest (.csv, mode 0600) for --input of another run, instead of printing them.",
)
@with_storage
@beam_arguments
def quarantined(
    inputs: tuple[str, ...],
    audit: str,
    key: str,
    scope: str,
    reasons: tuple[str, ...],
    statuses: tuple[str, ...],
    only_new: bool,
    by_device: bool,
    as_csv: bool,
    manifest: str | None,
    storage: Callable[[], StorageOptions],
    beam_args: tuple[str, ...],
) -> None:
    """List the names of refused objects.

    Each has its reason code and attribute. The inputs of the run are listed again on this machine, and zips and tars with
    refused members are opened. Source names are identifiers: keep the list where the archive is.

    Exit codes: 0 all objects were found in the inputs; 3 some were not; 2 the command line is wrong; 1 failed; 4 failed for a
    transient reason. Options of Apache Beam for S3 and Azure are accepted, too.
    """
    use_beam_options(beam_args)

    from anonymizer import Key
    from storage import Folder, StoredArchive, scheme_of

    from ..surveys.quarantined import Search, Wanted, inputs_of, load_run, read_rows

    _check(inputs, reasons, as_csv, by_device, manifest)
    run_key = Key.load(key, scope)
    run = load_run(Folder(audit, storage()), run_key)
    numbered = inputs_of(run, inputs, run_key)
    search = Search(read_rows(run, Wanted(statuses, reasons, only_new)), run_key)
    archive = StoredArchive(options := storage(), options.threads if any(map(scheme_of, inputs)) else 1)
    found = search.found(archive, numbered)
    unnamed = 0
    if by_device:
        _print_devices(found, archive, as_csv)
    elif manifest is not None:
        unnamed = _write_manifest(manifest, found)
    else:
        (_print_csv if as_csv else _print_table)(found)
    if missing := search.missing:
        elsewhere = search.missing_elsewhere(numbered)
        more = f" {elsewhere} of them come from inputs that were not named: add --input for these." if elsewhere else ""
        click.echo(f"{missing} of {search.objects} objects were not found in the inputs.{more}", err=True)
    if unnamed:
        click.echo(f"{unnamed} objects have names that a manifest can't hold, and are not in it.", err=True)
    if missing or unnamed:
        sys.exit(EXIT_NOT_FOUND)


def _check(inputs: tuple[str, ...], reasons: tuple[str, ...], as_csv: bool, by_device: bool, manifest: str | None) -> None:
    """Refuse options that can't be used, or not together.

    Raises:
        UsageError: there are such options.
    """
    from ..errors import UsageError

    if not inputs:
        raise UsageError("--input is missing: name the inputs of the run")
    if as_csv and manifest is not None:
        raise UsageError("--csv and --manifest exclude each other")
    if by_device and manifest is not None:
        raise UsageError("--devices and --manifest exclude each other")
    if manifest is not None and not manifest.lower().endswith(".csv"):
        raise UsageError("--manifest must end in .csv: a run would not read another file as a manifest")
    check_reasons(reasons)


def _write_manifest(path: str, found: Iterable[FoundObject]) -> int:
    """Write a manifest, and return the number of objects whose names it can't hold.

    Raises:
        UsageError: the file exists, or its folder doesn't.
        RunError: the file can't be written.
    """
    from storage import cannot_write, write_manifest

    from ..errors import RunError, UsageError

    try:
        written, unnamed = write_manifest(path, ((one.uri, one.member) for one in found))
    except FileExistsError:
        raise UsageError("--manifest: the file exists and is not overwritten: choose another name") from None
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError("--manifest: the folder of the file doesn't exist: make it first") from None
    except OSError as error:
        raise cannot_write(error) or RunError(f"--manifest can't be written: {error.strerror}") from None
    click.echo(f"Manifest: {path}, {written} objects")
    return unnamed


def _print_csv(found: Iterable[FoundObject]) -> None:
    from ..surveys.quarantined import SHOWN

    _prepare_csv()
    head = ["source", "uri", "member", *SHOWN, "source_hex"]

    def cells(one: FoundObject) -> list[Any]:
        exact = "" if text_of(one.source).encode() == one.source else one.source.hex()
        texts = [text_of(name) for name in (one.source, one.uri, one.member or b"")]
        row = {**one.row, "pixel_risks": " ".join(one.row["pixel_risks"] or ())}
        return [*texts, *(row[name] for name in SHOWN), exact]

    write_csv(sys.stdout, chain([head], map(cells, found)), quoted=True)


def _prepare_csv() -> None:
    # newlines in names must not be translated
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]


def _print_devices(found: Iterable[FoundObject], archive: StoredArchive, as_csv: bool) -> None:
    from ..surveys.devices import Device, devices_of

    devices = devices_of(found, archive)
    if as_csv:
        _prepare_csv()
        rows = ([count, *device, text_of(example)] for device, count, example in devices)
        write_csv(sys.stdout, chain([["objects", *Device._fields, "example"]], rows), quoted=True)
    else:
        from pydicom.uid import UID

        named = (
            (str(count), *device[:-2], UID(device.sop_class_uid).name, UID(device.transfer_syntax_uid).name, text_of(example))
            for device, count, example in devices
        )
        print_table(_DEVICE_TITLES, [tuple(map(visible, cells)) for cells in named])
    if unread := sum(count for device, count, _ in devices if not any(device)):
        click.echo(f"The headers of {unread} objects can't be read.", err=True)


def _print_table(found: Iterable[FoundObject]) -> None:
    print_table(_TITLES, sorted(_rows(found)))


def _rows(found: Iterable[FoundObject]) -> Iterator[tuple[str, ...]]:
    for one in found:
        cells = (one.row["status"], one.row["reason"], one.row["reason_tag"], text_of(one.source))
        yield tuple(visible(cell or "") for cell in cells)
