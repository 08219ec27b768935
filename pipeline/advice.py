"""Advice about refused objects, by reason."""

from __future__ import annotations

from collections.abc import Iterable

from anonymizer import Reason
from anonymizer.internals import FILTERED

#: reasons that need no action: another object has the same content, or there is no DICOM object
NEEDS_NO_ACTION = FILTERED | {Reason.DUPLICATE_INSTANCE, Reason.OTHER_CONTENT_KEPT}

#: groups of reasons and the sentence for each, in the order in which to act
_ADVICE: tuple[tuple[tuple[Reason, ...], str], ...] = (
    (
        (Reason.UNREADABLE, Reason.CHECKSUM_MISMATCH),
        "run again. If they are refused again, check their permissions, or restore them from a backup.",
    ),
    ((Reason.CHANGED_DURING_RUN,), "run again while nothing writes to the inputs."),
    ((Reason.OUTPUT_UNWRITABLE,), "make the output's folders writable for this user, then run again."),
    ((Reason.OUTPUT_IN_USE,), "run again when no other run is using this output."),
    (
        (Reason.OUTPUT_CONFLICT,),
        "the source changed after its output was written, or was refused since, or another file has its name: give "
        "--replace-changed to replace outputs of earlier runs; move files of other origin away.",
    ),
    (
        (Reason.SOP_INSTANCE_CONFLICT,),
        "different objects share one SOPInstanceUID: give --conflicts keep-one to keep one of each, or remove the wrong ones "
        "from the inputs and run with --resume --recheck.",
    ),
    (
        (Reason.PATIENT_NOT_IN_TABLE,),
        "add the patients to the table (dicom-deid run --print-patients lists them all), then run again.",
    ),
    (
        (Reason.ALIAS_NOT_ENCODABLE,),
        "in --patient-name, --patient-id or --patient-table, use only letters that the objects' character sets have, such as "
        "ASCII.",
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
        "their pixels may identify a person (dicom-deid explain describes each reason): let --options CleanPixelData blank what "
        "rules and reviewers name, or look at them, then give --pixels keep to let them pass as they are.",
    ),
    (
        (Reason.PIXEL_RISK_FACE,),
        "a rendering of the head shows the face: remove faces with another program, or give --faces keep to let heads pass.",
    ),
    (
        (Reason.PIXEL_NO_RULE, Reason.PIXEL_INVALID_REGIONS),
        "nothing says what to blank: look at them (`dicom-deid quarantined` lists them), then write rules for --pixel-rules, or "
        "list rectangles for --rectangles.",
    ),
    (
        (Reason.PIXEL_SIZE_MISMATCH,),
        "rectangles were made for images of another size: give --pixel-rules or --rectangles those of this size.",
    ),
    (
        (Reason.PIXEL_RULE_QUARANTINE,),
        "a rule of --pixel-rules or a line of --rectangles refuses them: nothing to do, unless it is wrong.",
    ),
    (
        (Reason.PIXEL_NESTED_DATA,),
        "a custom rule keeps a sequence with pixels of its own, which nothing blanks: let it be removed.",
    ),
    (
        (Reason.PIXEL_UNSUPPORTED_SYNTAX, Reason.PIXEL_UNSUPPORTED_FORMAT),
        "this program can't clean pixels in this form: decompress or convert them with another, then run again.",
    ),
    (
        (Reason.PIXEL_INVALID_IMAGE, Reason.PIXEL_LENGTH_MISMATCH, Reason.PIXEL_INVALID_FRAMES),
        "the pixels don't match their header (reason_tag names the attribute, if any): fetch the objects from their archive "
        "again, or repair them.",
    ),
    (
        (Reason.PIXEL_CODEC_MISSING,),
        "packages that read and write compressed pixels are missing: install the extra pixels on all workers "
        "(pip install -e '.[pixels]'), then run again. JPEG Baseline and Extended need a Python before 3.14.",
    ),
    (
        (Reason.PIXEL_CODEC_FAILED,),
        "a decoder or encoder of the pixels died, or took more memory or time than it may: fetch the objects from their archive "
        "again, or decompress them with another program.",
    ),
    (
        (Reason.PIXEL_VERIFICATION_FAILED,),
        "pixels were not clean after they had been cleaned: please report it, with the version and this reason.",
    ),
    (
        (Reason.PIXEL_TEXT_NOT_FOUND,),
        "they say that text is in their pixels, and none was found: look at them, then list rectangles for --rectangles, or keep "
        "them there.",
    ),
    (
        (Reason.PIXEL_TEXT_TIMEOUT,),
        "the search for text took too long: give more --text-seconds or a larger --text-every, or list rectangles for "
        "--rectangles.",
    ),
    (
        (Reason.PIXEL_TEXT_REMAINS,),
        "text is found in them whatever is blanked: look at them, then list rectangles for --rectangles.",
    ),
    (
        (Reason.PIXEL_TEXT_ENGINE_MISSING,),
        "packages that find text in pixels are missing: install the extra ocr on all workers (pip install -e '.[ocr]'), then run "
        "again.",
    ),
    (
        (Reason.PIXEL_TEXT_ENGINE_FAILED,),
        "what finds text in pixels died, or took more memory or time than it may: run again with more memory, or list rectangles "
        "for --rectangles.",
    ),
    (
        (Reason.EMBEDDED_OVERLAY,),
        "an overlay lies in compressed pixels, which this program can't change: decompress them with another, then run again.",
    ),
    (
        (Reason.IDENTIFIER_LEFT,),
        "remove the value (see reason_tag) from the original, or remove the attribute with a custom rule.",
    ),
    ((Reason.AUDIO,), "a voice identifies its speaker, and no option lets sound pass: remove the objects from the inputs."),
    (
        (Reason.PRIVATE_SOP_CLASS,),
        "only the vendor knows what private SOP Classes hold, and no option lets them pass: export them as standard objects.",
    ),
    (
        (Reason.UNOPENED_CONTAINER,),
        "unpack these archives, or rename zips and tars so that they end in .zip, .tar, .tar.gz and the like.",
    ),
    (
        (Reason.INVALID_CONTAINER, Reason.CONTAINER_LIMIT, Reason.UNSUPPORTED_MEMBER),
        "unpack these zips and tars with another program, and check their content before you use it as input.",
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
        "the objects are broken (reason_tag names the attribute, if any): fetch them from their archive again, or repair them.",
    ),
    (
        (
            Reason.MISSING_SOP_CLASS_UID,
            Reason.MISSING_SOP_INSTANCE_UID,
            Reason.MISSING_STUDY_INSTANCE_UID,
            Reason.MISSING_SERIES_INSTANCE_UID,
            Reason.INVALID_UID,
        ),
        "the objects lack valid UIDs: fetch them from their archive again, or have their UIDs corrected there.",
    ),
    ((Reason.UID_NOT_IN_MAP,), "the objects changed between the two passes: run again, and report it if it happens again."),
    ((Reason.INTERNAL_ERROR,), "this is an error of this program: please report it, with the version and this reason."),
)
_NAMES = "To list the names of the files: dicom-deid quarantined --input ... --audit ... --key ... (needs inputs and key)."


def advice(reasons: Iterable[str]) -> list[str]:
    """Return sentences that say what to do next: one for each group of reasons, then how to list the files.

    Args:
        reasons: reason codes of objects that were not written.
    """
    present = set(reasons) - {reason.value for reason in NEEDS_NO_ACTION}
    sentences = []
    for kind, sentence in _ADVICE:
        if codes := [reason.value for reason in kind if reason.value in present]:
            sentences.append(f"{', '.join(codes)}: {sentence}")
    return [*sentences, _NAMES] if present else []


def advice_on(reason: Reason) -> str:
    """Return the sentence on one reason; ``""`` where there is none."""
    return next((sentence[:1].upper() + sentence[1:] for kind, sentence in _ADVICE if reason in kind), "")
