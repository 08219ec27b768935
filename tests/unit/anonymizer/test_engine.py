"""Objects through the engine: no identifier from any attribute, the same bytes each time, nothing shared but what may be."""

from __future__ import annotations

import logging
import warnings
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom._dicom_dict import DicomDictionary

from profiles import coding_scheme_uids
from profiles.tables import listed, unlisted
from tests.support.objects import (
    COMPREHENSIVE_SR,
    CT,
    ENCAPSULATED_PDF,
    EXPLICIT,
    IMPLICIT,
    SC,
    Element,
    bundled_files,
    ct,
    data_set_of,
    part10,
    read,
    tags,
)
from tests.support.running import engine, outcome, rewrite, rewrite_with_report
from tests.support.tokens import Tokens

RETIRED_TEXTS = frozenset({"LO", "SH", "ST", "LT", "UT", "PN"})
RISKY = frozenset({"PN", "AE", "DA", "TM", "DT", "ST", "LT", "UT", "UC", "UR"})
STAMPS = {0x00120062, 0x00120063, 0x00120064, 0x00280303}
SEGMENTATION, RT_PLAN, GSPS = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.481.5", "1.2.840.10008.5.1.4.1.1.11.1"
RETIRED = "1.2.840.10008.5.1.4.1.1.5"

#: keep what is registered: the object's class has a check of its own
STRUCTURAL = {0x00080016}


def risky_attributes() -> dict[int, str]:
    """Tag -> VR of every attribute whose text, date or UID must not come through: the table's, ours, and all of a risky VR."""
    attributes = {row_tag: row.vr for row_tag, row in listed().items()}
    ours = DicomDictionary.keys() & {tag for tag, row in unlisted().items() if row.action.value != "K"}
    attributes |= {tag: DicomDictionary[tag][0] for tag in ours}
    attributes |= {tag: entry[0] for tag, entry in DicomDictionary.items() if entry[0] in RISKY | {"UI"}}
    attributes |= {tag: entry[0] for tag, entry in DicomDictionary.items() if entry[3] and entry[0] in RETIRED_TEXTS}
    return {tag: vr.split(" or ")[0] for tag, vr in attributes.items() if tag not in STAMPS | STRUCTURAL}


