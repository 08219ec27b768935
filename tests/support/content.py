"""Content items of structured reports (PS3.3 C.17.3), as elements."""

from __future__ import annotations

from collections.abc import Sequence

from .objects import CT, Element

Item = list[Element]


def code(value: str, scheme: str = "DCM", meaning: str = "Meaning") -> Item:
    """An item of a code sequence."""
    return [Element(0x00080100, "SH", value), Element(0x00080102, "SH", scheme), Element(0x00080104, "LO", meaning)]


def content_item(
    value_type: str,
    name: Item | None,
    *value: Element,
    relationship: str = "CONTAINS",
    children: Sequence[Item] = (),
) -> Item:
    """A content item; ``relationship`` may be ``""``: acquisition contexts have none."""
    elements = [Element(0x0040A040, "CS", value_type), *value]
    if relationship:
        elements.append(Element(0x0040A010, "CS", relationship))
    if name is not None:
        elements.append(Element(0x0040A043, "SQ", [name]))
    if children:
        elements.append(Element(0x0040A730, "SQ", list(children)))
    return sorted(elements, key=lambda element: element.tag)


def text(value: str) -> Element:
    """The value of a TEXT item."""
    return Element(0x0040A160, "UT", value)


def person(value: str) -> Element:
    """The value of a PNAME item."""
    return Element(0x0040A123, "PN", value)


def day(value: str) -> Element:
    """The value of a DATE item."""
    return Element(0x0040A121, "DA", value)


def time(value: str) -> Element:
    """The value of a TIME item."""
    return Element(0x0040A122, "TM", value)


def moment(value: str) -> Element:
    """The value of a DATETIME item."""
    return Element(0x0040A120, "DT", value)


def uid(value: str) -> Element:
    """The value of a UIDREF item."""
    return Element(0x0040A124, "UI", value)


def concept(value: Item) -> Element:
    """The value of a CODE item."""
    return Element(0x0040A168, "SQ", [value])


def number(value: str) -> Element:
    """The value of a NUM item."""
    return Element(0x0040A300, "SQ", [[Element(0x0040A30A, "DS", value)]])


def reference(instance: str, sop_class: str = CT) -> Element:
    """The value of an IMAGE, COMPOSITE or WAVEFORM item."""
    return Element(0x00081199, "SQ", [[Element(0x00081150, "UI", sop_class), Element(0x00081155, "UI", instance)]])


def by_reference(relationship: str, *position: int) -> Item:
    """A relationship to the item at ``position``: ordinal numbers from the root, which is 1 (PS3.3 C.17.3.2.5)."""
    numbers = b"".join(ordinal.to_bytes(4, "little") for ordinal in position)
    return [Element(0x0040A010, "CS", relationship), Element(0x0040DB73, "UL", numbers)]


def document(*children: Item, name: Item | None = None) -> list[Element]:
    """The root content item's elements: a container of ``children``."""
    return [
        Element(0x0040A040, "CS", "CONTAINER"),
        Element(0x0040A043, "SQ", [name or code("126000", "DCM", "Imaging Measurement Report")]),
        Element(0x0040A050, "CS", "SEPARATE"),
        Element(0x0040A730, "SQ", list(children)),
    ]
