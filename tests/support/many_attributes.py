"""An object with every attribute of Table E.1-1, and the verdict on what came of each of them."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import BytesIO
from typing import Any

from pydicom import Dataset, config
from pydicom.filereader import read_sequence
from pydicom.sequence import Sequence
from pydicom.valuerep import validate_value

from .content import code, content_item, number, person, text
from .objects import CT, INSTANCE, SERIES, STUDY, Element, part10
from .table import Combination, Row, TagPath, attribute_rows, resolved, types_of
from .tokens import Tokens

#: a sequence that the table doesn't list and that holds another one: AnatomicRegionSequence, AnatomicRegionModifierSequence
REGION, REGION_MODIFIER = 0x00082218, 0x00082220
REFERENCED_SERIES = 0x00081115
WORDS = "MRI brain without contrast"

IDENTITY = {0x00080018: INSTANCE, 0x0020000D: STUDY, 0x0020000E: SERIES}
_CONTENT, _ACQUISITION_CONTEXT, _SPECIMEN_PREPARATION, _WAVEFORM_ANNOTATION = 0x0040A730, 0x00400555, 0x00400610, 0x0040B020
_GRAPHIC_ANNOTATION = 0x00700001
_CLEANED_BY_CONTENT = {_CONTENT, _ACQUISITION_CONTEXT, _SPECIMEN_PREPARATION, _WAVEFORM_ANNOTATION, _GRAPHIC_ANNOTATION}
_REASON_FOR_MODIFICATION, _TIMEZONE = 0x04000565, 0x00080201
_PUBLIC_DATES = {"ContextGroupVersion", "ContextGroupLocalVersion", "TemplateVersion", "TemplateLocalVersion"}
#: values that are no text of their own; a token would not be legal
_VALUES: dict[str, str | bytes | int] = {"TM": "112233", "AS": "045Y", "DS": "61.5", "IS": "3", "US": 2}
_KEYWORD_VALUES: dict[str, str | bytes] = {
    "TimezoneOffsetFromUTC": "+0130",
    "ReasonForTheAttributeModification": "COERCE",
    "FrameOriginTimestamp": b"\1\2\3\4\5\6\7\x08",
}
_TEXT_VRS = {"LO", "LT", "SH", "ST", "UC", "UT"}
_LEGAL_DATE, _LEGAL_TIME = re.compile(r"\d{8}"), re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")


def many_attributes(
    sop_class: str,
    tokens: Tokens,
    *,
    words: str = WORDS,
    references: bool = False,
    identity: dict[int, str] = IDENTITY,
) -> list[Element]:
    """The elements of an object with every row at top level, in a sequence, and in a sequence of that.

    Args:
        words: what the texts say beside their tokens.
        references: the object has a ReferencedSeriesSequence, which keeps lists of references.
        identity: the object's own UIDs.
    """
    inner = [*_rows(tokens, words)]
    middle = _in_order([*_rows(tokens, words), Element(REGION_MODIFIER, "SQ", [inner])])
    elements = [*_rows(tokens, words), Element(REGION, "SQ", [middle]), Element(0x00080016, "UI", sop_class)]
    elements += [Element(tag, "UI", uid) for tag, uid in identity.items()]
    # without a place in the patient it might be a picture of a screen
    elements.append(Element(0x00200037, "DS", "1\\0\\0\\0\\1\\0"))
    elements += [Element(0x00280010, "US", 2), Element(0x00280011, "US", 2), Element(0x7FE00010, "OW", b"\1\2\3\4\5\6\7\x08")]
    if references:
        elements.append(Element(REFERENCED_SERIES, "SQ", [[Element(0x0020000E, "UI", tokens.uid())]]))
    # the object's own identity takes the place of the rows' values
    return _in_order([*{element.tag: element for element in elements}.values()])


def file_of(elements: list[Element], sop_class: str = CT) -> bytes:
    """A file with ``elements``."""
    return part10(elements, sop_class=sop_class)


def _in_order(elements: list[Element]) -> list[Element]:
    return sorted(elements, key=lambda element: element.tag)


def _rows(tokens: Tokens, words: str) -> list[Element]:
    return _in_order([Element(row.tag, row.vr, _value(row, tokens, words)) for row in attribute_rows().values()])


def _value(row: Row, tokens: Tokens, words: str) -> str | bytes | int | list[list[Element]]:
    if row.vr == "SQ":
        return _items(row.tag, tokens, words)
    if row.keyword in _KEYWORD_VALUES:
        return _KEYWORD_VALUES[row.keyword]
    if row.vr in _VALUES:
        return _VALUES[row.vr]
    match row.vr:
        case "UI":
            return tokens.uid()
        case "DA":
            return tokens.date()
        case "DT":
            return tokens.date() + "112233"
        case "OB" | "UN":
            return tokens.text().encode()
        case "UR":
            return f"http://{tokens.text()}.example"
        case "PN":
            return f"{tokens.text()}^Jane"
        case "AE":
            # few titles, each in many places
            return f"STATION{row.tag % 3}"
        case _:
            if "C" not in row.codes.values():
                # in a name, words would be the name
                words = ""
            elif row.keyword == "RequestingService" and words:
                words = "Cardiology"
            return _text(row.vr, tokens, words)


def _text(vr: str, tokens: Tokens, words: str) -> str:
    if vr not in _TEXT_VRS or not words:
        return tokens.text()
    return f"liver {tokens.text()}" if vr == "SH" else f"{words} {tokens.text()}"


def _items(tag: int, tokens: Tokens, words: str) -> list[list[Element]]:
    if tag in (_CONTENT, _ACQUISITION_CONTEXT):
        return _content_items(tokens, words)
    if tag == _SPECIMEN_PREPARATION:
        return [[Element(0x00400612, "SQ", _content_items(tokens, words))]]
    if tag == _WAVEFORM_ANNOTATION:
        return [[Element(0x0040A0B0, "US", struct.pack("<2H", 1, 0)), Element(0x00700006, "ST", _text("ST", tokens, words))]]
    if tag == _GRAPHIC_ANNOTATION:
        text = [Element(0x00700006, "ST", _text("ST", tokens, words))]
        graphic = [Element(0x00700022, "FL", struct.pack("<4f", 1, 2, 3, 4)), Element(0x00700023, "CS", "POLYLINE")]
        objects = [Element(0x00700008, "SQ", [text]), Element(0x00700009, "SQ", [graphic])]
        return [[Element(0x00700002, "CS", "LAYER"), *objects]]
    return [
        [
            Element(0x00080100, "SH", "T-1"),
            Element(0x00081155, "UI", tokens.uid()),
            Element(0x00100010, "PN", tokens.text()),
            Element(0x00280010, "US", 7),
            Element(0x00321060, "LO", _text("LO", tokens, words)),
        ]
    ]


def _content_items(tokens: Tokens, words: str) -> list[list[Element]]:
    return [
        content_item("NUM", code("121206", "DCM", "Distance"), number("7.25")),
        content_item("PNAME", code("121008", "DCM", "Person Observer Name"), person(tokens.text())),
        content_item("TEXT", code("121106", "DCM", "Comment"), text(_text("UT", tokens, words))),
    ]


@dataclass
class Judge:
    """Compares what went in with what came out, by the table.

    Attributes:
        references: the object has a ReferencedSeriesSequence.
        words: its texts hold words that cleaning leaves.
        days: by how many days dates were shifted.
        titles: AE title -> what took its place.
        judged: how many elements were looked at.
    """

    sop_class: str
    options: Combination
    references: bool = False
    words: bool = True
    days: set[int] = field(default_factory=set)
    titles: dict[str, set[str]] = field(default_factory=dict)
    judged: int = 0

    def __post_init__(self) -> None:
        self._types = types_of(self.sop_class)

    def faults(self, given: list[Element], found: Dataset, path: TagPath = ()) -> Iterator[str]:
        """What is wrong with ``found``, which came of ``given``: place, expectation, what is there."""
        for element in given:
            self.judged += 1
            here = (*path, element.tag)
            row = attribute_rows().get(element.tag)
            action, why = self.action(row, here) if row else ("K", "unlisted")
            goes_on = element.vr == "SQ" and (action in "KU" or (action == "C" and element.tag not in _CLEANED_BY_CONTENT))
            if goes_on and self._has_its_items(element, found):
                for inner, item in zip(element.value, value_of(element, found), strict=True):
                    yield from self.faults(inner, item, here)
                continue
            problem = "lost items" if goes_on else self._problem(element, row, action, why, found)
            if problem is not None:
                place = ">".join(f"({tag >> 16:04x},{tag & 0xFFFF:04x})" for tag in here)
                yield f"{place} {row.keyword if row else ''} {element.vr}: {action} {why}: {problem}"

    def action(self, row: Row, path: TagPath) -> tuple[str, str]:
        """The action on ``row`` at ``path``: one letter, and the options it comes from."""
        action, why = row.code(self.options)
        if action == "C" and (row.vr == "OB" or (not self.words and row.vr in _TEXT_VRS and row.tag != _TIMEZONE)):
            # what can't be read can't be cleaned, and where nothing stays the profile's own action is left
            action, why = row.basic, ""
        if action == "X/Z/U*" and self.references:
            return "U", ""
        if row.keyword == "PatientID":
            # a keyed pseudonym
            return "D", ""
        if row.keyword == "ClinicalTrialProtocolEthicsCommitteeName":
            # type 1C: it may not be there without the approval's number, which goes
            return "X", ""
        return (action, why) if why else (resolved(action, None if self._types is None else self._types.get(path, "3")), "")

    def _problem(self, element: Element, row: Row | None, action: str, why: str, found: Dataset) -> str | None:
        if action == "C" and row is not None and row.keyword in _PUBLIC_DATES:
            # anybody can look them up: shifted they tell by how much, so that the profile's own action will do as well
            same = element.tag in found and str(value_of(element, found)) == element.value
            return "is as it was" if same else None
        if action == "X":
            return "is there" if element.tag in found else None
        if element.tag not in found:
            return "is gone"
        if action == "C":
            assert row is not None
            return self._cleaned(element, row, found)
        return {"Z": self._empty, "D": self._dummy, "U": self._replaced, "K": self._kept}[action](element, found)

    @staticmethod
    def _has_its_items(element: Element, found: Dataset) -> bool:
        items = value_of(element, found) if element.tag in found else None
        return isinstance(items, Sequence) and len(items) == len(element.value)

    def retained(self, given: list[Element], path: TagPath = ()) -> Iterator[str]:
        """The tokens in ``given`` that the options retain."""
        for element in given:
            here = (*path, element.tag)
            row = attribute_rows().get(element.tag)
            action, _ = self.action(row, here) if row else ("K", "")
            if element.vr == "SQ" and action in "KUC":
                for item in element.value:
                    yield from self.retained(item, here)
            elif action == "K":
                yield from tokens_in(element)
            elif action == "C" and element.vr in ("DA", "DT"):
                # what a date becomes may happen to be another one's token
                yield from (shifted(element.value[:8], days) for days in self.days)

    # -- one check for each action; each gives what is wrong, or None -----------------------------------------------------

    @staticmethod
    def _empty(element: Element, found: Dataset) -> str | None:
        return None if len(value_of(element, found) or "") == 0 else "isn't empty"

    def _dummy(self, element: Element, found: Dataset) -> str | None:
        value = value_of(element, found)
        if isinstance(value, Sequence):
            return self._dummy_items(element, value)
        if element.vr == "UI":
            return self._replaced(element, found)
        if value in (None, "", b""):
            return "is empty"
        raw = value if isinstance(value, bytes) else str(value)
        if raw == (element.value if isinstance(element.value, (str, bytes)) else str(element.value)):
            return "is as it was"
        return None if is_legal(element.vr, value) else f"is illegal: {value!r}"

    def _dummy_items(self, element: Element, value: Sequence) -> str | None:
        if len(value) == 0:
            return "has no item"
        texts = [text for text in tokens_in(element) if not (text[0].isdigit() and "RetainUIDs" in self.options)]
        content = "".join(map(str, value))
        return next((f"still holds {text}" for text in texts if text in content), None)

    @staticmethod
    def _replaced(element: Element, found: Dataset) -> str | None:
        uid = str(value_of(element, found))
        if uid in ("", element.value):
            return "is empty or as it was"
        return None if is_legal("UI", uid) else f"is illegal: {uid!r}"

    @staticmethod
    def _kept(element: Element, found: Dataset) -> str | None:
        if isinstance(element.value, int):
            same = value_of(element, found) == element.value
        else:
            same = raw_value(found, element.tag) == encoded(element)
        return None if same else f"changed to {value_of(element, found)!r}"

    def _cleaned(self, element: Element, row: Row, found: Dataset) -> str | None:
        value = value_of(element, found)
        if row.tag == _GRAPHIC_ANNOTATION:
            return self._cleaned_graphics(element, value)
        if row.tag in _CLEANED_BY_CONTENT:
            return self._cleaned_content(element, value)
        match row.vr:
            case "DA" | "DT":
                return self._shifted(element, str(value))
            case "TM":
                return self._kept(element, found)
            case "AE":
                return self._retitled(element, str(value))
        if row.tag in (_TIMEZONE, _REASON_FOR_MODIFICATION):
            return self._kept(element, found)
        return self._cleaned_text(element, str(value))

    @staticmethod
    def _cleaned_text(element: Element, value: str) -> str | None:
        words = [word for word in str(element.value).split() if not word.startswith("QX")]
        if any(text in value.upper() for text in tokens_in(element)):
            return f"still holds its token: {value!r}"
        missing = [word for word in words if word.lower() not in value.lower().split()]
        return f"lost {missing}: {value!r}" if missing else None

    def _shifted(self, element: Element, value: str) -> str | None:
        original = str(element.value)
        if value[8:] != original[8:] or not is_legal("DA", value[:8]):
            return f"isn't the same time on another day: {value!r}"
        days = (_date(value) - _date(original)).days
        self.days.add(days)
        return None if days else "is the same day"

    def _retitled(self, element: Element, value: str) -> str | None:
        self.titles.setdefault(str(element.value), set()).add(value)
        if value.strip() in ("", element.value):
            return "is empty or as it was"
        return None if is_legal("AE", value) else f"is illegal: {value!r}"

    def _cleaned_content(self, element: Element, value: Sequence) -> str | None:
        content = str(value)
        if leaked := [text for text in tokens_in(element) if text in content]:
            return f"still holds {leaked}"
        expected = "Referenced Waveform Channels" if element.tag == _WAVEFORM_ANNOTATION else "7.25"
        return None if expected in "".join(map(str, value)) else f"lost its {expected}"

    def _cleaned_graphics(self, element: Element, value: Sequence) -> str | None:
        if len(value) != 1 or "GraphicObjectSequence" not in value[0]:
            return "lost its graphics"
        if list(value[0].GraphicObjectSequence[0].GraphicData) != [1, 2, 3, 4] or value[0].GraphicLayer != "LAYER":
            return "changed its graphics"
        text = next(inner for inner in element.value[0] if inner.tag == 0x00700008).value[0][0]
        return self._cleaned_text(text, str(value[0].TextObjectSequence[0].UnformattedTextValue))


def shifted(day: str, days: int) -> str:
    """A DA, so many days later."""
    return (_date(day) + timedelta(days)).strftime("%Y%m%d")


def tokens_in(element: Element) -> list[str]:
    """The tokens in an element's value, at every depth, dates among them."""
    if isinstance(element.value, list):
        return [text for item in element.value for inner in item for text in tokens_in(inner)]
    value = element.value.decode("latin-1") if isinstance(element.value, bytes) else str(element.value)
    return re.findall(r"QX\d{6}ZK|1\.2\.826\.0\.1\.7777\.\d{7}\.5|18[7-9]\d{5}", value)


