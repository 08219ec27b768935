"""Clean Structured Content (PS3.15 E.3.4): each row of Table E.3.4-1 under each option, and items that the table lacks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache

import pytest
from pydicom import Dataset

from anonymizer import Anonymizer
from profiles import ConfidentialityProfile
from tests.support import content
from tests.support.content import Item, code, content_item, document
from tests.support.keys import KEY
from tests.support.many_attributes import WORDS, is_legal
from tests.support.objects import COMPREHENSIVE_SR, EXPLICIT, IMPLICIT, Element, ct, part10, read
from tests.support.table import OPTIONS, Combination, ConceptRow, concept_rows, name_of
from tests.support.tokens import Tokens

STRUCTURED = ("CleanStructdCont",)
COMBINATIONS = [STRUCTURED, *((*STRUCTURED, option) for option in OPTIONS if option not in STRUCTURED)]
COMBINATIONS += [(*STRUCTURED, "CleanDesc", "RetainLongModifDates"), (*STRUCTURED, "RetainUIDs", "RetainDeviceIdent")]

#: concepts that the table doesn't have
FINDINGS, DISTANCE = code("121070", "DCM", "Findings"), code("121206", "DCM", "Distance")
_REFERENCES = ("IMAGE", "COMPOSITE", "WAVEFORM")


@cache
def anonymizer(options: Combination) -> Anonymizer:
    """De-identifies with the tests' key."""
    return Anonymizer(ConfidentialityProfile.default(list(options)), KEY)


def report(*children: Item) -> bytes:
    """A Comprehensive SR document that contains ``children``."""
    elements = [element for element in ct(sop_class=COMPREHENSIVE_SR) if element.tag >> 16 < 0x0028]
    return part10([*elements, *document(*children)], sop_class=COMPREHENSIVE_SR)


def value_of(value_type: str, tokens: Tokens) -> Element:
    """A value with a token in it, where the type has room for one."""
    match value_type:
        case "TEXT":
            return content.text(f"{WORDS} {tokens.text()}")
        case "PNAME":
            return content.person(f"{tokens.text()}^Jane")
        case "DATE":
            return content.day(tokens.date())
        case "TIME":
            return content.time("112233")
        case "DATETIME":
            return content.moment(tokens.date() + "112233")
        case "UIDREF":
            return content.uid(tokens.uid())
        case "CODE":
            return content.concept(code("T-1", "99LOCAL"))
        case "NUM":
            return content.number("7.25")
        case "CONTAINER":
            return Element(0x0040A050, "CS", "SEPARATE")
    return content.reference(tokens.uid())


Given = dict[ConceptRow, Element]


def every_concept(tokens: Tokens, *, retired: str = "") -> tuple[list[Item], Given]:
    """An item for each row of the table, each with a child, and its value."""
    items, given = [], {}
    for row in concept_rows():
        if retired and not row.retired_code:
            continue
        given[row] = value_of(row.value_type, tokens)
        name = code(row.retired_code, retired) if retired else code(row.code_value, row.scheme)
        child = content_item("NUM", DISTANCE, content.number("8.25"), relationship="HAS PROPERTIES")
        items.append(content_item(row.value_type, name, given[row], children=[child]))
    return items, given


