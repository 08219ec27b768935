"""``dicom-deid audit``: maintenance of an audit between runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from .beam_options import beam_arguments, use_beam_options
from .command_errors import fail
from .grouped_help import GroupedCommand, options_of
from .storage_options import with_storage

if TYPE_CHECKING:
    from storage import StorageOptions

_place_option = options_of("Places")
_key_option = options_of("Keys")


@click.group()
def audit() -> None:
    """Maintain the audit of a job."""


@audit.command(
    cls=GroupedCommand,
    context_settings={"ignore_unknown_options": True},
    example="dicom-deid audit adopt --output released --key file:secret.key",
)
@_place_option("--output", required=True, metavar="FOLDER", help="Folder of the runs' output.")
@_key_option("--key", required=True, metavar="URI", help="Key of the runs: file:PATH, env:NAME or gcp-secret:RESOURCE.")
@_key_option("--scope", default="", metavar="NAME", help="Scope of the runs. Default: none.")
@_place_option("--from", "old", metavar="FOLDER", help="Folder of the old audit. Default: OUTPUT/_audit.")
@_place_option(
    "--audit", "new", metavar="FOLDER", help="Folder of the new audit; the same as --from keeps its place. Default: OUTPUT-audit."
)
@_key_option("--uid-map-key", metavar="URI", help="Key by which the UID map is hashed. Default: --key.")
@_key_option("--uid-map-scope", metavar="NAME", help="Scope of --uid-map-key. Default: --scope.")
@_place_option("--crosswalk", metavar="FOLDER", help="Folder of the runs' crosswalk, to convert it, too.")
@with_storage
@beam_arguments
def adopt(
    output: str,
    key: str,
    scope: str,
    old: str | None,
    new: str | None,
    uid_map_key: str | None,
    uid_map_scope: str | None,
    crosswalk: str | None,
    storage: Callable[[], StorageOptions],
    beam_args: tuple[str, ...],
) -> None:
    """Convert an audit of version 0.1.

    Such an audit lies in the output and has no authentication codes. Tables are copied and get codes by the key, hashes of words
    become specific to a patient or study, and the old files are removed. The old content is trusted: without codes, nobody can
    tell whether it was changed. Run the command again if it was interrupted.

    Exit codes: 0 converted; 2 the command line is wrong; 1 failed. Options of Apache Beam for S3 and Azure are accepted, too.
    """
    use_beam_options(beam_args)

    from anonymizer import Key
    from anonymizer.internals import Engine
    from profiles import ConfidentialityProfile
    from storage import Folder, StorageError, join

    from ..place_checks import OLD_AUDIT, audit_beside
    from ..runs.adopt import Adoption
    from ..runs.audit import Audit, load_seals
    from ..runs.digests import digest_of_place

    try:
        runs_key = Key.load(key, scope)
        options = storage()
        target = Folder(new or audit_beside(output), options)
        adoption = Adoption(
            Folder(old or join(output, OLD_AUDIT), options),
            Audit(target, load_seals(runs_key, scope, uid_map_key, uid_map_scope)),
            Engine(ConfidentialityProfile(), runs_key),
            digest_of_place(crosswalk, runs_key),
        )
        done = adoption.run(None if crosswalk is None else Folder(crosswalk, options))
    except StorageError as error:
        fail(error, "a folder of the audit or crosswalk")
    click.echo(f"Converted: {done.runs} accounts of runs with {done.tables} tables, {done.crosswalk} files of a crosswalk.")
    for count, what in (
        (done.foreign, "accounts of runs with another key were moved; they have no codes."),
        (done.dropped, "ledgers of unfinished runs were dropped: the next run processes their objects again."),
        (done.left, "files that no run wrote remain in the old folder: look at them, and remove them."),
    ):
        if count:
            click.echo(f"{count} {what}")
    click.echo(f"Audit: {target.location}")
