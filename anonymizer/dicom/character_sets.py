"""Text by its SpecificCharacterSet (PS3.5 6.1). pydicom knows them all, and is loaded when text beyond ASCII is met."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache

from ..errors import DeidentificationError
from ..reasons import Reason
from .encoding import Encoding, encode_value
from .quiet_pydicom import quiet_pydicom

#: misspellings that are seen and can mean nothing else
_TERM = re.compile(r"ISO[-_ ]IR[-_ ]?([0-9]+)")

#: Defined Terms of SpecificCharacterSet (PS3.3 C.12.1.1.2), and what devices write in their place
_NAME = (
    rb"(?i:ISO|GB|UTF|LATIN|US[-_ ]ASCII|ASCII|WINDOWS|CP|SHIFT|EUC|BIG|KOI|UNICODE)"
    rb"(?:[-_. ]?(?i:IR|GBK|K|JIS|JP|KR|CN|TW|R|U)?[-_. ]?[0-9]{0,5}){0,3}"
)
_NAMES = re.compile(rb" *(?:%b)? *(?:\\ *(?:%b)? *)*\0?" % (_NAME, _NAME))

#: characters of a SpecificCharacterSet: there are a few dozen terms, and what is understood is kept in mind
_LONGEST = 1024

#: a value's parts, each but the first with an escape sequence at its beginning (PS3.5 6.1.2.4)
_PARTS = re.compile(rb"\x1b(?:\$[()])?[^\x1b]*|[^\x1b]+", re.DOTALL)
#: a sequence itself
_ESCAPE = re.compile(rb"\x1b(?:\$[()].|..)", re.DOTALL)


@lru_cache(maxsize=1024)
def _python_encodings(charset: str) -> list[str]:
    """Return Python's codecs for a SpecificCharacterSet.

    Raises:
        DeidentificationError: a term that PS3.3 C.12.1.1.2 doesn't define; pydicom would fall back to another set, and log it.
    """
    from pydicom.charset import convert_encodings, python_encoding

    if len(charset) > _LONGEST:
        raise DeidentificationError(Reason.UNDECODABLE_TEXT, 0x00080005)
    terms = [_TERM.sub(r"ISO_IR \1", term.strip(" \0")) for term in charset.split("\\")] if charset else [""]
    if not all(term in python_encoding for term in terms):
        raise DeidentificationError(Reason.UNDECODABLE_TEXT, 0x00080005)
    with quiet_pydicom():
        encodings: list[str] = convert_encodings(terms)
    return encodings


def _default() -> str:
    """Return pydicom's codec for the default repertoire, which is ASCII: it takes Latin-1 for it."""
    from pydicom.charset import python_encoding

    return str(python_encoding[""])


def decode_text(value: bytes, charset: str) -> str:
    """Return text, decoded by the data set's SpecificCharacterSet (PS3.5 6.1).

    Raises:
        DeidentificationError: a character set that doesn't exist, or bytes that aren't in it.
    """
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    encodings = _python_encodings(charset)
    try:
        text = _decoded(value, encodings)
    except (LookupError, ValueError):
        raise DeidentificationError(Reason.UNDECODABLE_TEXT) from None
    if "\ufffd" in text or (encodings[0] == _default() and b"\x1b" not in value):
        raise DeidentificationError(Reason.UNDECODABLE_TEXT)
    return text


def _decoded(value: bytes, encodings: list[str]) -> str:
    """Return text, decoded by Python's ``encodings``.

    pydicom would do the same, but where it can't it warns and falls back to replacement characters: that is no text.

    Raises:
        ValueError: bytes that aren't in them, or an escape sequence of none of them.
    """
    if b"\x1b" not in value:
        return value.decode(encodings[0])
    return "".join([_decoded_part(part, encodings) for part in _PARTS.findall(value)])


def _decoded_part(part: bytes, encodings: list[str]) -> str:
    """Return a part of a text, decoded by the escape sequence at its beginning, or the first encoding."""
    from pydicom.charset import CODES_TO_ENCODINGS, handled_encodings

    if not part.startswith(b"\x1b"):
        return part.decode(encodings[0])
    found = _ESCAPE.match(part)
    encoding = CODES_TO_ENCODINGS.get(found[0]) if found else None
    if found is None or encoding is None or encoding not in (*encodings, _default()):
        raise ValueError("an escape sequence of no character set in use")
    # some of Python's codecs know the sequences
    return part.decode(encoding) if encoding in handled_encodings else part[found.end() :].decode(encoding)


def best_text(value: bytes, charset: str) -> str:
    """Return text by the data set's SpecificCharacterSet, or else by Latin-1: for comparison, never for an output."""
    try:
        return decode_text(value, charset)
    except DeidentificationError:
        return value.decode("latin-1")


def is_encodable(text: str, charset: str) -> bool:
    """Return whether ``text`` can stand in a data set with ``charset``."""
    if text.isascii():
        return True
    from pydicom.charset import encode_string

    try:
        encodings = _python_encodings(charset)
        with quiet_pydicom():
            # where it can't, it takes other characters
            encoded = bytes(encode_string(text, encodings))
        legal = encodings[0] != _default() or b"\x1b" in encoded
        return legal and _decoded(encoded, encodings) == text
    except (DeidentificationError, LookupError, ValueError):
        return False


def encode_alike(text: str, charset: str) -> set[bytes]:
    """Return the bytes by which ``text`` may stand in or behind a data set with ``charset``: for comparison, never for an output.

    By its own character sets, without escape sequences; by Latin-1, UTF-8 and, beyond Latin-1, UTF-16 of both byte orders.
    """
    found = {text.encode()}
    try:
        found.add(text.encode("latin-1"))
    except UnicodeEncodeError:
        found |= {text.encode("utf-16-le"), text.encode("utf-16-be")}
    try:
        codecs = _python_encodings(charset)
    except DeidentificationError:
        codecs = []
    for codec in codecs:
        with suppress(LookupError, UnicodeEncodeError):
            found.add(_ESCAPE.sub(b"", text.encode(codec)))
    return found


def encode_text(tag: int, vr: str, text: str, encoding: Encoding, charset: str) -> bytes:
    """Return an element with ``text`` in a data set with ``charset``, which can hold it (``is_encodable``).

    Raises:
        DeidentificationError: a character set that doesn't exist.
    """
    if text.isascii():
        return encode_value(tag, vr, text, encoding)
    from pydicom.dataelem import DataElement
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_data_element

    stream = DicomBytesIO()
    stream.is_little_endian = encoding.little
    stream.is_implicit_VR = not encoding.explicit
    encodings = _python_encodings(charset)
    with quiet_pydicom():
        write_data_element(stream, DataElement(tag, vr, text), encodings=encodings)
    content: bytes = stream.getvalue()
    return content


def names_character_sets(content: bytes) -> bool:
    """Return whether a value of SpecificCharacterSet names nothing but character sets, known ones or not."""
    return _NAMES.fullmatch(content) is not None
