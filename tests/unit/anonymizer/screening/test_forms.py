"""The forms in which names, identifiers, places, telephone numbers and dates may stand elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.screening.forms import Forms, byte_forms, forms_of, identifies, is_ideographic
from profiles import IdentityKind
from tests.support.running import budget

NAME, ID, PHONE, PLACE, DATE = (
    IdentityKind.NAME,
    IdentityKind.IDENTIFIER,
    IdentityKind.PHONE,
    IdentityKind.PLACE,
    IdentityKind.DATE,
)


def forms(kind: IdentityKind, value: str, charset: str = "ISO_IR 192") -> Forms:
    """The forms of a value of UTF-8."""
    return forms_of(kind, value.encode(), charset)


@pytest.mark.parametrize(
    ("word", "enough"),
    [
        ("mill", True),
        ("mil", False),
        ("иван", True),
        ("ива", False),
        ("鈴木", True),
        ("林", False),
        ("やま", True),
        ("김철", True),
        ("123456", True),
        ("12345", False),
        ("a1234", True),
        ("a123", False),
        ("", False),
    ],
)
def test_what_is_too_short_identifies_nobody_by_itself(word: str, enough: bool) -> None:
    assert identifies(word) is enough


@pytest.mark.parametrize(
    ("word", "ideographic"), [("鈴木", True), ("스즈키", True), ("スズキ", True), ("suzuki", False), ("Müller", False)]
)
def test_scripts_without_blanks_are_known(word: str, ideographic: bool) -> None:
    assert is_ideographic(word) is ideographic


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Miller^Robert", {"miller", "robert", "millerrobert", "robertmiller"}),
        ("Li^Bo", {"libo", "boli"}),
        ("Smith-Jones^Ann", {"smith", "jones", "smithjones", "smithjonesann", "annsmithjones"}),
        ("O'Brien^Mary", {"brien", "obrien", "mary", "obrienmary", "maryobrien"}),
        ("van der Berg^Jo", {"berg", "vanderberg", "vanderbergjo", "jovanderberg"}),
        ("Müller", {"muller", "mueller"}),
        ("Mueller", {"mueller", "muller"}),
        ("Suzuki^Taro=鈴木^太郎", {"suzuki", "taro", "鈴木", "太郎", "鈴木太郎", "太郎鈴木"}),
        ("Ann", set()),
    ],
)
def test_a_name_is_known_by_its_parts_and_by_them_joined(name: str, words: set[str]) -> None:
    found = forms(NAME, name).words
    assert words <= found.keys()
    assert all(identifies(word) for word in found)
    assert not any(found.values())


@pytest.mark.parametrize(("name", "groups"), [("Li^Bo", {"li", "bo"}), ("Ng^Tu^Xi", {"ng", "tu", "xi"})])
def test_parts_that_are_too_short_are_a_group(name: str, groups: set[str]) -> None:
    assert frozenset(groups) in forms(NAME, name).groups


@pytest.mark.parametrize("name", ["Miller^Robert", "Miller^Bo", "Miller^A", "Li^B", "Li", ""])
def test_one_short_part_is_none(name: str) -> None:
    assert forms(NAME, name).groups == ()


@pytest.mark.parametrize(
    ("identifier", "words", "nobodys"),
    [
        ("MRN-471134", {"mrn471134", "471134"}, {"mrn"}),
        ("MRN471134", {"mrn471134", "471134"}, {"mrn"}),
        ("0000471134", {"0000471134", "471134"}, set()),
        ("12.345.678", {"12345678"}, {"345", "678"}),
        ("AC-2024-17", {"ac202417"}, {"2024", "17", "ac"}),
        ("4711", set(), {"4711"}),
        ("A471", set(), {"a471"}),
    ],
)
def test_an_identifier_is_known_as_a_whole_and_by_long_numbers_in_it(identifier: str, words: set[str], nobodys: set[str]) -> None:
    found = forms(ID, identifier).words.keys()
    assert words <= found and not nobodys & found


def test_an_identifier_of_letters_may_be_an_ordinary_word() -> None:
    assert forms(ID, "Phantom").words == {"phantom": True}
    assert forms(NAME, "Phantom").words == {"phantom": False}
    assert forms(ID, "Phantom\\Phantom2").words["phantom2"] is False


def test_words_of_a_place_may_be_ordinary_and_the_whole_of_it_is_not() -> None:
    found = forms(PLACE, "Zwettl Hospital").words
    assert found["zwettl"] and found["hospital"] and not found["zwettlhospital"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("555-123-4567", {"5551234567"}),
        ("+49 (0)89 1234567", {"490891234567", "1234567"}),
        ("0043/1/98765432", {"0043198765432", "98765432"}),
        ("112", set()),
    ],
)
def test_a_telephone_number_is_known_whole_and_by_the_longest_part(number: str, words: set[str]) -> None:
    found = forms(PHONE, number).words.keys()
    assert words <= found and all(map(identifies, found))


@pytest.mark.parametrize(
    "written",
    [
        "19700312",
        "12031970",
        "03121970",
        "12.03.1970",
        "03/12/1970",
        "1970-03-12",
        "12.3.1970",
        "12-03-70",
        "12 march 1970",
        "12mar1970",
        "12-mar-1970",
        "12. march 1970",
        "march 12, 1970",
    ],
)
@pytest.mark.parametrize("value", ["19700312", "1970.03.12", " 19700312"])
def test_a_birth_date_has_its_usual_spellings(value: str, written: str) -> None:
    found = forms(DATE, value)
    assert written in found.words or written in found.texts
    assert written.encode() in found.needles


@pytest.mark.parametrize("value", ["", "1970", "197003", "19000101", "00010101", "1970031", "born in 1970", "19700312-19700401"])
def test_what_is_no_day_has_no_spellings(value: str) -> None:
    assert forms(DATE, value) == Forms({})


@pytest.mark.parametrize(("value", "month"), [("19701312", False), ("19700012", False), ("19700132", True)])
def test_a_date_that_the_calendar_lacks_is_no_error(value: str, month: bool) -> None:
    found = forms(DATE, value)
    assert value in found.words
    assert any("january" in text for text in found.texts) is month


# -- bytes -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("charset", "encoded"),
    [
        ("ISO_IR 100", "müller".encode("latin-1")),
        ("ISO_IR 100", "müller".encode()),
        ("ISO_IR 192", "müller".encode("latin-1")),
        ("ISO_IR 192", "mu\u0308ller".encode()),
        ("", b"mueller"),
        ("", b"muller"),
        ("no such set", b"muller"),
        ("ISO 2022 IR 100", "m\xdcller".encode("latin-1")),
    ],
)
def test_an_umlaut_has_its_bytes_in_each_character_set(charset: str, encoded: bytes) -> None:
    assert encoded in byte_forms("Müller", charset)


def test_who_writes_ue_is_found_with_an_umlaut() -> None:
    assert "müller".encode() in byte_forms("Mueller", "")


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("ISO_IR 144", "iso8859_5", "Иванов"),
        ("ISO_IR 101", "iso8859_2", "Wałęsa"),
        ("ISO_IR 126", "iso8859_7", "Διονυσιος"),
        ("GB18030", "gb18030", "王小东"),
        ("\\ISO 2022 IR 149", "euc_kr", "洪吉洞"),
    ],
)
def test_other_scripts_have_theirs_and_those_of_unicode(charset: str, codec: str, text: str) -> None:
    found = byte_forms(text, charset)
    # ASCII letters in them are small, as in what is searched
    for encoding in (codec, "utf-8", "utf-16-le", "utf-16-be"):
        for cased in {text, text.lower(), text.upper()}:
            assert cased.encode(encoding).lower() in found, (encoding, cased)


def test_kanji_have_their_bytes_without_escape_sequences() -> None:
    assert b"NkLZ".lower() in byte_forms("鈴木", "\\ISO 2022 IR 87")


def test_bytes_of_no_character_set_are_sought_as_they_are() -> None:
    assert b"zw\xffckel" in forms_of(NAME, b"Zw\xffckel^Ann", "ISO_IR 192").needles


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@given(
    kind=st.sampled_from(IdentityKind),
    text=TEXT,
    charset=st.sampled_from(["", "ISO_IR 192", "ISO_IR 100", "GB18030", "\\ISO 2022 IR 87"]),
)
@budget(300)
def test_every_value_has_forms_that_are_searched_in_small_letters(kind: IdentityKind, text: str, charset: str) -> None:
    found = forms_of(kind, text.encode(), charset)
    assert all(needle == needle.lower() and len(needle) >= 2 for needle in found.needles)
    if kind is not IdentityKind.DATE:
        assert all(map(identifies, found.words))


@given(
    kind=st.sampled_from(IdentityKind),
    value=st.binary(max_size=40),
    charset=st.sampled_from(["", "ISO_IR 192", "ISO_IR 13\\ISO 2022 IR 87", "x"]),
)
@budget(300)
def test_no_value_is_an_error(kind: IdentityKind, value: bytes, charset: str) -> None:
    forms_of(kind, value, charset)


@pytest.mark.parametrize("kind", IdentityKind)
@pytest.mark.parametrize("value", ["ANONYMIZED", "anonymized", "ANONYMIZED\\ANONYMIZED"])
def test_a_dummy_of_an_earlier_run_has_no_forms(kind: IdentityKind, value: str) -> None:
    assert forms(kind, value) == Forms({})
