"""What must be known of an object before its first element is rewritten: whose it is, and the words that tell it."""

from __future__ import annotations

import hmac
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from profiles import ConfidentialityProfile, PixelRisk, attribute_vr, identity_attributes

from .buffer import MAX_DEPTH, Buffer, NeedMoreError
from .character_sets import best_text, decode_text
from .dates import DateShifts
from .description import Originals
from .descriptors import identifying_words
from .encoding import IMPLICIT_LITTLE, ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, Encoding
from .errors import DeidentificationError, Reason
from .keys import Key, Purpose
from .patients import Patient, PatientTable, pseudonym_message, shift_message
from .tags import FIRST_PIXELS, ISSUER_OF_PATIENT_ID, PATIENT_ID, SERIES, SOP_INSTANCE, SPECIFIC_CHARACTER_SET, STUDY

_PATIENT_NAME, _ISSUER_QUALIFIERS, _UNIVERSAL_ENTITY_ID = 0x00100010, 0x00100024, 0x00400032
_PATIENT_SIZE = 8
#: bytes in which a patient is looked for that nothing but the audit asks for
_PATIENT_REACH = 1 << 20
_PATIENT = frozenset({PATIENT_ID, ISSUER_OF_PATIENT_ID, _ISSUER_QUALIFIERS})
_OWN_UIDS = frozenset({STUDY, SERIES, SOP_INSTANCE})
_STUDY = frozenset({SPECIFIC_CHARACTER_SET, SOP_INSTANCE, STUDY})


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


class Identity(NamedTuple):
    """Whose object it is: the patient, and its study (or itself, where it belongs to none) for patients without an ID."""

    patient: Patient
    study: bytes


def identity_of(buffer: Buffer, position: int, encoding: Encoding) -> Identity:
    """The identity of the object whose data set begins at ``position``.

    Raises:
        NeedMoreError: it lies beyond the buffer.
    """
    found = buffer.find(position, len(buffer.content), _STUDY, encoding)
    charset = buffer.text(found.get(SPECIFIC_CHARACTER_SET)).decode("latin-1")
    patient = patient_at(buffer, position, len(buffer.content), encoding, charset)
    return Identity(patient, buffer.text(found.get(STUDY)) or buffer.text(found.get(SOP_INSTANCE)))


def patient_at(buffer: Buffer, position: int, end: int, encoding: Encoding, charset: str) -> Patient:
    """The patient that the data set between ``position`` and ``end`` names (PS3.3 C.7.1.1, 10.15).

    The issuer is IssuerOfPatientID, or where that is absent the UniversalEntityID of IssuerOfPatientIDQualifiersSequence.

    Raises:
        NeedMoreError: it lies beyond the buffer.
        DeidentificationError: it can't be read.
    """
    values = _values(buffer, position, end, _PATIENT, encoding)
    # an issuer only tells one patient from another
    texts = {
        tag: decode_text(value, charset) if tag == PATIENT_ID else best_text(value, charset) for tag, value in values.items()
    }
    return Patient.of(texts.get(PATIENT_ID, ""), _issuer(texts))


def originals_of(buffer: Buffer, position: int, encoding: Encoding) -> Originals:
    """Who the patient is to whom wrote the data set at ``position``: the values as they are, not as they are compared.

    Raises:
        NeedMoreError: they lie beyond the buffer.
    """
    end = len(buffer.content)
    values = _values(buffer, position, end, _PATIENT | {SPECIFIC_CHARACTER_SET, _PATIENT_NAME}, encoding)
    charset = values.pop(SPECIFIC_CHARACTER_SET, b"").decode("latin-1")
    texts = {tag: best_text(value, charset) for tag, value in values.items()}
    return Originals(texts.get(PATIENT_ID, ""), _issuer(texts), texts.get(_PATIENT_NAME, ""))


def originals_of_beginning(buffer: Buffer, position: int, encoding: Encoding) -> Originals:
    """As ``originals_of`` and with the UIDs, as far as they can be found: of an object that can't be walked to its pixels.

    Args:
        buffer: all that is at hand; complete.
    """
    found = buffer.find(position, len(buffer.content), _OWN_UIDS, encoding)
    study, series, instance = (buffer.text(found.get(tag)).decode("latin-1") for tag in (STUDY, SERIES, SOP_INSTANCE))
    return originals_of(buffer, position, encoding)._replace(study=study, series=series, instance=instance)


def new_patient_id(header: bytes, encoding: Encoding) -> str:
    """PatientID in a data set of which the beginning is at hand, with PatientID if there is one."""
    values = _values(Buffer(header, complete=True), 0, len(header), frozenset({SPECIFIC_CHARACTER_SET, PATIENT_ID}), encoding)
    return best_text(values.get(PATIENT_ID, b""), values.get(SPECIFIC_CHARACTER_SET, b"").decode("latin-1"))


def _issuer(texts: dict[int, str]) -> str:
    return texts.get(ISSUER_OF_PATIENT_ID) or texts.get(_ISSUER_QUALIFIERS, "")


def _values(buffer: Buffer, position: int, end: int, tags: frozenset[int], encoding: Encoding) -> dict[int, bytes]:
    """Values of texts without padding, by tag; of the issuer's qualifiers, the UniversalEntityID.

    Raises:
        NeedMoreError: they lie beyond the buffer.
    """
    values = {}
    for tag, element in buffer.find(position, end, tags, encoding).items():
        if tag == _ISSUER_QUALIFIERS:
            inner = IMPLICIT_LITTLE if element.vr == b"UN" else encoding
            start = element.start + 8
            nested = buffer.find(start, end, frozenset({_UNIVERSAL_ENTITY_ID}), inner) if element.length else {}
            element = nested.get(_UNIVERSAL_ENTITY_ID, element._replace(length=0))
        if element.length != UNDEFINED:
            values[tag] = buffer.content[element.start : element.start + element.length].split(b"\0", 1)[0].strip(b" ")
    return values


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
