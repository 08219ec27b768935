"""The purposes for which keys are derived: one enum names them all."""

from enum import Enum


class Purpose(Enum):
    """The uses of derived keys: all that there are. A value enters the derivation (RFC 5869, info), so none may ever change."""

    #: 16 hex digits that tell keys apart
    KEY_ID = "key id"
    #: new UIDs (PS3.5 B.2)
    UID = "uid"
    #: original UIDs in the UID map
    UID_HASH = "uid hash"
    #: new PatientIDs
    PATIENT_ID = "patient id"
    #: new AE titles
    DEVICE_ID = "device id"
    #: offsets of dates (PS3.15 E.3.6)
    DATE_SHIFT = "date shift"
    #: names and versions of source objects in the audit
    SOURCE_ID = "source id"
    SOURCE_VERSION = "source version"
    #: chooses among contents that are alike in all that people care for
    CONTENT = "content"
    #: who has an object: for words, and for tables
    PERSON = "person"
    WHOSE = "whose"
    #: words that identify somebody (PS3.15 E.3.5); the same as they are bound to a person or study; all of some objects in one
    WORD = "identifying word"
    BOUND_WORD = "identifying word of somebody"
    SEALED_WORDS = "identifying words of objects"
    #: tells one lookup table of patients from another
    PATIENT_TABLE = "patient table"
    #: tells one place from another without naming it
    PLACE = "place"
    #: tells one profile, file of rules or scope from another without telling what it says
    SETTINGS = "settings"
    #: objects for which somebody decided on rectangles, as a job's graph has them
    REVIEWED = "reviewed objects"
    #: which objects are drawn on contact sheets, and in which group
    SHEETS = "contact sheets"
    #: values that stay, as a census counts them
    VALUE = "kept value"
    #: message authentication codes of the audit's and the crosswalk's files
    AUDIT_SEAL = "audit seal"
