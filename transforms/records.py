"""Records that pass between the steps: small, without values of any object but names, hashes and new UIDs.

Each has a coder that writes plain values only. Lists of records are types of their own: one element holds many records, for
Beam's cost for each element would outweigh them.
"""

from enum import Enum, IntEnum
from typing import NamedTuple

from anonymizer import AttributeAction, Reason
from anonymizer.internals import CleanedPixels, Description, FaceEvidence, PixelDecision
from storage import ObjectRef

from .shuffle.record_coder import PackedRecordCoder, register_record

#: version of the tables' layout
SCHEMA_VERSION = 4
#: objects in a batch: enough to make Beam's cost per element small, few enough to spread
BATCH = 32


class Status(Enum):
    """Outcomes of a listed object: each has exactly one."""

    WRITTEN = "written"
    SKIPPED = "skipped"
    DUPLICATE = "duplicate"
    FILTERED = "filtered"
    QUARANTINED = "quarantined"


class UidRole(IntEnum):
    """Kinds of entities that an original UID identifies; where it identifies several, the first of these counts."""

    INSTANCE = 0
    SERIES = 1
    STUDY = 2
    FRAME_OF_REFERENCE = 3
    OTHER = 4


#: bytes of a study's keyed hash by which studies are told apart where UIDs are joined
STUDY_SIZE = 8
#: added to the role of a UID that an object has as its own: that of its study or series, not one that it refers to
OWNED = 8
#: and to that of a UID to which an earlier run gave its new one
PREASSIGNED = 16


class RefBatch(list[ObjectRef]):
    """Listed objects that are read together."""


class EarlierOutput(NamedTuple):
    """The output that an earlier run wrote for a listed object.

    Attributes:
        name, size, crc32c: as in the AuditRow of that time.
        is_changed: the object had another version then.
        written_in: the finished run that has the row; ``""`` where only a ledger has it.
        is_outdated: another version of the program or other settings made it, and it is to be made anew.
    """

    name: str
    size: int
    crc32c: str
    is_changed: bool
    written_in: str
    is_outdated: bool = False

    @property
    def may_differ(self) -> bool:
        """True when other bytes would be written now."""
        return self.is_changed or self.is_outdated


def earlier_output(ref: ObjectRef) -> EarlierOutput | None:
    """Return the output that an earlier run wrote for an object; None where no run did, or the object is done with."""
    return None if ref.earlier is None else EarlierOutput(*ref.earlier)


class InstanceHeader(NamedTuple):
    """Findings of pass 1 in one object that it shares with no other.

    Attributes:
        ref: the object as it was read.
        source_id: keyed hash of its source name, 16 bytes.
        instance: keyed hash of its SOPInstanceUID, 32 bytes.
        new_uid: the new SOPInstanceUID; empty where it stays.
        kept_uid: the SOPInstanceUID where it stays.
        pixels: the decision on its pixels; None where there is nothing to decide, or its work is done.
    """

    ref: ObjectRef
    source_id: bytes
    instance: bytes
    new_uid: bytes
    kept_uid: bytes = b""
    pixels: PixelDecision | None = None


class SharedFindings(NamedTuple):
    """Findings of pass 1 that are equal in objects of one study, mostly of one series: they go through shuffles once.

    Attributes:
        uids: the UIDs to be replaced, but for the instances' own: keyed hash of the original (32 bytes), new UID, UidRole (and
            OWNED).
        person: keyed hash of their patient, where text is cleaned; of their study where no PatientID tells.
        words: hashes of the words that identify somebody in them, sealed for the study (its id) and ``person``.
        patient: keyed hash of the patient, 8 bytes; empty where no PatientID tells.
        face: evidence of a head in all these objects; None where none is looked for.
        description: the description of these objects; nothing of the instance is in it.
    """

    uids: tuple[tuple[bytes, bytes, int], ...] = ()
    person: bytes = b""
    words: bytes = b""
    patient: bytes = b""
    face: FaceEvidence | None = None
    description: Description = Description()


class HeaderGroup(NamedTuple):
    """Objects of one study with the same findings.

    Attributes:
        study: keyed hash of StudyInstanceUID (or of nothing), 32 bytes.
    """

    study: bytes
    shared: SharedFindings
    headers: list[InstanceHeader]


class HeaderGroups(list[HeaderGroup]):
    """Groups that pass between steps together."""


class StudyPart(NamedTuple):
    """The objects of one study in a work unit.

    Attributes:
        study: as in HeaderGroup.
        shared: all distinct findings of the objects.
        headers: sorted by ``instance`` and ``source_id``.
        places: for each header, the index of its findings in ``shared``; empty in units of finished objects.
    """

    study: bytes
    shared: list[SharedFindings]
    headers: list[InstanceHeader]
    places: list[int] = []  # noqa: RUF012  # never changed


