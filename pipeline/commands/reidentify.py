"""``dicom-deid reidentify``: original names and identifiers of new ones, from a crosswalk."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from ..exit_codes import EXIT_NOT_FOUND
from ..safe_csv import HELP, write_csv
from .beam_options import use_beam_options
from .grouped_help import GroupedCommand, options_of
from .reason_codes import check_reasons
from .storage_options import with_storage
from .terminal import print_table, text_of, visible

if TYPE_CHECKING:
    from storage import StorageOptions

_crosswalk_option = options_of("Crosswalk")
_selection_option = options_of("Selection")
_result_option = options_of("Result")
#: columns of the table; CSV has all
_SHOWN = (
    ("object", ("new_sop_instance_uid",)),
    ("status", ("status", "reason", "reason_tag")),
    ("source", ("source",)),
    ("patient", ("patient_id", "issuer_of_patient_id", "patient_name")),
    ("study, series and instance", ("study_instance_uid", "series_instance_uid", "sop_instance_uid")),
)
_OBJECT_NAME = re.compile(r"(?:.*/)?[^/]+/[^/]+/([^/]+)\.dcm")


@click.command(
    cls=GroupedCommand,
    context_settings={"ignore_unknown_options": True},
    example="dicom-deid reidentify --crosswalk crosswalk --key file:secret.key released/STUDY/SERIES/INSTANCE.dcm",
)
@_crosswalk_option("--crosswalk", required=True, metavar="FOLDER", help="Folder of the crosswalk.")
@_crosswalk_option(
    "--private-key",
    "key_files",
    multiple=True,
    metavar="FILE",
    help="Private key of the certificate, PEM or DER; repeatable. Needed if the crosswalk is encrypted.",
)
@_crosswalk_option(
    "--key",
    "key_uris",
    multiple=True,
    metavar="URI",
    help="Key of the runs, by which their files are authenticated; repeatable. Needed without --unchecked.",
)
@_crosswalk_option("--scope", default="", metavar="NAME", help="Scope of the runs. Default: none.")
@_crosswalk_option(
    "--unchecked", is_flag=True, help="Accept all files, without --key. Anybody who can write there may have planted some."
)
@_crosswalk_option(
    "--passphrase-from", metavar="env:NAME|file:PATH", help="Place of the private key's passphrase. Default: it has none."
)
@_selection_option(
    "--status",
    "statuses",
    type=click.Choice(["written", "duplicate", "filtered", "quarantined"]),
    multiple=True,
    help="Show only objects with this status; repeatable. Default: all.",
)
@_selection_option(
    "--reason",
    "reasons",
    multiple=True,
    metavar="CODE",
    help="Show only objects that were not written for this reason; repeatable. Default: all.",
)
@_result_option("--csv", "as_csv", is_flag=True, help=f"Print CSV with all columns instead of a table. {HELP}")
@with_storage
@click.argument("names", nargs=-1, type=click.UNPROCESSED, metavar="[NAME]... [BEAM OPTIONS]")
def reidentify(
    crosswalk: str,
    key_files: tuple[str, ...],
    key_uris: tuple[str, ...],
    scope: str,
    unchecked: bool,
    passphrase_from: str | None,
    statuses: tuple[str, ...],
    reasons: tuple[str, ...],
    as_csv: bool,
    storage: Callable[[], StorageOptions],
    names: tuple[str, ...],
) -> None:
    """Show the originals behind new names.

    These are the original objects and patients. The status of each object is shown, too.

    NAME is a new UID of an instance, series or study; a new PatientID; an object's name in the output; a de-identified file; or a
    source_id of the audit. Without NAME, all of the crosswalk is shown. The output holds identifiers.

    Exit codes: 0 all names were found; 3 some were not; 2 the command line is wrong; 1 failed. Options of Apache Beam for S3 and
    Azure are accepted, too.
    """
    from anonymizer import Key
    from anonymizer.internals import Seal
    from storage import Folder

    from ..errors import UsageError
    from ..runs.crosswalk import NAMED_BY, Crosswalk
    from .private_keys import load_key

    first_option = next((place for place, name in enumerate(names) if name.startswith("-")), len(names))
    names, beam_args = names[:first_option], names[first_option:]
    use_beam_options(beam_args)
    check_reasons(reasons)
    if key_uris and unchecked:
        raise UsageError("--key and --unchecked exclude each other")
    if not key_uris and not unchecked:
        raise UsageError(
            "--key is needed, since whoever can write to the crosswalk could plant names; --unchecked accepts all files"
        )
    seals = [Seal(Key.load(uri, scope)) for uri in key_uris]
    keys = [load_key(file, passphrase_from) for file in key_files]
    wanted = {_identifier_of(number, name) for number, name in enumerate(names, 1)}
    found = Crosswalk(Folder(crosswalk, storage()), seals)
    if found.encrypted and not keys:
        raise UsageError("--private-key is needed: the crosswalk is encrypted")
    missing = set(wanted)

    def rows() -> Iterator[dict[str, Any]]:
        for row in found.rows(wanted, keys):
            missing.difference_update(row[column] for column in NAMED_BY)
            if (not statuses or row["status"] in statuses) and (not reasons or row["reason"] in reasons):
                yield row

    (_print_csv if as_csv else _print_table)(rows())
    if missing:
        click.echo(f"{len(missing)} of {len(wanted)} names are not in the crosswalk.", err=True)
        sys.exit(EXIT_NOT_FOUND)


def _identifier_of(number: int, name: str) -> str:
    """Return the identifier that a NAME on the command line stands for."""
    if not os.path.isfile(name):
        named = _OBJECT_NAME.fullmatch(name)
        # no identifier of an output has bytes that aren't UTF-8: the escaped name matches none
        return os.fsencode(named.group(1) if named else name).decode("utf-8", "backslashreplace")

    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    from ..errors import UsageError

    try:
        uid = dcmread(name, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).get("SOPInstanceUID")
    except (InvalidDicomError, OSError, ValueError, NotImplementedError):
        uid = None
    if not uid:
        raise UsageError(f"NAME number {number} is a file without a SOPInstanceUID: name de-identified DICOM files")
    return str(uid)


def _source(row: dict[str, Any]) -> str:
    """Return the source name as text, with escapes for bytes that aren't UTF-8."""
    return row["source"] if row["source_bytes"] is None else text_of(row["source_bytes"])


def _print_csv(rows: Iterable[dict[str, Any]]) -> None:
    from ..runs.crosswalk import COLUMNS

    # newlines in values must not be translated
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    head = [name if name != "source_bytes" else "source_hex" for name in COLUMNS]

    def cells(row: dict[str, Any]) -> list[Any]:
        exact = {"source": _source(row), "source_bytes": (row["source_bytes"] or b"").hex()}
        return [exact.get(name, row[name]) for name in COLUMNS]

    write_csv(sys.stdout, chain([head], map(cells, rows)), quoted=True)


def _print_table(rows: Iterable[dict[str, Any]]) -> None:
    found = sorted(rows, key=lambda row: (row["patient_id"], row["study_instance_uid"], row["series_instance_uid"], _source(row)))
    shown = [{**row, "source": _source(row)} for row in found]
    cells = [["\n".join(visible(row[name]) for name in names if row[name]) for _, names in _SHOWN] for row in shown]
    print_table([title for title, _ in _SHOWN], cells)
