"""Keyed pseudonyms of patients, devices and source objects."""

from __future__ import annotations

import base64
import hmac
from typing import NoReturn

from ..keys.key import Key
from ..keys.keyed_hash import KeyedHash
from ..keys.purposes import Purpose
from .patients import Patient, pseudonym_message

#: maximum number of cached patients; objects of one patient mostly follow each other
_MOST_PATIENTS = 1000


class Pseudonyms:
    """Pseudonyms derived from a key: pure functions, with equal results in all runs."""

    def __init__(self, key: Key) -> None:
        self._patient_key = key.derive(Purpose.PATIENT_ID)
        self._patients: dict[Patient, bytes] = {}
        # prepared once: both are used for each listed object
        self._source_hash = KeyedHash(key.derive(Purpose.SOURCE_ID)).digest
        self._version_hash = KeyedHash(key.derive(Purpose.SOURCE_VERSION)).digest
        self._device_key = key.derive(Purpose.DEVICE_ID)
        self._content_key = key.derive(Purpose.CONTENT)
        self._sheets_hash = KeyedHash(key.derive(Purpose.SHEETS)).digest

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are never pickled: make this where it is used")

    def patient_id(self, patient: Patient) -> bytes:
        """Return the new PatientID of a patient, 16 characters of base32; one ID of two issuers is two patients.

        Raises:
            ValueError: the patient has no PatientID (``pseudonym_message``).
        """
        found = self._patients.get(patient)
        if found is None:
            if len(self._patients) >= _MOST_PATIENTS:
                self._patients.clear()
            found = self._patients[patient] = self._letters(self._patient_key, pseudonym_message(patient))
        return found

    def device(self, title: bytes) -> bytes:
        """Return the pseudonym of a device by its AE title, 16 characters of base32; empty for an empty title."""
        return self._letters(self._device_key, title) if title else b""

    @staticmethod
    def _letters(key: bytes, message: bytes) -> bytes:
        return base64.b32encode(hmac.digest(key, message, "sha256")[:10])

    def source_id(self, name: bytes) -> str:
        """Return the pseudonym of a source object by its name, 32 hex digits; names may hold identifiers."""
        return self._source_hash(name)[:16].hex()

    def source_version(self, version: bytes) -> str:
        """Return the pseudonym of a source object's version, 16 hex digits; versions hold times and entity tags."""
        return self._version_hash(version)[:8].hex()

    def content(self, digest: bytes) -> bytes:
        """Return the keyed hash of a content by its digest, 32 bytes; it orders contents unpredictably without the key."""
        return hmac.digest(self._content_key, digest, "sha256")

    def sheet(self, about: bytes) -> bytes:
        """Return the keyed hash of an object or group on contact sheets, 16 bytes: it chooses objects that nobody can foresee."""
        return self._sheets_hash(about)[:16]
