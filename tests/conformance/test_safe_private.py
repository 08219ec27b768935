"""Retain Safe Private: each row of Table E.3.10-1, matched by creator, group and element byte, at every depth."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from io import BytesIO

import pytest
from pydicom import Dataset
from pydicom.filereader import read_sequence

from anonymizer import Anonymizer
from profiles import ConfidentialityProfile
from tests.support.keys import KEY
from tests.support.objects import BIG, EXPLICIT, IMPLICIT, Element, ct, part10, read
from tests.support.table import Combination, SafeRow, name_of, safe_rows
from tests.support.tokens import Tokens

SAFE = ("RetainSafePrivate",)
#: no row's: below every creator, this element is not safe
UNSAFE = 0xFE
each_encoding = pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG], ids=["implicit", "explicit", "big endian"])

_NUMBERS = {"FL": "f", "FD": "d", "US": "H", "UL": "L", "SS": "h", "SL": "l"}
_TEXTS = {"CS": "CODE_1", "DS": "1.25", "IS": "42", "LO": "Safe text", "SH": "Safe", "ST": "Safe text", "LT": "Safe text"}


@cache
def anonymizer(options: Combination = SAFE) -> Anonymizer:
    """De-identifies with the tests' key."""
    return Anonymizer(ConfidentialityProfile.default(list(options)), KEY)


def _vr(row: SafeRow) -> str:
    # some rows have no VR, and some a choice
    return row.vr.split("/")[0] or "FD"


def _value(row: SafeRow, syntax: str, tokens: Tokens) -> str | bytes | list[list[Element]]:
    vr = _vr(row)
    if vr == "SQ":
        return [[Element(0x00100010, "PN", tokens.text()), Element(0x00280010, "US", 7)]]
    if vr == "UI":
        return tokens.uid()
    if vr in _NUMBERS:
        return struct.pack((">" if syntax == BIG else "<") + _NUMBERS[vr], 25)
    if vr == "AT":
        return struct.pack(">2H" if syntax == BIG else "<2H", 0x0010, 0x0020)
    return _TEXTS.get(vr, b"\1\2\3\4")


def private_elements(syntax: str, tokens: Tokens, first_block: int = 0x10) -> list[Element]:
    """Every row of the table with its creator, each block beside an element that isn't safe."""
    elements: dict[int, Element] = {}
    for group in sorted({row.group for row in safe_rows()}):
        creators = sorted({row.creator for row in safe_rows() if row.group == group}, reverse=True)
        for block, creator in enumerate(creators, first_block):
            elements[group << 16 | block] = Element(group << 16 | block, "LO", creator)
            for row in safe_rows():
                # five rows have no VR: where the file has none either, nothing tells what they hold
                if (row.group, row.creator) == (group, creator) and (row.vr or syntax != IMPLICIT):
                    tag = group << 16 | block << 8 | row.element
                    elements[tag] = Element(tag, _vr(row), _value(row, syntax, tokens))
            assert group << 16 | block << 8 | UNSAFE not in elements
            tag = group << 16 | block << 8 | UNSAFE
            elements[tag] = Element(tag, "LO", tokens.text())
    return [elements[tag] for tag in sorted(elements)]


def private_tags(dataset: Dataset) -> list[int]:
    """The private elements of ``dataset``, not of its items."""
    return [int(tag) for tag in list(dataset.keys()) if tag.is_private]


def items_of(dataset: Dataset, tag: int) -> list[Dataset]:
    """The items of a sequence, also of one that pydicom doesn't know for one: private ones in implicit VR."""
    value = dataset[tag].value
    return list(read_sequence(BytesIO(value), True, True, len(value), "iso8859") if isinstance(value, bytes) else value)


def faults(given: list[Element], found: Dataset, tokens: Tokens, *, uids_stay: bool) -> Iterator[str]:
    """What is wrong with the private elements in ``found``."""
    expected = [element.tag for element in given if element.tag & 0xFF != UNSAFE or not element.tag & 0xFF00]
    if private_tags(found) != expected:
        yield f"stay or go: {[hex(tag) for tag in set(private_tags(found)) ^ set(expected)]}"
        return
    for element in given:
        if element.tag not in found:
            continue
        place = f"({element.tag >> 16:04x},{element.tag & 0xFFFF:04x}) {element.vr}"
        raw = found.get_item(element.tag).value
        if element.vr == "SQ":
            items = items_of(found, element.tag)
            if len(items) != 1 or items[0].PatientName or items[0].Rows != 7:
                yield f"{place}: its items are not as they should be"
        elif element.vr == "UI":
            if (raw.rstrip(b"\0").decode() in tokens.planted) is not uids_stay or not raw:
                yield f"{place}: UID kept or replaced against the options"
        elif raw.rstrip(b" ") != (element.value.encode() if isinstance(element.value, str) else element.value).rstrip(b" "):
            yield f"{place}: {raw!r}"


