"""Elements as PS3.5 encodes them, and text as its character set has it."""

from __future__ import annotations

import pytest

from anonymizer import DeidentificationError
from anonymizer.character_sets import decode_text, is_encodable
from anonymizer.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding, encode_value


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
