"""What is known of the people around an object stands nowhere in its output, wherever somebody typed it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset

from anonymizer import Anonymizer, Key
from profiles import ConfidentialityProfile
from tests.support.objects import (
    IMPLICIT,
    SYNTAXES,
    Element,
    ct,
    data_set_of,
    nested,
    part10,
    read,
)
from tests.support.running import SECRET
from tests.support.screening import (
    BIRTH,
    ICC,
    INSTITUTION,
    KEPT,
    KERNEL,
    NAME,
    NUMBER,
    OPERATOR,
    PATIENT_ID,
    SCAN_OPTIONS,
    THICKNESS,
    VERSION,
    WHO,
    ZWICKEL,
    declared_safe,
    left,
    outcome_of,
    passed,
    screening,
)

IN_EVERY_SYNTAX = pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
#: 64 KB are read at first
LONG = Element(0x7FE00010, "OW", b"\1\2" * 60_000)

TEXTS = [
    Element(VERSION, "LO", f"by {WHO}"),
    Element(KERNEL, "SH", WHO.upper()),
    Element(SCAN_OPTIONS, "CS", f"A\\{WHO.upper()}"),
    Element(THICKNESS, "DS", WHO),
    Element(NUMBER, "IS", WHO),
    Element(0x00189175, "LO", f"IEC_{WHO.lower()}2"),
]
BINARIES = [
    Element(ICC, "OB", f"..{WHO}!".encode()),
    Element(0x00281201, "OW", f"..{WHO}..".encode("utf-16-le")),
    Element(0x00281202, "OW", f"..{WHO}..".encode("utf-16-be")),
    Element(0x00281203, "OW", b"\0\1" + WHO.encode() + b"\0"),
    Element(0x00640009, "OF", WHO.upper().encode()),
]
SAFE = [
    ("GEMS_ACQU_01", Element(0x0019109E, "LO", f"by {WHO}")),
    ("GEMS_PARM_01", Element(0x00431027, "SH", WHO)),
    ("NQHeader", Element(0x00991005, "LT", f"by\r\n{WHO}")),
    ("Philips Imaging DD 001", Element(0x2001105A, "ST", WHO)),
    ("Philips Imaging DD 001", Element(0x20011004, "CS", WHO.upper())),
    ("Philips PET Private Group", Element(0x70531000, "DS", WHO)),
    ("Philips Imaging DD 001", Element(0x20011008, "IS", WHO)),
    ("Philips Imaging DD 097", Element(0x2001102F, "OB", f"..{WHO}".encode())),
]


@IN_EVERY_SYNTAX
@pytest.mark.parametrize("depth", [0, 1, 5])
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("long", [False, True], ids=["in the buffer", "beyond it"])
def test_a_name_goes_from_every_kept_value_at_every_depth(syntax: str, depth: int, undefined: bool, long: bool) -> None:
    for planted in [*TEXTS, *BINARIES]:
        holder = nested(depth, planted, undefined=undefined)
        blob = part10(ct(ZWICKEL, holder, *[LONG] * long), syntax)
        if planted.tag >> 16 == 0x0028 and isinstance(outcome_of(blob), str):
            # what says how pixels are to be read
            assert outcome_of(blob) == f"identifier-left at (0028,{planted.tag & 0xFFFF:04x})"
            continue
        output, report = passed(blob)
        value = planted.value.encode() if isinstance(planted.value, str) else planted.value
        assert value not in data_set_of(output), hex(planted.tag)
        # pydicom reads all of it, to its end
        assert read(output).PixelData == (LONG.value if long else b"\1\2\3\4\5\6\7\x08")
        # what is no number or date goes, whoever's name it is
        illegal = planted.vr in ("DS", "IS")
        assert [str(note) for note in report.notes] == ["illegal-value-removed" if illegal else KEPT]


@IN_EVERY_SYNTAX
@pytest.mark.parametrize(("creator", "planted"), SAFE, ids=lambda value: value if isinstance(value, str) else value.vr)
def test_a_name_goes_from_safe_private_values_with_the_creator(syntax: str, creator: str, planted: Element) -> None:
    block = [Element(planted.tag >> 16 << 16 | 0x10, "LO", creator), planted]
    output, _ = passed(part10(ct(ZWICKEL, *block), syntax), screening("RetainSafePrivate"))
    assert not [tag for tag in read(output) if tag.tag.is_private]
    assert WHO.encode() not in data_set_of(output)


@pytest.mark.parametrize("vr", ["LO", "SH", "ST", "LT", "UC", "UT", "UR", "CS", "UN", "OB"])
@pytest.mark.parametrize("who", [WHO, "Mills"])
def test_a_name_goes_from_what_the_object_itself_declares_safe(vr: str, who: str) -> None:
    # in binary values five letters are chance
    who = f"{who}berg" if vr in ("UN", "OB") else who
    planted = Element(0x00111001, vr, f"{'http://' * (vr == 'UR')}{who.upper() if vr == 'CS' else who}")
    blob = part10(ct(Element(NAME, "PN", f"{who}^Ann"), *declared_safe(0x0011, "ACME 1", planted)))
    assert left(blob, who, using=screening("RetainSafePrivate")) == []


@pytest.mark.parametrize("who", [WHO, pytest.param("Mills")])
def test_and_from_a_sequence_that_it_declares_safe(who: str) -> None:
    planted = Element(0x00111001, "SQ", [[Element(VERSION, "LO", f"by {who}")]])
    blob = part10(ct(Element(NAME, "PN", f"{who}^Ann"), *declared_safe(0x0011, "ACME 1", planted)))
    assert left(blob, f"by {who}", using=screening("RetainSafePrivate")) == []


@pytest.mark.parametrize("tail", ["", "3"])
def test_a_creator_that_names_somebody_goes_with_its_block(tail: str) -> None:
    creator = f"{WHO.upper()}{tail}"
    elements = declared_safe(0x0011, creator, Element(0x00111001, "LO", "4.1"))
    output, report = passed(part10(ct(ZWICKEL, *elements)), screening("RetainSafePrivate"))
    assert WHO.encode().lower() not in data_set_of(output).lower()
    assert ("(private)", KEPT) in [(action.path, action.reason) for action in report.actions]


@pytest.mark.parametrize("syntax", [uid for uid in SYNTAXES.values() if uid != IMPLICIT])
@pytest.mark.parametrize("undefined", [False, True])
def test_a_name_goes_from_a_sequence_that_is_written_as_un(syntax: str, undefined: bool) -> None:
    for planted in TEXTS:
        holder = Element(0x00081115, "SQ", [[planted]], undefined=undefined, undefined_items=undefined, as_un=True)
        assert left(part10(ct(ZWICKEL, holder), syntax), WHO) == []


@IN_EVERY_SYNTAX
@pytest.mark.parametrize("long", [False, True], ids=["in the buffer", "beyond it"])
def test_nothing_stands_behind_the_pixels(syntax: str, long: bool) -> None:
    pixels = [LONG] * long
    behind = [
        [Element(0xFFFCFFFC, "OB", f"..{WHO}".encode())],
        [Element(0xFFFAFFFA, "SQ", [[Element(VERSION, "LO", WHO)]])],
        [Element(0x7FE10010, "LO", WHO), Element(0x7FE11001, "OB", WHO.encode())],
    ]
    for elements in behind:
        assert left(part10(ct(ZWICKEL, *pixels, *elements), syntax), WHO) == []
    declared = declared_safe(0x7FE1, "ACME 1", Element(0x7FE11001, "LO", f"by {WHO}"))
    using = screening("RetainSafePrivate")
    assert left(part10(ct(ZWICKEL, *pixels, *declared), syntax), WHO, using=using) == []
    assert left(part10(ct(ZWICKEL, *pixels), syntax, tail=b"\0\0" + WHO.encode() + bytes(16)), WHO) == []


@IN_EVERY_SYNTAX
@pytest.mark.parametrize("place", [0, 1, 40_000, 64 << 10, (64 << 10) - 300, 1 << 20, (1 << 20) + (64 << 10) - 330, 2_400_000])
@pytest.mark.parametrize(("tag", "vr"), [(0x54001010, "OW"), (0x7FE00008, "OF"), (0x7FE00009, "OD")])
def test_a_long_binary_value_that_names_somebody_is_refused(syntax: str, place: int, tag: int, vr: str) -> None:
    value = bytearray(b"\1" * 2_500_000)
    value[place : place + len(WHO)] = WHO.encode()
    blob = part10(ct(ZWICKEL, Element(tag, vr, bytes(value)), without=[0x7FE00010]), syntax)
    assert outcome_of(blob) == f"identifier-left at ({tag >> 16:04x},{tag & 0xFFFF:04x})"


@pytest.mark.parametrize("planted", [*TEXTS, BINARIES[0], BINARIES[-1]], ids=lambda element: f"{element.tag:08x}")
def test_files_data_sets_and_streams_come_out_alike(tmp_path: Path, planted: Element) -> None:
    anonymizer = Anonymizer(ConfidentialityProfile(), Key(SECRET))
    for pixels in ([], [LONG]):
        blob = part10(ct(ZWICKEL, nested(1, planted), planted, *pixels))
        source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
        source.write_bytes(blob)
        report = anonymizer.anonymize_file(source, target)
        output, other = passed(blob)
        assert target.read_bytes() == output == anonymizer.anonymize(blob)
        assert report == other
        bare = anonymizer.anonymize(Dataset(read(blob)))
        for dataset in (bare, bare.ReferencedSeriesSequence[0], anonymizer.anonymize(read(blob))):
            assert planted.tag not in dataset or not dataset[planted.tag].value


@IN_EVERY_SYNTAX
def test_the_second_object_of_a_series_comes_out_as_the_first_does(syntax: str) -> None:
    using = screening()
    blobs = []
    for number in (1, 2, 3, 4):
        own = [Element(VERSION, "LO", f"by {WHO}"), Element(0x00200013, "IS", str(number)), Element(BIRTH, "DA", "19700312")]
        blobs.append(part10(ct(ZWICKEL, *own, Element(KERNEL, "SH", "12.03.1970" if number % 2 else "B30 ")), syntax))
    for blob in [*blobs, *blobs]:
        assert passed(blob, using) == passed(blob)
        assert left(blob, WHO, "12.03.1970", using=using) == []


def test_another_patients_name_stays_in_the_next_object() -> None:
    using = screening()
    text = Element(VERSION, "LO", f"by {WHO}")
    other = part10(ct(Element(NAME, "PN", "Gruber^Eva"), text))
    for _ in range(3):
        assert left(part10(ct(ZWICKEL, text)), WHO, using=using) == []
        assert left(other, WHO, using=using) == [WHO.encode()]


# -- whom it names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "text"),
    [
        (Element(PATIENT_ID, "LO", "MRN-471134"), "mrn_471134"),
        (Element(PATIENT_ID, "LO", "MRN-471134"), "471134"),
        (Element(0x00080050, "SH", "ACC2024001"), "ACC2024001"),
        (Element(0x00402016, "LO", "PL-778899"), "PL 778899"),
        (Element(0x00200010, "SH", "ST998877"), "ST998877"),
        (Element(BIRTH, "DA", "19700312"), "12.03.1970"),
        (Element(BIRTH, "DA", "19700312"), "born 19700312"),
        (Element(0x00080090, "PN", "Gruber^Eva"), "for Gruber"),
        (Element(OPERATOR, "PN", "Gruber^Eva\\Brandner^Ida"), "BRANDNER"),
        (Element(0x00102297, "PN", "Gruber^Eva"), "Gruber"),
        (Element(INSTITUTION, "LO", "Klinikum Zwettl"), "ZWETTL CT"),
        (Element(0x00101040, "LO", "Lindenweg 5, Zwettl"), "Zwettl"),
        (Element(0x00102154, "SH", "555-123-4567"), "5551234567"),
        (Element(0x00101001, "PN", "Brandner^Ida"), "Brandner"),
    ],
)
def test_everybody_around_the_object_is_known(known: Element, text: str) -> None:
    assert left(part10(ct(known, Element(VERSION, "LO", f"x {text} y"))), text) == []
    assert left(part10(ct(known, Element(ICC, "OB", f"..{text}..".encode()))), text) == []
    # and who isn't, stays
    without = ct(Element(VERSION, "LO", f"x {text} y"))
    assert left(part10(without), text) == [text.encode()]


@pytest.mark.parametrize(("tag", "number"), [(PATIENT_ID, "MRN-4711"), (PATIENT_ID, "123-45-6789"), (0x00102154, "555-123-4567")])
def test_an_identifier_of_several_parts_goes_from_binary_values(tag: int, number: str) -> None:
    for encoded in (number.encode(), number.encode("utf-16-le")):
        value = b".." + encoded + b".."
        assert left(part10(ct(Element(tag, "LO", number), Element(ICC, "OB", value))), value) == []


@pytest.mark.parametrize("value", ["471134", "+471134", "471134.0", "1.5\\471134\\2"])
def test_a_known_number_of_six_digits_goes_from_numbers_as_a_whole(value: str) -> None:
    known = Element(PATIENT_ID, "LO", "MRN471134")
    assert left(part10(ct(known, Element(THICKNESS, "DS", value))), value) == []


@pytest.mark.parametrize(
    ("known", "value"), [("471134", "0.471134"), ("471134", "471134.5"), ("471134", "-0.5\\4711340"), ("47113", "47113")]
)
def test_other_numbers_stay(known: str, value: str) -> None:
    assert left(part10(ct(Element(PATIENT_ID, "LO", known), Element(THICKNESS, "DS", value))), value) == [value.encode()]
