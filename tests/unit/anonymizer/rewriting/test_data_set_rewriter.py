"""Every action in every encoding, with pydicom as the referee; what stays is byte for byte what it was."""

from __future__ import annotations

import pytest

from anonymizer import AttributeAction, Key
from anonymizer.internals import KeyedUids
from tests.support.objects import (
    BIG,
    CT,
    DEFLATED,
    ENCAPSULATED_PDF,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    SYNTAXES,
    Element,
    ct,
    data_set_of,
    delimiter,
    encode,
    header,
    nested,
    part10,
    read,
)
from tests.support.running import SECRET, engine, notes, reason, rewrite, rewrite_with_report

each_encoding = pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())
either_length = pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
UIDS = KeyedUids(Key(SECRET))


def new_uid(uid: str) -> str:
    """The UID that takes the place of ``uid``."""
    return UIDS.new_uid(uid.encode(), 0).decode()


# -- actions --------------------------------------------------------------------------------------------------------------


@each_encoding
def test_attributes_are_emptied(syntax: str) -> None:
    new = read(rewrite(part10(ct(Element(0x00080020, "DA", "20200131"), Element(0x00080050, "SH", "ACC-1")), syntax)))
    for keyword in ("PatientName", "StudyDate", "AccessionNumber"):
        assert keyword in new and not new[keyword].value


@each_encoding
def test_attributes_are_removed(syntax: str) -> None:
    extra = [Element(0x00104000, "LT", "a comment"), Element(0x00081030, "LO", "a study"), Element(0x00080022, "DA", "20200131")]
    new = read(rewrite(part10(ct(*extra), syntax)))
    assert not {"PatientComments", "StudyDescription", "AcquisitionDate"} & {element.keyword for element in new}


@each_encoding
def test_attributes_get_a_dummy(syntax: str) -> None:
    extra = [
        Element(0x00120010, "LO", "Sponsor Inc"),
        Element(0x00120040, "LO", "Subject 1"),
        Element(0x00189151, "DT", "20200131120000"),
    ]
    new = read(rewrite(part10(ct(*extra), syntax)))
    assert new.ClinicalTrialSponsorName not in ("", "Sponsor Inc") and new.ClinicalTrialSubjectID not in ("", "Subject 1")
    assert len(new.FrameReferenceDateTime) >= 4 and not new.FrameReferenceDateTime.startswith("2020")


@each_encoding
def test_uids_are_replaced_and_agree_with_the_file_meta(syntax: str) -> None:
    old = read(part10(ct(), syntax))
    new = read(rewrite(part10(ct(), syntax)))
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        assert new[keyword].value == new_uid(old[keyword].value)
    assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
    assert new.SOPClassUID == new.file_meta.MediaStorageSOPClassUID == CT


@each_encoding
def test_the_transfer_syntax_stays(syntax: str) -> None:
    assert read(rewrite(part10(ct(), syntax))).file_meta.TransferSyntaxUID == syntax


@each_encoding
@either_length
def test_items_are_de_identified_in_place(syntax: str, undefined: bool) -> None:
    item = [
        Element(0x00081150, "UI", CT),
        Element(0x00081155, "UI", "1.2.3.4"),
        Element(0x00104000, "LT", "comment"),
        Element(0x00280010, "US", 7),
    ]
    sequence = Element(0x00081199, "SQ", [item, [Element(0x00281050, "DS", "40")], []], undefined, undefined)
    blob = part10(ct(nested(3, sequence, undefined=undefined)), syntax)
    found = (
        read(rewrite(blob))
        .ReferencedSeriesSequence[0]
        .ReferencedSeriesSequence[0]
        .ReferencedSeriesSequence[0]
        .ReferencedSOPSequence
    )
    assert [element.keyword for element in found[0]] == ["ReferencedSOPClassUID", "ReferencedSOPInstanceUID", "Rows"]
    assert (found[0].ReferencedSOPInstanceUID, found[0].Rows) == (new_uid("1.2.3.4"), 7)
    assert found[1].WindowCenter == 40 and len(found) == 3 and len(found[2]) == 0


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("undefined_items", [False, True])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_changed_sequences_are_encoded_just_as_one_would_write_them(syntax: str, undefined: bool, undefined_items: bool) -> None:
    def tree(uid: str, *gone: Element) -> Element:
        inner = Element(0x00081199, "SQ", [[Element(0x00081155, "UI", uid), *gone]], undefined, undefined_items)
        return Element(0x00081115, "SQ", [[inner, *gone], [Element(0x00280010, "US", 5)], []], undefined, undefined_items)

    output = data_set_of(rewrite(part10(ct(tree("1.2.3", Element(0x00104000, "LT", "gone"))), syntax)))
    assert encode([tree(new_uid("1.2.3"))], syntax) in output


