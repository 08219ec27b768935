"""Private keys on the command line, for files that are encrypted to a certificate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .grouped_help import add_options

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


def private_key_options(option: Callable[..., Any], what: str, verb: str = "is") -> Callable[[Any], Any]:
    """Return what adds the options to a command: ``key_files`` and ``passphrase_from``.

    Args:
        option: makes an option of a group.
        what, verb: what may be encrypted, for the help.
    """
    return add_options(
        (
            option(
                "--private-key",
                "key_files",
                multiple=True,
                metavar="FILE",
                help=f"Private key of the certificate, PEM or DER; repeatable. Needed if {what} {verb} encrypted.",
            ),
            option(
                "--passphrase-from",
                metavar="env:NAME|file:PATH",
                help="Place of the private key's passphrase. Default: it has none.",
            ),
        )
    )


def load_private_keys(files: Iterable[str], passphrase_from: str | None) -> list[RSAPrivateKey]:
    """Return the private keys in files.

    Args:
        passphrase_from: place of their passphrase; None: they have none.

    Raises:
        UsageError: a file or the passphrase can't be read or used.
    """
    return [_private_key(file, passphrase_from) for file in files]


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
    """Return the passphrase at ``env:NAME`` or ``file:PATH``; from a file, without the newline at its end."""
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
    raise UsageError("--passphrase-from must be env:NAME or file:PATH")
