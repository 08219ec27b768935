"""Strings that are formed like UIDs: which are found in an output, and which the input's attributes hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.dicom.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from anonymizer.screening.uids import uids_left, uids_of
from tests.support.objects import BIG, CT, EXPLICIT, IMPLICIT, INSTANCE, SERIES, STUDY, Element, ct, encode, nested
from tests.support.running import budget

ENCODINGS = {EXPLICIT: EXPLICIT_LITTLE, IMPLICIT: IMPLICIT_LITTLE, BIG: EXPLICIT_BIG}
UUID = b"2.25.123456789012345678901234567890"
OTHER = b"1.2.826.0.1.999.77"


@pytest.mark.parametrize(
    "content",
    [
        b"1.2.826.0.1.999.77",
        b"see 1.2.826.0.1.999.77!",
        b"UID1.2.826.0.1.999.77x",
        b"\\1.2.826.0.1.999.77\\",
        b"\0001.2.826.0.1.999.77\0",
        b"1.2.826.0.1.999.77 and 1.2.840.10008.5.1.4.1.1.2",
    ],
)
def test_a_uid_is_found_in_any_text(content: bytes) -> None:
    assert OTHER in uids_left(content)


@pytest.mark.parametrize("content", [b"CT.1.2.826.0.1.999.77.dcm", b"see ..1.2.826.0.1.999.77", b"UID.1.2.826.0.1.999.77"])
def test_a_uid_behind_a_dot_is_found(content: bytes) -> None:
    assert OTHER in uids_left(content)


def test_uids_of_uuids_are_found() -> None:
    assert uids_left(b"see " + UUID) == {UUID}


@pytest.mark.parametrize("content", [b"", b"1.2", b"version 4.1.3", b"12.03.1970", b"1.5\\2.25\\3.125", b"........"])
def test_versions_dates_and_numbers_are_none(content: bytes) -> None:
    assert uids_left(content) == set()


@pytest.mark.parametrize("content", [CT.encode(), b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.5.1.4.1.1.2\\1.2.840.10008.1.1"])
def test_uids_of_the_standard_are_nobodys(content: bytes) -> None:
    assert uids_left(content) == set()


def test_new_uids_are_not_left() -> None:
    assert uids_left(b"\\".join((OTHER, UUID)), {UUID}) == {OTHER}
    assert uids_left(OTHER, {OTHER}) == set()


@pytest.mark.parametrize("before", [b"\0001", b"\x007"])
def test_a_digit_in_a_length_may_be_none_of_it(before: bytes) -> None:
    # the second byte of a big-endian length of 49 or 55
    assert OTHER in uids_left(before + OTHER)


def test_a_digit_in_the_next_group_may_be_none_of_it() -> None:
    # (0032,1060)
    assert OTHER in uids_left(OTHER + b"2\0\x60\x10")


# -- of the input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("syntax", "encoding"), ENCODINGS.items(), ids=["explicit", "implicit", "big"])
def test_all_values_of_vr_ui_are_found_and_none_of_others(syntax: str, encoding: object) -> None:
    elements = ct(Element(0x00181020, "LO", "9.8.7.6.5.4"), Element(0x00083010, "UI", b"\\".join((OTHER, UUID))))
    found = uids_of(encode(elements, syntax), ENCODINGS[syntax])
    assert found >= {INSTANCE.encode(), STUDY.encode(), SERIES.encode(), OTHER, UUID}
    assert not any(b"9.8.7" in uid for uid in found)
    assert encoding is ENCODINGS[syntax]


@pytest.mark.parametrize("syntax", ENCODINGS)
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("levels", [1, 5])
def test_those_in_sequences_are_found(syntax: str, undefined: bool, levels: int) -> None:
    content = encode([nested(levels, Element(0x00081155, "UI", OTHER), 0x00400275, undefined=undefined)], syntax)
    assert uids_of(content, ENCODINGS[syntax]) == {OTHER}


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
@pytest.mark.parametrize("undefined", [False, True])
def test_those_in_sequences_that_are_written_as_un_are_found(syntax: str, undefined: bool) -> None:
    item = [Element(0x00081155, "UI", OTHER)]
    content = encode([Element(0x00400275, "SQ", [item], undefined=undefined, as_un=True)], syntax)
    assert uids_of(content, ENCODINGS[syntax]) == {OTHER}


def test_those_that_are_written_as_un_themselves_are_found() -> None:
    assert uids_of(encode([Element(0x00081155, "UN", OTHER)]), EXPLICIT_LITTLE) == {OTHER}


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_private_ones_are_found_where_they_say_so(syntax: str) -> None:
    content = encode([Element(0x00090010, "LO", "ACME"), Element(0x00091001, "UI", OTHER)], syntax)
    assert uids_of(content, ENCODINGS[syntax]) == {OTHER}


@pytest.mark.parametrize("length", [46, 48, 50, 54, 56])
def test_a_length_that_looks_like_a_digit_or_dot_is_no_part_of_it(length: int) -> None:
    value = (OTHER + b"." + b"1" * 60)[:length]
    for syntax, encoding in ENCODINGS.items():
        assert value in uids_of(encode([Element(0x00081155, "UI", value)], syntax), encoding)


@pytest.mark.parametrize("syntax", ENCODINGS)
@pytest.mark.parametrize("value", [b"1.2.826.0.1.999.77 ", b"1.2.826.0.1.999.77 of the study", b"1.2.826.0.1.999.77\0\0"])
def test_one_with_text_behind_it_is_found(syntax: str, value: bytes) -> None:
    assert OTHER in uids_of(encode([Element(0x00081155, "UI", value)], syntax), ENCODINGS[syntax])


@pytest.mark.parametrize("syntax", ENCODINGS)
@pytest.mark.parametrize("tail", [[], [Element(0x00282000, "OB", b"\0\1\2\3" * 30)]])
def test_the_beginning_of_an_element_in_a_binary_value_is_none(syntax: str, tail: list[Element]) -> None:
    """A palette may hold any bytes; what is cut there would be an original in the output, and none in the input."""
    cut = encode([Element(0x00081155, "UI", OTHER)], syntax)[:-6]
    assert uids_of(encode([Element(0x00281201, "OW", cut), *tail], syntax), ENCODINGS[syntax]) == set()


ARCS = st.lists(st.integers(0, 99999).map(str), min_size=6, max_size=12).map(
    lambda arcs: ".".join(["1", *arcs]).encode()[:64].rstrip(b".")
)


@given(uids=st.lists(ARCS, min_size=1, max_size=4), before=st.binary(max_size=6), syntax=st.sampled_from([*ENCODINGS]))
@budget(200)
def test_what_is_planted_is_found_by_both(uids: list[bytes], before: bytes, syntax: str) -> None:
    assert set(uids) <= uids_of(encode([Element(0x00083010, "UI", b"\\".join(uids))], syntax), ENCODINGS[syntax])
    assert set(uids) <= uids_left(before + b" " + b"\\".join(uids))


@given(content=st.binary(max_size=60) | st.text("0123456789.\\\0U I", max_size=60).map(str.encode))
@budget(300)
def test_no_bytes_are_an_error(content: bytes) -> None:
    uids_left(content)
    for encoding in ENCODINGS.values():
        uids_of(content, encoding)
