"""Triage: which objects leave, which are refused and why; judged by the engine's outputs, in every encoding."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from anonymizer import Anonymizer, DeidentificationError
from profiles import ConfidentialityProfile
from profiles.dictionary import uids_by_keyword
from tests.support.objects import (
    CT,
    DEFLATED,
    ENCAPSULATED_PDF,
    EXPLICIT,
    IMPLICIT,
    MR,
    SC,
    SYNTAXES,
    Element,
    ct,
    from_dataset,
    nested,
    part10,
    read,
)
from tests.support.running import engine, outcome, reason, rewrite, rewrite_with_report

US, US_CINE = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"
WSI = uids_by_keyword()["VLWholeSlideMicroscopyImageStorage"]
XA, CR, NM = (uids_by_keyword()[f"{name}ImageStorage"] for name in ("XRayAngiographic", "ComputedRadiography", "NuclearMedicine"))
DX, DX_RAW = (uids_by_keyword()[f"DigitalXRayImageStorageFor{name}"] for name in ("Presentation", "Processing"))
MG, OP, PHOTO, ENDOSCOPY = (
    uids_by_keyword()[name]
    for name in (
        "DigitalMammographyXRayImageStorageForPresentation",
        "OphthalmicPhotography8BitImageStorage",
        "VLPhotographicImageStorage",
        "VLEndoscopicImageStorage",
    )
)
RT_IMAGE, RT_DOSE, SEG, SR, GSPS, KO, ECG = (
    uids_by_keyword()[name]
    for name in (
        "RTImageStorage",
        "RTDoseStorage",
        "SegmentationStorage",
        "ComprehensiveSRStorage",
        "GrayscaleSoftcopyPresentationStateStorage",
        "KeyObjectSelectionDocumentStorage",
        "TwelveLeadECGWaveformStorage",
    )
)
ENHANCED_CT, PET = "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.128"
STANDARD_BUT_UNLISTED = "1.2.840.10008.5.1.4.1.1.501.1"

BURNED_IN, FEATURES, LABEL, TYPE = 0x00280301, 0x00280302, 0x00480010, 0x00080008
SAMPLES, ALLOCATED, STORED = 0x00280002, 0x00280100, 0x00280101
POSITION, ORIENTATION = 0x00200032, 0x00200037
CONVERSION, CAPTURE_DEVICE = 0x00080064, 0x00181016
DOCUMENT = 0x00420011

WRITTEN = ""
Case = tuple[str, list[Element], str]


def image_type(text: str) -> Element:
    return Element(TYPE, "CS", text)


def annotated(text: str) -> Element:
    return Element(BURNED_IN, "CS", text)


NO = annotated("NO")

ADMITTING: list[Case] = [
    *((CT, [annotated(said)], "burned-in-annotation") for said in ("YES", "Y", "yes ", "UNKNOWN", "NO\\YES", "N")),
    *((CT, [annotated(said)], WRITTEN) for said in ("NO", "NO ", "no", "", "NO\\", "NO\\NO")),
    # what stands around a NUL
    *((CT, [Element(BURNED_IN, "CS", said)], "burned-in-annotation") for said in (b"\0YES", b"NO\0YES\0", b"\0\0Y\0")),
    (CT, [Element(TYPE, "CS", b"A\\B\\\0LABEL\0")], "pixel-specimen-label"),
    (CT, [Element(TYPE, "CS", b"A\\B\\LABEL\0X\0")], "pixel-specimen-label"),
    (XA, [Element(BURNED_IN, "CS", b"NO\0\0")], WRITTEN),
    # so long that nobody reads it to its end
    (CT, [Element(BURNED_IN, "UN", b"\\".join([b"NO"] * 30_000))], "burned-in-annotation"),
    *((CT, [Element(FEATURES, "CS", said)], "pixel-recognizable-features") for said in ("YES", "Y")),
    *((CT, [Element(FEATURES, "CS", said)], WRITTEN) for said in ("NO", "")),
    (CT, [Element(LABEL, "CS", "YES")], "pixel-specimen-label"),
    (WSI, [image_type("ORIGINAL\\PRIMARY\\VOLUME\\NONE"), Element(LABEL, "CS", "YES"), NO], "pixel-specimen-label"),
    (WSI, [image_type("ORIGINAL\\PRIMARY\\LABEL\\NONE"), NO], "pixel-specimen-label"),
    (WSI, [image_type("ORIGINAL\\PRIMARY\\label"), annotated("YES")], "pixel-specimen-label"),
    (WSI, [image_type("DERIVED\\PRIMARY\\OVERVIEW\\NONE"), NO], "pixel-slide-overview"),
    # what it admits, it admits whatever the class
    (SEG, [annotated("YES")], "burned-in-annotation"),
    (US, [annotated("YES")], "burned-in-annotation"),
    (SC, [Element(FEATURES, "CS", "YES")], "pixel-recognizable-features"),
]
BY_CLASS: list[Case] = [
    *((sop_class, [said], "pixel-risk-ultrasound") for sop_class in (US, US_CINE) for said in (NO, annotated(""))),
    *((SC, [said], "pixel-risk-secondary-capture") for said in (NO, annotated(""))),
    *(
        (sop_class, [], code)
        for sop_class, code in ((PHOTO, "photograph"), (ENDOSCOPY, "endoscopy"), (OP, "ophthalmology"), (XA, "angiography"))
    ),
    *((sop_class, [NO], WRITTEN) for sop_class in (PHOTO, ENDOSCOPY, OP, XA)),
    (WSI, [], "microscopy"),
    (WSI, [image_type("ORIGINAL\\PRIMARY\\LOCALIZER\\RESAMPLED")], "microscopy"),
    (WSI, [image_type("ORIGINAL\\PRIMARY\\LOCALIZER\\RESAMPLED"), NO], WRITTEN),
    (WSI, [image_type("DERIVED\\PRIMARY\\VOLUME\\RESAMPLED")], WRITTEN),
    (WSI, [image_type("DERIVED\\PRIMARY\\THUMBNAIL\\RESAMPLED"), Element(LABEL, "CS", "NO")], WRITTEN),
    (STANDARD_BUT_UNLISTED, [NO], "unknown-class"),
]
SECTIONAL: list[Case] = [
    *((sop_class, [Element(SAMPLES, "US", 3)], "screen-capture") for sop_class in (CT, MR, PET, ENHANCED_CT)),
    *((sop_class, [Element(ALLOCATED, "US", 8)], "screen-capture") for sop_class in (CT, MR, PET)),
    (CT, [Element(ALLOCATED, "US", 16), Element(STORED, "US", 8)], "screen-capture"),
    (CT, [Element(SAMPLES, "US", 3), NO], WRITTEN),
    (CT, [Element(ORIENTATION, "DS", "")], "screen-capture"),
    (CT, [Element(ORIENTATION, "DS", ""), NO], WRITTEN),
    (CT, [Element(ORIENTATION, "DS", ""), Element(POSITION, "DS", "1\\2\\3")], WRITTEN),
    (ENHANCED_CT, [Element(ORIENTATION, "DS", ""), Element(0x52009229, "SQ", [[Element(0x00289110, "SQ", [])]])], WRITTEN),
    *(
        (CT, [image_type(f"DERIVED\\SECONDARY\\{name}")], "screen-capture")
        for name in ("SCREEN SAVE", "SCREENSAVE", "OTHER\\CT_SOM5 PROT", "DOSE REPORT", "Dose_Info", "SCREEN CAPTURE")
    ),
    *(
        (CT, [image_type(text)], WRITTEN)
        for text in ("DERIVED\\SECONDARY", "DERIVED\\SECONDARY\\MPR\\CSA MPR", "ORIGINAL\\PRIMARY\\AXIAL")
    ),
    (MR, [image_type("ORIGINAL\\PRIMARY\\PROTON_DENSITY\\NONE")], WRITTEN),
    *(
        (CT, [Element(ORIENTATION, "DS", text), Element(POSITION, "DS", text)], "screen-capture")
        for text in ("  ", b"\0\0", " \\")
    ),
    # reformats say so, too
    (CT, [Element(CONVERSION, "CS", "WSD")], WRITTEN),
]
OTHERS: list[Case] = [
    *((sop_class, [Element(CONVERSION, "CS", "DF")], "digitized") for sop_class in (CR, DX, MG, NM, RT_IMAGE)),
    *((sop_class, [Element(CAPTURE_DEVICE, "LO", "Scanner")], "digitized") for sop_class in (CR, DX, MG)),
    (CR, [Element(CONVERSION, "CS", "SD"), NO], WRITTEN),
    (CR, [Element(CONVERSION, "CS", "  ")], WRITTEN),
    (DX, [image_type("DERIVED\\SECONDARY\\SCREEN SAVE")], "screen-capture"),
    (RT_IMAGE, [Element(CONVERSION, "CS", "WSD")], WRITTEN),
    *((sop_class, [], WRITTEN) for sop_class in (CR, DX, DX_RAW, MG, NM, SEG, SR, GSPS, KO, ECG, RT_IMAGE, RT_DOSE)),
    (SEG, [Element(ALLOCATED, "US", 1), Element(SAMPLES, "US", 1)], WRITTEN),
]


def code(short: str) -> str:
    return short if not short or short.startswith(("pixel-", "burned-")) else f"pixel-risk-{short}"


def said(blob: bytes, **settings: object) -> str:
    result = outcome(blob, engine(**settings))  # type: ignore[arg-type]
    return result if isinstance(result, str) else WRITTEN


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(("sop_class", "elements", "expected"), [*ADMITTING, *BY_CLASS, *SECTIONAL, *OTHERS])
def test_what_leaves_and_what_does_not(sop_class: str, elements: list[Element], expected: str, syntax: str) -> None:
    blob = part10(ct(*elements, sop_class=sop_class), SYNTAXES[syntax], sop_class=sop_class)
    assert said(blob) == code(expected)


@pytest.mark.parametrize("vr", ["IS", "UN", "LO", "US"])
def test_numbers_in_other_forms_are_understood(vr: str) -> None:
    value = "3" if vr in ("IS", "LO") else b"\3\0"
    result = said(part10(ct(Element(SAMPLES, vr, value))))
    assert result in (code("screen-capture"), "vr-mismatch")


@pytest.mark.parametrize("tag", [BURNED_IN, FEATURES, LABEL])
@pytest.mark.parametrize("undefined", [True, False])
def test_what_an_item_admits_counts_too(tag: int, undefined: bool) -> None:
    for levels in (1, 3):
        assert said(part10(ct(NO, nested(levels, Element(tag, "CS", "YES"), undefined=undefined)))) != WRITTEN
        assert said(part10(ct(NO, nested(levels, Element(tag, "CS", "NO"), undefined=undefined)))) == WRITTEN


@pytest.mark.parametrize("own", [[], [annotated("")], [annotated("YES")]], ids=["none", "empty", "yes"])
def test_what_an_item_denies_clears_nothing(own: list[Element]) -> None:
    for sop_class in (XA, ENDOSCOPY):
        blob = part10(ct(*own, nested(1, NO), sop_class=sop_class), sop_class=sop_class)
        assert said(blob) != WRITTEN
        assert said(blob, pixels="keep") == WRITTEN


@pytest.mark.parametrize("tag", [0x7F000010, 0x7FE00020, None])
def test_pixels_elsewhere_are_pixels(tag: int | None) -> None:
    """In retired groups, and in an item that stays."""
    pixels = Element(tag or 0x7FE00010, "OW", bytes(8))
    where = pixels if tag else Element(0x20200110, "SQ", [[Element(0x00280010, "US", 2), pixels]])
    assert said(part10(ct(where, sop_class=US, without=[0x7FE00010]), sop_class=US)) == code("ultrasound")


def test_a_class_is_no_risk_without_pixels() -> None:
    blob = part10(ct(sop_class=US, without=[0x7FE00010]), sop_class=US)
    assert said(blob) == WRITTEN
    assert said(part10(ct(Element(0x7FE00010, "OW", b""), sop_class=US), sop_class=US)) == WRITTEN
    for tag, vr in ((0x7FE00008, "OF"), (0x7FE00009, "OD")):
        floats = ct(Element(tag, vr, bytes(16)), sop_class=US, without=[0x7FE00010])
        assert said(part10(floats, sop_class=US)) == code("ultrasound")


@pytest.mark.parametrize("rule", ["BurnedInAnnotation;X", "BurnedInAnnotation;D", "00280301;Z", "ImageType;X"])
def test_originals_are_judged_whatever_a_rule_makes_of_them(rule: str) -> None:
    profile = ConfidentialityProfile.from_csv_string(rule)
    for elements, sop_class in (([annotated("YES")], CT), ([image_type("A\\B\\SCREEN SAVE")], CT), ([], US)):
        with pytest.raises(DeidentificationError, match=r"pixel|burned"):
            Anonymizer(profile).anonymize(part10(ct(*elements, sop_class=sop_class), sop_class=sop_class))


def test_pixels_that_a_rule_removes_show_nothing() -> None:
    profile = ConfidentialityProfile.from_csv_string("PixelData;X")
    output = read(Anonymizer(profile).anonymize(part10(ct(sop_class=US), sop_class=US)))
    assert "PixelData" not in output


def test_no_clears_captures_and_ultrasound_only_on_request() -> None:
    trusting = Anonymizer(ConfidentialityProfile.default(trust_burned_in_no=True))
    for sop_class in (US, US_CINE, SC):
        output = read(trusting.anonymize(part10(ct(NO, sop_class=sop_class), sop_class=sop_class)))
        assert output.PatientIdentityRemoved == "YES"
        with pytest.raises(DeidentificationError):
            trusting.anonymize(part10(ct(sop_class=sop_class), sop_class=sop_class))


# -- kept ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("options", ["", "CleanDesc"])
def test_a_kept_object_does_not_claim_that_the_identity_is_gone(syntax: str, options: str) -> None:
    keeping = engine(options, pixels="keep")
    # more bytes than are read first stand between the stamps and what the object is judged by
    long = Element(0x00280301 - 0xE0, "OW", bytes(200_000))
    blob = part10(ct(Element(BURNED_IN, "CS", "YES"), long), SYNTAXES[syntax])
    output, report = rewrite_with_report(blob, keeping)
    dataset = read(output)
    assert dataset.PatientIdentityRemoved == "NO"
    codes = [item.CodeValue for item in dataset.get("DeidentificationMethodCodeSequence") or []]
    assert codes == (["113105"] if options else [])
    assert ("DeidentificationMethodCodeSequence" in dataset) == bool(options)
    assert dataset.BurnedInAnnotation == "YES"
    assert [risk.value for risk in report.pixel_risks] == ["burned-in-annotation"]
    safe, report = rewrite_with_report(part10(ct(NO, long), SYNTAXES[syntax]), keeping)
    assert read(safe).PatientIdentityRemoved == "YES"
    assert report.pixel_risks == ()
    assert safe == rewrite(part10(ct(NO, long), SYNTAXES[syntax]), engine(options))


def test_a_kept_object_loses_the_claim_of_an_earlier_de_identification() -> None:
    claims = [
        [Element(0x00080100, "SH", value), Element(0x00080102, "SH", scheme), Element(0x00080104, "LO", "x")]
        for value, scheme in (("113100", "DCM"), (" 113100", "dcm"), ("113100", ""), ("113107", "DCM"))
    ]
    blob = part10(ct(annotated("YES"), Element(0x00120062, "CS", "YES"), Element(0x00120064, "SQ", claims)))
    dataset = read(rewrite(blob, engine(pixels="keep")))
    assert dataset.PatientIdentityRemoved == "NO"
    assert [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence] == ["113107"]


def test_all_risks_are_told_the_gravest_first() -> None:
    blob = part10(ct(annotated("YES"), Element(FEATURES, "CS", "YES"), sop_class=US), sop_class=US)
    expected = ["burned-in-annotation", "pixel-recognizable-features", "pixel-risk-ultrasound"]
    with pytest.raises(DeidentificationError, match=r"burned-in-annotation at \(0028,0301\)") as error:
        rewrite(blob)
    assert [risk.value for risk in error.value.pixel_risks] == expected
    _, report = rewrite_with_report(blob, engine(pixels="keep"))
    assert [risk.value for risk in report.pixel_risks] == expected


# -- documents -------------------------------------------------------------------------------------------------------------


def pdf(*extra: Element) -> bytes:
    elements = [Element(DOCUMENT, "OB", b"%PDF-1.4"), Element(0x00420012, "LO", "application/pdf"), annotated("YES"), *extra]
    return part10(ct(*elements, sop_class=ENCAPSULATED_PDF, without=[0x7FE00010]), sop_class=ENCAPSULATED_PDF)


@pytest.mark.parametrize("pixels", ["quarantine", "keep"])
def test_a_document_that_is_replaced_says_no(pixels: str) -> None:
    said_of_it = [Element(CONVERSION, "CS", "WSD"), Element(FEATURES, "CS", "YES"), Element(LABEL, "CS", "YES")]
    dataset = read(rewrite(pdf(*said_of_it), engine(pixels=pixels)))
    assert dataset.BurnedInAnnotation == dataset.RecognizableVisualFeatures == dataset.SpecimenLabelInImage == "NO"
    assert dataset.PatientIdentityRemoved == "YES"


def test_a_document_that_is_kept_is_judged() -> None:
    kept = ConfidentialityProfile.from_csv_string("EncapsulatedDocument;K!")
    with pytest.raises(DeidentificationError, match="burned-in"):
        Anonymizer(kept).anonymize(pdf())


def test_a_document_with_pixels_beside_it_is_judged() -> None:
    pixels = Element(0x7FE00010, "OW", bytes(8))
    beside = ct(Element(DOCUMENT, "OB", b"%PDF-1.4"), annotated("YES"), pixels, sop_class=ENCAPSULATED_PDF)
    assert said(part10(beside, sop_class=ENCAPSULATED_PDF)) == "burned-in-annotation"
    # a long document is on its way before its neighbours are known
    long = ct(Element(DOCUMENT, "OB", bytes(9 << 20)), annotated("YES"), pixels, sop_class=ENCAPSULATED_PDF)
    with pytest.raises(DeidentificationError) as error:
        rewrite(part10(long, sop_class=ENCAPSULATED_PDF), engine(pixels="keep"))
    assert [risk.value for risk in error.value.pixel_risks] == ["burned-in-annotation", "pixel-risk-unknown-class"]


@pytest.mark.parametrize("sop_class", [ENCAPSULATED_PDF, "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.481.3"])
def test_pixels_in_a_class_that_has_none_are_nobodys(sop_class: str) -> None:
    """Nobody has judged what they show; without pixels such objects pass."""
    assert said(part10(ct(sop_class=sop_class), sop_class=sop_class)) == ""
    pixels = Element(0x7FE00010, "OW", bytes(8))
    assert said(part10(ct(pixels, sop_class=sop_class), sop_class=sop_class)) == "pixel-risk-unknown-class"


# -- Python ----------------------------------------------------------------------------------------------------------------


def test_python_refuses_and_keeps_as_the_command_does() -> None:
    dataset = read(part10(ct(sop_class=US), sop_class=US))
    plain = Dataset()
    plain.update({element.tag: element for element in dataset})
    for given in (dataset, plain, from_dataset(dataset, IMPLICIT), part10(ct(sop_class=US), DEFLATED, sop_class=US)):
        with pytest.raises(DeidentificationError) as error:
            Anonymizer().anonymize(given)
        assert error.value.reason.value == "pixel-risk-ultrasound"
        for keeping in (
            Anonymizer(pixels="keep"),
            Anonymizer(keep_burned_in=True),
            Anonymizer(ConfidentialityProfile.default(pixels="keep")),
        ):
            kept = keeping.anonymize(given)
            assert (read(kept) if isinstance(kept, bytes) else kept).PatientIdentityRemoved == "NO"


def test_pixels_of_no_class_are_refused() -> None:
    dataset = Dataset()
    dataset.PatientName = "Doe^Jane"
    assert Anonymizer().anonymize(dataset).PatientName == ""
    dataset.Rows = dataset.Columns = 2
    dataset.add_new(0x7FE00010, "OW", b"\1\2\3\4")
    with pytest.raises(DeidentificationError, match="unknown-class"):
        Anonymizer().anonymize(dataset)


def test_objects_of_one_engine_do_not_judge_each_other() -> None:
    using = engine()
    safe, risky = part10(ct()), part10(ct(image_type("DERIVED\\SECONDARY\\SCREEN SAVE")))
    for _ in range(3):
        for _ in range(20):
            rewrite(safe, using)
        assert reason(risky, using) == code("screen-capture")
        assert reason(part10(ct(SC_ELEMENT, sop_class=SC), sop_class=SC), using) == code("secondary-capture")
        assert said(part10(ct(), EXPLICIT)) == WRITTEN


SC_ELEMENT = Element(CONVERSION, "CS", "WSD")