def _date(value: str) -> date:
    return date(int(value[:4]), int(value[4:6]), int(value[6:8]))


def encoded(element: Element) -> bytes:
    """A text's or a blob's bytes, without padding."""
    return element.value.encode() if isinstance(element.value, str) else bytes(element.value)


def value_of(element: Element, found: Dataset) -> Any:
    """The value that came of ``element``; in implicit VR pydicom doesn't know what the newest attributes hold."""
    value = found[element.tag].value
    if element.vr in ("OB", "UN") or not isinstance(value, bytes):
        return value
    if element.vr == "SQ":
        return Sequence(read_sequence(BytesIO(value), True, True, len(value), "iso8859"))
    return int.from_bytes(value, "little") if element.vr == "US" else value.decode().rstrip(" \0")


def raw_value(dataset: Dataset, tag: int) -> bytes:
    """The bytes of a value, without the one byte that pads a text."""
    value = dataset.get_item(tag).value
    if not isinstance(value, bytes):
        value = str(value).encode()
    return value[:-1] if value[-1:] == b" " or (value[-1:] == b"\0" and value[:-1].isascii() and value[-2:-1] > b" ") else value


def is_legal(vr: str, value: object) -> bool:
    """Whether ``value`` is legal for ``vr``, by pydicom's judgement and a calendar."""
    if isinstance(value, (int, float, bytes)):
        return True
    for part in str(value).split("\\"):
        try:
            validate_value(vr, part, config.RAISE)
            if vr in ("DA", "DT"):
                _date(part.ljust(8, "0") if len(part) >= 8 else f"{part}0101"[:8])
        except ValueError:
            return False
        if vr == "TM" and not _LEGAL_TIME.fullmatch(part):
            return False
    return True
