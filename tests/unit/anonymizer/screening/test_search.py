"""The search of bytes for words: they stand alone, in any character set, beside whatever an encoding puts there."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.screening.search import ByteSearch
from tests.support.running import budget

WIDE = {"little": "utf-16-le", "big": "utf-16-be"}


def finds(content: bytes, *needles: str, shortest: int = 0) -> bool:
    """Whether ``content`` holds one of ``needles``; the search is a new one, and one that was used before says the same."""
    encoded = [needle.encode() for needle in needles]
    fresh = ByteSearch(encoded, shortest=shortest).finds(content)
    assert used(encoded, shortest).finds(content) == fresh
    return fresh


def used(needles: list[bytes], shortest: int = 0) -> ByteSearch:
    """A search that has met other objects, for which it prepares itself."""
    search = ByteSearch(needles, shortest=shortest)
    for _ in range(4):
        search.finds(b"nothing")
    return search


@pytest.mark.parametrize(
    "content",
    [
        b"Miller",
        b"MILLER",
        b"miller",
        b"by Miller, Ann",
        b"Dr.Miller",
        b"Miller^Ann",
        b"Miller_2",
        b"Miller2",
        b"3Miller",
        b"AnnMiller",
        b"MillerAnn",
        b"\xfcMiller\xe9",
        b"Millers Miller",
        b"millermiller Miller",
    ],
)
def test_a_word_that_stands_alone_is_found(content: bytes) -> None:
    assert finds(content, "miller")


@pytest.mark.parametrize("content", [b"", b"Mille", b"Millers", b"Millerstadt", b"xmiller", b"MILLERS", b"SMILLER", b"M iller"])
def test_a_part_of_another_word_is_nobody(content: bytes) -> None:
    assert not finds(content, "miller")


@pytest.mark.parametrize(
    "content",
    [
        b"CTMiller",
        pytest.param(b"MILLERs", marks=pytest.mark.xfail(strict=True, reason="an s behind capitals is taken for a letter")),
    ],
)
def test_camel_case_that_texts_are_taken_apart_by_is_taken_apart_in_bytes(content: bytes) -> None:
    assert finds(content, "miller")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"123456", True),
        (b"A123456", True),
        (b"123456B", True),
        (b"no.123456/7", True),
        (b"0.123456", True),
        (b"1234567", False),
        (b"0123456", True),
    ],
)
def test_a_number_stands_alone_where_no_digit_stands_beside_it(content: bytes, found: bool) -> None:
    assert finds(content, "123456") is found


def test_several_words_and_none() -> None:
    assert finds(b"by Smith", "miller", "smith")
    assert not finds(b"by Jones", "miller", "smith")
    assert not finds(b"by Jones")
    assert finds(b"Ann Smith", "smith", "ann smith", "ann")


@pytest.mark.parametrize("codec", WIDE.values(), ids=WIDE)
@pytest.mark.parametrize("before", [b"", b"\0", b"\0\0", b"ab", b"\xff\xfe", b"Exif\0\0", b"\x06\0"])
@pytest.mark.parametrize("behind", [b"", b"\0", b"\0\0", b"XY", b"..", b"\x54\0"])
def test_utf_16_is_read_wherever_it_begins(codec: str, before: bytes, behind: bytes) -> None:
    content = before + "Miller".encode(codec) + behind
    assert finds(content, "miller")
    assert not finds(before + "Millet".encode(codec) + behind, "miller")


@pytest.mark.parametrize("behind", [b"xy", b"XY", b"\x62\0\x02\0SQ"])
def test_nor_do_letters_behind_it_hide_it(behind: bytes) -> None:
    assert finds("Miller".encode("utf-16-le") + behind, "miller")


@pytest.mark.parametrize("codec", WIDE.values(), ids=WIDE)
def test_utf_16_within_a_longer_text(codec: str) -> None:
    assert finds("taken by Miller, Ann".encode(codec), "miller")
    assert finds("taken by MÜLLER".encode(codec), "m\xfcller") is False  # the needle is one of UTF-8
    assert ByteSearch(["m\xdcller".encode("latin-1")]).finds("by MÜLLER".encode(codec))


def test_short_words_count_in_utf_16_only_where_a_length_is_asked_for() -> None:
    assert finds(b"..Head..", "head")
    assert not finds(b"..Head..", "head", shortest=6)
    assert finds(b"..Header..", "header", shortest=6)
    assert all(finds("Head".encode(codec), "head", shortest=6) for codec in WIDE.values())


def test_what_is_dull_is_passed_over_and_what_follows_is_not() -> None:
    search = ByteSearch([b"head", b"miller"], lambda needle: needle == b"head")
    assert not search.finds(b"head Head HEAD")
    assert search.finds(b"head Miller")


# -- what an encoding puts beside a value ------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["MILLER", "miller", "Miller"])
@pytest.mark.parametrize("length", range(0x30, 0x7B))
def test_the_second_byte_of_a_big_endian_length_hides_no_word(length: int, word: str) -> None:
    assert finds(struct.pack(">H", length) + word.encode(), "miller")
    assert finds(struct.pack(">L", length) + word.encode(), "miller")


@pytest.mark.parametrize("word", ["MILLER", "miller", "Miller"])
@pytest.mark.parametrize("layout", [">H", "<H"], ids=["big", "little"])
def test_nor_does_a_longer_length(word: str, layout: str) -> None:
    values = [0x4142, 0x0142] if layout == ">H" else [0x4120, 0x4142]
    assert all(finds(b"LT" + struct.pack(layout, length) + word.encode(), "miller") for length in values)


@pytest.mark.parametrize("word", ["MILLER", "miller", "Miller"])
@pytest.mark.parametrize("group", [0x0041, 0x0054, 0x0060, 0x0062, 0x0072, 0x0078, 0x5000, 0x5400, 0x6000])
def test_the_first_byte_of_the_next_group_hides_no_word(word: str, group: int) -> None:
    for layout in ("<HH", ">HH"):
        assert finds(word.encode() + struct.pack(layout, group, 0x0010) + b"LO", "miller")


@pytest.mark.parametrize("group", [0x7053, 0x4141, 0x6161])
def test_nor_does_a_private_group(group: int) -> None:
    for word in (b"MILLER", b"miller"):
        for layout in ("<HH", ">HH"):
            assert finds(word + struct.pack(layout, group, 0x0010) + b"LO", "miller")


# -- however it searches -----------------------------------------------------------------------------------------------------

NEEDLES = st.lists(
    st.text("abMÜ1", min_size=1, max_size=6).map(lambda text: text.lower().encode("latin-1")), min_size=1, max_size=5
)
PIECES = st.lists(
    st.one_of(st.text("abABm1 \0Ü", max_size=8).map(lambda text: text.encode("latin-1")), st.binary(max_size=3)), max_size=8
)


@given(needles=NEEDLES, pieces=PIECES, data=st.data())
@budget(300)
def test_one_by_one_and_by_an_automaton_the_same_is_found(needles: list[bytes], pieces: list[bytes], data: st.DataObject) -> None:
    planted = data.draw(st.lists(st.sampled_from([*needles, *(needle.upper() for needle in needles)]), max_size=3))
    content = b"".join(data.draw(st.permutations([*pieces, *planted])))
    codec = data.draw(st.sampled_from(["latin-1", "utf-16-le", "utf-16-be"]))
    wide = content.decode("latin-1").encode(codec)
    for shortest in (0, 3):
        answers = {ByteSearch(needles, shortest=shortest).finds(wide), used(needles, shortest).finds(wide)}
        # more than is searched one by one
        answers.add(ByteSearch(needles, shortest=shortest).finds(wide + b"\\\\" * (8192 if codec == "latin-1" else 0)))
        assert len(answers) == 1


@given(needle=st.text("abcdefgh", min_size=4, max_size=8), before=st.binary(max_size=9), behind=st.binary(max_size=9))
@budget(200)
def test_between_signs_every_word_is_found(needle: str, before: bytes, behind: bytes) -> None:
    for sign in (b" ", b"^", b"\\", b"\0", b"-", b"\x1b", b"\xff"):
        assert finds(before + sign + needle.encode() + sign + behind, needle)
