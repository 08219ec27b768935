"""Private keys that open encrypted files, as options name them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


def load_key(file: str, passphrase_from: str | None) -> RSAPrivateKey:
    """Return the private key in a file of ``--private-key``.

    Args:
        passphrase_from: place of its passphrase; None: it has none.

    Raises:
        UsageError: it can't be used.
    """
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
