"""Codes of the audit: reasons why an object isn't written, and notes on one that is. A closed list."""

from enum import Enum


class Reason(Enum):
    """Stable reason codes, as they stand in the audit. docs/reference/reason-codes.md explains each."""

    # not an object of the archive
    NOT_DICOM = "not-dicom"
    DICOMDIR = "dicomdir"
    # another object says the same
    DUPLICATE_INSTANCE = "duplicate-instance"
    # another object with its SOPInstanceUID and other content is written instead
    OTHER_CONTENT_KEPT = "other-content-kept"
    # can't be read
    UNREADABLE = "unreadable"
    CHECKSUM_MISMATCH = "checksum-mismatch"
    CHANGED_DURING_RUN = "changed-during-run"
    TRUNCATED = "truncated"
    INVALID_LENGTH = "invalid-length"
    INVALID_VR = "invalid-vr"
    VR_MISMATCH = "vr-mismatch"
    INVALID_VALUE = "invalid-value"
    STRAY_DELIMITER = "stray-delimiter"
    INVALID_ITEM = "invalid-item"
    INVALID_FRAGMENTS = "invalid-fragments"
    INVALID_DEFLATE = "invalid-deflate"
    NESTING_TOO_DEEP = "nesting-too-deep"
    ELEMENTS_OUT_OF_ORDER = "elements-out-of-order"
    HEADER_TOO_LARGE = "header-too-large"
    UNDECODABLE_TEXT = "undecodable-text"
    INVALID_FILE_META = "invalid-file-meta"
    TRANSFER_SYNTAX_MISMATCH = "transfer-syntax-mismatch"
    UNSUPPORTED_TRANSFER_SYNTAX = "unsupported-transfer-syntax"
    # zips, tars and what they hold
    INVALID_CONTAINER = "invalid-container"
    CONTAINER_LIMIT = "container-limit"
    UNSUPPORTED_MEMBER = "unsupported-member"
    UNOPENED_CONTAINER = "unopened-container"
    # can't be identified or de-identified
    MISSING_SOP_CLASS_UID = "missing-sop-class-uid"
    MISSING_SOP_INSTANCE_UID = "missing-sop-instance-uid"
    MISSING_STUDY_INSTANCE_UID = "missing-study-instance-uid"
    MISSING_SERIES_INSTANCE_UID = "missing-series-instance-uid"
    PRIVATE_SOP_CLASS = "private-sop-class"
    # its pixels may identify a person: what it admits itself, then by class
    PIXEL_SPECIMEN_LABEL = "pixel-specimen-label"
    PIXEL_SLIDE_OVERVIEW = "pixel-slide-overview"
    BURNED_IN_ANNOTATION = "burned-in-annotation"
    PIXEL_RECOGNIZABLE_FEATURES = "pixel-recognizable-features"
    PIXEL_RISK_ULTRASOUND = "pixel-risk-ultrasound"
    PIXEL_RISK_SECONDARY_CAPTURE = "pixel-risk-secondary-capture"
    PIXEL_RISK_PHOTOGRAPH = "pixel-risk-photograph"
    PIXEL_RISK_ENDOSCOPY = "pixel-risk-endoscopy"
    PIXEL_RISK_MICROSCOPY = "pixel-risk-microscopy"
    PIXEL_RISK_OPHTHALMOLOGY = "pixel-risk-ophthalmology"
    PIXEL_RISK_ANGIOGRAPHY = "pixel-risk-angiography"
    PIXEL_RISK_SCREEN_CAPTURE = "pixel-risk-screen-capture"
    PIXEL_RISK_DIGITIZED = "pixel-risk-digitized"
    PIXEL_RISK_UNKNOWN_CLASS = "pixel-risk-unknown-class"
    PIXEL_RISK_SITE = "pixel-risk-site"
    PIXEL_RISK_FACE = "pixel-risk-face"
    # they are to be cleaned, and can't be with certainty
    # nobody says what is to be blanked in them, or somebody says that it must not be written
    PIXEL_NO_RULE = "pixel-no-rule"
    PIXEL_INVALID_REGIONS = "pixel-invalid-regions"
    PIXEL_SIZE_MISMATCH = "pixel-size-mismatch"
    PIXEL_RULE_QUARANTINE = "pixel-rule-quarantine"
    PIXEL_RULE_DROP = "pixel-rule-drop"
    SLIDE_LABEL = "slide-label"
    PIXEL_NESTED_DATA = "pixel-nested-data"
    PIXEL_UNSUPPORTED_SYNTAX = "pixel-unsupported-syntax"
    PIXEL_UNSUPPORTED_FORMAT = "pixel-unsupported-format"
    PIXEL_INVALID_IMAGE = "pixel-invalid-image"
    PIXEL_LENGTH_MISMATCH = "pixel-length-mismatch"
    PIXEL_INVALID_FRAMES = "pixel-invalid-frames"
    #: a package that decodes them isn't installed; the decoder died or took too much
    PIXEL_CODEC_MISSING = "pixel-codec-missing"
    PIXEL_CODEC_FAILED = "pixel-codec-failed"
    PIXEL_VERIFICATION_FAILED = "pixel-verification-failed"
    # text is looked for in them: the object says that there is some, and none is found; it takes too long; some stays
    PIXEL_TEXT_NOT_FOUND = "pixel-text-not-found"
    PIXEL_TEXT_TIMEOUT = "pixel-text-timeout"
    PIXEL_TEXT_REMAINS = "pixel-text-remains"
    #: the extra `ocr` isn't installed; the models crashed or took too much
    PIXEL_TEXT_ENGINE_MISSING = "pixel-text-engine-missing"
    PIXEL_TEXT_ENGINE_FAILED = "pixel-text-engine-failed"
    EMBEDDED_OVERLAY = "embedded-overlay"
    AUDIO = "audio"
    PATIENT_NOT_IN_TABLE = "patient-not-in-table"
    INVALID_UID = "invalid-uid"
    ALIAS_NOT_ENCODABLE = "alias-not-encodable"
    # what is known of somebody stands where it can't be taken out
    IDENTIFIER_LEFT = "identifier-left"
    # can't be written
    SOP_INSTANCE_CONFLICT = "sop-instance-conflict"
    UID_NOT_IN_MAP = "uid-not-in-map"
    OUTPUT_CONFLICT = "output-conflict"
    OUTPUT_IN_USE = "output-in-use"
    OUTPUT_UNWRITABLE = "output-unwritable"
    INTERNAL_ERROR = "internal-error"

    def __str__(self) -> str:
        return self.value