@each_encoding
@either_length
def test_a_removed_sequence_goes_with_all_that_is_in_it(syntax: str, undefined: bool) -> None:
    inner = nested(4, Element(0x00104000, "LT", "DEEPTOKEN"), undefined=undefined)
    blob = part10(ct(Element(0x00400275, "SQ", [[inner], [inner]], undefined, undefined)), syntax)
    output = rewrite(blob)
    assert "RequestAttributesSequence" not in read(output) and b"DEEPTOKEN" not in data_set_of(output)
    assert read(output).PixelData == read(blob).PixelData


@each_encoding
def test_a_content_tree_is_replaced_by_a_dummy_that_still_is_one(syntax: str) -> None:
    item = [
        Element(0x0040A010, "CS", "CONTAINS"),
        Element(0x0040A040, "CS", "TEXT"),
        Element(0x0040A160, "UT", "Findings of Jane"),
    ]
    new = read(rewrite(part10(ct(Element(0x0040A730, "SQ", [item])), syntax)))
    assert len(new.ContentSequence) == 1
    assert new.ContentSequence[0].TextValue == "ANONYMIZED"
    assert new.ContentSequence[0].ConceptNameCodeSequence[0].CodeValue


# -- what goes wherever it stands -----------------------------------------------------------------------------------------


@each_encoding
@either_length
def test_private_attributes_go_at_every_depth(syntax: str, undefined: bool) -> None:
    private = [
        Element(0x00090010, "LO", "ACME"),
        Element(0x00091001, "LT", "PRIVTOKEN"),
        Element(0x00091002, "SQ", [[Element(0x00091003, "PN", "X")]]),
    ]
    blob = part10(ct(*private, nested(3, Element(0x00091001, "LT", "PRIVTOKEN"), undefined=undefined)), syntax)
    output = rewrite(blob)
    assert not [element for element in read(output).iterall() if element.tag.is_private]
    assert b"PRIVTOKEN" not in data_set_of(output)


@each_encoding
def test_private_sequences_of_undefined_length_go(syntax: str) -> None:
    private = Element(0x00091002, "SQ", [[nested(5, Element(0x00100010, "PN", "A"))]], undefined=True, undefined_items=True)
    assert not [element for element in read(rewrite(part10(ct(private), syntax))) if element.tag.is_private]


@each_encoding
@pytest.mark.parametrize("tag", [0x00081999, 0x0018FFFE, 0x00FE0010])
def test_unknown_attributes_go(syntax: str, tag: int) -> None:
    assert tag not in read(rewrite(part10(ct(Element(tag, "LO", "unknown")), syntax)))


@each_encoding
def test_group_lengths_and_commands_go(syntax: str) -> None:
    extra = [Element(tag, "UL", 99) for tag in (0x00080000, 0x00080001, 0x00100000, 0x7FE00000)]
    inner = Element(
        0x00081115, "SQ", [[Element(0x00080000, "UL", 4), Element(0x00020016, "AE", "AETOKEN"), Element(0x00280010, "US", 3)]]
    )
    new = read(rewrite(part10(ct(*extra, inner), syntax)))
    assert not [element for element in new.iterall() if element.tag.element == 0 or element.tag == 0x00080001]
    assert [element.keyword for element in new.ReferencedSeriesSequence[0]] == ["Rows"]


@each_encoding
@pytest.mark.parametrize("number", [0, 2, 0x1E])
def test_overlays_and_curves_go_with_their_data(syntax: str, number: int) -> None:
    overlay, curve = 0x60000000 + (number << 16), 0x50000000 + (number << 16)
    extra = [Element(overlay + 0x10, "US", 8), Element(overlay + 0x100, "US", 1), Element(overlay + 0x102, "US", 0)]
    extra += [Element(overlay + 0x3000, "OW", b"OVERLAYS"), Element(overlay + 0x4000, "LT", "comment")]
    extra += [Element(curve + 5, "US", 2), Element(curve + 0x3000, "OW", b"CURVES")]
    new = read(rewrite(part10(ct(*extra), syntax)))
    assert not [element for element in new if element.tag.group & 0xFF00 in (0x5000, 0x6000)]


@each_encoding
def test_trailing_padding_and_signatures_go(syntax: str) -> None:
    extra = [Element(0xFFFAFFFA, "SQ", [[Element(0x04000100, "UI", "1.2.3")]]), Element(0xFFFCFFFC, "OB", b"PADTOKEN" * 10)]
    output = rewrite(part10(ct(*extra), syntax))
    assert b"PADTOKEN" not in data_set_of(output)
    assert list(read(output).keys())[-1] == 0x7FE00010


