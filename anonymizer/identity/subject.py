"""What must be known of an object before its first element is rewritten: whose it is, and the words that tell it."""

from __future__ import annotations

import hmac
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import NoReturn

from profiles import ConfidentialityProfile, PixelRisk, attribute_vr, identity_attributes

from ..descriptors import identifying_words
from ..dicom.buffer import MAX_DEPTH, Buffer, NeedMoreError
from ..dicom.character_sets import best_text
from ..dicom.encoding import IMPLICIT_LITTLE, ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, Encoding
from ..dicom.tags import FIRST_PIXELS, PATIENT_ID, SPECIFIC_CHARACTER_SET
from ..errors import DeidentificationError, Reason
from ..keys.key import Key, Purpose
from .dates import DateShifts
from .lookahead import identity_of
from .patients import Patient, PatientTable, pseudonym_message, shift_message

_PATIENT_SIZE = 8
#: bytes in which a patient is looked for that nothing but the audit asks for
_PATIENT_REACH = 1 << 20


@dataclass(frozen=True, slots=True)
class Facts:
    """What the profile's options need to know first.

    Attributes:
        offset: seconds by which the object's dates move; None where nothing tells whose they are.
        words: what identifies the patient, their surroundings and those who cared, as ``identifying_words`` gives it.
        elsewhere: such words in other objects of the same patient or study.
        person: keyed hash of whose object it is; empty where that isn't needed, or nothing tells.
        patient: what ``FactFinder.whose`` gives; empty where that wasn't asked for, or there is no PatientID that can be read.
        pixel_risks: the risks of an object that is kept in spite of them.
    """

    offset: int | None = None
    words: frozenset[str] = frozenset()
    elsewhere: Container[str] = frozenset()
    person: bytes = b""
    patient: bytes = b""
    pixel_risks: tuple[PixelRisk, ...] = ()


class FactFinder:
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

    def learn(
        self,
        buffer: Buffer,
        position: int,
        encoding: Encoding,
        elsewhere: Container[str] = frozenset(),
        *,
        is_of_patient: bool,
        whose: bool = False,
    ) -> Facts:
        """What the profile must know of the object whose data set begins at ``position``.

        Args:
            elsewhere: words that identify somebody in other objects.
            is_of_patient: whether objects of the class have a patient.
            whose: whether to tell the patient at any rate.

        Raises:
            NeedMoreError: it lies beyond the buffer.
            DeidentificationError: the table of patients doesn't have this one.
        """
        profile = self._profile
        if not (profile.shifts_dates or profile.cleans_text or self._patients is not None):
            return Facts(patient=self._patient_at(buffer, position, encoding)) if whose else _NO_FACTS
        patient, study = identity_of(buffer, position, encoding)
        if self._patients is not None and is_of_patient:
            if not patient.patient_id or self._patients.find(patient) is None:
                raise DeidentificationError(Reason.PATIENT_NOT_IN_TABLE, PATIENT_ID)
        person = shift_message(patient, study) if patient.patient_id or study else b""
        offset = self._shifts.offset(person) if profile.shifts_dates and person else None
        words = words_of(buffer, position, encoding) if profile.cleans_text else frozenset()
        person_hash = hmac.digest(self._person_key, person, "sha256") if person else b""
        return Facts(offset, words, elsewhere, person_hash, self.whose(patient) if whose else b"")

    def _patient_at(self, buffer: Buffer, position: int, encoding: Encoding) -> bytes:
        try:
            return self.whose(identity_of(buffer, position, encoding).patient)
        except DeidentificationError:
            # whether the profile must read the PatientID is for the rewriter to say
            return b""
        except NeedMoreError:
            if len(buffer.content) < _PATIENT_REACH:
                raise
            # behind a long value that may pass unread
            return b""

    def whose(self, patient: Patient | None) -> bytes:
        """Keyed hash of a patient, 8 bytes; empty where nothing names one."""
        if patient is None or not patient.patient_id:
            return b""
        if patient != self._last[0]:
            # objects of one patient mostly come together
            self._last = patient, hmac.digest(self._patient_key, pseudonym_message(patient), "sha256")[:_PATIENT_SIZE]
        return self._last[1]

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are never pickled: make this where it is used")


_NO_FACTS = Facts()


def words_of(buffer: Buffer, position: int, encoding: Encoding) -> frozenset[str]:
    """The words that identify somebody in the data set at ``position``: of names, IDs, addresses and places at every depth.

    Raises:
        NeedMoreError: the pixel data lies beyond the buffer.
    """
    words: set[str] = set()
    try:
        for value, charset in _identifying(buffer, position, len(buffer.content), encoding, "", 0):
            words |= identifying_words(best_text(value, charset))
    except DeidentificationError:
        # the rewriter comes to the same place, and says what is wrong there
        pass
    return frozenset(words)


def _identifying(
    buffer: Buffer, position: int, end: int, encoding: Encoding, charset: str, depth: int
) -> Iterator[tuple[bytes, str]]:
    """Values of identifying attributes with their character sets."""
    identifying, size = identity_attributes(), len(buffer.content)
    while position < end:
        tag, vr, start, length = buffer.element(position, encoding)
        if tag >> 16 == 0xFFFE or (depth == 0 and tag >= FIRST_PIXELS):
            return
        meant = vr if vr not in (b"", b"UN") else attribute_vr(tag).encode()
        if meant == b"SQ" or length == UNDEFINED:
            inner = IMPLICIT_LITTLE if vr == b"UN" else encoding
            position = buffer.value_end(vr, start, length, encoding, tag)
            if depth < MAX_DEPTH and not tag >> 16 & 1:
                yield from _in_items(buffer, start, position, inner, charset, depth + 1)
            continue
        position = start + length
        if position > size:
            buffer.beyond(position, tag)
        if tag == SPECIFIC_CHARACTER_SET:
            charset = buffer.content[start:position].strip(b"\0 ").decode("latin-1")
        elif length and (meant == b"PN" or tag in identifying):
            yield buffer.content[start:position].rstrip(b"\0 "), charset
    if depth == 0 and not buffer.complete:
        raise NeedMoreError


def _in_items(
    buffer: Buffer, position: int, end: int, encoding: Encoding, charset: str, depth: int
) -> Iterator[tuple[bytes, str]]:
    while position + 8 <= end:
        tag, length = buffer.item_header(position, encoding, 0)
        if tag == SEQUENCE_END:
            return
        start = position + 8
        if tag != ITEM:
            return
        item_end = end if length == UNDEFINED else min(end, start + length)
        yield from _identifying(buffer, start, item_end, encoding, charset, depth)
        position = buffer.skip_items(start, encoding, 0, ITEM_END) if length == UNDEFINED else item_end
