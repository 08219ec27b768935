"""Message authentication codes of files that lie where others may write (RFC 2104, HMAC-SHA256)."""

from __future__ import annotations

import hmac
from typing import NoReturn

from .key import Key
from .keyed_hash import KeyedHash
from .purposes import Purpose

#: bytes of a code
SEAL_SIZE = 32


class Seal:
    """Codes that only who holds the key can make.

    A code covers the file's name, too: one file's content under another's name has another code.

    Attributes:
        key_id: tells by which key.
    """

    def __init__(self, key: Key) -> None:
        self._digest = KeyedHash(key.derive(Purpose.AUDIT_SEAL)).digest
        self.key_id = key.key_id

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are never pickled: make this where it is used")

    def code(self, name: str, content: bytes) -> bytes:
        """Return 32 bytes for a file of that name and content."""
        encoded = name.encode("utf-8", "surrogateescape")
        # the length first: no other name and content run into the same bytes
        return self._digest(len(encoded).to_bytes(4, "big") + encoded + content)

    def fits(self, name: str, content: bytes, code: bytes) -> bool:
        """Return whether ``code`` is that of the file, compared in constant time."""
        return hmac.compare_digest(self.code(name, content), code)
