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
GIVEN = 16


class Packing(Enum):
    """How the bytes of a member lie in its container."""

    #: as they are, from ``offset`` on
    TAR = "tar"
    #: somewhere in the decompressed stream, from its byte ``offset`` on
    TAR_STREAM = "tar-stream"
    #: behind a local header at ``offset``, by the ZIP method of that name
    ZIP_STORED = "zip-stored"
    ZIP_DEFLATED = "zip-deflated"
    ZIP_BZIP2 = "zip-bzip2"
    ZIP_LZMA = "zip-lzma"


class Member(NamedTuple):
    """Where an object lies in a zip or tar.

    Attributes:
        packing: a Packing's value; or, where the object can't be read, the value of the Reason why.
        offset: in bytes; what it counts from depends on ``packing``.
        stored_size: bytes that it takes there.
        crc32: CRC-32 of the object as the container has it, -1 where it has none.
        container_source: length in bytes of the container's ``listed_as``, with which the object's source name begins.
    """

    packing: str
    offset: int
    stored_size: int
    crc32: int = -1
    container_source: int = 0


class ObjectRef(NamedTuple):
    """A listed object.

    Attributes:
        name: where it is: a path or URI; for a member, its container's. Bytes, because file systems take any.
        source: its name relative to the input, with the input's ordinal before it from the second input on.
        size: in bytes, -1 where it isn't known yet.
        version: what changes when the content does: modification time, generation or entity tag; ``""`` where it isn't known yet.
            Of a member, its container's.
        member: the fields of a Member for an object in a zip or tar, else None.
        input: the ordinal of the input that lists it.
        earlier: the fields of an EarlierOutput, where it was written before, and isn't done with; else None.
        before: the reason (``""`` for none) and ``since`` of its row in the run that is gone on with; None where it has none.
        members: of a zip or tar, those of its members that are listed, by what follows ``!/`` in their source names; None: all.
    """

    name: bytes
    source: bytes
    size: int
    version: str
    member: tuple[str, int, int, int, int] | None = None
    input: int = 0
    earlier: tuple[str, int, str, bool, str, bool] | None = None
    before: tuple[str, str] | None = None
    members: tuple[bytes, ...] | None = None

    @property
    def listed_as(self) -> bytes:
        """What stands for it in the audit: a zip or tar of which some members are listed is never taken for the whole one."""
        return self.source if self.members is None else self.source + b"!/"


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
        source_version, container_id: as in Source.
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


class Written(NamedTuple):
    """An object in the output: size in bytes and CRC-32C."""

    size: int
    crc32c: int

    @property
    def crc32c_text(self) -> str:
        """As tables have it: 8 hex digits."""
        return f"{self.crc32c:08x}"


class Found(NamedTuple):
    """An object that lies in the output.

    Attributes:
        version: what changes when it is replaced.
    """

    written: Written
    version: str


#: work unit: (unit id, StudyPart tuples); the shuffled form of small studies, or of a part of a large one
WorkUnit = tuple[bytes, list[tuple[Any, ...]]]
