"""The records that pass between the steps: small, without values of any object but names, hashes and new UIDs.

In shuffles they travel as plain tuples, which Beam's coders encode fastest.
"""

from enum import Enum, IntEnum
from typing import Any, NamedTuple

from anonymizer import AttributeAction, Reason

#: version of the tables' layout
SCHEMA_VERSION = 1


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


class ObjectRef(NamedTuple):
    """A listed object.

    Attributes:
        name: where it is: a path or URI. Bytes, because file systems take any.
        source: its name relative to the input, with the input's ordinal before it from the second input on.
        size: in bytes.
        version: what changes when the content does: modification time or generation.
    """

    name: bytes
    source: bytes
    size: int
    version: str


class InstanceHeader(NamedTuple):
    """What pass 1 found in an object.

    Attributes:
        ref: the object, as the fields of an ObjectRef.
        source_id: keyed hash of its source name.
        study, instance: keyed hashes of StudyInstanceUID (or of nothing) and SOPInstanceUID.
        uids: the UIDs to be replaced: keyed hash of the original (32 bytes), new UID, UidRole.
        person: keyed hash of whose object it is, where text is cleaned: the patient's, or the study's where no PatientID tells.
        words: keyed hashes of the words that identify somebody in it, 8 bytes each, one behind the other.
    """

    ref: tuple[bytes, bytes, int, str]
    source_id: str
    study: bytes
    instance: bytes
    uids: tuple[tuple[bytes, bytes, int], ...]
    person: bytes = b""
    words: bytes = b""


class AuditRow(NamedTuple):
    """A row of ``instances-*.parquet``: what became of one listed object.

    Attributes:
        source_id: keyed hash of the source name.
        reason, reason_tag: stable code and attribute, where the object was not written.
        notes: stable codes of what was mended.
        output_name: relative to the output.
        size, crc32c: of the written object, in bytes and as 8 hex digits.
        actions: what was done to which attributes.
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


class Written(NamedTuple):
    """An object in the output: size in bytes and CRC-32C."""

    size: int
    crc32c: int


#: work unit: (unit id, headers as tuples); the shuffled form of a part of a study
WorkUnit = tuple[bytes, list[tuple[Any, ...]]]