class Verdict:
    """Compares content items with the table.

    Attributes:
        days: by how many days dates were shifted.
        judged: how many items were looked at.
    """

    def __init__(self, options: Combination, *, retired: bool = False) -> None:
        self.options = options
        self.retired = retired
        self.days: set[int] = set()
        self.judged = 0

    def faults(self, given: Given, found: list[Dataset]) -> Iterator[str]:
        """What is wrong with the items ``found``."""
        items = {(self._name(item), item.ValueType): item for item in found if "ConceptNameCodeSequence" in item}
        for row, element in given.items():
            self.judged += 1
            code_value = row.retired_code if self.retired else row.code_value
            action, why = row.code(self.options)
            problem = self._problem(row, action, element, items.get((code_value, row.value_type)))
            if problem:
                yield f"({code_value}, {row.scheme}, {row.meaning}) {row.value_type}: {action} {why}: {problem}"

    @staticmethod
    def _name(item: Dataset) -> str:
        return str(item.ConceptNameCodeSequence[0].CodeValue)

    def _problem(self, row: ConceptRow, action: str, element: Element, item: Dataset | None) -> str | None:
        if item is None:
            return None if "X" in action else "is gone"
        if action == "X":
            return "is there"
        children = item.get("ContentSequence", [])
        if [self._name(child) for child in children] != ["121206"]:
            return "lost its child"
        old, new = self._values(element, item)
        if action == "K":
            return None if new == old else f"changed to {new!r}"
        if action == "C":
            return self._cleaned(row.value_type, old, new)
        if new in ("", old):
            return "is empty or as it was"
        vr = {"DATE": "DA", "TIME": "TM", "DATETIME": "DT", "PNAME": "PN", "UIDREF": "UI"}.get(row.value_type)
        if row.value_type in _REFERENCES:
            vr = "UI"
        return None if vr is None or is_legal(vr, new) else f"is illegal: {new!r}"

    @staticmethod
    def _values(element: Element, item: Dataset) -> tuple[str, str]:
        """An item's value before and after; of a reference its instance, of a code or a number what it says."""
        if element.tag == 0x00081199:
            return str(element.value[0][1].value), str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
        if element.tag == 0x0040A168:
            return str(element.value[0][0].value), str(item.ConceptCodeSequence[0].CodeValue)
        if element.tag == 0x0040A300:
            return str(element.value[0][0].value), str(item.MeasuredValueSequence[0].NumericValue)
        return str(element.value), str(item[element.tag].value) if element.tag in item else ""

    def _cleaned(self, value_type: str, old: str, new: str) -> str | None:
        if value_type == "TEXT":
            lost = set(WORDS.lower().split()) - set(new.lower().split())
            return f"holds its token or lost words: {new!r}" if "QX" in new or lost else None
        if value_type == "TIME":
            return None if new == old else f"is another time: {new!r}"
        if new[8:] != old[8:] or not is_legal("DA", new[:8]):
            return f"isn't the same time on another day: {new!r}"
        days = (
            date.fromisoformat(f"{new[:4]}-{new[4:6]}-{new[6:8]}") - date.fromisoformat(f"{old[:4]}-{old[4:6]}-{old[6:8]}")
        ).days
        self.days.add(days)
        return None if days else "is the same day"


# -- the table ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", COMBINATIONS, ids=name_of)
def test_each_concept_is_treated_as_the_table_says(options: Combination) -> None:
    tokens = Tokens()
    items, given = every_concept(tokens)
    inner, given_inside = every_concept(tokens)
    container = content_item("CONTAINER", FINDINGS, Element(0x0040A050, "CS", "SEPARATE"), children=inner)
    new = read(anonymizer(options).anonymize(report(*items, container)))
    verdict = Verdict(options)
    assert list(verdict.faults(given, new.ContentSequence)) == []
    inside = next(item for item in new.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "121070")
    assert list(verdict.faults(given_inside, inside.ContentSequence)) == []
    assert verdict.judged == 2 * 214
    assert len(verdict.days) == ("RetainLongModifDates" in options)


@pytest.mark.parametrize("scheme", ["SRT", "SNM3", "99SDM"])
@pytest.mark.parametrize("options", [STRUCTURED, (*STRUCTURED, "RetainUIDs")], ids=name_of)
def test_concepts_are_known_by_their_retired_codes_too(options: Combination, scheme: str) -> None:
    items, given = every_concept(Tokens(), retired=scheme)
    assert len(given) > 5
    new = read(anonymizer(options).anonymize(report(*items, content_item("NUM", DISTANCE, content.number("1")))))
    assert list(Verdict(options, retired=True).faults(given, new.ContentSequence)) == []


