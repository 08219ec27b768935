"""Keyed pseudonyms for patients and source objects."""

from __future__ import annotations

import base64
import hmac
import unicodedata
from typing import NoReturn

from .keys import Key


class Pseudonyms:
    """Pseudonyms from a key: pure functions, the same in every run."""

    def __init__(self, key: Key) -> None:
        self._patient_key = key.derive("patient id")
        self._source_key = key.derive("source id")

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are never pickled: make this where it is used")

    def patient_id(self, patient_id: str) -> bytes:
        """16 letters and digits for a PatientID without its padding; the same ID in two character sets gives the same."""
        normal = unicodedata.normalize("NFC", patient_id).encode()
        return base64.b32encode(hmac.digest(self._patient_key, normal, "sha256")[:10])

    def source_id(self, name: bytes) -> str:
        """32 hex digits for a source object's name: names are identifiers too."""
        return hmac.digest(self._source_key, name, "sha256")[:16].hex()
