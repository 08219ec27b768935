"""``dicom-deid audit``: what is done to an audit between runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from .beam_options import use_beam_options
from .command_errors import fail
from .grouped_help import GroupedCommand
from .storage_options import with_storage

if TYPE_CHECKING:
    from storage import StorageOptions


@click.group()
def audit() -> None:
    """Take care of the audit of a job."""


@audit.command(
    cls=GroupedCommand,
    context_settings={"ignore_unknown_options": True},
    example="dicom-deid audit adopt --output released --key file:secret.key",
)
@click.option("--output", required=True, metavar="FOLDER", help="The output of the runs.")
@click.option("--key", required=True, metavar="URI", help="The key of the runs.")
@click.option("--scope", default="", metavar="NAME", help="Its scope.")
@click.option("--from", "old", metavar="FOLDER", help="Where the audit is; OUTPUT/_audit without this.")
@click.option("--audit", "new", metavar="FOLDER", help="Where it goes; OUTPUT-audit without this. The same as --from: it stays.")
@click.option("--uid-map-key", metavar="URI", help="The key by which its UID map is hashed, where it is another one.")
@click.option("--uid-map-scope", metavar="NAME", help="Its scope; --scope without this.")
@click.option("--crosswalk", metavar="FOLDER", help="The crosswalk of the runs: its files are taken over, too.")
@with_storage
@click.argument("beam_args", nargs=-1, type=click.UNPROCESSED, metavar="[BEAM OPTIONS]")
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
    """Take over an audit of version 0.1, which lay in the output, open to all, and without codes.

    Its tables are copied and get codes by the key, words in them are bound to persons and studies, and then the old files are
    removed. What they say is believed: nobody can tell any more whether it was changed before. An adoption that was interrupted
    is started again.

    Exit codes: 0 taken over; 2 usage; 1 failed. Beam's options for S3 and Azure may follow.
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
        fail(error, "a place of the audit or crosswalk")
    click.echo(f"Taken over: {done.runs} accounts of runs with {done.tables} tables, {done.crosswalk} files of a crosswalk.")
    for count, what in (
        (done.foreign, "accounts of runs with another key were moved; they have no codes."),
        (done.dropped, "ledgers of runs that did not come to their end were dropped: their objects are made again."),
        (done.left, "files that no run has made stay in the old place: look at them, and remove them."),
    ):
        if count:
            click.echo(f"{count} {what}")
    click.echo(f"Audit: {target.location}")
