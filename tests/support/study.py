"""A small study whose objects refer to each other in the ways that DICOM knows, made with pydicom."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from .objects import COMPREHENSIVE_SR, CT, EXPLICIT, from_dataset

STUDY, FRAME = "1.2.826.0.1.999.5.1", "1.2.826.0.1.999.5.2"
CT_SERIES, MF_SERIES, RT_SERIES, SEG_SERIES, PR_SERIES, KO_SERIES, SR_SERIES = (f"1.2.826.0.1.999.5.3.{n}" for n in range(7))
SLICES = [f"1.2.826.0.1.999.5.4.{n}" for n in range(3)]
MULTI_FRAME, STRUCTURES, SEGMENTS, PRESENTATION, KEY_OBJECTS, REPORT, PLAN, DOSE = (f"1.2.826.0.1.999.5.5.{n}" for n in range(8))
FIDUCIAL, TRACKING = "1.2.826.0.1.999.5.6.1", "1.2.826.0.1.999.5.6.2"

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
RT_STRUCTURES, RT_PLAN, RT_DOSE = (f"1.2.840.10008.5.1.4.1.1.481.{n}" for n in (3, 5, 2))
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
KEY_OBJECT = "1.2.840.10008.5.1.4.1.1.88.59"


def dataset(**values: object) -> Dataset:
    """A data set, or an item, with ``values`` by keyword."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, Sequence(value) if isinstance(value, list) and value and isinstance(value[0], Dataset) else value)
    return made


def reference(sop_class: str, instance: str, **others: object) -> Dataset:
    """An item that refers to an instance."""
    return dataset(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=instance, **others)


