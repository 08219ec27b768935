"""Element headers and values in the encodings of PS3.5: implicit and explicit VR, little and big endian."""

from __future__ import annotations

import base64
import re
import struct
import warnings
from functools import lru_cache
from typing import Any

from pydicom import Dataset
from pydicom.charset import convert_encodings, decode_bytes, encode_string, python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.sequence import Sequence

from .errors import DeidentificationError, Reason

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

#: explicit VRs with a 16-bit length (PS3.5 table 7.1-2) and those with a reserved field and a 32-bit length (7.1-1)
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
#: misspellings that are seen and can mean nothing else
_TERM = re.compile(r"ISO[-_ ]IR[-_ ]?([0-9]+)")
#: pydicom's codec for the default repertoire, which is ASCII: it takes Latin-1 for it
_DEFAULT = python_encoding[""]
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
        """The header of an element whose value has ``length`` bytes (``UNDEFINED`` for sequences).

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
        """A whole element; ``value`` is encoded and of even length."""
        return self.element_header(tag, vr, len(value)) + value


EXPLICIT_LITTLE = Encoding(explicit=True, little=True)
EXPLICIT_BIG = Encoding(explicit=True, little=False)
IMPLICIT_LITTLE = Encoding(explicit=False, little=True)


def _dataset(values: dict[str, Any]) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        if isinstance(value, list) and (not value or isinstance(value[0], dict)):
            value = Sequence([_dataset(item) for item in value])
        elif isinstance(value, str) and dictionary_VR(keyword) in ("OB", "UN"):
            # as in the DICOM JSON model (PS3.18 F.2.7)
            value = base64.b64decode(value)
        setattr(dataset, keyword, value)
    return dataset


def encode_value(tag: int, vr: str, value: Any, encoding: Encoding, charset: str = "") -> bytes:
    """An element with a new value, encoded by pydicom.

    Args:
        value: a str, bytes or number for ``vr``; for SQ a list of items, each keyword -> value or a Dataset.
        charset: SpecificCharacterSet of the data set, for text beyond ASCII.
    """
    if vr == "SQ":
        value = Sequence([item if isinstance(item, Dataset) else _dataset(item) for item in value])
    stream = DicomBytesIO()
    stream.is_little_endian = encoding.little
    stream.is_implicit_VR = not encoding.explicit
    write_data_element(stream, DataElement(tag, vr, value), encodings=_python_encodings(charset))
    content: bytes = stream.getvalue()
    return content


@lru_cache(maxsize=1024)
def _python_encodings(charset: str) -> list[str]:
    """Python's codecs for a SpecificCharacterSet.

    Raises:
        DeidentificationError: a term that PS3.3 C.12.1.1.2 doesn't define; pydicom would fall back to another set, and log it.
    """
    terms = [_TERM.sub(r"ISO_IR \1", term.strip(" \0")) for term in charset.split("\\")] if charset else [""]
    if not all(term in python_encoding for term in terms):
        raise DeidentificationError(Reason.UNDECODABLE_TEXT, 0x00080005)
    encodings: list[str] = convert_encodings(terms)
    return encodings


def decode_text(value: bytes, charset: str) -> str:
    """Text by the data set's SpecificCharacterSet (PS3.5 6.1).

    Raises:
        DeidentificationError: a character set that doesn't exist, or bytes that aren't in it.
    """
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    encodings = _python_encodings(charset)
    try:
        with warnings.catch_warnings():
            # pydicom warns and falls back to replacement characters: that is no text
            warnings.simplefilter("error")
            text: str = decode_bytes(value, encodings, set())
    except (LookupError, ValueError, UserWarning):
        raise DeidentificationError(Reason.UNDECODABLE_TEXT) from None
    if "\ufffd" in text or (encodings[0] == _DEFAULT and b"\x1b" not in value):
        raise DeidentificationError(Reason.UNDECODABLE_TEXT)
    return text


def is_encodable(text: str, charset: str) -> bool:
    """Whether ``text`` can stand in a data set with ``charset``."""
    if text.isascii():
        return True
    try:
        encodings = _python_encodings(charset)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            encoded = bytes(encode_string(text, encodings))
            legal = encodings[0] != _DEFAULT or b"\x1b" in encoded
            return legal and bool(decode_bytes(encoded, encodings, set()) == text)
    except (DeidentificationError, LookupError, ValueError, UserWarning):
        return False
