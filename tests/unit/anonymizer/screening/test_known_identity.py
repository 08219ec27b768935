"""Whom a text names: people, identifiers, places, telephone numbers and birth dates as they are written, and what is nobody's."""

from __future__ import annotations

from collections.abc import Container

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.identity.known_values import KnownValue
from anonymizer.screening.known_identity import KnownIdentity, names_elsewhere
from profiles import IdentityKind
from tests.support.running import budget

NAME, ID, PHONE, PLACE, DATE = (
    IdentityKind.NAME,
    IdentityKind.IDENTIFIER,
    IdentityKind.PHONE,
    IdentityKind.PLACE,
    IdentityKind.DATE,
)
UTF_8 = "ISO_IR 192"
NOBODY: frozenset[str] = frozenset()


def identity(*values: tuple[IdentityKind, str]) -> KnownIdentity:
    """What an object in UTF-8 tells."""
    return KnownIdentity([KnownValue(0x00100010, kind, value.encode()) for kind, value in values], UTF_8)


def names(kind: IdentityKind, value: str, text: str, *, is_free: bool = True, elsewhere: Container[str] = NOBODY) -> bool:
    """Whether a kept value ``text`` would be seen, by the search of bytes, and judged to name whom ``value`` names."""
    known = identity((kind, value))
    judged = bool(known.named_in(text, elsewhere, is_free=is_free))
    return known.search.may_find(text.encode()) and judged


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Miller^Robert", "Miller"),
        ("Miller^Robert", "MILLER"),
        ("Miller^Robert", "for Dr.Miller only"),
        ("Miller^Robert", "ROBERT"),
        ("Miller^Robert", "robertmiller"),
        ("Miller^Robert", "millerrobert"),
        ("Miller^Robert", "RobertMiller2"),
        ("Miller^Robert", "miller_r"),
        ("Miller^Robert^^Dr.", "Robert"),
        ("MILLER^ROBERT", "Miller"),
        ("Miller, Robert", "Miller"),
        ("Miller^Robert\\Jones^Ann", "Jones"),
        ("Ann Miller", "Miller"),
        ("Smith-Jones^Ann", "Smith"),
        ("Smith-Jones^Ann", "Jones"),
        ("Smith-Jones^Ann", "SmithJones"),
        ("Smith-Jones^Ann", "smithjones"),
        ("Smith-Jones^Ann", "SMITH JONES"),
        ("O'Brien^Mary", "O'Brien"),
        ("O'Brien^Mary", "OBRIEN"),
        ("O'Brien^Mary", "O Brien"),
        ("O'Brien^Mary", "O\u2019Brien"),
        ("van der Berg^Jo", "van der Berg"),
        ("van der Berg^Jo", "VanDerBerg"),
        ("van der Berg^Jo", "v.d.Berg"),
        ("Li^Bo", "Li Bo"),
        ("Li^Bo", "Bo Li"),
        ("Li^Bo", "LI^BO"),
        ("Li^Bo", "Li, Bo"),
        ("Li^Bo", "bo_li"),
        ("Li^Bo", "LiBo"),
        ("Müller^Jörg", "Müller"),
        ("Müller^Jörg", "MUELLER"),
        ("Müller^Jörg", "Muller"),
        ("Müller^Jörg", "Joerg"),
        ("Müller^Jörg", "Mu\u0308ller"),
        ("Mueller^Joerg", "Müller"),
        ("Muller^Jorg", "Muller"),
        ("Strauß^Eva", "STRAUSS"),
        ("Bjørnsen^Åse", "BJORNSEN"),
        ("Wałęsa^Lech", "Walesa"),
        ("Wałęsa^Lech", "WAŁĘSA"),
        ("Nguyễn^Thị", "nguyen"),
        ("İpek^Can", "İpek"),
        ("Suzuki^Taro=鈴木^太郎", "鈴木"),
        ("Suzuki^Taro=鈴木^太郎", "撮影:鈴木様"),
        ("Suzuki^Taro=鈴木^太郎", "太郎"),
        ("김^철수", "철수"),
        ("Иванов^Пётр", "ИВАНОВ"),
        ("Miller7", "Miller"),
        ("mrn471134^Miller", "MRN471134"),
        ("Miller^Robert", "CTMiller"),
        ("Li^Bo", "Li  Bo"),
        ("Li^Bo", "Li/Bo"),
        ("Li^Bo", "Li (Bo)"),
    ],
)
def test_a_name_is_recognised_as_people_write_it(name: str, text: str) -> None:
    assert names(NAME, name, text)


@pytest.mark.parametrize("text", ["ipek", "Ipek", "IPEK"])
def test_a_turkish_name_is_recognised_without_its_dot(text: str) -> None:
    assert names(NAME, "İpek^Can", text)


