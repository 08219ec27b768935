"""The records that pass between the steps: small, without values of any object but names, hashes and new UIDs.

In shuffles they travel as plain tuples, which Beam's coders encode fastest.
"""

import pickle
from enum import Enum, IntEnum
from typing import Any, NamedTuple

from apache_beam.coders import Coder
from apache_beam.coders.typecoders import registry

from anonymizer import AttributeAction, Reason

#: version of the tables' layout
SCHEMA_VERSION = 4


class Status(Enum):
    """What became of a listed object: exactly one of these."""

    WRITTEN = "written"
    SKIPPED = "skipped"
    DUPLICATE = "duplicate"
    FILTERED = "filtered"
    QUARANTINED = "quarantined"


class UidRole(IntEnum):
    """What an original UID identifies; where it identifies several things, the first of these."""

    INSTANCE = 0
    SERIES = 1
    STUDY = 2
    FRAME_OF_REFERENCE = 3
    OTHER = 4


#: added to the role of a UID that an object has as its own: that of its study or series, not one that it refers to
OWNED = 8
#: and to that of a UID whose new one was given away before
PREASSIGNED = 16


class EarlierOutput(NamedTuple):
    """What a listed object was written as before.

    Attributes:
        name, size, crc32c: as in the AuditRow of that time.
        is_changed: it had another version then.
        written_in: the run that came to its end and has the row; ``""`` where only a ledger has it.
        is_outdated: another version or other settings made it, and it is to be made anew.
    """

    name: str
    size: int
    crc32c: str
    is_changed: bool
    written_in: str
    is_outdated: bool = False

    @property
    def may_differ(self) -> bool:
        """Whether other bytes would be written now."""
        return self.is_changed or self.is_outdated


class InstanceHeader(NamedTuple):
    """What pass 1 found in an object, and no other shares with it.

    Attributes:
        ref: the object as it was read, as the fields of an ObjectRef.
        source_id: keyed hash of its source name, 16 bytes.
        instance: keyed hash of its SOPInstanceUID, 32 bytes.
        new_uid: the new SOPInstanceUID; empty where it stays.
        kept_uid: the SOPInstanceUID where it stays.
        description: what the audit says of it, the fields of a Description; empty in shuffles, where SharedFindings have it.
    """

    ref: tuple[Any, ...]
    source_id: bytes
    instance: bytes
    new_uid: bytes
    kept_uid: bytes = b""
    description: tuple[Any, ...] = ()


class SharedFindings(NamedTuple):
    """What pass 1 found in objects of one study, mostly of one series, and is the same in all: it goes through shuffles once.

    Attributes:
        uids: the UIDs to be replaced, but for the instances' own: keyed hash of the original (32 bytes), new UID, UidRole (and
            OWNED).
        person: keyed hash of whose they are, where text is cleaned: the patient's, or the study's where no PatientID tells.
        words: hashes of the words that identify somebody in them, sealed for the study (its id) and ``person``.
        patient: keyed hash of the patient, 8 bytes; empty where no PatientID tells.
        face: where heads are looked for, the fields of the FaceEvidence of all these objects; else empty.
        description: the fields of a Description; nothing of the instance in it.
    """

    uids: tuple[tuple[bytes, bytes, int], ...] = ()
    person: bytes = b""
    words: bytes = b""
    patient: bytes = b""
    face: tuple[Any, ...] = ()
    description: tuple[Any, ...] = ()


class HeaderGroup(NamedTuple):
    """Objects of one study with the same findings.

    Attributes:
        study: keyed hash of StudyInstanceUID (or of nothing), 32 bytes.
        shared: the fields of SharedFindings.
        headers: the fields of InstanceHeaders.
    """

    study: bytes
    shared: tuple[Any, ...]
    headers: list[tuple[Any, ...]]


class StudyPart(NamedTuple):
    """What a work unit has of a study.

    Attributes:
        study: as in HeaderGroup.
        shared: the fields of SharedFindings, all that there are among the headers.
        headers: the fields of InstanceHeaders, by ``instance`` and ``source_id``.
        places: for each header, where what it shares stands in ``shared``; none where nobody asks.
    """

    study: bytes
    shared: list[tuple[Any, ...]]
    headers: list[tuple[Any, ...]]
    places: list[int] = []  # noqa: RUF012  # never changed


class AuditRow(NamedTuple):
    """A row of ``instances-*.parquet``: what became of one listed object.

    Attributes:
        source_id: keyed hash of the source name.
        reason, reason_tag: stable code and attribute, where the object was not written.
        notes: stable codes of what was mended.
        output_name: relative to the output; of an object that another output keeps from being written, that output.
        size, crc32c: of the object that lies there, in bytes and as 8 hex digits.
        actions: what was done to which attributes.
        source_version, container_id: as in ListedSource.
        study_hash: the beginning of its study's keyed hash, 16 hex digits; as all of what it is, as far as it could be read.
        instance_hash: and the keyed hash of its SOPInstanceUID, as in the UID map.
        scanned: whether pass 1 understood its header, so that its UIDs are in the UID map.
        pixel_risks: stable codes of what its pixels may show: of an object that was refused for that, or kept in spite of it.
        input: as in ObjectRef.
        written_in: of an object that isn't written because it changed, or is refused now: the run that wrote what lies there, of
            the same source.
        modality, patient_id: as in Description.
        source_size: of the listed object, in bytes; -1 where it isn't known.
        before: as in ObjectRef.
    """

    source_id: str
    status: Status
    reason: Reason | None = None
    reason_tag: str = ""
    notes: tuple[str, ...] = ()
    sop_class_uid: str = ""
    transfer_syntax_uid: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    output_name: str = ""
    size: int = 0
    crc32c: str = ""
    actions: tuple[AttributeAction, ...] = ()
    source_version: str = ""
    container_id: str = ""
    study_hash: str = ""
    instance_hash: bytes = b""
    pixel_risks: tuple[str, ...] = ()
    scanned: bool = False
    input: int = 0
    written_in: str = ""
    modality: str = ""
    patient_id: str = ""
    source_size: int = -1
    before: tuple[str, str] | None = None


class AuditRows(list[AuditRow]):
    """Rows that pass between steps together."""


class _AuditRowsCoder(Coder):
    """Nothing that would encode rows: who makes them writes them. Beam asks now and then how large they are."""

    def encode(self, value: AuditRows) -> bytes:
        return pickle.dumps(list(value), pickle.HIGHEST_PROTOCOL)

    def decode(self, encoded: bytes) -> AuditRows:
        return AuditRows(pickle.loads(encoded))

    def estimate_size(self, value: AuditRows) -> int:
        return _ROW_BYTES * len(value)


#: about what a row takes when encoded
_ROW_BYTES = 400

registry.register_coder(AuditRows, _AuditRowsCoder)


#: work unit: (unit id, StudyPart tuples); the shuffled form of small studies, or of a part of a large one
WorkUnit = tuple[bytes, list[tuple[Any, ...]]]


#: objects in a batch: enough to make Beam's cost per element small, few enough to spread
BATCH = 32
RefBatch = list[tuple[Any, ...]]