# -- the table ------------------------------------------------------------------------------------------------------------


@each_encoding
@pytest.mark.parametrize("first_block", [0x10, 0x42, 0xE0])
def test_each_safe_attribute_stays_and_no_other(syntax: str, first_block: int) -> None:
    tokens = Tokens()
    given = private_elements(syntax, tokens, first_block)
    output = anonymizer().anonymize(part10(ct(*given), syntax))
    assert list(faults(given, read(output), tokens, uids_stay=False)) == []
    assert tokens.found_in(output) == []


@each_encoding
def test_nested_ones_are_judged_as_those_at_top_level(syntax: str) -> None:
    tokens = Tokens()
    # the item has blocks of its own
    outer, inner = private_elements(syntax, tokens), private_elements(syntax, tokens, 0x33)
    region = Element(0x00082218, "SQ", [[Element(0x00081115, "SQ", [inner]), *inner]])
    output = anonymizer().anonymize(part10(ct(*outer, region), syntax))
    item = read(output).AnatomicRegionSequence[0]
    for given, found in ((outer, read(output)), (inner, item), (inner, item.ReferencedSeriesSequence[0])):
        assert list(faults(given, found, tokens, uids_stay=False)) == []
    assert tokens.found_in(output) == []


@pytest.mark.parametrize("other", ["RetainUIDs", "CleanDesc", "RetainLongFullDates", "RetainLongModifDates"])
def test_uids_among_them_stay_when_uids_are_retained(other: str) -> None:
    tokens = Tokens()
    given = private_elements(EXPLICIT, tokens)
    output = read(anonymizer((*SAFE, other)).anonymize(part10(ct(*given))))
    assert list(faults(given, output, tokens, uids_stay=other == "RetainUIDs")) == []


@pytest.mark.parametrize("options", [(), ("RetainUIDs",), ("CleanDesc", "CleanGraph"), ("RetainDeviceIdent",)], ids=name_of)
def test_without_the_option_all_private_attributes_go(options: Combination) -> None:
    tokens = Tokens()
    output = anonymizer(options).anonymize(part10(ct(*private_elements(EXPLICIT, tokens))))
    assert private_tags(read(output)) == []
    assert tokens.found_in(output) == []


# -- what is not in the table though it looks so ---------------------------------------------------------------------------


def _kept(*elements: Element, syntax: str = EXPLICIT) -> list[int]:
    return private_tags(read(anonymizer().anonymize(part10(ct(*elements), syntax))))


def test_the_creator_decides_and_not_the_block_number() -> None:
    gems = next(row for row in safe_rows() if row.creator == "GEMS_PARM_01")
    tag = gems.group << 16
    others = ("ACME", "gems_parm_01", "GEMS_PARM_01X", "GEMS_PARM_0", "")
    for creator, stays in (("GEMS_PARM_01", True), ("GEMS_PARM_01 ", True), *((other, False) for other in others)):
        for block in (0x10, 0x11, 0xFF):
            value = Element(tag | block << 8 | gems.element, _vr(gems), _TEXTS.get(gems.vr, b"\1\0"))
            found = _kept(Element(tag | block, "LO", creator), value)
            assert found == ([tag | block, value.tag] if stays else []), (creator, block)


def test_an_element_without_its_creator_goes() -> None:
    gems = next(row for row in safe_rows() if row.creator == "GEMS_PARM_01")
    value = Element(gems.group << 16 | 0x1100 | gems.element, _vr(gems), _TEXTS.get(gems.vr, b"\1\0"))
    assert _kept(value) == []
    # the creator stands for another block
    assert _kept(Element(gems.group << 16 | 0x10, "LO", "GEMS_PARM_01"), value) == []


def test_a_nested_element_needs_a_creator_in_its_own_item() -> None:
    gems = next(row for row in safe_rows() if row.creator == "GEMS_PARM_01")
    creator = Element(gems.group << 16 | 0x10, "LO", "GEMS_PARM_01")
    value = Element(gems.group << 16 | 0x1000 | gems.element, _vr(gems), _TEXTS.get(gems.vr, b"\1\0"))
    outside = [creator, Element(0x00082218, "SQ", [[value]])]
    new = read(anonymizer().anonymize(part10(ct(*outside))))
    assert len(new.AnatomicRegionSequence[0]) == 0
    assert private_tags(new) == []


def test_a_creator_goes_when_no_element_of_its_block_stays() -> None:
    creator = Element(0x00430010, "LO", "GEMS_PARM_01")
    assert _kept(creator) == []
    assert _kept(creator, Element(0x004310FE, "LO", "not in the table")) == []


