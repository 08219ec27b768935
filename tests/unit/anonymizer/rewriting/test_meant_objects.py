"""Objects at no risk that a site's own rule or a reviewer speaks of: somebody knows more than the table of risks."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pydicom
import pytest
from pydicom.datadict import DicomDictionary

from anonymizer import DeidentificationError, Key, Reason
from anonymizer.internals import Engine
from profiles import ConfidentialityProfile
from profiles.pixels import ADMITTING
from tests.support.labelled_pixels import Kind
from tests.support.objects import CT, EXPLICIT, Element, bundled_files, read
from tests.support.pixel_archive import ULTRASOUND, check_cleaned, image
from tests.support.running import SECRET, rewrite, rewrite_with_report

SIGNED = Kind("MONOCHROME2", 16, 12, 11, True, syntax=EXPLICIT)
PLACE = Element(0x00200032, "DS", "0\\0\\0"), Element(0x00200037, "DS", "1\\0\\0\\0\\1\\0")
SLICE = image(SIGNED, 3, *PLACE, sop_class=CT)
BOXES = [(0, 0, 59, 10), (0, 27, 59, 37)]
HEAD = "name,condition,rows,columns,outcome,blank,keep,provenance\n"
UID = str(read(SLICE.blob).SOPInstanceUID)


def engine(rules: str = "", rectangles: str = "") -> Engine:
    files = {
        "pixel_rules": io.StringIO(HEAD + rules) if rules else None,
        "rectangles": io.StringIO(f"sop_instance_uid,rows,columns,blank,outcome,reviewer\n{rectangles}") if rectangles else None,
    }
    return Engine(ConfidentialityProfile.default("CleanPixelData", **files), Key(SECRET))  # type: ignore[arg-type]


def refusal(blob: bytes, using: Engine) -> Reason:
    with pytest.raises(DeidentificationError) as refused:
        rewrite(blob, using)
    assert refused.value.pixel_risks == ()
    return refused.value.reason


def test_without_either_it_passes() -> None:
    output, report = rewrite_with_report(SLICE.blob, engine())
    assert (report.pixels, report.pixel_risks) == (None, ())
    assert read(output).PixelData == read(SLICE.blob).PixelData


@pytest.mark.parametrize("condition", ["Manufacturer = ACME", "Rows = 37 and ImagePositionPatient is present"])
def test_a_rule_blanks_it(condition: str) -> None:
    using = engine(f'slices,"{condition}",37,59,clean,"0,0,59,10;0,27,59,37",,a test\n')
    output, report = rewrite_with_report(SLICE.blob, using)
    check_cleaned(SLICE, output, BOXES)
    assert report.pixels is not None and report.pixels.verdict == "verified" and report.pixel_risks == ()
    assert "DerivationDescription" in read(output)


@pytest.mark.parametrize(
    ("outcome", "expected"), [("quarantine", Reason.PIXEL_RULE_QUARANTINE), ("drop", Reason.PIXEL_RULE_DROP)]
)
def test_a_rule_refuses_it(outcome: str, expected: Reason) -> None:
    assert refusal(SLICE.blob, engine(f"slices,Modality = US,,,{outcome},,,a test\n")) is expected


@pytest.mark.parametrize("rule", ["slices,Modality = CT,,,drop,,,a test\n", "slices,Modality = US,,,keep,,,a test\n"])
def test_a_rule_for_others_and_one_that_keeps_change_nothing(rule: str) -> None:
    assert rewrite(SLICE.blob, engine(rule)) == rewrite(SLICE.blob, engine())


def test_a_reviewer_blanks_it_keeps_it_or_has_seen_another_image() -> None:
    output = rewrite(SLICE.blob, engine(rectangles=f'{UID},37,59,"0,0,59,10;0,27,59,37",,Doe\n'))
    check_cleaned(SLICE, output, BOXES)
    _, report = rewrite_with_report(SLICE.blob, engine(rectangles=f"{UID},37,59,,keep,Doe\n"))
    assert report.pixels is not None and report.pixels.verdict == "kept"
    assert refusal(SLICE.blob, engine(rectangles=f'{UID},37,58,"0,0,58,10",,Doe\n')) is Reason.PIXEL_SIZE_MISMATCH
    assert refusal(SLICE.blob, engine(rectangles=f"{UID},37,59,,drop,Doe\n")) is Reason.PIXEL_RULE_DROP
    assert rewrite(SLICE.blob, engine(rectangles=f"{UID}.1,37,59,,drop,Doe\n")) == rewrite(SLICE.blob, engine())


def element(value: bytes) -> bytes:
    """SOPInstanceUID as it stands in a file."""
    padded = value + b"\0" * (len(value) % 2)
    return b"\x08\0\x18\0UI" + len(padded).to_bytes(2, "little") + padded


@pytest.mark.parametrize("tail", [b"\n", b"\t", b" \r", b".", b"\0\n"])
def test_a_line_means_an_object_whose_uid_has_something_behind_it(tail: bytes) -> None:
    odd = SLICE.blob.replace(element(UID.encode()), element(UID.encode() + tail))
    assert odd != SLICE.blob
    refused = refusal(odd, engine(rectangles=f"{UID},37,59,,quarantine,Doe\n"))
    assert refused in (Reason.PIXEL_RULE_QUARANTINE, Reason.INVALID_VALUE)


@pytest.mark.parametrize("place", [0, 1])
def test_an_object_of_two_classes_is_judged_by_none(place: int) -> None:
    """The file meta says ultrasound and the data set CT, or the other way round."""
    whole, uid = image(SIGNED, 3, *PLACE).blob, ULTRASOUND.encode() + b"\0"
    parts = whole.split(uid)
    assert len(parts) == 3
    twofold = parts[0] + (CT.encode() + bytes(3) if place == 0 else uid) + parts[1]
    twofold += (CT.encode() + bytes(3) if place == 1 else uid) + parts[2]
    assert refusal(twofold, engine()) is Reason.INVALID_FILE_META


def conditions_on(dataset: pydicom.Dataset) -> Iterator[str]:
    """Yield conditions that hold for an object, of each of its attributes one or two."""
    for element in dataset:
        if element.tag.group >= 0x7FE0 or not element.keyword:
            continue
        yield f"{element.keyword} is {'absent' if element.is_empty else 'present'}"
        if element.VR in ("CS", "LO", "SH", "DS", "IS", "UI", "US") and not element.is_empty:
            first = element.value[0] if element.VM > 1 else element.value
            if text := str(getattr(first, "original_string", first)).strip():
                yield f'{element.keyword} = exactly "{text}"'


def test_a_condition_on_any_value_of_real_objects_is_met() -> None:
    blobs = [path.read_bytes() for path in bundled_files() if path.name in ("CT_small.dcm", "MR_small.dcm")]
    conditions = [(blob, condition) for blob in (*blobs, SLICE.blob) for condition in conditions_on(read(blob))]
    assert len(conditions) > 250
    for blob, condition in conditions:
        quoted = condition.replace('"', '""')
        assert refusal(blob, engine(f'one,"{quoted}",,,quarantine,,,a test\n')) is Reason.PIXEL_RULE_QUARANTINE, condition


#: values that an attribute may have, by VR
VALUES = {"DA": "20200101", "TM": "10", "DT": "2020", "AS": "010Y", "UI": "1.2.3", "SQ": [[]], "PN": "A", "AT": b"\x08\0\x05\0"}
SIZES = {"US": 2, "SS": 2, "OW": 2, "UL": 4, "SL": 4, "FL": 4, "OL": 4, "OF": 4, "FD": 8, "OD": 8, "SV": 8, "UV": 8, "OV": 8}


def anything(tag: int, vr: str) -> Element:
    return Element(tag, vr, VALUES.get(vr, bytes(SIZES[vr] - 1) + b"\1" if vr in SIZES else "1"))


def test_each_attribute_of_the_dictionary_is_met() -> None:
    """The notes by which most objects are passed over must have all that a rule can ask for."""
    there = {element.tag for element in read(SLICE.blob)}
    asked = {}
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        group = tag >> 16
        if keyword and tag not in {*there, *ADMITTING, 0x00080005} and vr.split(" or ")[0] != "NONE" and 0x0008 <= group < 0x7FE0:
            asked[tag] = (vr.split(" or ")[0], keyword)
    tags = sorted(asked)
    assert len(tags) > 4000
    for at in range(0, len(tags), 150):
        chunk = tags[at : at + 150]
        present = [anything(tag, asked[tag][0]) for tag in chunk]
        blob = image(SIGNED, 3, *PLACE, *present, sop_class=CT).blob
        for begin in range(0, len(chunk), 50):
            condition = " and ".join(f"{asked[tag][1]} is present" for tag in chunk[begin : begin + 50])
            using = engine(f"all,{condition},,,quarantine,,,a test\n")
            assert refusal(blob, using) is Reason.PIXEL_RULE_QUARANTINE, condition
