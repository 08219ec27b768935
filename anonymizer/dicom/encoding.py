"""Element headers and values in the encodings of PS3.5: implicit and explicit VR, little and big endian."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

from profiles import dictionary, tags

from ..errors import DeidentificationError
from ..reasons import Reason

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

#: explicit VRs with a 16-bit length (PS3.5 table 7.1-2) and those with a reserved field and a 32-bit length (7.1-1)
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
#: numbers as the module struct has them
NUMBER_CODES = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
_LONG_VR_NAMES = frozenset(vr.decode() for vr in LONG_VRS)


class Encoding:
    """One way to encode a data set.

    Attributes:
        explicit, little: VR and byte order.
        header: reads tag, VR and 16-bit length (explicit) or tag and 32-bit length (implicit).
        long_length: reads the 32-bit length of explicit long VRs.
        item: reads or writes tag and 32-bit length: items and delimiters.
    """

    def __init__(self, explicit: bool, little: bool) -> None:
        order = "<" if little else ">"
        self.explicit = explicit
        self.little = little
        self.header = struct.Struct(order + ("HH2sH" if explicit else "HHL"))
        self.long_length = struct.Struct(order + "L")
        self.item = struct.Struct(order + "HHL")
        self._long = struct.Struct(order + "HH2sxxL")

    def element_header(self, tag: int, vr: str, length: int) -> bytes:
        """Return the header of an element whose value has ``length`` bytes (``UNDEFINED`` for sequences).

        Raises:
            DeidentificationError: a value of a short VR that doesn't fit its 16-bit length.
        """
        group, element = tag >> 16, tag & 0xFFFF
        if not self.explicit:
            return self.header.pack(group, element, length)
        if vr in _LONG_VR_NAMES:
            return self._long.pack(group, element, vr.encode(), length)
        if length > 0xFFFF:
            raise DeidentificationError(Reason.INVALID_LENGTH, tag)
        return self.header.pack(group, element, vr.encode(), length)

    def element(self, tag: int, vr: str, value: bytes) -> bytes:
        """Return a whole element; ``value`` is encoded and of even length."""
        return self.element_header(tag, vr, len(value)) + value


EXPLICIT_LITTLE = Encoding(explicit=True, little=True)
EXPLICIT_BIG = Encoding(explicit=True, little=False)
IMPLICIT_LITTLE = Encoding(explicit=False, little=True)


def encode_value(tag: int, vr: str, value: Any, encoding: Encoding) -> bytes:
    """Return an element with a new value.

    Args:
        value: ASCII text, bytes, a number or several for ``vr``; for SQ a list of items, each keyword -> value.
    """
    return encoding.element(tag, vr, _encoded(vr, value, encoding))


def _encoded(vr: str, value: Any, encoding: Encoding) -> bytes:
    if vr == "SQ":
        return b"".join(_item(values, encoding) for values in value)
    if isinstance(value, str):
        if vr not in ("OB", "UN"):
            return pad_uid(value.encode("ascii")) if vr == "UI" else pad_text(value.encode("ascii"))
        # as in the DICOM JSON model (PS3.18 F.2.7)
        value = base64.b64decode(value)
    if isinstance(value, bytes):
        return value + b"\0" * (len(value) % 2)
    numbers = value if isinstance(value, list) else [value]
    order = "<" if encoding.little else ">"
    if vr == "AT":
        return b"".join(struct.pack(order + "HH", tag >> 16, tag & 0xFFFF) for tag in numbers)
    return struct.pack(f"{order}{len(numbers)}{NUMBER_CODES[vr]}", *numbers)


def _item(values: dict[str, Any], encoding: Encoding) -> bytes:
    content = b"".join(_elements(values, encoding))
    return encoding.item.pack(ITEM >> 16, ITEM & 0xFFFF, len(content)) + content


def _elements(values: dict[str, Any], encoding: Encoding) -> Iterator[bytes]:
    for tag, value in sorted((tags()[keyword], value) for keyword, value in values.items()):
        yield encode_value(tag, dictionary()[tag].vr, value, encoding)


def pad_text(text: bytes) -> bytes:
    """Return ``text`` with the space that makes its length even (PS3.5 6.2)."""
    return text + b" " * (len(text) % 2)


def pad_uid(uid: bytes) -> bytes:
    """Return ``uid`` with the NUL that makes its length even (PS3.5 9.1)."""
    return uid + b"\0" * (len(uid) % 2)