@pytest.mark.parametrize(
    "tail", [b"\0" * 12, b"TAILTOKEN" * 9, b"\xff" * 100_000, b"\0", b"TAILTOKEN\0\0\0", b"PK\3\4" + bytes(300)]
)
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_what_stands_behind_the_data_set_goes(syntax: str, tail: bytes) -> None:
    blob = part10(ct(), syntax, tail=tail)
    assert rewrite(blob) == rewrite(part10(ct(), syntax))
    assert notes(blob) == ["trailing-data-removed"]


# -- sequences in disguise ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
@either_length
def test_a_sequence_disguised_as_un_is_de_identified_as_one(syntax: str, undefined: bool) -> None:
    item = [
        Element(0x00081155, "UI", "1.2.3"),
        Element(0x00100010, "PN", "HIDDENTOKEN"),
        nested(2, Element(0x00104000, "LT", "HIDDENTOKEN")),
    ]
    disguised = Element(0x00081115, "SQ", [item], undefined, undefined, as_un=True)
    output = rewrite(part10(ct(disguised), syntax))
    assert b"HIDDENTOKEN" not in data_set_of(output)
    found = read(output).ReferencedSeriesSequence[0]
    assert found.ReferencedSOPInstanceUID == new_uid("1.2.3")
    assert found.PatientName == ""


def test_a_known_attribute_disguised_as_un_is_treated_as_itself() -> None:
    extra = [
        Element(0x00104000, "UN", b"UNTOKEN "),
        Element(0x00100030, "UN", b"19700101"),
        Element(0x00200052, "UN", b"1.2.3\0"),
    ]
    new = read(rewrite(part10(ct(*extra))))
    assert "PatientComments" not in new and not new.PatientBirthDate
    assert new.FrameOfReferenceUID == new_uid("1.2.3")


def test_a_removed_attribute_may_hold_anything_of_undefined_length() -> None:
    fragments = header(0x00091001, "OB", 0xFFFFFFFF, EXPLICIT) + delimiter(0xE000, length=4) + b"FRAG" + delimiter(0xE0DD)
    behind = [0x00100010, 0x00100020, 0x0020000D, 0x0020000E, 0x00200037, 0x00280010, 0x00280011, 0x7FE00010]
    elements = encode(ct(without=behind))
    study = [Element(0x0020000D, "UI", "1.2.3"), Element(0x0020000E, "UI", "1.2.4")]
    output = rewrite(part10(elements + fragments + encode([*study, Element(0x00280010, "US", 2)])))
    assert b"FRAG" not in output and read(output).Rows == 2


@pytest.mark.parametrize("vr", ["OB", "LO", "UT"])
def test_a_sequence_with_the_vr_of_a_value_is_refused(vr: str) -> None:
    assert reason(part10(ct(Element(0x00081115, vr, b"ITEMS   ")))) == "vr-mismatch"


@pytest.mark.parametrize("tag", [0x00080008, 0x00180060, 0x00280010])
@either_length
def test_a_kept_value_with_the_vr_of_a_sequence_is_refused(tag: int, undefined: bool) -> None:
    disguise = Element(tag, "SQ", [[Element(0x00100010, "PN", "HIDDEN^NAME")]], undefined, undefined)
    assert reason(part10(ct(disguise))) in ("vr-mismatch", "invalid-length")


# -- what stays -----------------------------------------------------------------------------------------------------------


@each_encoding
def test_kept_values_are_the_same_bytes(syntax: str) -> None:
    extra = [
        Element(0x00080008, "CS", b"original\\ primary \\\\AXIAL "),
        Element(0x00180050, "DS", b" 1.500 "),
        Element(0x00180060, "DS", b"+0120.0 "),
        Element(0x00181150, "IS", b"007 "),
        Element(0x00181020, "LO", b"\xff\xfe odd \0"),
        Element(0x00281201, "OW", bytes(range(256))),
        Element(0x00281052, "DS", b"-1024.000000000000000000"),
    ]
    old, new = (read(blob) for blob in (part10(ct(*extra), syntax), rewrite(part10(ct(*extra), syntax))))
    for tag in [element.tag for element in extra] + [0x00080060, 0x00280010, 0x00280011, 0x7FE00010]:
        assert new.get_item(tag).value == old.get_item(tag).value
        assert new.get_item(tag).VR == old.get_item(tag).VR


@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG])
@pytest.mark.parametrize(
    "fragments", [[b""], [b"", b"\xff\xd8\xff\xd9"], [b"\0\0\0\0", b"FRAGMENT" * 99, b"", b"\xfe\xff\xdd\xe0\0\0\0\0"]]
)
def test_encapsulated_pixel_data_is_untouched(syntax: str, fragments: list[bytes]) -> None:
    pixels = header(0x7FE00010, "OB", 0xFFFFFFFF, EXPLICIT)
    pixels += b"".join(delimiter(0xE000, length=len(fragment)) + fragment for fragment in fragments) + delimiter(0xE0DD)
    output = rewrite(part10(encode(ct(without=[0x7FE00010])) + pixels, syntax, tail=b"TRAILING"))
    assert output.endswith(pixels)


