"""Bad input: each kind of damage ends with its own stable reason code, and nothing else ever comes out."""

from __future__ import annotations

import struct
import time
import zlib

import pytest

from anonymizer import DeidentificationError, Reason
from anonymizer.dicom.buffer import Buffer
from anonymizer.dicom.encoding import EXPLICIT_LITTLE
from anonymizer.internals import FILTERED
from tests.support.objects import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    SYNTAXES,
    UNDEFINED,
    Element,
    ct,
    delimiter,
    encode,
    header,
    meta,
    nested,
    part10,
    read,
)
from tests.support.running import notes, outcome, reason, rewrite

plain_encodings = pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
WITHOUT_PIXELS = ct(without=[0x7FE00010])


# -- the shell ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blob", [b"", b"\0", b"no dicom at all", bytes(4000), b"\x89PNG\r\n\x1a\n" + bytes(500), b"{}"])
def test_what_is_no_dicom_is_filtered(blob: bytes) -> None:
    assert reason(blob) == "not-dicom"


@pytest.mark.parametrize("rest", [b"", b"\0", bytes(500), b"\x02\0\x10\0\x14\0\0\0" + b"1.2.840.10008.1.2.1\0" * 2])
@pytest.mark.parametrize("preamble", [b"", bytes(128)])
def test_what_says_that_it_is_dicom_is_quarantined(preamble: bytes, rest: bytes) -> None:
    assert reason(preamble + b"DICM" + rest) in ("invalid-file-meta", "truncated")


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_a_dicomdir_without_meta_is_one_too(syntax: str) -> None:
    assert reason(encode([Element(0x00041130, "CS", "SET"), Element(0x00041200, "UL", 4)], syntax)) == "dicomdir"


def test_a_dicomdir_is_filtered() -> None:
    blob = part10([Element(0x00041130, "CS", "SET")], sop_class="1.2.840.10008.1.3.10")
    assert reason(blob) == "dicomdir"
    assert {item.value for item in FILTERED} == {"not-dicom", "dicomdir", "pixel-rule-drop", "slide-label"}


@plain_encodings
def test_an_object_without_preamble_and_meta_is_mended(syntax: str) -> None:
    blob = encode(ct(), syntax)
    assert rewrite(blob) == rewrite(part10(ct(), syntax))
    assert notes(blob) == ["no-file-meta", "no-preamble"]


def test_an_object_without_preamble_is_mended() -> None:
    blob = part10(ct())
    assert rewrite(blob[128:]) == rewrite(blob) == rewrite(blob[132:])
    assert notes(blob[128:]) == notes(blob[132:]) == ["no-preamble"]


@plain_encodings
def test_an_object_without_meta_behind_its_preamble_is_mended(syntax: str) -> None:
    blob = bytes(128) + b"DICM" + encode(ct(), syntax)
    assert rewrite(blob) == rewrite(part10(ct(), syntax))
    assert notes(blob) == ["no-file-meta"]


