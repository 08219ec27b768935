"""Look ahead in a header: what it is, whose object it is, and which identifiers it has."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ..dicom.buffer import Buffer
from ..dicom.character_sets import best_text, decode_text
from ..dicom.encoding import IMPLICIT_LITTLE, UNDEFINED, Encoding, pad_uid
from ..dicom.tags import ISSUER_OF_PATIENT_ID, PATIENT_ID, SERIES, SOP_CLASS, SOP_INSTANCE, SPECIFIC_CHARACTER_SET, STUDY
from ..errors import Originals
from .patients import Patient

_CLASS, _REFERENCES = frozenset({SOP_CLASS}), frozenset({0x00081115})
_MOST_OF_UID = 64
#: bytes in which SOPClassUID begins, mostly: few elements come before it
_NEAR = 512
#: the tags of ReferencedSeriesSequence and PatientName, by whether they are little endian
_TAGS = {True: (b"\x08\0\x15\x11", b"\x10\0\x10\0"), False: (b"\0\x08\x11\x15", b"\0\x10\0\x10")}
_PATIENT_NAME, _ISSUER_QUALIFIERS, _UNIVERSAL_ENTITY_ID = 0x00100010, 0x00100024, 0x00400032
_PATIENT = frozenset({PATIENT_ID, ISSUER_OF_PATIENT_ID, _ISSUER_QUALIFIERS})
_OWN_UIDS = frozenset({STUDY, SERIES, SOP_INSTANCE})
_STUDY = frozenset({SPECIFIC_CHARACTER_SET, SOP_INSTANCE, STUDY})


class ObjectClass(NamedTuple):
    """The class of an object, which decides its plan.

    Attributes:
        sop_class: SOPClassUID without padding; None where there is none.
        has_references: whether there is a ReferencedSeriesSequence, as in objects with a Common Instance Reference Module.
    """

    sop_class: bytes | None
    has_references: bool


def find_class(buffer: Buffer, position: int, encoding: Encoding, by_meta: str) -> ObjectClass:
    """Find what decides the plan for the object whose data set begins at ``position``.

    Each object is looked at so. Nearly all are of the class that the file meta names, and few have references: bytes that look
    like the one's SOPClassUID are believed, and where the tag of the other stands nowhere before PatientName's, no element is
    looked at. Both may be anything else: a walk that meets another class must refuse it, and one that meets references heed them.

    Args:
        by_meta: MediaStorageSOPClassUID.

    Raises:
        NeedMoreError: it lies beyond the buffer.
    """
    content, expected = buffer.content, _class_element(by_meta[:_MOST_OF_UID], encoding)
    sop_class: bytes | None = None
    if (at := content.find(expected, position, position + _NEAR)) >= 0:
        sop_class, position = by_meta[:_MOST_OF_UID].encode("latin-1"), at + len(expected)
    elif (found := buffer.find(position, len(content), _CLASS, encoding).get(SOP_CLASS)) and found.length != UNDEFINED:
        position = found.start + found.length
        sop_class = content[found.start : position].split(b"\0", 1)[0].strip(b" ")
    references, name = _TAGS[encoding.little]
    end = content.find(name, position)
    if content.find(references, position, end if end >= 0 else len(content)) < 0:
        return ObjectClass(sop_class, has_references=False)
    return ObjectClass(sop_class, bool(buffer.find(position, len(content), _REFERENCES, encoding)))


@lru_cache(maxsize=256)
def _class_element(sop_class: str, encoding: Encoding) -> bytes:
    return encoding.element(SOP_CLASS, "UI", pad_uid(sop_class.encode("latin-1")))


class Identity(NamedTuple):
    """The patient of an object, and its study (or itself, where it belongs to none) for patients without an ID."""

    patient: Patient
    study: bytes


def identity_of(buffer: Buffer, position: int, encoding: Encoding) -> Identity:
    """Return the identity of the object whose data set begins at ``position``.

    Raises:
        NeedMoreError: it lies beyond the buffer.
    """
    found = buffer.find(position, len(buffer.content), _STUDY, encoding)
    charset = buffer.text(found.get(SPECIFIC_CHARACTER_SET)).decode("latin-1")
    patient = patient_at(buffer, position, len(buffer.content), encoding, charset)
    return Identity(patient, buffer.text(found.get(STUDY)) or buffer.text(found.get(SOP_INSTANCE)))


def patient_at(buffer: Buffer, position: int, end: int, encoding: Encoding, charset: str) -> Patient:
    """Return the patient that the data set between ``position`` and ``end`` names (PS3.3 C.7.1.1, 10.15).

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
    """Return who the patient is to whom wrote the data set at ``position``: the values as they are, not as they are compared.

    Raises:
        NeedMoreError: they lie beyond the buffer.
    """
    end = len(buffer.content)
    values = _values(buffer, position, end, _PATIENT | {SPECIFIC_CHARACTER_SET, _PATIENT_NAME}, encoding)
    charset = values.pop(SPECIFIC_CHARACTER_SET, b"").decode("latin-1")
    texts = {tag: best_text(value, charset) for tag, value in values.items()}
    return Originals(texts.get(PATIENT_ID, ""), _issuer(texts), texts.get(_PATIENT_NAME, ""))


def originals_of_beginning(buffer: Buffer, position: int, encoding: Encoding) -> Originals:
    """Return ``originals_of`` with the UIDs, as far as they can be found: of an object that can't be walked to its pixels.

    Args:
        buffer: all that is at hand; complete.
    """
    found = buffer.find(position, len(buffer.content), _OWN_UIDS, encoding)
    study, series, instance = (buffer.text(found.get(tag)).decode("latin-1") for tag in (STUDY, SERIES, SOP_INSTANCE))
    return originals_of(buffer, position, encoding)._replace(study=study, series=series, instance=instance)


def new_patient_id(header: bytes, encoding: Encoding) -> str:
    """Return the PatientID of a data set of which the beginning is at hand, with PatientID if there is one."""
    values = _values(Buffer(header, complete=True), 0, len(header), frozenset({SPECIFIC_CHARACTER_SET, PATIENT_ID}), encoding)
    return best_text(values.get(PATIENT_ID, b""), values.get(SPECIFIC_CHARACTER_SET, b"").decode("latin-1"))


def _issuer(texts: dict[int, str]) -> str:
    return texts.get(ISSUER_OF_PATIENT_ID) or texts.get(_ISSUER_QUALIFIERS, "")


def _values(buffer: Buffer, position: int, end: int, tags: frozenset[int], encoding: Encoding) -> dict[int, bytes]:
    """Return the values of texts without padding, by tag; of the issuer's qualifiers, the UniversalEntityID.

    Raises:
        NeedMoreError: they lie beyond the buffer.
    """
    values = {}
    for tag, element in buffer.find(position, end, tags, encoding).items():
        if tag == _ISSUER_QUALIFIERS:
            inner = IMPLICIT_LITTLE if element.vr == b"UN" else encoding
            start = element.start + 8
            inner = buffer.item_encoding(start, end, inner)
            nested = buffer.find(start, end, frozenset({_UNIVERSAL_ENTITY_ID}), inner) if element.length else {}
            element = nested.get(_UNIVERSAL_ENTITY_ID, element._replace(length=0))
        if element.length != UNDEFINED:
            values[tag] = buffer.content[element.start : element.start + element.length].split(b"\0", 1)[0].strip(b" ")
    return values