#: reasons that say that something isn't an object to de-identify at all, or is left out on purpose
FILTERED = frozenset({Reason.NOT_DICOM, Reason.DICOMDIR, Reason.PIXEL_RULE_DROP, Reason.SLIDE_LABEL})


class Note(Enum):
    """Stable codes for what was mended on the way, and what to know of the output, in the audit of written objects."""

    NO_PREAMBLE = "no-preamble"
    NO_FILE_META = "no-file-meta"
    NO_TRANSFER_SYNTAX = "no-transfer-syntax"
    NO_PIXEL_DATA = "no-pixel-data"
    TRAILING_DATA_REMOVED = "trailing-data-removed"
    UID_FROM_FILE_META = "uid-from-file-meta"
    MISSING_UID_ADDED = "missing-uid-added"
    ILLEGAL_VALUE_REMOVED = "illegal-value-removed"
    OVERLAY_BITS_MASKED = "overlay-bits-masked"
    IDENTIFIER_SCREENED = "identifier-screened"
    IDENTITY_NOT_REMOVED = "identity-not-removed"
    OUTPUT_REPLACED = "output-replaced"
    EARLIER_OUTPUT_LEFT = "earlier-output-left"

    def __str__(self) -> str:
        return self.value


#: what goes wrong with these may be right the next time: they are done again
TRANSIENT_REASONS = frozenset(
    {
        Reason.UNREADABLE,
        Reason.CHECKSUM_MISMATCH,
        Reason.CHANGED_DURING_RUN,
        Reason.UID_NOT_IN_MAP,
        Reason.PIXEL_CODEC_MISSING,
        Reason.PIXEL_CODEC_FAILED,
        Reason.PIXEL_TEXT_ENGINE_MISSING,
        Reason.PIXEL_TEXT_ENGINE_FAILED,
        Reason.OUTPUT_UNWRITABLE,
        Reason.OUTPUT_IN_USE,
        Reason.INTERNAL_ERROR,
    }
)
