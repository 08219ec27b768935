"""``dicom-deid reidentify``: from new names and identifiers back to the original ones, by a crosswalk."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..safe_csv import HELP, write_csv
from .beam_options import use_beam_options
from .grouped_help import GroupedCommand
from .storage_options import with_storage
from .terminal import print_table, text_of, visible

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from storage import StorageOptions

EXIT_NOT_FOUND = 3

#: the table's columns; CSV has all
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
@click.option("--crosswalk", required=True, metavar="FOLDER", help="Where runs wrote their crosswalk.")
@click.option(
    "--private-key", "key_files", multiple=True, metavar="FILE", help="Of the certificate, PEM or DER; repeatable for several."
)
@click.option("--key", "key_uris", multiple=True, metavar="URI", help="Of the runs: it tells their files from planted ones.")
@click.option("--scope", default="", metavar="NAME", help="The runs' scope.")
@click.option("--unchecked", is_flag=True, help="Believe all files, without --key.")
@click.option("--passphrase-from", metavar="env:NAME|file:PATH", help="Where the private key's passphrase is.")
@click.option(
    "--status",
    "statuses",
    type=click.Choice(["written", "duplicate", "filtered", "quarantined"]),
    multiple=True,
    help="Only what became that; repeatable.",
)
@click.option("--reason", "reasons", multiple=True, metavar="CODE", help="Only what was not written for this; repeatable.")
@click.option("--csv", "as_csv", is_flag=True, help=f"Print CSV with all columns instead of a table. {HELP}")
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
    """Say which original objects and patients new names stand for, and what became of them: all in the crosswalk, or those that
    are named.

    NAME: a new UID of an instance, series or study; a new PatientID; an object's name in the output; a de-identified file; a
    source_id of the audit. What is printed are identifiers.

    Exit codes: 0 all names were found; 3 some weren't; 2 usage; 1 failed. Beam's options for S3 and Azure may follow.
    """
    from anonymizer import Key, Reason
    from anonymizer.internals import Seal
    from storage import Folder

    from ..errors import UsageError
    from ..runs.crosswalk import NAMED_BY, Crosswalk

    first_option = next((place for place, name in enumerate(names) if name.startswith("-")), len(names))
    names, beam_args = names[:first_option], names[first_option:]
    use_beam_options(beam_args)
    if not {reason.value for reason in Reason}.issuperset(reasons):
        raise UsageError("--reason: there is no such code; docs/reference/reason-codes.md has all")
    if key_uris and unchecked:
        raise UsageError("--key and --unchecked: one of both")
    if not key_uris and not unchecked:
        raise UsageError("--key is needed: whoever can write there could plant names; --unchecked believes all files")
    seals = [Seal(Key.load(uri, scope)) for uri in key_uris]
    keys = [_private_key(file, passphrase_from) for file in key_files]
    wanted = {_meant(number, name) for number, name in enumerate(names, 1)}
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


def _private_key(file: str, passphrase_from: str | None) -> RSAPrivateKey:
    from transforms import EnvelopeError, load_private_key

    from ..errors import UsageError

    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"--private-key can't be read: {error.strerror}") from None
    try:
        return load_private_key(content, None if passphrase_from is None else _passphrase(passphrase_from))
    except EnvelopeError as error:
        raise UsageError(f"--private-key: {error}") from None


def _passphrase(place: str) -> bytes:
    """What stands at ``env:NAME`` or ``file:PATH``; a line end behind it doesn't count."""
    from ..errors import UsageError

    scheme, _, name = place.partition(":")
    if scheme == "env" and name:
        value = os.environ.get(name)
        if value is None:
            raise UsageError("--passphrase-from: the environment variable is not set")
        return os.fsencode(value)
    if scheme == "file" and name:
        try:
            return Path(name).read_bytes().rstrip(b"\r\n")
        except OSError as error:
            raise UsageError(f"--passphrase-from can't be read: {error.strerror}") from None
    raise UsageError("--passphrase-from is env:NAME or file:PATH")


def _meant(number: int, name: str) -> str:
    """The identifier that a name on the command line stands for."""
    if not os.path.isfile(name):
        named = _OBJECT_NAME.fullmatch(name)
        # no identifier of an output has bytes that are no UTF-8: such a name is looked for as no other is
        return os.fsencode(named.group(1) if named else name).decode("utf-8", "backslashreplace")

    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    from ..errors import UsageError

    try:
        uid = dcmread(name, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).get("SOPInstanceUID")
    except (InvalidDicomError, OSError, ValueError, NotImplementedError):
        uid = None
    if not uid:
        raise UsageError(f"NAME number {number} is a file without a SOPInstanceUID")
    return str(uid)


def _source(row: dict[str, Any]) -> str:
    """The source name; bytes that are no UTF-8 as escapes."""
    return row["source"] if row["source_bytes"] is None else text_of(row["source_bytes"])


def _print_csv(rows: Iterable[dict[str, Any]]) -> None:
    from ..runs.crosswalk import COLUMNS

    # line ends in values stay what they are
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
