"""Elements as PS3.5 encodes them, and text as its character set has it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import DataElement, Dataset, config
from pydicom.datadict import dictionary_VR
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element

from anonymizer import DeidentificationError
from anonymizer.dicom.character_sets import decode_text, is_encodable
from anonymizer.dicom.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding, encode_value
from anonymizer.pydicom_data_sets.datasets import data_set_bytes
from profiles import tags
from profiles.tables import dummy_items


@pytest.mark.parametrize(
    ("encoding", "vr", "expected"),
    [
        (EXPLICIT_LITTLE, "LO", b"\x10\x00\x20\x00LO\x02\x00AB"),
        (EXPLICIT_BIG, "LO", b"\x00\x10\x00\x20LO\x00\x02AB"),
        (IMPLICIT_LITTLE, "LO", b"\x10\x00\x20\x00\x02\x00\x00\x00AB"),
        (EXPLICIT_LITTLE, "UT", b"\x10\x00\x20\x00UT\x00\x00\x02\x00\x00\x00AB"),
        (EXPLICIT_BIG, "UN", b"\x00\x10\x00\x20UN\x00\x00\x00\x00\x00\x02AB"),
        (EXPLICIT_LITTLE, "SV", b"\x10\x00\x20\x00SV\x00\x00\x02\x00\x00\x00AB"),
    ],
)
def test_an_element_is_encoded_as_the_standard_says(encoding: Encoding, vr: str, expected: bytes) -> None:
    assert encoding.element(0x00100020, vr, b"AB") == expected


def test_a_short_vr_holds_no_more_than_65_535_bytes() -> None:
    assert len(EXPLICIT_LITTLE.element(0x00080058, "UI", bytes(0xFFFE))) == 8 + 0xFFFE
    with pytest.raises(DeidentificationError, match="invalid-length"):
        EXPLICIT_LITTLE.element(0x00080058, "UI", bytes(0x10000))
    assert len(IMPLICIT_LITTLE.element(0x00080058, "UI", bytes(0x10000))) == 8 + 0x10000


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("CS", "YES", b"CS\4\0YES "),
        ("UI", "1.2", b"UI\4\0001.2\0"),
        ("US", 258, b"US\2\0\2\1"),
        ("PN", "A^B", b"PN\4\0A^B "),
        ("DA", "", b"DA\0\0"),
    ],
)
def test_a_value_is_padded_by_its_vr(vr: str, value: object, expected: bytes) -> None:
    assert encode_value(0x00181030, vr, value, EXPLICIT_LITTLE)[4:] == expected


def test_items_are_encoded() -> None:
    encoded = encode_value(0x00120064, "SQ", [{"CodeValue": "1"}], EXPLICIT_LITTLE)
    assert encoded == b"\x12\0\x64\0SQ\0\0\x12\0\0\0" + b"\xfe\xff\0\xe0\x0a\0\0\0" + b"\x08\0\0\1SH\2\0001 "


_TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="\\"), max_size=30).map(str.strip)
_VALUES = st.one_of(
    *(st.tuples(st.just(vr), _TEXT) for vr in ("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT")),
    # pydicom drops empty groups of components at the end of a name
    st.tuples(st.just("PN"), _TEXT.map(lambda text: text.rstrip("= "))),
    *(st.tuples(st.just(vr), st.from_regex(r"[-+]?[0-9]{1,5}(\\[0-9]{1,3})?", fullmatch=True)) for vr in ("DS", "IS")),
    *(st.tuples(st.just(vr), st.sampled_from(["", "20240101", "030Y", "1200"])) for vr in ("AS", "DA", "DT", "TM")),
    st.tuples(st.just("UI"), st.from_regex("[0-2](\\.[1-9][0-9]{0,5}){1,5}", fullmatch=True)),
    st.tuples(st.just("AT"), st.integers(0, 2**32 - 1)),
    *(
        st.tuples(st.just(vr), st.integers(low, high) | st.lists(st.integers(low, high), min_size=2, max_size=4))
        for vr, low, high in (
            ("US", 0, 2**16 - 1),
            ("SS", -(2**15), 2**15 - 1),
            ("UL", 0, 2**32 - 1),
            ("SV", -(2**63), 2**63 - 1),
        )
    ),
    *(st.tuples(st.just(vr), st.floats(width=32, allow_nan=False)) for vr in ("FL", "FD")),
    st.tuples(st.just("UN"), st.binary(max_size=9)),
)


@given(_VALUES, st.sampled_from([EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE]))
def test_values_are_encoded_as_pydicom_does(value: tuple[str, Any], encoding: Encoding) -> None:
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = encoding.little, not encoding.explicit
    vr, content = value
    # pydicom leaves bytes as they are
    content = content + b"\0" * (len(content) % 2) if isinstance(content, bytes) else content
    with config.disable_value_validation():
        write_data_element(stream, DataElement(0x00091001, vr, content))
    assert encode_value(0x00091001, *value, encoding) == stream.getvalue()


@pytest.mark.parametrize("encoding", [EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE])
@pytest.mark.parametrize("keyword", dummy_items())
def test_dummy_items_are_encoded_as_pydicom_does(keyword: str, encoding: Encoding) -> None:
    items = dummy_items()[keyword]
    expected = data_set_bytes(_dataset({keyword: items}), encoding)
    assert encode_value(tags()[keyword], "SQ", items, encoding) == expected


def _dataset(values: dict[str, Any]) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        if dictionary_VR(keyword) == "SQ":
            value = [_dataset(item) for item in value]
        elif dictionary_VR(keyword) == "OB":
            value = base64.b64decode(value)
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("value", "charset", "text"),
    [
        (b"plain", "", "plain"),
        (b"plain", "NO SUCH SET", "plain"),
        (b"Buc^J\xe9r\xf4me", "ISO_IR 100", "Buc^Jérôme"),
        ("Äneas".encode(), "ISO_IR 192", "Äneas"),
        ("王".encode("gb18030"), "GB18030", "王"),
        (b"\xcd\xc5\xc4", "ISO_IR 144", "ЭХФ"),
        (b"\x1b$)C\xb1\xe8\xc8\xf1\xc1\xdf", "\\ISO 2022 IR 149", "김희중"),
        (b"\x1b$B;3ED\x1b(B", "\\ISO 2022 IR 87", "山田"),
        (b"\xd4\xcf\xc0\xde", "ISO_IR 13", "ﾔﾏﾀﾞ"),
    ],
)
def test_text_is_decoded_by_its_character_set(value: bytes, charset: str, text: str) -> None:
    assert decode_text(value, charset) == text


@pytest.mark.parametrize(
    ("value", "charset"),
    [
        (b"\xff", "ISO_IR 192"),
        (b"\xc3", "ISO_IR 192"),
        (b"\x80\x80", "GB18030"),
        (b"\xe9", "NO SUCH SET"),
        (b"\xe9", "ISO_IR 999"),
        (b"\xff\xff", "ISO_IR 13"),
    ],
)
def test_bytes_that_are_no_text_in_their_character_set_are_refused(value: bytes, charset: str) -> None:
    with pytest.raises(DeidentificationError, match="undecodable-text"):
        decode_text(value, charset)


@pytest.mark.parametrize(
    ("text", "charset", "possible"),
    [
        ("ascii", "", True),
        ("Jörg", "ISO_IR 100", True),
        ("Jörg", "ISO_IR 192", True),
        ("山田", "ISO_IR 192", True),
        ("山田", "\\ISO 2022 IR 87", True),
        ("山田", "ISO_IR 100", False),
        ("Jörg", "ISO_IR 144", False),
        ("Jörg", "", False),
        ("Jörg", "ISO_IR 6", False),
        ("Jörg", "NO SUCH SET", False),
    ],
)
def test_what_a_character_set_can_hold(text: str, charset: str, possible: bool) -> None:
    assert is_encodable(text, charset) is possible