def plant(tokens: Tokens, tag: int, vr: str, *, inner: bool = True) -> Element | None:
    """The attribute with a token in it; None where the VR holds no text."""
    if vr == "SQ":
        item = [
            Element(0x00081030, "LO", tokens.text()),
            Element(0x00081155, "UI", tokens.uid()),
            Element(0x00104000, "LT", tokens.text()),
        ]
        return Element(tag, "SQ", [item], inner, inner)
    if vr == "UI":
        return Element(tag, vr, tokens.uid())
    if vr in ("DA", "DT"):
        return Element(tag, vr, tokens.date())
    if vr == "TM":
        return Element(tag, vr, b"11" + tokens.text().encode())
    if vr in ("AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "CS", "AS", "OB", "OW", "UN"):
        return Element(tag, vr, tokens.text())
    return None


def every_attribute(tokens: Tokens, *, least: int) -> list[Element]:
    """Every risky attribute from group ``least`` on, in order."""
    planted = (plant(tokens, tag, vr) for tag, vr in sorted(risky_attributes().items()) if tag >> 16 >= least)
    return [element for element in planted if element is not None]


@pytest.mark.parametrize("sop_class", [CT, SC, COMPREHENSIVE_SR, SEGMENTATION, RT_PLAN, GSPS, ENCAPSULATED_PDF, RETIRED])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_token_in_every_attribute_there_is_comes_out_nowhere(sop_class: str, syntax: str) -> None:
    tokens = Tokens()
    within = [
        Element(0x00081115, "SQ", [every_attribute(tokens, least=0)], True, True),
        Element(0x00081250, "SQ", [[Element(0x00081199, "SQ", [every_attribute(tokens, least=8)])]]),
    ]
    private = [Element(0x00091001, "LO", tokens.text()), Element(0x00091002, "SQ", [every_attribute(tokens, least=8)])]
    elements = ct(*every_attribute(tokens, least=8), *within, *private, sop_class=sop_class)
    preamble = (tokens.text().encode() * 13)[:128]
    extra_meta = [Element(0x00020016, "AE", tokens.text()), Element(0x00020102, "OB", tokens.text())]
    blob = part10(
        elements, syntax, preamble=preamble, extra_meta=extra_meta, sop_class=sop_class, tail=b"\0\0" + tokens.text().encode()
    )
    assert len(tokens.planted) > 4000
    # some of the classes are pictures of nobody knows what
    output, report = rewrite_with_report(blob, engine(pixels="keep"))
    assert tokens.found_in(output) == []
    assert tokens.found_in(repr(report).encode()) == []
    assert read(output).SOPClassUID == sop_class


@pytest.mark.parametrize("path", bundled_files(), ids=lambda path: path.name)
def test_a_real_file_keeps_all_that_no_rule_touches_and_loses_the_rest(path: Path) -> None:
    blob = path.read_bytes()
    output = outcome(blob, engine(pixels="keep"))
    if isinstance(output, str):
        return
    old, new = read_anything(blob), read(output)
    changed = set(risky_attributes()) | STAMPS
    for raw in old.values():
        tag = int(raw.tag)
        if raw.tag.is_private or tag in changed or tag >> 16 < 8 or tag & 0xFFFF == 0 or tag >> 24 in (0x50, 0x60):
            continue
        if tag in DicomDictionary and DicomDictionary[tag][0] not in ("SQ", "UI") and tag not in unlisted():
            # its NumberOfFrames is 1A
            expected = b"1 " if (path.name, tag) == ("badVR.dcm", 0x00280008) else raw.value
            assert new.get_item(tag).value == expected, hex(tag)
    for element in new.iterall():
        assert not element.tag.is_private
        if element.VR == "UI" and int(element.tag) not in STRUCTURAL and element.value:
            for uid in [element.value] if isinstance(element.value, str) else element.value:
                assert uid.startswith(("2.25.", "1.2.840.10008.")) or uid in coding_scheme_uids()
    for keyword in ("PatientName", "PatientBirthDate", "AccessionNumber", "ReferringPhysicianName"):
        assert not new.get(keyword)


def read_anything(blob: bytes) -> dict[int, Any]:
    """The raw elements of a file, with or without its shell."""
    dataset = dcmread(BytesIO(blob), force=True)
    return {tag: dataset.get_item(tag) for tag in tags(dataset)}


def test_most_real_files_come_out() -> None:
    outcomes = {path.name: outcome(path.read_bytes(), engine(pixels="keep")) for path in bundled_files()}
    refused = {name: result for name, result in outcomes.items() if isinstance(result, str)}
    assert len(outcomes) - len(refused) >= 110
    for name in (
        "CT_small.dcm",
        "MR_small_bigendian.dcm",
        "image_dfl.dcm",
        "rtplan.dcm",
        "test-SR.dcm",
        "waveform_ecg.dcm",
        "badVR.dcm",
    ):
        assert name not in refused
    assert refused["MR_truncated.dcm"] == refused["rtplan_truncated.dcm"] == "truncated"
    assert refused["DICOMDIR"] == "dicomdir" and refused["crayons.icc"] == "not-dicom"


def test_the_same_key_profile_and_input_give_the_same_bytes() -> None:
    blobs = [part10(ct(Element(0x00081155, "UI", f"1.2.{number}"))) for number in range(5)]
    shared = engine()
    assert [rewrite(blob, shared) for blob in blobs] == [rewrite(blob, engine()) for blob in reversed(blobs)][::-1]


def test_one_engine_serves_objects_of_many_kinds_in_turn() -> None:
    # with a secondary capture among them
    shared = engine(patient_name="Jörg", pixels="keep")
    kinds = [(CT, "ISO_IR 100"), (COMPREHENSIVE_SR, "ISO_IR 192"), (SC, "GB18030"), (CT, "ISO_IR 192")]
    blobs = [
        part10(ct(Element(0x00080005, "CS", charset), sop_class=sop), syntax)
        for sop, charset in kinds
        for syntax in (EXPLICIT, IMPLICIT)
    ]
    alone = [rewrite(blob, engine(patient_name="Jörg", pixels="keep")) for blob in blobs]
    assert [rewrite(blob, shared) for blob in blobs * 2] == alone * 2


def test_objects_in_flight_together_do_not_mix() -> None:
    shared = engine()
    blobs = [
        part10(ct(Element(0x00080018, "UI", f"1.2.3.{number}"), Element(0x00104000, "LT", "c" * number))) for number in range(4)
    ]
    outputs = [b""] * 4
    for pieces in zip_longest(*(shared.deidentify(BytesIO(blob)).chunks() for blob in blobs), fillvalue=b""):
        outputs = [output + bytes(piece) for output, piece in zip(outputs, pieces, strict=True)]
    assert outputs == [rewrite(blob) for blob in blobs]


def test_instances_of_a_series_share_one_set_of_actions() -> None:
    shared = engine()
    reports = [rewrite_with_report(part10(ct(Element(0x00080018, "UI", f"1.2.3.{number}"))), shared)[1] for number in range(3)]
    assert reports[0].actions is reports[1].actions is reports[2].actions
    assert len({report.sop_instance_uid for report in reports}) == 3


@pytest.mark.parametrize("charset", ["LOGTOKEN", "ISO_IR 192\\LOGTOKEN", "ISO 2022 IR 87\\LOGTOKEN"])
def test_no_value_reaches_a_log_or_a_warning(charset: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    extra = [
        Element(0x00080005, "CS", charset),
        Element(0x00100020, "LO", b"LOGTOKEN\xff\x1b$B"),
        Element(0x00080020, "DA", "LOGTOKEN"),
    ]
    codes = Element(
        0x00120064, "SQ", [[Element(0x00080100, "SH", b"LOGTOKEN\xff" * 9), Element(0x00080102, "SH", "LOGTOKEN" * 9)]]
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcome(part10(ct(*extra, codes)))
        outcome(part10(ct(codes)))
    assert "LOGTOKEN" not in caplog.text
    assert not [warning for warning in caught if "LOGTOKEN" in str(warning.message)]


def test_long_uid_lists_of_org_roots_still_fit_their_element() -> None:
    uids = "\\".join(f"1.2.3.{number}" for number in range(900))
    new = read(rewrite(part10(ct(Element(0x00080058, "UI", uids)), IMPLICIT), engine(uid_root="2.999")))
    assert len(new.FailedSOPInstanceUIDList) == 900
    assert b"1.2.3.7\\" not in data_set_of(rewrite(part10(ct(Element(0x00080058, "UI", uids)))))