@each_encoding
def test_the_preamble_and_the_file_meta_are_new(syntax: str) -> None:
    extra_meta = [
        Element(0x00020012, "UI", "1.2.3.4.5"),
        Element(0x00020013, "SH", "METATOKEN"),
        Element(0x00020016, "AE", "METATOKEN"),
        Element(0x00020017, "AE", "METATOKEN"),
        Element(0x00020100, "UI", "1.2.3.4.6"),
        Element(0x00020102, "OB", b"METATOKEN"),
    ]
    output = rewrite(part10(ct(), syntax, preamble=b"II*\0" + b"PREAMBLE" * 15 + b"1234", extra_meta=extra_meta))
    assert output.startswith(bytes(128) + b"DICM")
    assert b"METATOKEN" not in output and b"PREAMBLE" not in output
    meta = read(output).file_meta
    assert {element.tag.element for element in meta} == {0x00, 0x01, 0x02, 0x03, 0x10, 0x12, 0x13}
    assert meta.ImplementationClassUID != "1.2.3.4.5" and meta.FileMetaInformationVersion == b"\0\1"
    assert output[132 + 12 + meta.FileMetaInformationGroupLength :][:2] != b"\2\0"


# -- embedded documents, burned-in annotation -----------------------------------------------------------------------------


@each_encoding
def test_an_encapsulated_document_becomes_a_dummy_pdf(syntax: str) -> None:
    elements = ct(
        Element(0x00420010, "ST", "Letter about Jane"),
        Element(0x00420011, "OB", b"%PDF-1.4 secret text of Jane"),
        Element(0x00420012, "LO", "application/pdf"),
        Element(0x00420015, "UL", 28),
        without=[0x7FE00010],
        sop_class=ENCAPSULATED_PDF,
    )
    output = rewrite(part10(elements, syntax, sop_class=ENCAPSULATED_PDF))
    new = read(output)
    assert new.EncapsulatedDocument.startswith(b"%PDF-") and b"%%EOF" in new.EncapsulatedDocument
    assert b"Jane" not in data_set_of(output)
    assert new.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert "EncapsulatedDocumentLength" not in new


@pytest.mark.parametrize("value", ["YES", "yes ", "YES "])
def test_burned_in_annotation_is_refused_unless_it_is_let_through(value: str) -> None:
    blob = part10(ct(Element(0x00280301, "CS", value)))
    assert reason(blob) == "burned-in-annotation"
    assert read(rewrite(blob, engine(pixels="keep"))).BurnedInAnnotation.strip().upper() == "YES"
    assert read(rewrite(part10(ct(Element(0x00280301, "CS", "NO"))))).BurnedInAnnotation == "NO"


# -- the report -----------------------------------------------------------------------------------------------------------


def test_the_report_counts_what_was_done_by_path() -> None:
    references = [[Element(0x00081155, "UI", f"1.2.{number}")] for number in range(3)]
    extra = [
        Element(0x00091001, "LO", "p"),
        Element(0x00091002, "LO", "q"),
        Element(0x00081999, "LO", "u"),
        Element(0x00104000, "LT", "c"),
    ]
    _, report = rewrite_with_report(part10(ct(Element(0x00081199, "SQ", references), *extra)))
    actions = {action.path: (action.keyword, action.action, action.count) for action in report.actions}
    assert actions["(0008,1199)>(0008,1155)"] == ("ReferencedSOPInstanceUID", "U", 3)
    assert actions["(private)"] == ("", "X", 2) and actions["(unknown)"] == ("", "X", 1)
    assert actions["(0010,4000)"] == ("PatientComments", "X", 1)
    assert actions["(0010,0010)"] == ("PatientName", "Z", 1)
    assert actions["(0008,0018)"] == ("SOPInstanceUID", "U", 1)
    assert not {"(0028,0010)", "(7fe0,0010)", "(0008,0060)"} & actions.keys()
    assert list(actions) == sorted(actions)


def test_the_report_holds_no_value_of_the_original() -> None:
    _, report = rewrite_with_report(part10(ct(Element(0x00104000, "LT", "comment"))))
    assert report.sop_instance_uid == new_uid("1.2.826.0.1.999.1.1") and report.sop_class_uid == CT
    assert not any(value in repr(report) for value in ("1.2.826.0.1.999", "Doe", "4711", "comment"))


def test_retained_attributes_are_reported_as_kept() -> None:
    _, report = rewrite_with_report(part10(ct()), engine("RetainUIDs"))
    assert AttributeAction("(0008,0018)", "SOPInstanceUID", "K", 1) in report.actions
