"""Notes of an object's original values by which it is judged, taken while its header is walked."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from profiles import Rule, holds_pixels

from ..dicom.encoding import NUMBER_CODES, UNDEFINED, Encoding

#: characters of which a text without a value is made
BLANKS = b"\0 \\"
#: what is noted where nothing but the presence of a value counts
PRESENT = b"present"
#: what is noted of a value at most, and what then stands behind it: no attribute by which objects are judged has so much to say
_LONGEST, _AND_SO_ON = 64 << 10, b"\\(longer)"


@dataclass(slots=True)
class Notes:
    """Original values by tag, as text in the object's character set; numbers in digits, empty where an element has no value.

    Attributes:
        top: of the top-level data set.
        nested: of the items of its sequences, in the order in which they stand.
    """

    top: dict[int, bytes] = field(default_factory=dict)
    nested: dict[int, list[bytes]] = field(default_factory=dict)

    def copy(self) -> Notes:
        """A copy to go back to."""
        return Notes(self.top.copy(), {tag: values.copy() for tag, values in self.nested.items()})

    @property
    def has_pixels(self) -> bool:
        """Whether there is pixel data that stays."""
        return any(value and holds_pixels(tag) for tag, value in self.top.items()) or any(map(holds_pixels, self.nested))

    def value(self, tag: int) -> bytes:
        """All values of an attribute, wherever they stand, with backslashes between."""
        values = [self.top.get(tag, b""), *self.nested.get(tag, ())]
        return b"\\".join(filter(None, values))


def note(rule: Rule, vr: bytes, content: bytes, position: int, length: int, encoding: Encoding) -> bytes:
    """What is noted of an element.

    Args:
        rule: its rule, with ``presence``.
        vr: as the file has it, empty in implicit VR.
        content: the bytes at hand, with the value at ``position`` unless only its presence counts.
        length: of the value in bytes, or ``UNDEFINED``.
    """
    if rule.presence or length == UNDEFINED:
        # in items that of pixels, which need not be looked at; at top level the walker knows it by itself
        return PRESENT if length else b""
    value = content[position : position + min(length, _LONGEST)]
    if length > _LONGEST:
        return value + _AND_SO_ON
    code = NUMBER_CODES.get(rule.vr if vr in (b"", b"UN") else vr.decode("latin-1"))
    if code is None:
        return value
    order = "<" if encoding.little else ">"
    count = len(value) // struct.calcsize(order + code)
    numbers = struct.unpack_from(f"{order}{count}{code}", value)
    return "\\".join(f"{number:g}" if code in "fd" else str(number) for number in numbers).encode()
