"""Heads: what counts as one by a header, and by those of a series together."""

from __future__ import annotations

import pytest

from anonymizer import Anonymizer, DeidentificationError, Key
from anonymizer.internals import Engine, FaceEvidence
from profiles import ConfidentialityProfile, faces
from tests.support.objects import CT, MR, SYNTAXES, Element, ct, part10, read
from tests.support.running import SECRET, outcome

PET, ENHANCED_MR, CR = "1.2.840.10008.5.1.4.1.1.128", "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.1"
BODY_PART, STUDY_TEXT, SERIES_TEXT, PROTOCOL = 0x00180015, 0x00081030, 0x0008103E, 0x00181030
REGION = 0x00082218
HEAD = "pixel-risk-face"


def looking(**settings: str) -> Engine:
    return Engine(ConfidentialityProfile.default(faces="quarantine", **settings), Key(SECRET))  # type: ignore[arg-type]


def said(*elements: Element, sop_class: str = CT, syntax: str = "explicit") -> str:
    blob = part10(ct(*elements, sop_class=sop_class), SYNTAXES[syntax], sop_class=sop_class)
    result = outcome(blob, looking())
    return result if isinstance(result, str) else ""


def part(text: str) -> Element:
    return Element(BODY_PART, "CS", text)


def frame(height: float) -> list[Element]:
    return [Element(0x00209113, "SQ", [[Element(0x00200032, "DS", f"0\\0\\{height:g}")]])]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("sop_class", [CT, MR, PET])
def test_what_counts_as_a_head(sop_class: str, syntax: str) -> None:
    for elements in ([], [part("")], [part("HEAD")], [part("NECK")], [part("MADE UP")], [part("WHOLEBODY")]):
        assert said(*elements, sop_class=sop_class, syntax=syntax) == HEAD
    for text in ("CHEST", "Abdomen ", "LOWER  EXTREMITY", "L SPINE"):
        assert said(part(text), sop_class=sop_class, syntax=syntax) == ""


@pytest.mark.parametrize("tag", [STUDY_TEXT, SERIES_TEXT, PROTOCOL, 0x00321060, 0x00400254])
def test_words_of_descriptions_speak_louder_than_the_body_part(tag: int) -> None:
    latin = Element(0x00080005, "CS", "ISO_IR 100")
    for text in ("CT head + chest", "Thorax/Hals", "t1_mprage_sag", "NeckChest", "RM crâne", "Schädel", "C-Spine"):
        assert said(part("CHEST"), latin, Element(tag, "LO", text.encode("latin-1"))) == HEAD, text
    for text in ("axial 5mm", "Headfirst", "Ahead", "Lung", "Kopfschmerz"):
        assert said(part("CHEST"), Element(tag, "LO", text)) == "", text


def test_phrases_are_heard_however_they_are_written() -> None:
    for text in (
        "Whole Body PET",
        "WHOLE_BODY",
        "Whole-Body",
        "wholebody",
        "total spine",
        "Corps entier",
        "MRA Circle of Willis",
    ):
        assert said(part("CHEST"), Element(SERIES_TEXT, "LO", text)) == HEAD, text
    for text in ("body coil", "whole lung", "spine lower"):
        assert said(part("CHEST"), Element(SERIES_TEXT, "LO", text)) == "", text


def region(meaning: str) -> Element:
    return Element(REGION, "SQ", [[Element(0x00080100, "SH", "x"), Element(0x00080104, "LO", meaning)]])


def test_codes_of_the_region_tell_too() -> None:
    assert said(region("Chest")) == ""
    assert said(region("Head")) == HEAD
    assert said(part("CHEST"), region("Brain")) == HEAD
    frame_anatomy = Element(0x00209071, "SQ", [[region("Chest")]])
    shared = Element(0x52009229, "SQ", [[frame_anatomy]])
    assert said(shared, sop_class=ENHANCED_MR) == ""
    # what other codes and other objects are of is no evidence
    assert said(Element(0x00400555, "SQ", [[Element(0x00080104, "LO", "Chest")]])) == HEAD
    assert said(Element(0x00081115, "SQ", [[region("Chest")]])) == HEAD


def test_a_long_series_has_a_head_at_its_end() -> None:
    sagittal = Element(0x00200037, "DS", "0\\1\\0\\0\\0\\-1")
    spacing = Element(0x00280030, "DS", "2\\2")
    place = Element(0x00200032, "DS", "0\\0\\0")
    for rows, expected in ((300, ""), (400, HEAD)):
        assert said(part("TSPINE"), sagittal, spacing, place, Element(0x00280010, "US", rows)) == expected
    for top, expected in ((500, ""), (800, HEAD)):
        frames = Element(0x52009230, "SQ", [frame(0), frame(top / 2), frame(top)])
        assert said(part("CHEST"), frames, sop_class=ENHANCED_MR) == expected


def test_a_place_that_is_no_number_is_not_believed_to_be_near() -> None:
    assert said(part("CHEST"), Element(0x00200032, "DS", "0\\0\\nan")) == HEAD


def test_images_of_other_kinds_and_objects_without_pixels_are_not_looked_at() -> None:
    assert said(sop_class=CR) == ""
    without = part10(ct(without=[0x7FE00010]))
    assert isinstance(outcome(without, looking()), bytes)


def test_heads_pass_unless_they_are_asked_for() -> None:
    blob = part10(ct(part("HEAD")))
    assert read(Anonymizer().anonymize(blob)).PatientIdentityRemoved == "YES"
    with pytest.raises(DeidentificationError, match=r"pixel-risk-face at \(0018,0015\)"):
        Anonymizer(ConfidentialityProfile.default(faces="quarantine", pixels="keep")).anonymize(blob)


def test_a_series_is_judged_by_all_that_its_images_say() -> None:
    series = b"series"
    chest = FaceEvidence(series, faces.Region.ELSEWHERE, 0.0, 300.0)
    nothing = FaceEvidence(series, faces.Region.UNKNOWN)
    head = FaceEvidence(series, faces.Region.HEAD)
    assert not chest.is_head
    assert nothing.is_head
    assert not chest.merged(nothing).is_head
    assert chest.merged(head).is_head
    assert chest.merged(chest._replace(low=600.0, high=800.0)).is_head
    assert chest.merged(nothing) == nothing.merged(chest) == chest
