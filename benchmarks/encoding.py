"""DICOM files from plain tuples, in explicit VR little endian: an archive is large, and pydicom writes it too slowly."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

EXPLICIT = "1.2.840.10008.1.2.1"
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_LONG = ("OB", "OW", "SQ", "UN")
_NUMBERS = {"FD": "<d", "FL": "<f", "SL": "<l", "SS": "<h", "UL": "<L", "US": "<H"}

#: tag, VR and value: text or a number, bytes as they are, or a sequence's items, which are lists of elements
Element = tuple[int, str, object]


def part10(elements: Iterable[Element]) -> bytes:
    """Return a file of these elements, in the order of their tags; its meta information repeats what they say of the object."""
    elements = list(elements)
    own = {tag: value for tag, _, value in elements if tag in (_SOP_CLASS, _SOP_INSTANCE)}
    meta = encoded(
        [
            (0x00020001, "OB", b"\0\1"),
            (0x00020002, "UI", own[_SOP_CLASS]),
            (0x00020003, "UI", own[_SOP_INSTANCE]),
            (0x00020010, "UI", EXPLICIT),
        ]
    )
    return b"".join((bytes(128), b"DICM", encoded([(0x00020000, "UL", len(meta))]), meta, encoded(elements)))


def encoded(elements: Iterable[Element]) -> bytes:
    """Return the elements' bytes, in the order of their tags."""
    return b"".join(_each(elements))


def header(tag: int, vr: str, length: int) -> bytes:
    """Return tag, VR and length of an element."""
    return struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode()) + struct.pack("<xxL" if vr in _LONG else "<H", length)


def _each(elements: Iterable[Element]) -> Iterator[bytes]:
    for tag, vr, content in sorted(elements, key=lambda element: element[0]):
        value = _value(vr, content)
        yield header(tag, vr, len(value)) + value


def _value(vr: str, content: object) -> bytes:
    if isinstance(content, list):
        items = [encoded(item) for item in content]
        return b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item for item in items)
    if isinstance(content, (int, float)) and vr in _NUMBERS:
        return struct.pack(_NUMBERS[vr], content)
    value = content if isinstance(content, bytes) else str(content).encode()
    return value + (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
