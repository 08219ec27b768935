"""Keyed digests of settings, places and inputs. Without a key, their originals could be guessed."""

import hashlib
import os

from anonymizer import Key
from anonymizer.internals import KeyedHash, Purpose
from storage import as_folder, scheme_of

_INPUT_DIGITS = 16


class Digests:
    """Keyed digests of settings."""

    def __init__(self, key: Key) -> None:
        self._hash = KeyedHash(key.derive(Purpose.SETTINGS)).digest

    def of(self, text: str) -> str:
        """Return the digest of a text: 64 hex digits."""
        return self._hash(os.fsencode(text)).hex()

    def of_bytes(self, content: bytes) -> str:
        """Return the digest of the content of a file: 64 hex digits."""
        return self.of(f"file {hashlib.sha256(content).hexdigest()}")


def digest_of_place(folder: str | None, key: Key) -> str | None:
    """Return the digest of a folder's place: 64 hex digits; None where there is no folder."""
    return None if folder is None else keyed_text(as_folder(folder), key)


def digest_of_input(name: str, key: Key) -> str:
    """Return the digest of an input, the same for all spellings of its place: 16 hex digits."""
    return keyed_text(as_folder(name) if scheme_of(name) else os.path.abspath(name), key)[:_INPUT_DIGITS]


def keyed_text(text: str, key: Key) -> str:
    """Return the digest of a text about places: 64 hex digits."""
    return KeyedHash(key.derive(Purpose.PLACE)).digest(os.fsencode(text)).hex()