@pytest.mark.parametrize("text", ["ИвановКТ", "ŁukaszIvanov"])
def test_camel_case_of_other_alphabets_is_taken_apart(text: str) -> None:
    assert names(NAME, "Иванов^П" if text[0] == "И" else "Ivanov^P", text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Miller^Robert", "Millers"),
        ("Miller^Robert", "Millerstadt"),
        ("Miller^Ann", "Ann"),
        ("Miller^Ann", "annotated"),
        ("Li^Bo", "Li"),
        ("Li^Bo", "Bo"),
        ("Li^Bo", "Bo and Li"),
        ("Li^Bo", "Limbo"),
        ("Li^Bo", "Li Li"),
        ("Suzuki^Taro=林^一", "林"),
        ("Иванов^П", "Ивановский"),
        ("", "Miller"),
        ("^", "Miller"),
    ],
)
def test_what_is_no_name_or_too_short_is_nobody(name: str, text: str) -> None:
    assert not identity((NAME, name)).named_in(text, NOBODY, is_free=True)


def test_short_parts_side_by_side_count_in_free_text_only() -> None:
    assert names(NAME, "Li^Bo", "Li Bo")
    assert names(NAME, "Ng^Tu^Xi", "XI TU")
    assert not names(NAME, "Ng^Tu^Xi", "XI TU", is_free=False)
    # of two people, no part stands beside another of the same
    assert not identity((NAME, "Li^Bo"), (NAME, "Ng^Tu")).named_in("Li Tu", NOBODY, is_free=True)


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        ("MRN-471134", "MRN-471134"),
        ("MRN-471134", "mrn471134"),
        ("MRN-471134", "MRN 471134"),
        ("MRN-471134", "MRN_471134"),
        ("MRN-471134", "471134"),
        ("MRN471134", "MRN-471134"),
        ("MRN-4711", "MRN-4711"),
        ("MRN-4711", "mrn/4711"),
        ("AB 12 345", "AB12345"),
        ("12.345.678", "12345678"),
        ("12.345.678", "12-345-678"),
        ("0012345678", "12345678"),
        ("A1234", "A1234"),
        ("A1234", "xx_a1234_yy"),
        ("PHANTOM7", "phantom7"),
        ("ZWICKEL", "Zwickel"),
        ("4711-XY-Z\\998877", "998877"),
        ("12345678", "12 345 678"),
        ("123456789", "123-45-6789"),
        ("MRN-4711", "MRN: 4711"),
        ("MRN-4711", "MRN#4711"),
        ("MRN-4711-22", "MRN4711-22"),
    ],
)
def test_an_identifier_is_recognised_with_other_separators(identifier: str, text: str) -> None:
    assert names(ID, identifier, text)


@pytest.mark.parametrize("text", ["000471134", "0471134"])
def test_a_number_is_recognised_with_zeros_before_it(text: str) -> None:
    assert names(ID, "471134", text)


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        ("4711", "4711"),
        ("12345", "12345"),
        ("A471", "A471"),
        ("MRN-471134", "MRN"),
        ("471134", "4711345"),
        ("471134", "1471134"),
        ("AC-2024-17", "2024"),
        ("XY-12", "XY"),
        ("Phantom", "Phantom 7"),
        ("", "x"),
    ],
)
def test_a_short_identifier_a_part_of_one_and_an_ordinary_word_are_nobodys(identifier: str, text: str) -> None:
    assert not identity((ID, identifier)).named_in(text, NOBODY, is_free=True)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("555-123-4567", "call 555-123-4567"),
        ("555-123-4567", "5551234567"),
        ("555-123-4567", "555 123 4567"),
        ("+49 (0)89 1234567", "089/1234567"),
        ("+49 (0)89 1234567", "1234567"),
        ("0043198765432", "0043198765432"),
        ("555-123-4567", "(555) 123-4567"),
        ("555-123-4567", "555-1234567"),
        ("(089) 12 34 56 78", "089-12345678"),
        ("(089) 12 34 56 78", "(089) 1234 5678"),
    ],
)
def test_a_telephone_number_is_recognised_however_its_digits_are_grouped(number: str, text: str) -> None:
    assert names(PHONE, number, text)


@pytest.mark.parametrize("text", ["555", "123-4568", "5551234568", "15551234567"])
def test_other_numbers_are_nobodys(text: str) -> None:
    assert not identity((PHONE, "555-123-4567")).named_in(text, NOBODY, is_free=True)


@pytest.mark.parametrize(
    "text",
    [
        "19700312",
        "1970-03-12",
        "1970/03/12",
        "12.03.1970",
        "03/12/1970",
        "12-03-1970",
        "12.3.1970",
        "3/12/1970",
        "12.03.70",
        "12 03 1970",
        "12-MAR-1970",
        "12Mar1970",
        "12 March 1970",
        "March 12, 1970",
        "Mar 12 1970",
        "DOB:19700312",
        "born19700312x",
        "v1 of 12.03.1970, corrected",
    ],
)
def test_a_birth_date_is_recognised_in_its_usual_spellings(text: str) -> None:
    assert names(DATE, "19700312", text)


@pytest.mark.parametrize("text", ["1970-Mar-12", "12.Mar.1970", "12/Mar/1970", "1970-3-12", "12.3.70", "3/12/70"])
def test_and_in_less_usual_ones(text: str) -> None:
    assert names(DATE, "19700312", text)