@plain_encodings
def test_a_missing_transfer_syntax_is_found_out(syntax: str) -> None:
    shell = bytes(128) + b"DICM" + encode([Element(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.2")])
    assert rewrite(shell + encode(ct(), syntax)) == rewrite(part10(ct(), syntax))
    assert notes(shell + encode(ct(), syntax)) == ["no-transfer-syntax"]


@pytest.mark.parametrize("length", [0, 2, 0x7FFFFFFF, UNDEFINED])
def test_a_wrong_meta_group_length_does_no_harm(length: int) -> None:
    blob = part10(ct())
    lying = blob[:140] + struct.pack("<L", length) + blob[144:]
    assert rewrite(lying) == rewrite(blob)


@pytest.mark.parametrize(
    ("declared", "real"),
    [
        (EXPLICIT, IMPLICIT),
        (IMPLICIT, EXPLICIT),
        (EXPLICIT, BIG),
        (BIG, EXPLICIT),
        (BIG, IMPLICIT),
        (JPEG, IMPLICIT),
        (IMPLICIT, BIG),
        (JPEG, BIG),
    ],
)
def test_a_meta_header_that_lies_about_the_transfer_syntax_is_refused(declared: str, real: str) -> None:
    assert reason(bytes(128) + b"DICM" + meta(declared) + encode(ct(), real)) == "transfer-syntax-mismatch"


def test_a_deflated_data_set_that_is_in_another_encoding_is_refused() -> None:
    compressor = zlib.compressobj(wbits=-15)
    blob = bytes(128) + b"DICM" + meta(DEFLATED) + compressor.compress(encode(ct(), IMPLICIT)) + compressor.flush()
    assert reason(blob) == "transfer-syntax-mismatch"


def test_a_data_set_that_is_not_deflated_though_declared_so_is_refused() -> None:
    assert reason(bytes(128) + b"DICM" + meta(DEFLATED) + encode(ct())) == "invalid-deflate"


def test_a_deflated_data_set_that_breaks_off_is_refused() -> None:
    blob = part10(ct(Element(0x00281201, "OW", bytes(range(256)) * 50)), DEFLATED)
    assert reason(blob[:-20]) == "truncated"


@pytest.mark.parametrize("syntax", ["1.2.3.4", "1.2.840.10008.1.2.6.1", "1.2.840.10008.5.1.4.1.1.2", "MADE UP"])
def test_an_unknown_transfer_syntax_is_refused(syntax: str) -> None:
    assert reason(bytes(128) + b"DICM" + meta(syntax) + encode(ct())) == "unsupported-transfer-syntax"


@pytest.mark.parametrize("cut", range(133, 133 + 60, 3))
def test_a_file_that_ends_in_its_meta_header_is_refused(cut: int) -> None:
    assert reason(part10(ct())[:cut]) in ("truncated", "not-dicom", "invalid-file-meta")


# -- identity -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tag", "code"), [(0x00080016, "missing-sop-class-uid"), (0x00080018, "missing-sop-instance-uid")])
@pytest.mark.parametrize("empty", [None, b"", b"\0\0", b"  "])
def test_a_missing_or_empty_identity_is_refused(tag: int, code: str, empty: bytes | None) -> None:
    elements = ct(without=[tag]) if empty is None else ct(Element(tag, "UI", empty))
    assert reason(part10(elements, instance="")) == code


@pytest.mark.parametrize("sop_class", ["1.2.840.113619.4.30", "1.3.12.2.1107.5.9.1", "1.2.840.10008.1.2.1"])
def test_a_private_sop_class_is_refused(sop_class: str) -> None:
    assert reason(part10(ct(sop_class=sop_class), sop_class=sop_class)) == "private-sop-class"


def test_the_class_of_the_data_set_counts_not_that_of_the_meta() -> None:
    sr = "1.2.840.10008.5.1.4.1.1.88.33"
    blob = part10(ct(Element(0x00080023, "DA", "20200131"), sop_class=sr), sop_class="1.2.840.10008.5.1.4.1.1.2")
    new = read(rewrite(blob))
    assert new.file_meta.MediaStorageSOPClassUID == sr
    assert new.ContentDate, "type 1 in structured reports: a dummy"


# -- lengths --------------------------------------------------------------------------------------------------------------


@plain_encodings
def test_a_file_that_breaks_off_in_its_pixels_is_refused(syntax: str) -> None:
    blob = part10(ct(), syntax)
    for cut in range(1, 8):
        assert reason(blob[:-cut]) == "truncated"


def test_a_small_header_that_claims_gigabytes_of_pixels_is_refused() -> None:
    for claimed in (0x7FFFFFFF, 0xFFFFFFFE):
        blob = part10(encode(WITHOUT_PIXELS) + header(0x7FE00010, "OW", claimed, EXPLICIT) + bytes(300))
        started = time.monotonic()
        assert reason(blob) == "truncated"
        assert time.monotonic() - started < 1


@plain_encodings
@pytest.mark.parametrize("tag", [0x00080060, 0x00100010, 0x00091001, 0x00104000, 0x0020000D, 0x00081115, 0x00120064, 0x00280010])
def test_a_length_past_the_end_is_refused(syntax: str, tag: int) -> None:
    """What stands behind the lie is real: taking it for padding would silently lose half an image."""
    vr = {0x00081115: "SQ", 0x00120064: "SQ", 0x0020000D: "UI", 0x00280010: "US"}.get(tag, "LO")
    assert reason(part10(ct(Element(tag, vr, b"lie!", length=0xFFF0)), syntax)) in ("truncated", "invalid-length", "invalid-item")


@plain_encodings
def test_an_unknown_elements_length_past_the_end_is_refused(syntax: str) -> None:
    assert reason(part10(ct(Element(0x00FE0010, "LO", b"lie!", length=0xFFF0)), syntax)) == "truncated"


@plain_encodings
def test_an_element_that_goes_beyond_its_item_is_refused(syntax: str) -> None:
    item = [Element(0x00280010, "US", 1), Element(0x00281050, "DS", "40", length=40)]
    assert reason(part10(ct(Element(0x00081115, "SQ", [item])), syntax)) == "invalid-length"


@plain_encodings
def test_an_item_that_goes_beyond_its_sequence_is_refused(syntax: str) -> None:
    content = delimiter(0xE000, syntax, 20) + encode([Element(0x00280010, "US", 1)], syntax)
    assert reason(part10(ct(Element(0x00081115, "SQ", content)), syntax)) == "invalid-length"


@plain_encodings
def test_a_value_of_undefined_length_that_cannot_have_one_is_refused(syntax: str) -> None:
    lie = header(0x00180060, "UN", UNDEFINED, syntax)
    assert reason(part10(encode(WITHOUT_PIXELS[:3], syntax) + lie + bytes(40), syntax)) == "invalid-length"


@plain_encodings
def test_a_sequence_without_its_delimiter_is_refused(syntax: str) -> None:
    content = header(0x00081115, "SQ", UNDEFINED, syntax) + delimiter(0xE000, syntax, 0)
    assert reason(part10(encode(WITHOUT_PIXELS[:3], syntax) + content, syntax)) == "truncated"
    assert outcome(part10(encode(WITHOUT_PIXELS[:3], syntax) + content + encode(ct()[3:], syntax), syntax)) == "invalid-item"


# -- structure ------------------------------------------------------------------------------------------------------------


@plain_encodings
@pytest.mark.parametrize("stray", [0xE000, 0xE00D, 0xE0DD])
def test_a_stray_delimiter_between_elements_is_refused(syntax: str, stray: int) -> None:
    elements = ct()
    blob = part10(encode(elements[:3], syntax) + delimiter(stray, syntax) + encode(elements[3:], syntax), syntax)
    assert reason(blob) == "stray-delimiter"


@plain_encodings
@pytest.mark.parametrize("stray", [0xE00D, 0xE0DD])
def test_a_stray_delimiter_in_an_item_or_sequence_is_refused(syntax: str, stray: int) -> None:
    in_item = delimiter(0xE000, syntax, 8) + delimiter(stray, syntax)
    in_sequence = delimiter(stray, syntax)
    for content in (in_item, in_sequence):
        assert reason(part10(ct(Element(0x00081115, "SQ", content)), syntax)) == "stray-delimiter"


@plain_encodings
def test_an_item_that_is_none_is_refused(syntax: str) -> None:
    content = encode([Element(0x00280010, "US", 1)], syntax)
    assert reason(part10(ct(Element(0x00081115, "SQ", content)), syntax)) == "invalid-item"


@pytest.mark.parametrize("vr", [b"??", b"\0\0", b"ZZ", b"us", b"OZ"])
@pytest.mark.parametrize("tag", [0x00100030, 0x00280008, 0x00091001])
def test_a_vr_that_does_not_exist_is_refused(vr: bytes, tag: int) -> None:
    """What stands behind it is real: taking it for padding would silently lose the image."""
    elements = ct(Element(tag, "LO", b"value   "))
    blob = part10(elements)
    position = blob.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF) + b"LO")
    assert reason(blob[: position + 4] + vr + blob[position + 6 :]) == "invalid-vr"


@pytest.mark.parametrize("vr", [b"??", b"ZZ"])
def test_a_vr_that_does_not_exist_in_an_item_is_refused(vr: bytes) -> None:
    blob = part10(ct(Element(0x00081115, "SQ", [[Element(0x00281050, "DS", "40")]])))
    assert reason(blob.replace(b"DS\2\0", vr + b"\2\0")) == "invalid-vr"


@plain_encodings
@pytest.mark.parametrize("tag", [0x00080005, 0x00100010, 0x00090010, 0x00081999])
def test_elements_out_of_order_are_refused(syntax: str, tag: int) -> None:
    """Also private and unknown ones: taking them and all behind them for padding would silently lose the image."""
    elements = ct()
    late = [*elements[:-3], Element(tag, "LO", "late"), *elements[-3:]]
    assert reason(part10(late, syntax)) == "elements-out-of-order"


@plain_encodings
def test_an_element_that_stands_twice_is_refused(syntax: str) -> None:
    elements = ct()
    assert reason(part10([*elements[:4], elements[3], *elements[4:]], syntax)) == "elements-out-of-order"


def fragments(*parts: bytes) -> bytes:
    """A compressed object whose pixel data consists of ``parts``."""
    return part10(encode(WITHOUT_PIXELS) + header(0x7FE00010, "OB", UNDEFINED, EXPLICIT) + b"".join(parts), JPEG)


def test_broken_fragments_are_refused() -> None:
    assert reason(fragments(delimiter(0xE000, length=4), b"abcd")) == "truncated"
    assert reason(fragments(delimiter(0xE000, length=400), b"abcd")) == "truncated"
    assert reason(fragments(delimiter(0xE000, length=4), b"abcd", b"junkjunk")) == "invalid-fragments"
    assert reason(fragments(delimiter(0xE000, length=UNDEFINED), b"abcd", delimiter(0xE0DD))) == "invalid-fragments"
    assert reason(fragments(delimiter(0xE00D))) == "invalid-fragments"


# -- depth ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES.keys())
@pytest.mark.parametrize("undefined", [False, True])
def test_64_levels_come_through_and_more_are_refused(syntax: str, undefined: bool) -> None:
    def blob(levels: int) -> bytes:
        return part10(ct(nested(levels, Element(0x00081155, "UI", "1.2.3"), undefined=undefined)), syntax)

    assert b"1.2.3\0" not in rewrite(blob(64))[400:]
    assert read(rewrite(blob(64)))
    for levels in (65, 66, 120):
        assert reason(blob(levels)) == "nesting-too-deep"


@pytest.mark.parametrize("tag", [0x00081115, 0x00400275, 0x0040A730, 0x00091002, 0x00FE0010, 0x00120064])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_100_000_nested_items_are_refused_without_a_recursion_error(tag: int, syntax: str) -> None:
    depth = 100_000
    opening = header(0x00081115, "SQ", UNDEFINED, syntax) + delimiter(0xE000, syntax, UNDEFINED)
    first = header(tag, "SQ", UNDEFINED, syntax) + delimiter(0xE000, syntax, UNDEFINED)
    closing = delimiter(0xE00D, syntax) + delimiter(0xE0DD, syntax)
    bomb = first + opening * (depth - 1) + closing * depth
    before = encode([element for element in WITHOUT_PIXELS if element.tag < tag], syntax)
    after = encode([element for element in ct() if element.tag > tag], syntax)
    started = time.monotonic()
    assert reason(part10(before + bomb + after, syntax)) == "nesting-too-deep"
    assert time.monotonic() - started < 2


def test_deeply_nested_un_is_refused_without_a_recursion_error() -> None:
    opening = header(0x00081115, "UN", UNDEFINED, EXPLICIT) + delimiter(0xE000, length=UNDEFINED)
    for tag in (0x00081115, 0x00091002):
        blob = part10(encode(WITHOUT_PIXELS[:3]) + header(tag, "UN", UNDEFINED, EXPLICIT) + opening[12:] + opening * 50_000)
        assert isinstance(outcome(blob), str)


# -- errors ---------------------------------------------------------------------------------------------------------------


def test_an_error_shows_code_and_tag_and_no_value() -> None:
    with pytest.raises(DeidentificationError) as caught:
        rewrite(part10(ct(Element(0x00081115, "OB", b"SECRET^NAME "))))
    assert str(caught.value) == "vr-mismatch at (0008,1115)"
    assert caught.value.reason is Reason.VR_MISMATCH


def test_an_error_does_not_show_a_private_tag() -> None:
    assert DeidentificationError(Reason.TRUNCATED, 0x00091001).tag == ""
    assert str(DeidentificationError(Reason.TRUNCATED, 0x00091001)) == "truncated"


def test_an_error_carries_no_cause_that_could_hold_values() -> None:
    with pytest.raises(DeidentificationError) as caught:
        rewrite(bytes(128) + b"DICM" + meta(DEFLATED) + encode(ct()))
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_an_invalid_vr_in_what_is_skipped_is_that_of_its_sequence() -> None:
    """Bytes that are taken for a tag may be those of a name, and the audit shows the tag."""
    buffer = Buffer(b"\xfe\xff\x00\xe0\xff\xff\xff\xffDOE^JOHNSON^PETER.", complete=True)
    with pytest.raises(DeidentificationError) as caught:
        buffer.skip_items(0, EXPLICIT_LITTLE, 0x00081111)
    assert (caught.value.reason, caught.value.tag) == (Reason.INVALID_VR, "(0008,1111)")
