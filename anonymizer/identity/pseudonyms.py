"""Keyed pseudonyms for patients, devices and source objects."""

from __future__ import annotations

import base64
import hmac
from typing import NoReturn

from ..keys.key import Key, Purpose
from ..keys.keyed_hash import KeyedHash
from .patients import Patient, pseudonym_message

#: objects of one patient mostly come together
_MOST_PATIENTS = 1000


class Pseudonyms:
    """Pseudonyms from a key: pure functions, the same in every run."""

    def __init__(self, key: Key) -> None:
        self._patient_key = key.derive(Purpose.PATIENT_ID)
        self._patients: dict[Patient, bytes] = {}
        # twice for each listed object
        self._source_hash = KeyedHash(key.derive(Purpose.SOURCE_ID)).digest
        self._version_hash = KeyedHash(key.derive(Purpose.SOURCE_VERSION)).digest
        self._device_key = key.derive(Purpose.DEVICE_ID)
        self._content_key = key.derive(Purpose.CONTENT)

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are never pickled: make this where it is used")

    def patient_id(self, patient: Patient) -> bytes:
        """16 letters and digits for a patient with an ID; the same ID from two issuers is two patients."""
        found = self._patients.get(patient)
        if found is None:
            if len(self._patients) >= _MOST_PATIENTS:
                self._patients.clear()
            found = self._patients[patient] = self._letters(self._patient_key, pseudonym_message(patient))
        return found

    def device(self, title: bytes) -> bytes:
        """16 letters and digits for the AE title of a device, nothing for an empty one: devices stay distinct, unnamed."""
        return self._letters(self._device_key, title) if title else b""

    @staticmethod
    def _letters(key: bytes, message: bytes) -> bytes:
        return base64.b32encode(hmac.digest(key, message, "sha256")[:10])

    def source_id(self, name: bytes) -> str:
        """32 hex digits for a source object's name: names are identifiers too."""
        return self._source_hash(name)[:16].hex()

    def source_version(self, version: bytes) -> str:
        """16 hex digits for what tells a source object's content from another: its times and tags are nobody's business."""
        return self._version_hash(version)[:8].hex()

    def content(self, digest: bytes) -> bytes:
        """32 bytes for a content by its digest: an order among contents that nobody else can foresee."""
        return hmac.digest(self._content_key, digest, "sha256")
