"""Dummy values are legal for their VR, whatever the attribute."""

from __future__ import annotations

import re

import pytest

from anonymizer.dicom.encoding import EXPLICIT_LITTLE, encode_value
from profiles import Action, ConfidentialityProfile, Operation, compile_plan
from profiles.dummies import dummy_value
from profiles.tables import TableRow, dummy_items, listed, unlisted

#: PS3.5 table 6.2-1
LEGAL = {
    "AE": r"[ -\[\]-~]{1,16}",
    "AS": r"[0-9]{3}[DWMY]",
    "CS": r"[A-Z0-9_ ]{1,16}",
    "DA": r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])",
    "DS": r"[-+0-9.eE]{1,16}",
    "DT": r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]([-+][0-9]{4})?",
    "IS": r"[-+]?[0-9]{1,12}",
    "LO": r"[ -\[\]-~]{1,64}",
    "LT": r"[ -~]{1,10240}",
    "PN": r"[ -\[\]-~]{1,64}",
    "SH": r"[ -\[\]-~]{1,16}",
    "ST": r"[ -~]{1,1024}",
    "TM": r"([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]",
    "UC": r"[ -\[\]-~]+",
    "UR": r"https?://[!-~]+",
    "UT": r"[ -~]+",
}


@pytest.mark.parametrize(("vr", "pattern"), LEGAL.items())
def test_a_text_dummy_is_legal_for_its_vr(vr: str, pattern: str) -> None:
    assert re.fullmatch(pattern, dummy_value("", vr, ""))


def test_a_timezone_dummy_is_an_offset() -> None:
    assert re.fullmatch(r"[-+][01][0-9][0-5][0-9]", dummy_value("TimezoneOffsetFromUTC", "SH", ""))


@pytest.mark.parametrize(
    "row", [row for row in listed().values() if "D" in row.basic.value and row.vr != "SQ"], ids=lambda row: row.keyword
)
def test_each_attribute_that_may_get_a_dummy_gets_one_that_is_not_empty(row: TableRow) -> None:
    vr: str = row.vr.split(" or ")[0]
    if vr == "UI":
        return
    value = dummy_value(row.keyword, row.vr, "")
    encoded = encode_value(0x00090010, vr, value, EXPLICIT_LITTLE)
    assert len(encoded) > (12 if vr in ("OB", "OW", "UN", "UC", "UR", "UT", "OF", "OD", "OL") else 8)
    assert len(encoded) % 2 == 0


def test_a_sequence_whose_code_is_d_has_dummy_items_or_keeps_its_own() -> None:
    root = compile_plan(ConfidentialityProfile(), "1.2.840.10008.5.1.4.1.1.88.33").root
    for row in listed().values():
        if row.vr == "SQ" and row.basic is Action.D:
            rule = root[int(row.tag[1:5] + row.tag[6:10], 16)]
            assert row.keyword in dummy_items() or (rule is not None and rule.operation is Operation.ITEMS)


@pytest.mark.parametrize(
    ("sop_class", "start"),
    [
        ("1.2.840.10008.5.1.4.1.1.104.1", b"%PDF-"),
        ("1.2.840.10008.5.1.4.1.1.104.2", b"<?xml"),
        ("1.2.840.10008.5.1.4.1.1.104.4", b""),
    ],
)
def test_the_dummy_document_is_of_the_type_that_the_class_declares(sop_class: str, start: bytes) -> None:
    document = dummy_value("EncapsulatedDocument", "OB", sop_class)
    assert document.startswith(start) and len(document) % 2 == 0 and len(document) > 10


def test_the_dummy_stl_is_a_whole_binary_or_text_solid() -> None:
    document = dummy_value("EncapsulatedDocument", "OB", "1.2.840.10008.5.1.4.1.1.104.3")
    count = int.from_bytes(document[80:84], "little")
    assert document.startswith(b"solid") or 84 + 50 * count <= len(document) <= 85 + 50 * count


def test_no_unlisted_attribute_is_given_a_code_that_needs_an_option() -> None:
    assert {row.action for row in unlisted().values()} <= {
        Action.X,
        Action.K,
        Action.D,
        Action.U,
        Action.X_Z_D,
        Action.Z_D,
        Action.Z,
    }
