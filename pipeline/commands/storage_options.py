"""Command line options for object storage, and the StorageOptions that they make."""

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
    _option("--anonymous", is_flag=True, help="Use no credentials, for public buckets."),
    _option(
        "--user-project", default="", metavar="PROJECT", help="Google Cloud project that pays for requester-pays buckets (gs://)."
    ),
    _option("--requester-pays", is_flag=True, help="Agree to pay for requester-pays buckets (s3://)."),
    _option(
        "--kms-key",
        default="",
        metavar="NAME",
        help="Customer-managed key for encryption of the output (gs://, s3://). Default: the bucket's.",
    ),
    _option(
        "--io-threads",
        type=click.IntRange(1, 256),
        default=16,
        show_default=True,
        help="Number of objects that a process reads or writes at once on object storage.",
    ),
)


def with_storage(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for object storage to ``command``, and pass them as one argument, ``storage``.

    ``storage`` is a function that returns the StorageOptions. It imports Beam, whose log the command silences first.
    """

    @functools.wraps(command)
    def wrapper(anonymous: bool, user_project: str, requester_pays: bool, kms_key: str, io_threads: int, **others: Any) -> None:
        def storage() -> StorageOptions:
            from storage import StorageOptions

            return StorageOptions(anonymous, user_project, requester_pays, kms_key, io_threads)

        command(storage=storage, **others)

    return add_options(_STORAGE_OPTIONS)(wrapper)