class WorkUnit(NamedTuple):
    """Objects that one worker de-identifies together: small studies, or a part of a large one."""

    unit_id: bytes
    parts: list[StudyPart]


class KnownUid(NamedTuple):
    """A UID of a work unit of which other units or earlier runs tell more.

    Attributes:
        hash: keyed hash of the original.
        is_conflict: True: objects of other studies have this SOPInstanceUID, too; False: finished objects of the same study have
            it; None: no other object has it.
        new_uid: the new UID that an earlier run gave it, whatever the key says now; empty where the key decides.
    """

    hash: bytes
    is_conflict: bool | None = None
    new_uid: bytes = b""


class KnownWords(NamedTuple):
    """Words that identify a person, bound to a study or person with objects in a work unit.

    Attributes:
        study: the id of the unit's study that they are for.
        owner: the study or person.
        words: hashes of words, one behind the other.
    """

    study: bytes
    owner: bytes
    words: bytes


class UidUse(NamedTuple):
    """The use of an original UID: a row of ``uid_map-*.parquet``.

    Attributes:
        hash: the original's keyed hash.
        new_uid: empty where a unit only claims the UID (it is retained).
        role: a UidRole, the first of those it has; and OWNED where an object has it as that of its own study or series; and
            PREASSIGNED where an earlier run gave it ``new_uid``, whatever the key says now.
        claimants: for each study in which an object has it as its own SOPInstanceUID, the beginning of the study's keyed hash,
            and the id of the unit with that object, or with objects that are done with. ``Uses`` adds to the list.
        users: patient and study, 8 bytes of the keyed hash of each: of two of those that use it, two patients' if there are.
            Empty for UIDs that may be anybody's, such as those of devices.
        units: ids of all units that use it, where the map may have another new UID for it.
    """

    hash: bytes
    new_uid: bytes
    role: int
    claimants: list[bytes]
    users: tuple[bytes, ...] = ()
    units: tuple[bytes, ...] = ()

    @property
    def owners(self) -> list[bytes]:
        """The studies that claim it, by the beginnings of their keyed hashes."""
        return sorted({claimant[:STUDY_SIZE] for claimant in self.claimants})


class UidUses(list[UidUse]):
    """Uses that pass between steps together."""


class Reference(NamedTuple):
    """A UID with an odd use: a row of ``references-*.parquet``.

    Attributes:
        outside: no object of the archive, as far as it could be read, has the UID as its own.
        joins_patients: objects of two patients at least use it.
        studies: the beginnings of the keyed hashes of one or two of the studies that use it.
    """

    hash: bytes
    new_uid: bytes
    role: int
    outside: bool
    joins_patients: bool
    studies: tuple[bytes, ...]


class References(list[Reference]):
    """References that pass between steps together."""


class AuditRow(NamedTuple):
    """A row of ``instances-*.parquet``: the outcome of one listed object.

    Attributes:
        source_id: keyed hash of the source name.
        reason, reason_tag: stable code and attribute, where the object was not written.
        notes: stable codes (``Note``).
        output_name: relative to the output; of an object that another output keeps from being written, that output.
        size, crc32c: of the object that lies there, in bytes and as 8 hex digits.
        actions: the actions on its attributes.
        source_version, container_id: as in ListedSource.
        study_hash: the beginning of its study's keyed hash, 16 hex digits; as all that describes it, as far as it could be read.
        instance_hash: and the keyed hash of its SOPInstanceUID, as in the UID map.
        scanned: pass 1 understood its header, so that its UIDs are in the UID map.
        pixel_risks: stable codes of what its pixels may show: of an object that was refused for that, or kept in spite of it.
        input: as in ObjectRef.
        written_in: of an object that isn't written because it changed, or is refused now: the run that wrote what lies there, of
            the same source.
        modality, patient_id: as in Description.
        source_size: of the listed object, in bytes; -1 where it isn't known.
        before: as in ObjectRef.
        pixels: the cleaning of its pixels; None where nothing had to be cleaned.
        patient_sex, patient_age: of an object that was written, as ``ReleasedValues`` has them.
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
    pixels: CleanedPixels | None = None
    patient_sex: str = ""
    patient_age: str = ""


class AuditRows(list[AuditRow]):
    """Rows that pass between steps together."""


register_record(RefBatch, PackedRecordCoder)
register_record(HeaderGroups, PackedRecordCoder)
register_record(WorkUnit)
register_record(KnownUid)
register_record(KnownWords)
register_record(UidUses, PackedRecordCoder)
register_record(References, PackedRecordCoder)
register_record(AuditRows)