@pytest.mark.parametrize(
    "text", ["1970", "0312", "12.03.1971", "119700312", "197003120", "112.03.1970", "12.03.19701", "03.1970"]
)
def test_other_dates_and_years_are_nobodys(text: str) -> None:
    assert not identity((DATE, "19700312")).named_in(text, NOBODY, is_free=True)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("Klinikum Zwettl", "Zwettl CT 2"),
        ("Klinikum Zwettl", "ZWETTL"),
        ("General Hospital", "General Hospital"),
        ("General Hospital", "GENERALHOSPITAL"),
        ("UCLA PET/CT", "UCLA protocol"),
        ("UCLA PET/CT", "UCLA PET/CT"),
        ("Main Street 5, 1010 Zwettl", "zwettl"),
    ],
)
def test_a_place_is_recognised(place: str, text: str) -> None:
    assert names(PLACE, place, text)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("General Hospital", "General"),
        ("General Hospital", "Hospital CT"),
        ("UCLA PET/CT", "PET/CT"),
        ("UCLA PET/CT", "PET"),
        ("Head and Neck Clinic", "Head"),
        ("Main Street 5", "main"),
        ("Radiology", "Radiology"),
    ],
)
def test_ordinary_words_of_a_place_are_no_place(place: str, text: str) -> None:
    known = identity((PLACE, place))
    assert not known.named_in(text, NOBODY, is_free=True)
    assert not known.search.finds(text.encode())


def test_a_word_that_is_somebodys_name_is_no_ordinary_one() -> None:
    both = identity((PLACE, "Head Clinic"), (NAME, "Head^Ann"))
    assert both.named_in("Head", NOBODY, is_free=True) == {"head"}


# -- numbers -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["471134", " 471134 ", "+471134", "-471134", "471134.0", "471134.", "0471134"])
def test_a_number_of_is_or_ds_is_known_as_a_whole(value: str) -> None:
    assert identity((ID, "471134")).is_number(value)


@pytest.mark.parametrize("value", ["", "47113", "4711340", "471134.5", "0.471134", "471134e1", "4711\\34", "x471134"])
def test_a_part_of_a_number_is_none(value: str) -> None:
    assert not identity((ID, "471134")).is_number(value)


def test_numbers_under_six_digits_are_nobodys() -> None:
    assert not identity((ID, "47113")).is_number("47113")
    assert not identity((ID, "MRN-47113")).is_number("47113")


# -- other objects -----------------------------------------------------------------------------------------------------------


def test_words_of_other_objects_name_somebody_unless_they_are_ordinary_or_short() -> None:
    elsewhere = frozenset({"zwickel", "head", "ann", "mrn4711"})
    nobody = identity()
    assert nobody.named_in("by Zwickel", elsewhere, is_free=True) == {"zwickel"}
    assert nobody.named_in("byZwickel", elsewhere, is_free=False) == {"zwickel"}
    assert nobody.named_in("MRN-4711", elsewhere, is_free=True) == {"mrn4711"}
    assert not nobody.named_in("Head", elsewhere, is_free=True)
    assert not nobody.named_in("Ann", elsewhere, is_free=True)


@pytest.mark.parametrize("run", [b"Zwickel", b"ZWICKEL", b"byZwickel2", "Zwickél".encode(), "Zwickél".encode("latin-1")])
def test_runs_of_bytes_are_compared_with_them(run: bytes) -> None:
    assert names_elsewhere(run, frozenset({"zwickel"}))


@pytest.mark.parametrize("run", [b"Zwickels", b"ZWICKELS", b"Zwick2el"])
def test_and_are_no_part_of_another_word(run: bytes) -> None:
    assert not names_elsewhere(run, frozenset({"zwickel"}))


def test_what_is_known_is_known_in_other_objects_too() -> None:
    known = identity((NAME, "Miller^Robert"), (ID, "MRN-471134"), (DATE, "19700312"))
    assert {"miller", "robert", "mrn471134"} <= known.own
    assert "19700312" not in known.own


# -- the search of bytes stands before the judge: what the one passes over the other never sees ----------------------------------

WORDS = st.text("abcdefghij", min_size=4, max_size=8)
CASES = st.sampled_from([str.lower, str.upper, str.title])
SIGNS = st.sampled_from([" ", "^", "_", "-", ".", ",", "/", "(", "2 ", ": "])


@given(family=WORDS, given_name=WORDS, case=CASES, before=SIGNS, behind=SIGNS, data=st.data())
@budget(200)
def test_a_name_between_signs_is_seen_by_both(
    family: str, given_name: str, case: object, before: str, behind: str, data: st.DataObject
) -> None:
    assert callable(case)
    part = data.draw(st.sampled_from([family, given_name, family + given_name, given_name + family]))
    assert names(NAME, f"{family}^{given_name}", f"xy{before}{case(part)}{behind}xy")


@given(name=st.text(max_size=20), text=st.text(max_size=40))
@budget(300)
def test_no_text_is_an_error(name: str, text: str) -> None:
    known = KnownIdentity([KnownValue(0, kind, name.encode("utf-8", "replace")) for kind in IdentityKind], UTF_8)
    known.named_in(text, NOBODY, is_free=True)
    known.search.finds(text.encode("utf-8", "replace"))
