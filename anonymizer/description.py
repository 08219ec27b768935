"""What an object is, in words that identify nobody, so that who reads the audit can tell what was refused; and, apart, whose."""

from typing import NamedTuple


class Description(NamedTuple):
    """What an object is, as far as it could be read; ``""`` where it doesn't say, or says what the standard doesn't know.

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
    """Who the patient was, and is. It holds identifiers, and is made for none but who asks for them.

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