def _in_safe_sequence(*elements: Element) -> tuple[list[Element], int]:
    row = next(row for row in safe_rows() if row.vr == "SQ")
    creator, tag = row.group << 16 | 0x10, row.group << 16 | 0x1000 | row.element
    return [Element(creator, "LO", row.creator), Element(tag, "SQ", [list(elements)])], tag


@each_encoding
def test_a_safe_sequence_is_judged_to_the_bottom(syntax: str) -> None:
    tokens = Tokens()
    private = private_elements(syntax, tokens, 0x20)
    region = Element(0x00082218, "SQ", [[Element(0x00100010, "PN", tokens.text()), *private]])
    inside = [region, Element(0x00080018, "UI", tokens.uid()), Element(0x00104000, "LT", tokens.text())]
    elements, tag = _in_safe_sequence(*sorted(inside, key=lambda element: element.tag), *private)
    output = anonymizer().anonymize(part10(ct(*elements), syntax))
    (item,) = items_of(read(output), tag)
    assert tokens.found_in(output) == []
    assert list(faults(private, item, tokens, uids_stay=False)) == []
    assert list(faults(private, item.AnatomicRegionSequence[0], tokens, uids_stay=False)) == []
    assert item.SOPInstanceUID and "PatientComments" not in item


@pytest.mark.parametrize("undefined", [False, True])
def test_a_safe_sequence_disguised_as_un_is_judged_or_dropped(undefined: bool) -> None:
    elements, tag = _in_safe_sequence(Element(0x00100010, "PN", "HIDDENTOKEN"), Element(0x00280010, "US", 7))
    disguised = Element(tag, "SQ", elements[1].value, undefined, undefined, as_un=True)
    assert b"HIDDENTOKEN" not in anonymizer().anonymize(part10(ct(elements[0], disguised)))


@pytest.mark.parametrize("vr", ["PN", "SQ", "LT"])
def test_a_safe_attribute_of_another_kind_than_the_tables_does_not_bring_identifiers_in(vr: str) -> None:
    row = next(row for row in safe_rows() if row.vr == "DS")
    value: object = [[Element(0x00100010, "PN", "HIDDENTOKEN")]] if vr == "SQ" else b"HIDDENTOKEN "
    given = [
        Element(row.group << 16 | 0x10, "LO", row.creator),
        Element(row.group << 16 | 0x1000 | row.element, vr, value),
    ]
    assert b"HIDDENTOKEN" not in anonymizer().anonymize(part10(ct(*given)))


# -- what a data set says of its own private attributes (PS3.3 C.12.1.1.7) ---------------------------------------------------

_OWN = [
    Element(0x00990010, "LO", "OWN STATEMENT"),
    Element(0x00991001, "DS", "1.5"),
    Element(0x00991002, "DS", "2.5"),
]


def _statement(status: str, *elements: int) -> Element:
    numbers = [Element(0x00080304, "US", struct.pack(f"<{len(elements)}H", *elements))] if elements else []
    item = [Element(0x00080301, "US", 0x0099), Element(0x00080302, "LO", "OWN STATEMENT"), Element(0x00080303, "CS", status)]
    return Element(0x00080300, "SQ", [[*item, *numbers]])


@pytest.mark.parametrize(
    ("statement", "stays"),
    [
        (_statement("SAFE"), [0x00990010, 0x00991001, 0x00991002]),
        (_statement("MIXED", 0x02), [0x00990010, 0x00991002]),
        (_statement("MIXED"), []),
        (_statement("UNSAFE"), []),
        (_statement("OTHER"), []),
    ],
    ids=["safe", "mixed, one named", "mixed, none named", "unsafe", "no such status"],
)
def test_what_the_data_set_calls_safe_stays(statement: Element, stays: list[int]) -> None:
    assert _kept(statement, *_OWN) == stays
    new = read(anonymizer().anonymize(part10(ct(statement, *_OWN))))
    # the statement speaks of no block that is gone
    assert [item.PrivateCreatorReference for item in new.get("PrivateDataElementCharacteristicsSequence", [])] == (
        ["OWN STATEMENT"] if stays else []
    )


def test_without_the_option_its_own_statement_changes_nothing() -> None:
    new = read(anonymizer(()).anonymize(part10(ct(_statement("SAFE"), *_OWN))))
    assert private_tags(new) == [] and "PrivateDataElementCharacteristicsSequence" not in new


def test_a_statement_on_a_block_that_is_not_there_goes_with_its_text() -> None:
    for status in ("SAFE", "MIXED", "UNSAFE"):
        assert b"OWN STATEMENT" not in anonymizer().anonymize(part10(ct(_statement(status, 0x02))))
