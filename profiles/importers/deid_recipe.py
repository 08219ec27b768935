"""Recipes of the Python package deid: the labels of their ``%filter`` sections, all of which apply that match.

Criteria are evaluated from left to right and line by line. ``contains`` searches a regular expression in the attribute's values,
as one text and without regard to case. Coordinates are half-open, and applied in the order of the labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ..conditions import ALL_VALUES, AllOf, AnyOf, AttributeTest, Node, Not
from ..dictionary import entry_of, tags
from .drafts import (
    DraftArea,
    RuleDraft,
    Untranslatable,
    absent,
    attribute,
    condition_of,
    integers,
    regex_test,
    text_test,
    value_attribute,
)

_FORMAT = re.compile(r"(?im)^[ \t]*format[ \t]+dicom[ \t]*$")
_FILTERS = ("contains", "notcontains", "equals", "notequals", "missing", "present", "empty")
_WITH_VALUE = frozenset(_FILTERS[:4])
#: characters of a line, and lines of a label: more is no rule that a person can check
_LONGEST, _MOST_LINES = 10_000, 1000
#: coordinate lines: whether they blank, and whether they give width and height
_COORDINATES = {
    "ctpcoordinates": (True, True),
    "ctpkeepcoordinates": (False, True),
    "coordinates": (True, False),
    "keepcoordinates": (False, False),
}
_REGIONS = "SequenceOfUltrasoundRegions"
_WHITELIST, _GRAYLIST, _BLACKLIST = "whitelist", "graylist", "blacklist"
_ALIASES = {"greylist": _GRAYLIST, "allowlist": _WHITELIST, "denylist": _BLACKLIST}
#: characters that mean something else in capitals, which the package takes for small letters
_CAPITAL_CLASS = re.compile(r"\\(?:\\|[A-Z])")

_OR_READING = "lines that begin with || are read as alternatives, as deid documents them; its code joins all lines by and"
_VALUE_READING = "each criterion is read with its own value; deid's code gives it that of another one in the same line"
_REGIONS_READING = (
    f"keepcoordinates from:{_REGIONS} adds nothing: pixels outside of valid regions are blanked anyway,"
    " and what other labels blank inside of them stays blank"
)
_EDGE_READING = "a rectangle from the right or bottom edge is read as CTP does; deid's code blanks nothing there"
_PRESENT_READING = "an empty attribute counts as missing; for deid it is present"


def is_deid_recipe(text: str) -> bool:
    """Return whether ``text`` has a line ``FORMAT dicom``."""
    return _FORMAT.search(text) is not None


class _Line(NamedTuple):
    number: int
    text: str


@dataclass
class _Label:
    """A label: the list that it belongs to, its line, and the lines below it."""

    section: str
    line: int
    members: list[_Line] = field(default_factory=list)


def read_deid_recipe(text: str, prefix: str = "deid") -> Iterator[RuleDraft]:
    """Yield the labels of all filters, in the order in which they are applied.

    Args:
        prefix: what the generated names begin with.
    """
    sections: dict[str, list[_Label]] = {}
    for label in _labels(text):
        sections.setdefault(label.section, []).append(label)
    for section, labels in sections.items():
        words = re.sub(r"[^a-z0-9._-]+", "-", section)[:32].strip("-") or "filter"
        for number, label in enumerate(labels, 1):
            yield _Draft(label).rule(f"{prefix}-{words}-{number:04}")


def _labels(text: str) -> Iterator[_Label]:
    section: str | None = None
    label: _Label | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if line.startswith("%"):
            if label is not None:
                yield label
            label = None
            kind, _, name = line.split("#", 1)[0].strip().partition(" ")
            name = " ".join(name.split()).lower()
            section = _ALIASES.get(name, name) if kind.lower() == "%filter" else None
        elif section is None or not line:
            continue
        elif line.upper().startswith("LABEL"):
            if label is not None:
                yield label
            label = _Label(section, number)
        elif label is not None and not line.startswith("#"):
            label.members.append(_Line(number, line))
    if label is not None:
        yield label


class _Draft:
    """The draft of one label."""

    def __init__(self, label: _Label) -> None:
        self._label = label
        self._problems: list[str] = []
        self._readings: list[str] = []
        self._areas: list[DraftArea] = []
        #: the node of each line, and whether it is an alternative to those above
        self._lines: list[tuple[Node, bool]] = []
        self._has_coordinates = False

    def rule(self, name: str) -> RuleDraft:
        if len(self._label.members) > _MOST_LINES:
            self._problems.append(f"there are more than {_MOST_LINES} lines")
        for line in self._label.members[:_MOST_LINES]:
            try:
                self._read(line.text)
            except Untranslatable as error:
                self._problems.append(str(error))
        condition = None
        try:
            condition = condition_of(self._node())
        except Untranslatable as error:
            self._problems.append(str(error))
        if not self._lines and not self._has_coordinates and not self._problems:
            self._problems.append("the label has neither criteria nor coordinates")
        outcome = self._outcome()
        if outcome == "keep" and self._readings:
            # nothing is kept on a reading that isn't that of the tool
            self._problems += self._readings
        areas = tuple(self._areas) if outcome == "clean" else ()
        problems, readings = (tuple(dict.fromkeys(sentences)) for sentences in (self._problems, self._readings))
        return RuleDraft(name, self._label.line, condition, outcome, areas, problems, readings)

    def _outcome(self) -> str:
        section = self._label.section
        if section == _BLACKLIST:
            return "quarantine"
        if self._has_coordinates or section == _GRAYLIST:
            return "clean"
        return "keep" if section == _WHITELIST else "quarantine"

    def _read(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise Untranslatable("a line is too long")
        for word in _COORDINATES:
            if text.lower().startswith(word):
                self._has_coordinates = True
                self._areas.extend(self._area(word, text[len(word) :].split("#", 1)[0].strip()))
                return
        alternative = text.startswith("||")
        text = text.removeprefix("||" if alternative else "+").strip()
        if text.startswith("#"):
            return
        if not text.lower().startswith(_FILTERS):
            raise Untranslatable("a line is no criterion and no coordinates")
        if re.search(r"\s#", text):
            raise Untranslatable("a comment stands behind a criterion, where deid takes it for a part of the value")
        if alternative and self._lines:
            self._readings.append(_OR_READING)
        self._lines.append((self._criteria(text), alternative))

    def _node(self) -> Node | None:
        """Return the criteria of all lines, joined from left to right."""
        node: Node | None = None
        for line, alternative in self._lines:
            node = line if node is None else _joined(node, line, AnyOf if alternative else AllOf)
        return node

    # -- coordinates -------------------------------------------------------------------------------------------------

    def _area(self, word: str, text: str) -> Iterator[DraftArea]:
        blank, sized = _COORDINATES[word]
        if text.lower() == "all":
            yield DraftArea(0, 0, 0, 0, blank)
            return
        if "from:" in text:
            if blank or sized or text.replace("from:", "", 1) != _REGIONS:
                raise Untranslatable(f"coordinates of objects are taken over for keepcoordinates from:{_REGIONS} only")
            self._readings.append(_REGIONS_READING)
            return
        numbers = integers(text.split(","))
        if len(numbers) != 4:
            raise Untranslatable("coordinates haven't four numbers")
        x0, y0, x1, y1 = numbers
        if sized:
            x1, y1 = self._end(x0, x1), self._end(y0, y1)
        for start, end in ((x0, x1), (y0, y1)):
            # of these deid's code takes no pixel
            if (end == 0 and not (sized and start < 0)) or ((start < 0) == (end < 0) and end <= start and end != 0):
                raise Untranslatable("a rectangle has no pixel")
        yield DraftArea(x0, y0, x1, y1, blank)

    def _end(self, start: int, length: int) -> int:
        end = start + length
        if start < 0 <= end:
            self._readings.append(_EDGE_READING)
            return 0
        return end

    # -- criteria ----------------------------------------------------------------------------------------------------

    def _criteria(self, text: str) -> Node:
        """Return the criteria of a line, joined from left to right; it is divided where deid's code divides it."""
        node: Node | None = None
        joining: type[AllOf] | type[AnyOf] = AllOf
        rest = text
        without_value = False
        while rest:
            part, sign, rest = _divided(rest)
            action, _, operands = part.strip().partition(" ")
            action = action.lower()
            if action not in _FILTERS:
                raise Untranslatable("a line can't be read")
            if action in _WITH_VALUE and without_value:
                self._readings.append(_VALUE_READING)
            without_value = without_value or action not in _WITH_VALUE
            found = self._criterion(action, operands.strip())
            node = found if node is None else _joined(node, found, joining)
            joining = AnyOf if sign == "||" else AllOf
        assert node is not None
        return node

    def _criterion(self, action: str, operands: str) -> Node:
        name, _, value = operands.partition(" ")
        value = value.strip()
        if action not in _WITH_VALUE:
            tag = _tag(operands)
            if action == "present":
                self._readings.append(_PRESENT_READING)
                return AttributeTest(tag, "is present", place=ALL_VALUES)
            entry = entry_of(tag)
            if self._label.section == _WHITELIST and entry is not None and entry.vr != "SQ":
                self._readings.append(_PRESENT_READING)
            return absent(tag)
        tag = value_attribute(_tag(name))
        if not value:
            raise Untranslatable(f"{action} needs an attribute and a value")
        is_whole = action in ("equals", "notequals")
        test = text_test(tag, "=", value, exact=False) if is_whole else self._contains(tag, value)
        return Not(test) if action.startswith("not") else test

    def _contains(self, tag: int, pattern: str) -> Node:
        if any(found != r"\\" for found in _CAPITAL_CLASS.findall(pattern)):
            raise Untranslatable("deid's code takes a capital behind a backslash for a small letter")
        if re.fullmatch(r"[\w\s-]+", pattern):
            return text_test(tag, "contains", pattern, exact=False)
        return regex_test(tag, pattern, exact=False, around=".*")


def _joined(first: Node, second: Node, kind: type[AllOf] | type[AnyOf]) -> Node:
    """Return both as one, flat where they are of one kind."""
    parts = first.of if isinstance(first, kind) else (first,)
    return kind((*parts, second))


def _divided(text: str) -> tuple[str, str, str]:
    """Return the first criterion of a line, the sign behind it and what comes then; no sign: all of it is one criterion."""
    found = re.search(r"\|\||\+", text)
    if found is None:
        return text, "", ""
    rest = text[found.end() :]
    if not any(word in rest for word in _FILTERS):
        return text, "", ""
    return text[: found.start()], found[0], rest.strip()


def _tag(name: str) -> int:
    if re.fullmatch(r"0x[0-9A-Fa-f]{8}", name):
        return attribute(int(name, 16), name)
    return attribute(tags().get(name), name, nested="__" in name or "." in name)
