"""The subject of an object, read before its first element is rewritten: its patient, and the words that identify them."""

from __future__ import annotations

import hmac
from collections.abc import Container
from dataclasses import dataclass
from typing import NoReturn

from profiles import ConfidentialityProfile

from ..dicom.buffer import Buffer, NeedMoreError
from ..dicom.encoding import Encoding
from ..dicom.tags import PATIENT_ID, SPECIFIC_CHARACTER_SET
from ..errors import DeidentificationError
from ..keys.key import Key
from ..keys.purposes import Purpose
from ..reasons import Reason
from .dates import DateShifts
from .known_values import KnownValue, collect, known_values, known_words
from .lookahead import Identity, identity_of
from .patients import Patient, PatientTable, pseudonym_message, shift_message

_CHARSET = frozenset({SPECIFIC_CHARACTER_SET})
_PATIENT_SIZE = 8
#: bytes in which a patient is looked for that nothing but the audit asks for
_PATIENT_REACH = 1 << 20


@dataclass(frozen=True, slots=True)
class SubjectFacts:
    """The facts that the profile's options need first.

    Attributes:
        offset: seconds by which the object's dates move; None where the patient isn't known.
        words: those that identify the patient, their surroundings and their care team, as ``known_words`` returns them.
        elsewhere: such words in other objects of the same patient or study.
        person: as ``SubjectReader.person``; empty unless it is needed.
        patient: as ``SubjectReader.patient_hash``; empty unless it was asked for, and without a PatientID that can be read.
        known: the values that identify somebody; empty where the profile doesn't clean text, and they are noted on the way.
    """

    offset: int | None = None
    words: frozenset[str] = frozenset()
    elsewhere: Container[str] = frozenset()
    person: bytes = b""
    patient: bytes = b""
    known: tuple[KnownValue, ...] = ()


class SubjectReader:
    """Finds out what a profile must know of each object."""

    def __init__(self, profile: ConfidentialityProfile, key: Key, patients: PatientTable | None) -> None:
        """
        Args:
            patients: the lookup table by which patients are named.
        """
        self._profile = profile
        self._shifts = DateShifts(key, profile.date_shift)
        self._patients = patients
        self._person_key = key.derive(Purpose.PERSON)
        self._patient_key = key.derive(Purpose.WHOSE)
        self._last = (Patient("", ""), b"")
        self._last_person = Identity(Patient("", ""), b""), b""

    def read_subject(
        self,
        buffer: Buffer,
        position: int,
        encoding: Encoding,
        elsewhere: Container[str] = frozenset(),
        *,
        is_of_patient: bool,
        wants_patient: bool = False,
    ) -> SubjectFacts:
        """Read the facts that the profile needs of the object whose data set begins at ``position``.

        Args:
            elsewhere: words that identify somebody in other objects.
            is_of_patient: objects of the class have a patient.
            wants_patient: hash the patient, whatever the profile needs.

        Raises:
            NeedMoreError: it lies beyond the buffer.
            DeidentificationError: the table of patients doesn't have this one.
        """
        profile = self._profile
        if not (profile.shifts_dates or profile.cleans_text or self._patients is not None):
            return self._facts_of_patient(buffer, position, encoding) if wants_patient else _NO_FACTS
        identity = identity_of(buffer, position, encoding)
        patient, study = identity
        if self._patients is not None and is_of_patient:
            if not patient.patient_id or self._patients.find(patient) is None:
                raise DeidentificationError(Reason.PATIENT_NOT_IN_TABLE, PATIENT_ID)
        person = shift_message(patient, study) if patient.patient_id or study else b""
        offset = self._shifts.offset(person) if profile.shifts_dates and person else None
        known: list[KnownValue] = []
        words = frozenset[str]()
        if profile.cleans_text:
            collect(known_values(buffer, position, encoding, profile.identity_kinds), known)
            charset = buffer.text(buffer.find(position, len(buffer.content), _CHARSET, encoding).get(SPECIFIC_CHARACTER_SET))
            words = known_words(known, charset.decode("latin-1"))
        return SubjectFacts(
            offset, words, elsewhere, self.person(identity), self.patient_hash(patient) if wants_patient else b"", tuple(known)
        )

    def person(self, identity: Identity) -> bytes:
        """Return the keyed hash of whose object it is: the patient's, or the study's where no PatientID tells; or nothing."""
        if not (identity.patient.patient_id or identity.study):
            return b""
        if identity != self._last_person[0]:
            message = shift_message(*identity)
            self._last_person = identity, hmac.digest(self._person_key, message, "sha256")
        return self._last_person[1]

    def _facts_of_patient(self, buffer: Buffer, position: int, encoding: Encoding) -> SubjectFacts:
        try:
            identity = identity_of(buffer, position, encoding)
            return SubjectFacts(patient=self.patient_hash(identity.patient), person=self.person(identity))
        except DeidentificationError:
            # whether the profile must read the PatientID is for the rewriter to say
            return _NO_FACTS
        except NeedMoreError:
            if len(buffer.content) < _PATIENT_REACH:
                raise
            # behind a long value that may pass unread
            return _NO_FACTS

    def patient_hash(self, patient: Patient | None) -> bytes:
        """Return the keyed hash of a patient, 8 bytes; empty where nothing names one."""
        if patient is None or not patient.patient_id:
            return b""
        if patient != self._last[0]:
            # objects of one patient mostly come together
            self._last = patient, hmac.digest(self._patient_key, pseudonym_message(patient), "sha256")[:_PATIENT_SIZE]
        return self._last[1]

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are never pickled: make this where it is used")


_NO_FACTS = SubjectFacts()
