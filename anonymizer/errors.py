"""Errors of the engine, and the descriptions of objects that they carry. No message has a value of an object."""

from __future__ import annotations

from typing import NamedTuple

from profiles import UserFacingError, tag_text

from .reasons import Reason


class DeidentificationError(UserFacingError):
    """An object that can't be de-identified with certainty: nothing of it may be written.

    Attributes:
        reason: the stable code.
        tag: the attribute at fault, ``(gggg,eeee)``, or ``""``; never a private one.
        pixel_risks: all risks of an object whose pixels are the reason.
        description: what the object is, as far as it could be read; only ``Engine.scan`` tells.
        originals: whose it was, where the scan was asked for that. No text of the error has it.

    Its text and its repr have the code and the tag, nothing else.
    """

    def __init__(self, reason: Reason, tag: int = 0, pixel_risks: tuple[Reason, ...] = ()) -> None:
        self.reason = reason
        self.pixel_risks = pixel_risks
        self.description: Description | None = None
        self.originals: Originals | None = None
        self._arguments = (reason, tag, pixel_risks)
        self.tag = tag_text(tag) if tag and not (tag >> 16) & 1 else ""
        super().__init__(f"{reason.value} at {self.tag}" if self.tag else reason.value)

    def with_risks(self, risks: tuple[Reason, ...]) -> DeidentificationError:
        """Return this error for an object with pixel risks."""
        reason, tag, _ = self._arguments
        return DeidentificationError(reason, tag, risks)

    def of(self, description: Description) -> DeidentificationError:
        """Return this error with a description of its object."""
        self.description = description
        return self

    def __reduce__(self) -> tuple[type[DeidentificationError], tuple[Reason, int, tuple[Reason, ...]]]:
        return type(self), self._arguments


class SecretError(UserFacingError, ValueError):
    """A key that can't be used. The message never holds key material."""

    is_usage = True


class Description(NamedTuple):
    """A description of an object, as far as it could be read. Fields are ``""`` where it says nothing that the standard knows.

    Attributes:
        sop_class_uid, transfer_syntax_uid: registered ones (PS3.6 Annex A).
        modality: a Defined Term (PS3.3 C.7.3.1.1.1).
        patient_id: the new PatientID; ``""`` where a rule keeps the original one.
        study_hash, series_hash, instance_hash: keyed hashes of the original UIDs; ``b""`` where there is none.
        study_uid, series_uid, instance_uid: the new ones; those that the profile retains are the original ones.
    """

    sop_class_uid: str = ""
    transfer_syntax_uid: str = ""
    modality: str = ""
    patient_id: str = ""
    study_hash: bytes = b""
    study_uid: str = ""
    series_hash: bytes = b""
    series_uid: str = ""
    instance_hash: bytes = b""
    instance_uid: str = ""


class Originals(NamedTuple):
    """The patient's original identifiers and the new one. They are collected only on request, and no repr shows them.

    Attributes:
        patient_id, issuer, patient_name: PatientID, its issuer (PS3.3 C.7.1.1; as ``Patient`` has it) and PatientName as they
            stand in the object, decoded; what isn't in its character set is read as Latin-1, byte by byte.
        new_patient_id: PatientID of the de-identified object.
        study, series, instance: the original UIDs of an object that was refused; of others, ``Scan.uids`` has them.
    """

    patient_id: str
    issuer: str
    patient_name: str
    new_patient_id: str = ""
    study: str = ""
    series: str = ""
    instance: str = ""

    def __repr__(self) -> str:
        return "<Originals>"
