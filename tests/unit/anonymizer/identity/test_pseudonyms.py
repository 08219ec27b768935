"""Pseudonyms follow the text, whatever its bytes are."""

from __future__ import annotations

import re

import pytest

from anonymizer import Key
from anonymizer.internals import Patient, Pseudonyms
from tests.support.objects import BIG, DEFLATED, EXPLICIT, IMPLICIT, Element, ct, part10, read
from tests.support.running import SECRET, engine, reason, rewrite

PATIENT_ID = 0x00100020


def pseudonym(value: bytes, charset: str = "", syntax: str = EXPLICIT) -> str:
    """PatientID after de-identification of an object with PatientID ``value``."""
    extra = [Element(0x00080005, "CS", charset)] if charset else []
    return str(read(rewrite(part10(ct(Element(PATIENT_ID, "LO", value), *extra), syntax))).PatientID)


def test_a_pseudonym_is_16_letters_and_digits_and_nothing_of_the_original() -> None:
    new = pseudonym(b"MRN-4711")
    assert re.fullmatch("[A-Z2-7]{16}", new)
    assert new == pseudonym(b"MRN-4711") != pseudonym(b"MRN-4712")


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_one_patient_has_one_pseudonym_in_every_encoding(syntax: str) -> None:
    assert pseudonym(b"MRN-4711", syntax=syntax) == pseudonym(b"MRN-4711")


@pytest.mark.parametrize("padded", [b"MRN-4711 ", b"MRN-4711\0", b" MRN-4711  "])
def test_padding_makes_no_other_patient(padded: bytes) -> None:
    assert pseudonym(padded) == pseudonym(b"MRN-4711")


@pytest.mark.parametrize(
    ("text", "charsets"),
    [
        (
            "Müller-7",
            {
                "ISO_IR 100": "latin-1",
                "ISO_IR 192": "utf-8",
                "ISO_IR 101": "iso8859-2",
                "GB18030": "gb18030",
                "ISO_IR 148": "iso8859-9",
            },
        ),
        ("Иванов", {"ISO_IR 144": "iso8859-5", "ISO_IR 192": "utf-8"}),
        ("Διονυσ", {"ISO_IR 126": "iso8859-7", "ISO_IR 192": "utf-8"}),
        ("王小東", {"GB18030": "gb18030", "ISO_IR 192": "utf-8", "GBK": "gbk"}),
    ],
)
def test_one_patient_in_several_character_sets_gets_one_pseudonym(text: str, charsets: dict[str, str]) -> None:
    found = {pseudonym(text.encode(codec), charset) for charset, codec in charsets.items()}
    assert found == {Pseudonyms(Key(SECRET)).patient_id(Patient.of(text)).decode()}


def test_one_patient_with_code_extensions_gets_the_same_pseudonym() -> None:
    escaped = b"\x1b$B;3ED\x1b(B"
    assert pseudonym(escaped, "\\ISO 2022 IR 87") == pseudonym("山田".encode(), "ISO_IR 192")


def test_composed_and_decomposed_letters_are_one_text() -> None:
    assert pseudonym("Mu\u0308ller".encode(), "ISO_IR 192") == pseudonym("Müller".encode(), "ISO_IR 192")


@pytest.mark.parametrize(
    ("value", "charset"),
    [
        (b"M\xfcller", "ISO_IR 192"),
        (b"\xff\xfe", "ISO_IR 192"),
        (b"\x81", "GB18030"),
        (b"M\xfcller", "ISO_IR 999"),
        (b"\x1b$Z;3ED\x1b(B", "\\ISO 2022 IR 87"),
    ],
)
def test_text_that_its_character_set_cannot_decode_is_refused(value: bytes, charset: str) -> None:
    blob = part10(ct(Element(0x00080005, "CS", charset), Element(PATIENT_ID, "LO", value)))
    assert reason(blob) == "undecodable-text"


def test_patients_without_an_id_are_not_joined_under_one() -> None:
    assert pseudonym(b"") == "" == pseudonym(b"   ") == pseudonym(b"\0\0")


def test_a_patient_id_in_an_item_goes_by_the_items_character_set() -> None:
    item = [Element(0x00080005, "CS", "ISO_IR 192"), Element(PATIENT_ID, "LO", "Müller-7".encode())]
    inherited = [Element(PATIENT_ID, "LO", "Müller-7".encode("latin-1"))]
    blob = part10(ct(Element(0x00080005, "CS", "ISO_IR 100"), Element(0x00081115, "SQ", [item, inherited])))
    items = read(rewrite(blob)).ReferencedSeriesSequence
    assert items[0].PatientID == items[1].PatientID == Pseudonyms(Key(SECRET)).patient_id(Patient.of("Müller-7")).decode()


def test_the_scope_and_the_key_change_every_pseudonym() -> None:
    keys = [Key(SECRET), Key(SECRET, "scope"), Key(SECRET[::-1])]
    assert len({Pseudonyms(key).patient_id(Patient.of("MRN")) for key in keys}) == 3
    assert len({Pseudonyms(key).source_id(b"a/b.dcm") for key in keys}) == 3


def test_source_names_become_ids_whatever_bytes_they_hold() -> None:
    pseudonyms = Pseudonyms(Key(SECRET))
    assert re.fullmatch("[0-9a-f]{32}", pseudonyms.source_id(b"Doe^Jane/\xff.dcm"))
    assert pseudonyms.source_id(b"a") != pseudonyms.source_id(b"b")
    assert pseudonyms.source_id(b"MRN") != pseudonyms.patient_id(Patient.of("MRN")).decode()


# -- aliases --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_aliases_take_the_place_of_name_and_id(syntax: str) -> None:
    new = read(rewrite(part10(ct(), syntax), engine(patient_name="Case^One", patient_id="C 1")))
    assert (str(new.PatientName), new.PatientID) == ("Case^One", "C 1")


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 192", "GB18030"])
def test_an_alias_is_written_in_the_objects_character_set(charset: str) -> None:
    new = read(rewrite(part10(ct(Element(0x00080005, "CS", charset))), engine(patient_name="Jörg^Fall")))
    assert str(new.PatientName) == "Jörg^Fall"


@pytest.mark.parametrize("charset", ["ISO_IR 144", "ISO_IR 100", "", "ISO_IR 6"])
def test_an_alias_that_the_objects_character_set_lacks_is_refused(charset: str) -> None:
    alias = "Jörg" if charset in ("", "ISO_IR 6") else "山田"
    extra = [Element(0x00080005, "CS", charset)] if charset else []
    assert reason(part10(ct(*extra)), engine(patient_name=alias)) == "alias-not-encodable"


def test_one_alias_in_objects_of_different_character_sets_is_encoded_for_each() -> None:
    using = engine(patient_name="Jörg")
    for charset, codec in (("ISO_IR 100", "latin-1"), ("ISO_IR 192", "utf-8"), ("ISO_IR 100", "latin-1")):
        new = rewrite(part10(ct(Element(0x00080005, "CS", charset))), using)
        assert read(new).get_item(0x00100010).value.rstrip(b" ") == "Jörg".encode(codec)


# -- contact sheets -------------------------------------------------------------------------------------------------------


def test_the_sample_of_contact_sheets_is_the_same_in_each_version() -> None:
    assert Pseudonyms(Key(bytes(range(32)))).sheet(b"1").hex() == "66fc1fa17f786cbafd621e3ed344cec2"
