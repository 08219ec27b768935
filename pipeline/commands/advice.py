"""What to do next about objects that were refused, by reason."""

from __future__ import annotations

from collections.abc import Iterable

from anonymizer import Reason
from anonymizer.internals import FILTERED

#: what was refused has nothing that anybody should do: another object says the same, or there is none
NEEDS_NO_ACTION = FILTERED | {Reason.DUPLICATE_INSTANCE, Reason.OTHER_CONTENT_KEPT}

#: reasons that one sentence is for, and the sentence, in the order in which it is best done
_ADVICE: tuple[tuple[tuple[Reason, ...], str], ...] = (
    (
        (Reason.UNREADABLE, Reason.CHECKSUM_MISMATCH),
        "run again; what is refused again can't be read where it lies: check its permissions, or restore it from a backup.",
    ),
    ((Reason.CHANGED_DURING_RUN,), "run again when nothing writes to the inputs."),
    ((Reason.OUTPUT_UNWRITABLE,), "make the output's folders writable for this user, then run again."),
    ((Reason.OUTPUT_IN_USE,), "run again when no other run is at work on this output."),
    (
        (Reason.OUTPUT_CONFLICT,),
        "the source changed since its output was written, or something else has its name there: --replace-changed replaces "
        "what an earlier run wrote; move away what none did.",
    ),
    (
        (Reason.SOP_INSTANCE_CONFLICT,),
        "different objects share one SOPInstanceUID: --conflicts keep-one keeps one of each; or take the wrong ones away, then "
        "run with --resume --recheck.",
    ),
    ((Reason.PATIENT_NOT_IN_TABLE,), "add the patients to the table (run --print-patients lists all), then run again."),
    (
        (Reason.ALIAS_NOT_ENCODABLE,),
        "give names and IDs of letters that the objects' character sets have (ASCII always will do) to --patient-name, "
        "--patient-id or --patient-table.",
    ),
    (
        (
            Reason.BURNED_IN_ANNOTATION,
            Reason.PIXEL_SPECIMEN_LABEL,
            Reason.PIXEL_SLIDE_OVERVIEW,
            Reason.PIXEL_RECOGNIZABLE_FEATURES,
            Reason.PIXEL_RISK_ULTRASOUND,
            Reason.PIXEL_RISK_SECONDARY_CAPTURE,
            Reason.PIXEL_RISK_PHOTOGRAPH,
            Reason.PIXEL_RISK_ENDOSCOPY,
            Reason.PIXEL_RISK_MICROSCOPY,
            Reason.PIXEL_RISK_OPHTHALMOLOGY,
            Reason.PIXEL_RISK_ANGIOGRAPHY,
            Reason.PIXEL_RISK_SCREEN_CAPTURE,
            Reason.PIXEL_RISK_DIGITIZED,
            Reason.PIXEL_RISK_UNKNOWN_CLASS,
            Reason.PIXEL_RISK_SITE,
        ),
        "their pixels may show who somebody is, so they were refused: look at them; --pixels keep lets them pass "
        "(dicom-deid explain says why for each reason).",
    ),
    (
        (Reason.PIXEL_RISK_FACE,),
        "a rendering shows the face, so they were refused: remove the faces with another program; --faces keep lets heads pass.",
    ),
    (
        (Reason.EMBEDDED_OVERLAY,),
        "an overlay lies in pixels that can't be changed here: decompress the objects with another program, then run again.",
    ),
    ((Reason.IDENTIFIER_LEFT,), "take the value (see reason_tag) out of the original, or remove the attribute by a rule."),
    ((Reason.AUDIO,), "a voice identifies its speaker: no option lets sound pass; leave it out."),
    (
        (Reason.PRIVATE_SOP_CLASS,),
        "what private classes hold is their vendor's secret: no option lets them pass; export them as standard objects.",
    ),
    ((Reason.UNOPENED_CONTAINER,), "unpack them, or give zips and tars names that end in .zip, .tar, .tar.gz and the like."),
    (
        (Reason.INVALID_CONTAINER, Reason.CONTAINER_LIMIT, Reason.UNSUPPORTED_MEMBER),
        "unpack these zips and tars with another program, and look at what is in them before they are an input again.",
    ),
    (
        (Reason.TRANSFER_SYNTAX_MISMATCH, Reason.UNSUPPORTED_TRANSFER_SYNTAX),
        "convert the objects to a standard transfer syntax with another program, or fetch them from their archive again.",
    ),
    (
        (
            Reason.TRUNCATED,
            Reason.INVALID_LENGTH,
            Reason.INVALID_VR,
            Reason.VR_MISMATCH,
            Reason.INVALID_VALUE,
            Reason.STRAY_DELIMITER,
            Reason.INVALID_ITEM,
            Reason.INVALID_FRAGMENTS,
            Reason.INVALID_DEFLATE,
            Reason.NESTING_TOO_DEEP,
            Reason.ELEMENTS_OUT_OF_ORDER,
            Reason.HEADER_TOO_LARGE,
            Reason.UNDECODABLE_TEXT,
            Reason.INVALID_FILE_META,
        ),
        "the objects are broken, where reason_tag names an attribute at that: fetch them from their archive again or mend them.",
    ),
    (
        (
            Reason.MISSING_SOP_CLASS_UID,
            Reason.MISSING_SOP_INSTANCE_UID,
            Reason.MISSING_STUDY_INSTANCE_UID,
            Reason.MISSING_SERIES_INSTANCE_UID,
            Reason.INVALID_UID,
        ),
        "the objects don't say what they are: fetch them from their archive again, or have their UIDs mended there.",
    ),
    ((Reason.UID_NOT_IN_MAP,), "the objects were other ones when they were read again: run again; if it stays, report it."),
    ((Reason.INTERNAL_ERROR,), "an error of this program: please report it, with the version and this reason."),
)
_NAMES = "Which files they are: dicom-deid quarantined --input ... --audit ... --key ... lists them, for who has inputs and key."


def advice(reasons: Iterable[str]) -> list[str]:
    """Say what to do next: a sentence for each kind of reason that is present, then how to find the files.

    Args:
        reasons: codes of objects that weren't written.
    """
    present = set(reasons) - {reason.value for reason in NEEDS_NO_ACTION}
    sentences = []
    for kind, sentence in _ADVICE:
        if codes := [reason.value for reason in kind if reason.value in present]:
            sentences.append(f"{', '.join(codes)}: {sentence}")
    return [*sentences, _NAMES] if present else []
