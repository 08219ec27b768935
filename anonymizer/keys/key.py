"""The secret, and the keys derived from it for each use."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from functools import cached_property
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..errors import SecretError
from .key_files import read_key_file
from .key_strength import MIN_BYTES, check_strength
from .purposes import Purpose


class Key:
    """A secret of 32 random bytes or more, as they are or in hex or base64, and the scope it is used in.

    The same secret under another scope gives UIDs and pseudonyms that can't be linked. A Key never shows its secret and can't
    be pickled: workers load their own from the URI.
    """

    def __init__(self, secret: bytes, scope: str = "") -> None:
        """
        Raises:
            SecretError: it is weak: short, long, a passphrase in whatever form, or repetitive.
        """
        # what is looked at is what is kept
        secret = bytes(secret)
        check_strength(secret)
        self._secret = secret
        self._scope = scope

    @classmethod
    def generate(cls, scope: str = "") -> Key:
        """Return a new random key."""
        return cls(secrets.token_bytes(MIN_BYTES), scope)

    @classmethod
    def load(cls, uri: str, scope: str = "") -> Key:
        """Return the key that ``uri`` names: ``file:PATH``, ``env:NAME`` or ``gcp-secret:projects/P/secrets/S/versions/V``.

        The content is taken as it is, hex and base64 too; of a text, the line end behind it doesn't count.

        Raises:
            SecretError: unknown scheme, nothing there, no access, a file that others may read or write, or a weak secret.
        """
        scheme, _, name = uri.partition(":")
        loader = _LOADERS.get(scheme)
        if loader is None or not name:
            raise SecretError("a key is named as file:PATH, env:NAME or gcp-secret:projects/P/secrets/S/versions/V")
        secret = loader(name)
        # random bytes may end like a line, and lose nothing
        return cls(secret.rstrip(b"\r\n") if secret.rstrip(b"\r\n").isascii() else secret, scope)

    def derive(self, purpose: Purpose) -> bytes:
        """Return a 32-byte key for one use (HKDF-SHA256, RFC 5869; the scope and the use are its info)."""
        info = b"dicom-deid/1\0" + self._scope.encode() + b"\0" + purpose.value.encode()
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._secret)

    @cached_property
    def key_id(self) -> str:
        """16 hex digits that tell two keys (or scopes) apart and reveal neither."""
        return self.derive(Purpose.KEY_ID)[:8].hex()

    def __repr__(self) -> str:
        return f"Key(key_id={self.key_id!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is never pickled: load it where it is used")


def _from_environment(name: str) -> bytes:
    value = os.environ.get(name)
    if value is None:
        raise SecretError("the key's environment variable is not set")
    try:
        return value.encode()
    except UnicodeEncodeError:
        # its message would show the value
        raise SecretError("the key's environment variable holds bytes that are no text: keep the key there in hex") from None


def _from_secret_manager(name: str) -> bytes:
    try:
        # only who keeps the key there pays for Google's libraries
        from .secret_manager import read_secret
    except ModuleNotFoundError:
        raise SecretError("a key in Google Secret Manager needs another package: pip install -e '.[gcp]'") from None
    return read_secret(name)


_LOADERS: dict[str, Callable[[str], bytes]] = {
    "file": read_key_file,
    "env": _from_environment,
    "gcp-secret": _from_secret_manager,
}