def code(value: str, scheme: str = "DCM", meaning: str = "Meaning") -> Dataset:
    """An item of a code sequence."""
    return dataset(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _object(sop_class: str, instance: str, series: str, modality: str, **others: object) -> Dataset:
    return dataset(
        SOPClassUID=UID(sop_class),
        SOPInstanceUID=UID(instance),
        StudyInstanceUID=UID(STUDY),
        SeriesInstanceUID=UID(series),
        PatientName="Doe^Jane",
        PatientID="MRN-4711",
        StudyDate="20200131",
        StudyTime="101500",
        Modality=modality,
        **others,
    )


#: a sectional image of 8 bits, or without a place in the patient, might be a picture of a screen
_PIXELS = {
    "Rows": 2,
    "Columns": 2,
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
}


def _slices() -> Iterator[Dataset]:
    for number, instance in enumerate(SLICES):
        localizer = [reference(CT, SLICES[0])]
        yield _object(
            CT,
            instance,
            CT_SERIES,
            "CT",
            FrameOfReferenceUID=FRAME,
            InstanceNumber=number,
            ImagePositionPatient=[0, 0, number],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelData=b"\0\0\1\0\2\0\3\0",
            ReferencedSeriesSequence=[dataset(SeriesInstanceUID=CT_SERIES, ReferencedInstanceSequence=localizer)],
            ReferencedImageSequence=localizer,
            **_PIXELS,
        )


def _multi_frame() -> Dataset:
    def frame(number: int) -> Dataset:
        source = reference(CT, SLICES[number], PurposeOfReferenceCodeSequence=[code("121322")])
        derivation = dataset(SourceImageSequence=[source], DerivationCodeSequence=[code("113076")])
        content = dataset(DimensionIndexValues=[1, number + 1], StackID="1", InStackPositionNumber=number + 1)
        return dataset(FrameContentSequence=[content], DerivationImageSequence=[derivation])

    return _object(
        ENHANCED_CT,
        MULTI_FRAME,
        MF_SERIES,
        "CT",
        FrameOfReferenceUID=FRAME,
        NumberOfFrames=3,
        PixelData=bytes(24),
        DimensionOrganizationSequence=[dataset(DimensionOrganizationUID="1.2.826.0.1.999.5.7")],
        DimensionIndexSequence=[dataset(DimensionOrganizationUID="1.2.826.0.1.999.5.7", DimensionIndexPointer=0x00209056)],
        PerFrameFunctionalGroupsSequence=[frame(number) for number in range(3)],
        ReferencedSeriesSequence=[
            dataset(SeriesInstanceUID=CT_SERIES, ReferencedInstanceSequence=[reference(CT, uid) for uid in SLICES])
        ],
        **_PIXELS,
    )


def _structures() -> Dataset:
    images = [reference(CT, uid) for uid in SLICES]
    series = dataset(SeriesInstanceUID=CT_SERIES, ContourImageSequence=images)
    study = dataset(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1", ReferencedSOPInstanceUID=STUDY, RTReferencedSeriesSequence=[series]
    )
    contours = [
        dataset(
            ContourImageSequence=[reference(CT, uid)],
            ContourGeometricType="POINT",
            NumberOfContourPoints=1,
            ContourData=[0, 0, number],
        )
        for number, uid in enumerate(SLICES)
    ]
    return _object(
        RT_STRUCTURES,
        STRUCTURES,
        RT_SERIES,
        "RTSTRUCT",
        StructureSetLabel="LABEL",
        ReferencedFrameOfReferenceSequence=[dataset(FrameOfReferenceUID=FRAME, RTReferencedStudySequence=[study])],
        StructureSetROISequence=[dataset(ROINumber=1, ReferencedFrameOfReferenceUID=FRAME, ROIName="Liver")],
        ROIContourSequence=[dataset(ReferencedROINumber=1, ContourSequence=contours)],
    )


def _plan_and_dose() -> Iterator[Dataset]:
    yield _object(
        RT_PLAN,
        PLAN,
        RT_SERIES,
        "RTPLAN",
        RTPlanLabel="LABEL",
        FrameOfReferenceUID=FRAME,
        ReferencedStructureSetSequence=[reference(RT_STRUCTURES, STRUCTURES)],
        ReferencedDoseSequence=[reference(RT_DOSE, DOSE)],
    )
    yield _object(
        RT_DOSE,
        DOSE,
        RT_SERIES,
        "RTDOSE",
        FrameOfReferenceUID=FRAME,
        ReferencedRTPlanSequence=[reference(RT_PLAN, PLAN)],
        PixelData=b"\0\0\1\0\2\0\3\0",
        **_PIXELS,
    )


def _segments() -> Dataset:
    def frame(uid: str) -> Dataset:
        source = reference(CT, uid, PurposeOfReferenceCodeSequence=[code("121322")])
        return dataset(DerivationImageSequence=[dataset(SourceImageSequence=[source])])

    segment = dataset(SegmentNumber=1, SegmentLabel="Liver", TrackingID="lesion", TrackingUID=TRACKING)
    return _object(
        SEGMENTATION,
        SEGMENTS,
        SEG_SERIES,
        "SEG",
        FrameOfReferenceUID=FRAME,
        NumberOfFrames=3,
        PixelData=bytes(2),
        SegmentSequence=[segment],
        ReferencedSeriesSequence=[
            dataset(SeriesInstanceUID=CT_SERIES, ReferencedInstanceSequence=[reference(CT, uid) for uid in SLICES])
        ],
        PerFrameFunctionalGroupsSequence=[frame(uid) for uid in SLICES],
        **(_PIXELS | {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}),
    )


def _presentation() -> Dataset:
    images = [reference(CT, uid) for uid in SLICES]
    graphic = dataset(GraphicAnnotationUnits="PIXEL", GraphicDimensions=2, NumberOfGraphicPoints=1, GraphicData=[1.0, 2.0])
    note = dataset(BoundingBoxAnnotationUnits="PIXEL", UnformattedTextValue="MRI brain Jane Doe")
    annotation = dataset(
        ReferencedImageSequence=images[:1], GraphicLayer="LAYER", TextObjectSequence=[note], GraphicObjectSequence=[graphic]
    )
    area = dataset(ReferencedImageSequence=images, PresentationSizeMode="SCALE TO FIT")
    return _object(
        GSPS,
        PRESENTATION,
        PR_SERIES,
        "PR",
        ContentLabel="LABEL",
        PresentationCreationDate="20200131",
        PresentationCreationTime="101500",
        ReferencedSeriesSequence=[dataset(SeriesInstanceUID=CT_SERIES, ReferencedImageSequence=images)],
        GraphicAnnotationSequence=[annotation],
        DisplayedAreaSelectionSequence=[area],
    )


def evidence() -> list[Dataset]:
    """The items of CurrentRequestedProcedureEvidenceSequence."""
    slices = dataset(SeriesInstanceUID=CT_SERIES, ReferencedSOPSequence=[reference(CT, uid) for uid in SLICES])
    segments = dataset(SeriesInstanceUID=SEG_SERIES, ReferencedSOPSequence=[reference(SEGMENTATION, SEGMENTS)])
    return [dataset(StudyInstanceUID=STUDY, ReferencedSeriesSequence=[slices, segments])]


def item(value_type: str, name: Dataset | None, relationship: str = "CONTAINS", **values: object) -> Dataset:
    """A content item."""
    named = {} if name is None else {"ConceptNameCodeSequence": [name]}
    return dataset(RelationshipType=relationship, ValueType=value_type, **named, **values)


def _key_objects() -> Dataset:
    image = item("IMAGE", None, ReferencedSOPSequence=[reference(CT, SLICES[1])])
    return _object(
        KEY_OBJECT,
        KEY_OBJECTS,
        KO_SERIES,
        "KO",
        ValueType="CONTAINER",
        ContinuityOfContent="SEPARATE",
        ConceptNameCodeSequence=[code("113000", meaning="Of Interest")],
        CurrentRequestedProcedureEvidenceSequence=evidence(),
        ContentSequence=[image],
    )


def _report() -> Dataset:
    """A report in which an item that goes stands before the ones that others refer to."""
    accession = item("TEXT", code("121022", meaning="Accession Number"), TextValue="ACC-4711")
    picture = item("IMAGE", code("999001", "99LOCAL"), ReferencedSOPSequence=[reference(CT, SLICES[2])])
    inner_picture = item("IMAGE", code("999007", "99LOCAL"), ReferencedSOPSequence=[reference(CT, SLICES[1])])
    segment = item(
        "IMAGE",
        code("999002", "99LOCAL"),
        ReferencedSOPSequence=[reference(SEGMENTATION, SEGMENTS, ReferencedSegmentNumber=1)],
    )
    whole = item("COMPOSITE", code("999003", "99LOCAL"), ReferencedSOPSequence=[reference(RT_STRUCTURES, STRUCTURES)])
    tracking = item("UIDREF", code("112040", meaning="Tracking Unique Identifier"), UID=TRACKING)
    source = item(
        "CONTAINER", code("999004", "99LOCAL"), ContinuityOfContent="SEPARATE", ContentSequence=[accession, inner_picture]
    )
    region = item(
        "SCOORD",
        code("999005", "99LOCAL"),
        GraphicType="POINT",
        GraphicData=[1.0, 2.0],
        ContentSequence=[
            item("IMAGE", None, "SELECTED FROM", ReferencedSOPSequence=[reference(CT, SLICES[0])]),
        ],
    )
    distance = item(
        "NUM",
        code("999006", "99LOCAL"),
        MeasuredValueSequence=[dataset(NumericValue="7.25", MeasurementUnitsCodeSequence=[code("mm", "UCUM")])],
        # the root is 1; the accession number is its first item and goes
        ContentSequence=[
            dataset(RelationshipType="INFERRED FROM", ReferencedContentItemIdentifier=[1, 3]),
            dataset(RelationshipType="INFERRED FROM", ReferencedContentItemIdentifier=[1, 2, 2]),
            dataset(RelationshipType="INFERRED FROM", ReferencedContentItemIdentifier=[1, 1]),
            dataset(RelationshipType="INFERRED FROM", ReferencedContentItemIdentifier=[1, 7]),
        ],
    )
    children = [accession, source, picture, segment, whole, tracking, region, distance]
    return _object(
        COMPREHENSIVE_SR,
        REPORT,
        SR_SERIES,
        "SR",
        ContentDate="20200131",
        ContentTime="101500",
        CompletionFlag="COMPLETE",
        VerificationFlag="UNVERIFIED",
        ValueType="CONTAINER",
        ContinuityOfContent="SEPARATE",
        ConceptNameCodeSequence=[code("126000", meaning="Imaging Measurement Report")],
        CurrentRequestedProcedureEvidenceSequence=evidence(),
        ContentSequence=[_copy(child) for child in children],
    )


def _copy(item: Dataset) -> Dataset:
    """An item for another place: pydicom's items know where they stand."""
    return Dataset.from_json(item.to_json())


def study() -> dict[str, Dataset]:
    """The study's objects by their SOP Instance UIDs."""
    objects = [
        *_slices(),
        _multi_frame(),
        _structures(),
        *_plan_and_dose(),
        _segments(),
        _presentation(),
        _key_objects(),
        _report(),
    ]
    return {str(made.SOPInstanceUID): made for made in objects}


def files(syntax: str = EXPLICIT) -> dict[str, bytes]:
    """The study's files by the SOP Instance UIDs of their objects."""
    return {uid: from_dataset(made, syntax) for uid, made in study().items()}
