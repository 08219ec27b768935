"""Items in explicit VR where implicit VR should stand (PS3.5 6.2.2): devices keep foreign sequences as they came."""

from __future__ import annotations

import pytest

from anonymizer.dicom.buffer import Buffer, NeedMoreError
from anonymizer.dicom.encoding import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from tests.support.content import code
from tests.support.objects import EXPLICIT, IMPLICIT, UNDEFINED, Element, ct, data_set_of, delimiter, encode, header, part10, read
from tests.support.running import engine, outcome, rewrite, rewrite_with_report

REGION, REFERENCES, PRIVATE = 0x00082218, 0x00081250, 0x00291010
ITEM = [
    Element(0x00080005, "CS", "ISO_IR 100"),
    Element(0x00081155, "UI", "1.2.3.4.5"),
    Element(0x00081199, "SQ", [[Element(0x00081155, "UI", "1.2.3.4.6"), Element(0x00104000, "LT", "of Doe")]], True, True),
    Element(0x00100010, "PN", "Doe^Jane"),
]
FORMS = pytest.mark.parametrize("undefined", [False, True])
ITEM_FORMS = pytest.mark.parametrize("undefined_item", [False, True])


def sequence(tag: int, items: list[list[Element]], syntax: str, undefined: bool, undefined_item: bool) -> bytes:
    """A sequence with explicit items: disguised as UN in an explicit data set, as it should be in an implicit one."""
    content = b""
    for item in items:
        encoded = encode(item, EXPLICIT)
        length = UNDEFINED if undefined_item else len(encoded)
        content += delimiter(0xE000, length=length) + encoded + (delimiter(0xE00D) if undefined_item else b"")
    head = header(tag, "UN", UNDEFINED if undefined else len(content), syntax)
    return head + content + (delimiter(0xE0DD) if undefined else b"")


def whole(*planted: tuple[int, bytes], syntax: str) -> bytes:
    """A CT image with encoded elements."""
    encoded = {element.tag: encode([element], syntax) for element in ct()} | dict(planted)
    return part10(b"".join(encoded[tag] for tag in sorted(encoded)), syntax)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@FORMS
@ITEM_FORMS
def test_they_are_read_and_de_identified(syntax: str, undefined: bool, undefined_item: bool) -> None:
    planted = sequence(REFERENCES, [ITEM, ITEM], syntax, undefined, undefined_item)
    output = rewrite(whole((REFERENCES, planted), syntax=syntax), engine("RetainLongFullDates"))
    content = data_set_of(output)
    assert b"Doe" not in content and b"1.2.3.4.5" not in content and b"1.2.3.4.6" not in content
    plain = rewrite(part10(ct(Element(REFERENCES, "SQ", [ITEM])), EXPLICIT))
    new_uid = read(plain)[REFERENCES].value[0].ReferencedSOPInstanceUID.encode()
    assert content.count(new_uid) == 2 * data_set_of(plain).count(new_uid)
    assert b"ISO_IR 100" in content


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@FORMS
@ITEM_FORMS
def test_what_stays_in_them_is_the_same_bytes(syntax: str, undefined: bool, undefined_item: bool) -> None:
    planted = sequence(REGION, [code("T-A0100", "SRT", "Brain"), []], syntax, undefined, undefined_item)
    assert planted in data_set_of(rewrite(whole((REGION, planted), syntax=syntax)))


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@FORMS
@ITEM_FORMS
def test_those_of_private_sequences_go_with_them(syntax: str, undefined: bool, undefined_item: bool) -> None:
    planted = sequence(PRIVATE, [ITEM], syntax, undefined, undefined_item)
    creator = 0x00290010, encode([Element(0x00290010, "LO", "ACME")], syntax)
    content = data_set_of(rewrite(whole(creator, (PRIVATE, planted), syntax=syntax)))
    assert b"ACME" not in content and b"Doe" not in content
    assert content == data_set_of(rewrite(part10(ct(), syntax)))


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_names_in_them_are_known_elsewhere(syntax: str) -> None:
    planted = sequence(PRIVATE, [[Element(0x00080090, "PN", "Zwickelbauer")]], syntax, True, True)
    creator = 0x00290010, encode([Element(0x00290010, "LO", "ACME")], syntax)
    label = 0x00181020, encode([Element(0x00181020, "LO", "by Zwickelbauer")], syntax)
    output, report = rewrite_with_report(whole(label, creator, (PRIVATE, planted), syntax=syntax))
    assert b"wickelbauer" not in output and "identifier-screened" in map(str, report.notes)


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_broken_ones_are_refused(cut: int) -> None:
    planted = sequence(REFERENCES, [ITEM], IMPLICIT, False, False)
    broken = planted[:-cut]
    broken = broken[:4] + (len(broken) - 8).to_bytes(4, "little") + broken[8:]
    assert isinstance(outcome(whole((REFERENCES, broken), syntax=IMPLICIT)), str)


def test_implicit_items_are_not_taken_for_explicit_ones() -> None:
    # lengths that look like VRs
    for name in (b"SH", b"UN", b"SQ"):
        length = int.from_bytes(name + b"\0\0", "little")
        value = header(0x00081030, "LO", length, IMPLICIT) + b"x" * length + encode([Element(0x00081155, "UI", "1.2")], IMPLICIT)
        buffer = Buffer(value, complete=True)
        assert buffer.item_encoding(0, len(value), IMPLICIT_LITTLE) is IMPLICIT_LITTLE, name
        assert buffer.item_encoding(0, len(value), EXPLICIT_LITTLE) is EXPLICIT_LITTLE


def test_what_the_buffer_does_not_hold_is_waited_for() -> None:
    encoded = encode(ITEM, EXPLICIT)
    for size in range(8, 18):
        buffer = Buffer(encoded[:size], complete=False)
        with pytest.raises(NeedMoreError):
            buffer.item_encoding(0, size, IMPLICIT_LITTLE)
    assert Buffer(encoded, complete=False).item_encoding(0, len(encoded), IMPLICIT_LITTLE) is EXPLICIT_LITTLE
