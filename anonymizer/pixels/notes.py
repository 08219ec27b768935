"""Notes of the original values by which an object is judged, taken while its header is parsed."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from profiles import Rule, holds_pixels

from ..dicom.encoding import NUMBER_CODES, UNDEFINED, Encoding
from ..dicom.tags import PIXEL_DATA

#: characters of an empty text value: padding and value separators
BLANKS = b"\0 \\"
#: note of a value of which only the presence counts
PRESENT = b"present"
#: maximum length of a noted value in bytes, and the mark of a truncated one; no attribute by which objects are judged needs more
_LONGEST, _AND_SO_ON = 64 << 10, b"\\(longer)"


@dataclass(slots=True)
class Notes:
    """Original values by tag, as text in the object's character set.

    Binary numbers are noted in decimal digits, elements without a value as empty bytes.

    Attributes:
        top: values of the top-level data set.
        nested: values in the items of its sequences, in the order of the data set.
    """

    top: dict[int, bytes] = field(default_factory=dict)
    nested: dict[int, list[bytes]] = field(default_factory=dict)

    def copy(self) -> Notes:
        """Return an independent copy, which the caller may restore."""
        return Notes(self.top.copy(), {tag: values.copy() for tag, values in self.nested.items()})

    @property
    def has_pixels(self) -> bool:
        """True if the object has pixel data that is kept."""
        # as nearly all that have some
        if self.top.get(PIXEL_DATA):
            return True
        return any(value and holds_pixels(tag) for tag, value in self.top.items()) or any(map(holds_pixels, self.nested))

    def value(self, tag: int) -> bytes:
        """Return all values of an attribute, at any nesting, separated by backslashes."""
        values = [self.top.get(tag, b""), *self.nested.get(tag, ())]
        return b"\\".join(filter(None, values))


def note(rule: Rule, vr: bytes, content: bytes, position: int, length: int, encoding: Encoding) -> bytes:
    """Return the note of an element.

    Args:
        rule: the rule of the element; its ``presence`` is set if only the presence of a value counts.
        vr: the VR in the file, empty in implicit VR.
        content: the buffered bytes, with the value at ``position`` unless only its presence counts.
        position: the offset of the value in ``content``.
        length: the length of the value in bytes, or ``UNDEFINED``.
    """
    if rule.presence or length == UNDEFINED:
        # for pixels in items, whose values need not be read; at top level the parser notes them itself
        return PRESENT if length else b""
    return noted_value(rule.vr if vr in (b"", b"UN") else vr.decode("latin-1"), content, position, length, encoding)


def noted_value(vr: str, content: bytes, position: int, length: int, encoding: Encoding) -> bytes:
    """Return the value at ``position`` as Notes have it.

    Args:
        vr: by which it is read.
        length: of the value in bytes.
    """
    value = content[position : position + min(length, _LONGEST)]
    if length > _LONGEST:
        return value + _AND_SO_ON
    code = NUMBER_CODES.get(vr)
    if code is None:
        return value
    order = "<" if encoding.little else ">"
    count = len(value) // struct.calcsize(order + code)
    numbers = struct.unpack_from(f"{order}{count}{code}", value)
    return "\\".join(f"{number:g}" if code in "fd" else str(number) for number in numbers).encode()