@pytest.mark.parametrize("options", [(), *((option,) for option in OPTIONS if option not in STRUCTURED)], ids=name_of)
def test_without_the_option_nothing_of_a_report_is_left(options: Combination) -> None:
    tokens = Tokens()
    items, _ = every_concept(tokens)
    output = anonymizer(options).anonymize(report(*items))
    assert tokens.found_in(output) == []
    (dummy,) = read(output).ContentSequence
    assert dummy.ValueType and dummy.ConceptNameCodeSequence[0].CodeValue


# -- what the table leaves to the value type ------------------------------------------------------------------------------


@pytest.mark.parametrize("options", COMBINATIONS, ids=name_of)
def test_concepts_outside_the_table_go_by_their_value_type(options: Combination) -> None:
    tokens = Tokens()
    types = ("TEXT", "PNAME", "DATE", "TIME", "DATETIME", "UIDREF", "IMAGE", "COMPOSITE", "WAVEFORM", "NUM", "CODE", "CONTAINER")
    values = {value_type: value_of(value_type, tokens) for value_type in types}
    items = [content_item(value_type, code(f"X-{value_type}"[:16], "99LOCAL"), value) for value_type, value in values.items()]
    output = anonymizer(options).anonymize(report(*items))
    kept = {value_type: item for item in read(output).ContentSequence for value_type in [item.ValueType]}
    assert {"NUM", "CODE", "CONTAINER"} <= kept.keys()
    assert kept["NUM"].MeasuredValueSequence[0].NumericValue == 7.25
    assert kept["CODE"].ConceptCodeSequence[0].CodeValue == "T-1"
    retained = {
        "RetainUIDs": [str(values["UIDREF"].value), *(str(values[name].value[0][1].value) for name in _REFERENCES)],
        "RetainLongFullDates": [str(values["DATE"].value), str(values["DATETIME"].value)[:8]],
    }
    allowed = {token for option, kept_tokens in retained.items() if option in options for token in kept_tokens}
    assert set(tokens.found_in(output)) <= allowed


@pytest.mark.parametrize("options", [STRUCTURED, (*STRUCTURED, "CleanDesc")], ids=name_of)
def test_a_value_in_an_item_of_another_type_does_not_slip_through(options: Combination) -> None:
    tokens = Tokens()
    values = ("TEXT", "PNAME", "DATE", "DATETIME", "UIDREF", "IMAGE")
    items = [
        content_item(kind, FINDINGS, value_of(other, tokens))
        for kind in ("NUM", "CODE", "CONTAINER", "TEXT", "ODD", "")
        for other in values
    ]
    assert tokens.found_in(anonymizer(options).anonymize(report(*items))) == []


def test_an_item_without_a_name_or_a_type_does_not_slip_through() -> None:
    tokens = Tokens()
    nameless = [
        content_item(value_type, None, value_of(value_type, tokens)) for value_type in ("TEXT", "PNAME", "DATE", "UIDREF")
    ]
    typeless = [[element for element in item if element.tag != 0x0040A040] for item in nameless]
    assert tokens.found_in(anonymizer(STRUCTURED).anonymize(report(*nameless, *typeless))) == []


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT], ids=["implicit", "explicit"])
@pytest.mark.parametrize("sequence", [0x00400555, 0x00400610, 0x0040B020])
def test_acquisition_contexts_specimens_and_annotations_are_content_too(sequence: int, syntax: str) -> None:
    tokens = Tokens()
    items, _ = every_concept(tokens)
    items.append(content_item("NUM", DISTANCE, content.number("7.25"), relationship=""))
    elements = [[Element(0x00400612, "SQ", items)]] if sequence == 0x00400610 else items
    output = anonymizer(STRUCTURED).anonymize(part10(ct(Element(sequence, "SQ", elements)), syntax))
    assert tokens.found_in(output) == []
    assert "7.25" in str(read(output)[sequence].value[-1])
