"""Settings, options, actions, reasons and notes in plain language: the one place of a report's words."""

from __future__ import annotations

#: the options of Annex E: a title, and what each leaves
OPTIONS = {
    "BasicProfile": (
        "Basic Application Level Confidentiality Profile",
        "The basis: names, numbers, dates, places, free text go.",
    ),
    "RetainSafePrivate": ("Retain Safe Private", "Private attributes stay that a list calls safe. All other private ones go."),
    "RetainUIDs": ("Retain UIDs", "Original unique identifiers (UIDs) stay. Whoever has the archive finds the patient by them."),
    "RetainDeviceIdent": (
        "Retain Device Identity",
        "Serial numbers and names of devices stay. They tell scanners and sites apart.",
    ),
    "RetainInstitutionIdent": ("Retain Institution Identity", "Names and addresses of institutions stay."),
    "RetainPatientChars": (
        "Retain Patient Characteristics",
        "Sex, age, size, weight and the like stay. Several together may single a person out.",
    ),
    "RetainLongFullDates": ("Retain Longitudinal Temporal Information, Full Dates", "Dates and times stay as they were."),
    "RetainLongModifDates": (
        "Retain Longitudinal Temporal Information, Modified Dates",
        "Dates of one patient are moved by one secret number. Intervals between them stay true.",
    ),
    "CleanDesc": ("Clean Descriptors", "Of free text only words of a clinical vocabulary stay."),
    "CleanStructdCont": ("Clean Structured Content", "Of structured reports only known kinds of entries stay."),
    "CleanPixelData": (
        "Clean Pixel Data",
        "In images that may show text, areas are blanked. Without instructions, such images are refused.",
    ),
    "CleanGraph": ("Clean Graphics", "Regions of interest and drawings stay. Graphic overlays go."),
}
#: the codes of Table E.1-1a
ACTIONS = {
    "X": "removed",
    "Z": "emptied",
    "D": "replaced by a dummy",
    "U": "replaced by a new UID",
    "C": "cleaned or moved",
    "K": "kept by an option or rule",
}
ACTION_REASONS = {
    "": "",
    "identifier-screened": "a known identifier of the patient was found in it",
    "illegal-value": "the value was not legal",
    "local-code": "a code of a scheme that is not published",
    "pixels-blanked": "pixels of the object were blanked",
    "verdict": "a reviewer decided on the value",
}
#: why objects were not written
REASONS = {
    "not-dicom": "no DICOM object",
    "dicomdir": "a directory of a medium, which recipients can make anew",
    "duplicate-instance": "the same object was written from another source",
    "other-content-kept": "the same object with other content was written",
    "unreadable": "can't be opened or read",
    "checksum-mismatch": "the storage delivered other content than it should",
    "changed-during-run": "changed while the run was working",
    "invalid-container": "a broken zip or tar",
    "container-limit": "a zip or tar that unpacks to far more than its size",
    "unsupported-member": "a member of a zip or tar that is encrypted, a link or packed in an unknown way",
    "unopened-container": "a packed file whose name does not say so",
    "truncated": "cut off",
    "invalid-length": "broken: a wrong length",
    "invalid-vr": "broken: an unknown type of value",
    "vr-mismatch": "broken: a type of value that contradicts the standard",
    "invalid-value": "broken: a value that can't be read",
    "stray-delimiter": "broken: a delimiter in the wrong place",
    "invalid-item": "broken: an item that is none",
    "invalid-fragments": "broken: compressed pixel data",
    "invalid-deflate": "broken: packed data",
    "nesting-too-deep": "broken: nested too deep",
    "elements-out-of-order": "broken: elements out of order",
    "header-too-large": "a header that is too large",
    "undecodable-text": "text that can't be decoded",
    "invalid-file-meta": "a broken file header",
    "transfer-syntax-mismatch": "not in the encoding that it names",
    "unsupported-transfer-syntax": "in no standard encoding",
    "missing-sop-class-uid": "without a class",
    "missing-sop-instance-uid": "without an identity",
    "missing-study-instance-uid": "without a study",
    "missing-series-instance-uid": "without a series",
    "invalid-uid": "a UID that is none",
    "private-sop-class": "a private class, which only its vendor knows",
    "pixel-specimen-label": "says that the image shows a specimen's label",
    "pixel-slide-overview": "an overview of a slide, which may show the label",
    "burned-in-annotation": "says that identifying text is burned into the image",
    "pixel-recognizable-features": "says that the image shows a recognizable person",
    "pixel-risk-ultrasound": "ultrasound, which often shows a name",
    "pixel-risk-secondary-capture": "a captured image, which often shows a name",
    "pixel-risk-photograph": "a photograph",
    "pixel-risk-endoscopy": "endoscopy, which often shows a name",
    "pixel-risk-microscopy": "microscopy, which may show a label",
    "pixel-risk-ophthalmology": "an image of an eye, which often shows a name",
    "pixel-risk-angiography": "angiography, which may show a name",
    "pixel-risk-screen-capture": "an image of a screen",
    "pixel-risk-digitized": "digitized film or paper",
    "pixel-risk-unknown-class": "an image of a class that is not known",
    "pixel-risk-site": "a kind of image that the site itself refuses",
    "pixel-risk-face": "a head in CT, MR or PET, from which a face can be drawn",
    "pixel-no-rule": "an image at risk, and nobody said what to blank",
    "pixel-invalid-regions": "an image at risk with ultrasound regions that are not its own",
    "pixel-size-mismatch": "an image of another size than the rules were made for",
    "pixel-rule-quarantine": "a rule or reviewer refuses it",
    "pixel-rule-drop": "a rule or reviewer leaves it out",
    "slide-label": "an image of a slide's label, left out",
    "pixel-nested-data": "an image with further images inside, which can't be cleaned",
    "pixel-unsupported-syntax": "an image at risk in an encoding that can't be cleaned",
    "pixel-unsupported-format": "an image at risk in a form that can't be cleaned",
    "pixel-invalid-image": "an image at risk whose header contradicts itself",
    "pixel-length-mismatch": "an image at risk with more or fewer pixels than it says",
    "pixel-invalid-frames": "an image at risk with broken frames",
    "pixel-codec-missing": "an image at risk; the program to unpack it is missing",
    "pixel-codec-failed": "an image at risk that could not be unpacked or packed",
    "pixel-verification-failed": "an image at risk that was not clean after cleaning",
    "pixel-text-not-found": "says that it shows text, and none was found",
    "pixel-text-timeout": "the search for text took too long",
    "pixel-text-remains": "text was still found after cleaning",
    "pixel-text-engine-missing": "the program that finds text is missing",
    "pixel-text-engine-failed": "the program that finds text failed",
    "embedded-overlay": "an overlay in pixels that can't be cleared",
    "audio": "sound: a voice identifies its speaker",
    "patient-not-in-table": "the table of patients does not list the patient",
    "alias-not-encodable": "the new name can't be written in the object's character set",
    "identifier-left": "a known identifier stands where it can't be removed",
    "sop-instance-conflict": "different objects claim to be the same",
    "uid-not-in-map": "a UID that was not there when the run began",
    "output-conflict": "other content lies under its name in the output",
    "output-in-use": "another run uses the output",
    "output-unwritable": "the output can't be written",
    "internal-error": "an error of this program",
}
#: notes on objects that were written
NOTES = {
    "no-preamble": "the file had no preamble, and got one",
    "no-file-meta": "the file had no file header, and got one",
    "no-transfer-syntax": "the file header named no encoding; it was inferred",
    "no-pixel-data": "an object of an image class without pixels",
    "trailing-data-removed": "bytes behind the object were removed",
    "uid-from-file-meta": "the instance UID stood in the file header only",
    "missing-uid-added": "a missing study or series UID was derived",
    "illegal-value-removed": "a value that was not legal was removed",
    "overlay-bits-masked": "overlays in unused bits of pixels were cleared",
    "identifier-screened": "known identifiers of the patient were found in kept values, and removed",
    "identity-not-removed": "the object says PatientIdentityRemoved NO",
    "output-replaced": "the object replaced its earlier output",
    "earlier-output-left": "the object has another name than before; its earlier output is still there",
}
PIXELS = {
    "quarantine": "Images that may show text or a person are refused.",
    "keep": "Images that may show text or a person pass as they are. Nobody cleaned them.",
    "clean": "In images that may show text, areas are blanked as rules, regions, reviewers or a search say. Others are refused.",
}
PIXEL_SOURCES = {
    "rule": "a rule for the device",
    "region": "what lies outside of the ultrasound regions",
    "file": "rectangles of a reviewer",
    "label": "the label of a slide",
    "text": "text that a search found",
}
PATIENT_IDS = {
    "pseudonym": "Each patient gets a pseudonym, made from the original ID with a secret key.",
    "table": "Each patient gets the ID that a table of the releasing organisation gives.",
    "text": "All objects with a patient ID have one and the same: patients can't be told apart.",
}
PATIENT_NAMES = {"empty": "Names of patients are removed.", "text": "All objects have one and the same patient name."}
CONFLICTS = {
    "quarantine": "Different objects that claim to be the same are refused.",
    "keep-one": "Of different objects that claim to be the same, one is kept.",
}
SEX = {"M": "male", "F": "female", "O": "other", "?": "another value", "": "not released"}
STATUSES = {"quarantined": "refused", "filtered": "left out", "duplicate": "duplicate"}
#: settings of ``run.json``
SETTINGS = {
    "edition": "edition of PS3.15",
    "options": "profile and options of Annex E",
    "patients": "where new patient IDs come from",
    "uid_root": "beginning of new UIDs",
    "strict": "short texts that no table names become dummies",
    "cap_ages": "ages of 90 years and more become 90 years",
    "date_shift": "how far dates are moved: range and step",
    "patient_name": "what becomes of patients' names",
    "patient_id": "what becomes of patients' IDs",
    "pixels": "what is done with images at risk",
    "verdicts": "decisions of reviewers on single values",
    "trust_burned_in_no": "ultrasound and captures pass that say NO of burned-in text",
    "faces": "what is done with heads in CT, MR and PET",
    "screen": "kept values are searched for known identifiers",
    "pixel_risk_digest": "more kinds of images are refused, by a file",
    "pixel_rules": "files of rules that say what is blanked",
    "slide_labels": "what is done with labels of slides",
    "rectangles": "what reviewers said is to be blanked",
    "text": "how text is looked for in images",
    "weakening_rules": "custom rules that keep more than the standard",
    "more_safe_private": "private attributes called safe beside the standard's list",
    "files": "files of rules, by keyed digest",
    "scope_digest": "a scope separates this release from others; keyed digest",
    "patient_table_digest": "table of patients; keyed digest",
    "conflicts": "what is done with different objects of one identity",
    "replace_changed": "outputs of changed objects are replaced",
    "recheck": "objects of other versions or settings were made anew",
    "object_metadata": "ids beside objects on object storage",
    "settings_digest": "keyed digest of what outputs must agree in",
    "restricted": "file with what names persons and places",
}
#: fields of the restricted settings, for people
PLACES = {
    "inputs": "Input",
    "output": "Output",
    "audit": "Audit tables",
    "key": "Key (its place, never the key)",
    "scope": "Scope of the key",
    "crosswalk": "Crosswalk: names the patients",
    "contact_sheets": "Contact sheets: show patients",
    "census": "Census: the values that stay",
    "patient_table": "Table of patients",
    "uid_map": "Audit whose UID map was imported",
    "uid_map_key": "Key of that map",
    "resume": "Run that this one continues",
    "host": "Machine",
    "user": "User",
    "working_directory": "Started in",
}
#: what the program can't promise: docs/explanation/privacy.md, section 3
LIMITS = (
    (
        "Pixels",
        "Faces, tattoos, jewellery and implants in images are not found. "
        "Text in images is only looked for where this report says so, and some may be missed.",
    ),
    ("Outliers", "A rare disease, an unusual body or a famous patient can be recognized with every name gone."),
    ("Free text", "Cleaned text keeps words, not meanings. A surname that is also a clinical word can stay."),
    ("Private attributes", "That private attributes are safe rests on the word of their vendors, of the object or of a list."),
    (
        "Codes and short texts",
        "A person may have typed a name into a field that the standard does not name. "
        "Known identifiers of the patient are searched there, others are not.",
    ),
    ("Moved dates", "One true date of a patient discloses how far all the patient's dates were moved."),
    ("Linkage", "Releases made with one key and scope can be joined."),
    ("Models", "A model trained on images can reproduce parts of them."),
    ("Dishonest objects", "A false statement in legal form, such as another part of the body, is believed."),
    ("Errors", "Every program has errors. Look at a sample of the objects before each release."),
)


def option_title(name: str) -> str:
    """Return the title of an option of Annex E."""
    return OPTIONS[name][0] if name in OPTIONS else name


def reason_in_words(code: str) -> str:
    """Return a reason code in words."""
    return REASONS.get(code, code)
