"""The command line's options for object storage, and what they make."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .grouped_help import add_options, options_of

if TYPE_CHECKING:
    from storage import StorageOptions

_option = options_of("Object storage")
_STORAGE_OPTIONS = (
    _option("--anonymous", is_flag=True, help="Use no credentials: for buckets that are open to all."),
    _option("--user-project", default="", metavar="PROJECT", help="Who pays where a gs:// bucket's requester does."),
    _option("--requester-pays", is_flag=True, help="Accept to pay where an s3:// bucket's requester does."),
    _option("--kms-key", default="", metavar="NAME", help="Customer-managed key that encrypts the output (gs://, s3://)."),
    _option(
        "--io-threads",
        type=click.IntRange(1, 256),
        default=16,
        show_default=True,
        help="Objects under way at once in a process, where object storage is read or written.",
    ),
)


def with_storage(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` the options for object storage, and hand them to it as one ``storage``.

    It is a function that makes the StorageOptions: their module imports Beam, which a command first keeps from logging.
    """

    @functools.wraps(command)
    def wrapper(anonymous: bool, user_project: str, requester_pays: bool, kms_key: str, io_threads: int, **others: Any) -> None:
        def storage() -> StorageOptions:
            from storage import StorageOptions

            return StorageOptions(anonymous, user_project, requester_pays, kms_key, io_threads)

        command(storage=storage, **others)

    return add_options(_STORAGE_OPTIONS)(wrapper)
