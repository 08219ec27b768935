"""DICOM objects in every encoding, written by an encoder of the tests' own: lengths, VRs and delimiters as a test wants them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom.data
from pydicom import Dataset, FileDataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite

from profiles import sop_class_modules

IMPLICIT, EXPLICIT, BIG, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.50"
#: MPEG2 Main Profile / Main Level
VIDEO = "1.2.840.10008.1.2.4.100"
SYNTAXES = {"implicit": IMPLICIT, "explicit": EXPLICIT, "big endian": BIG, "deflated": DEFLATED}

CT = "1.2.840.10008.5.1.4.1.1.2"
SC = "1.2.840.10008.5.1.4.1.1.7"
MR = "1.2.840.10008.5.1.4.1.1.4"
COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"

INSTANCE, STUDY, SERIES = "1.2.826.0.1.999.1.1", "1.2.826.0.1.999.1.2", "1.2.826.0.1.999.1.3"

_LONG = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
_NUMBERS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d"}
UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class Element:
    """An element to encode.

    Attributes:
        value: text, bytes, a number, or the items of a sequence.
        undefined: the sequence's length is undefined.
        undefined_items: its items' lengths are.
        as_un: the sequence is disguised as UN, its content in implicit VR little endian (PS3.5 6.2.2).
        length: a lie to write instead of the value's length.
    """

    tag: int
    vr: str
    value: Any = b""
    undefined: bool = False
    undefined_items: bool = False
    as_un: bool = False
    length: int | None = None


def encode(elements: Sequence[Element], syntax: str = EXPLICIT) -> bytes:
    """The data set of ``elements``, in the order given, not deflated."""
    return b"".join(_element(element, syntax) for element in elements)


def _element(element: Element, syntax: str) -> bytes:
    order = ">" if syntax == BIG else "<"
    if isinstance(element.value, list):
        inner = IMPLICIT if element.as_un else syntax
        value = b"".join(_item(item, element.undefined_items, inner) for item in element.value)
        if element.undefined:
            value += delimiter(0xE0DD, inner)
    else:
        value = _value(element, order)
    length = UNDEFINED if element.undefined else len(value) if element.length is None else element.length
    vr = "UN" if element.as_un else element.vr
    return header(element.tag, vr, length, syntax) + value


def header(tag: int, vr: str, length: int, syntax: str) -> bytes:
    """Tag, VR and length of an element."""
    order = ">" if syntax == BIG else "<"
    number = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT:
        return number + struct.pack("<L", length)
    if vr in _LONG:
        return number + vr.encode() + struct.pack(order + "xxL", length)
    return number + vr.encode() + struct.pack(order + "H", length)


def delimiter(element: int, syntax: str = EXPLICIT, length: int = 0) -> bytes:
    """An item (0xE000), item delimiter (0xE00D) or sequence delimiter (0xE0DD)."""
    return struct.pack(">HHL" if syntax == BIG else "<HHL", 0xFFFE, element, length)


def _item(elements: list[Element], undefined: bool, syntax: str) -> bytes:
    content = encode(elements, syntax)
    if undefined:
        return delimiter(0xE000, syntax, UNDEFINED) + content + delimiter(0xE00D, syntax)
    return delimiter(0xE000, syntax, len(content)) + content


def _value(element: Element, order: str) -> bytes:
    value = element.value
    if isinstance(value, (int, float)):
        return struct.pack(order + _NUMBERS[element.vr], value)
    if isinstance(value, str):
        value = value.encode("ascii")
    if len(value) % 2:
        value += b"\0" if element.vr in ("UI", "OB", "UN") else b" "
    return bytes(value)


def ct(*extra: Element, without: Sequence[int] = (), sop_class: str = CT) -> list[Element]:
    """A small CT image's elements in order; ``extra`` ones are added, or take the place of those with their tags.

    Objects of classes that have no pixels get none.
    """
    elements = {
        element.tag: element
        for element in (
            Element(0x00080016, "UI", sop_class),
            Element(0x00080018, "UI", INSTANCE),
            Element(0x00080060, "CS", "CT"),
            Element(0x00100010, "PN", "Doe^Jane"),
            Element(0x00100020, "LO", "MRN-4711"),
            Element(0x0020000D, "UI", STUDY),
            Element(0x0020000E, "UI", SERIES),
            # without a place in the patient it might be a picture of a screen
            Element(0x00200037, "DS", "1\\0\\0\\0\\1\\0"),
            Element(0x00280010, "US", 2),
            Element(0x00280011, "US", 2),
            Element(0x7FE00010, "OW", b"\1\2\3\4\5\6\7\x08"),
        )
    }
    if not any("image-pixel" in module for module in sop_class_modules().get(sop_class, ["image-pixel"])):
        del elements[0x7FE00010]
    elements |= {element.tag: element for element in extra}
    return [elements[tag] for tag in sorted(elements) if tag not in without]


def meta(syntax: str, sop_class: str = CT, instance: str = INSTANCE, extra: Sequence[Element] = ()) -> bytes:
    """File Meta Information."""
    elements = [
        Element(0x00020001, "OB", b"\0\1"),
        Element(0x00020002, "UI", sop_class),
        Element(0x00020003, "UI", instance),
        Element(0x00020010, "UI", syntax),
        *extra,
    ]
    content = encode(elements, EXPLICIT)
    return encode([Element(0x00020000, "UL", len(content))]) + content


def part10(
    elements: Sequence[Element] | bytes,
    syntax: str = EXPLICIT,
    *,
    preamble: bytes = bytes(128),
    extra_meta: Sequence[Element] = (),
    sop_class: str = CT,
    instance: str = INSTANCE,
    tail: bytes = b"",
) -> bytes:
    """A whole file: ``elements`` (or bytes that already are a data set) behind preamble and file meta."""
    content = (elements if isinstance(elements, bytes) else encode(elements, syntax)) + tail
    if syntax == DEFLATED:
        compressor = zlib.compressobj(wbits=-15)
        content = compressor.compress(content) + compressor.flush()
        content += b"\0" * (len(content) % 2)
    return preamble + b"DICM" + meta(syntax, sop_class, instance, extra_meta) + content


def nested(levels: int, innermost: Element, tag: int = 0x00081115, *, undefined: bool = True) -> Element:
    """``innermost`` inside ``levels`` sequences."""
    for _ in range(levels):
        innermost = Element(tag, "SQ", [[innermost]], undefined=undefined, undefined_items=undefined)
    return innermost


def read(blob: bytes) -> FileDataset:
    """``blob`` as pydicom sees it."""
    return dcmread(BytesIO(blob))


def from_dataset(dataset: Dataset, syntax: str = EXPLICIT) -> bytes:
    """A file with ``dataset``, written by pydicom."""
    twin = Dataset()
    for element in dataset:
        twin.add(element)
    twin.file_meta = FileMetaDataset()
    twin.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    twin.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", CT)
    twin.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", INSTANCE)
    stream = BytesIO()
    dcmwrite(stream, twin, implicit_vr=syntax == IMPLICIT, little_endian=syntax != BIG, enforce_file_format=True)
    return stream.getvalue()


def tags(dataset: Dataset) -> list[int]:
    """The tags of ``dataset`` in the order in which they stand, its values left as they are."""
    return [int(tag) for tag in list(dataset.keys())]


def data_set_of(blob: bytes) -> bytes:
    """The data set's bytes of a file with preamble, inflated."""
    length = struct.unpack_from("<L", blob, 140)[0]
    content = blob[144 + length :]
    return zlib.decompress(content, -15) if b"1.2.840.10008.1.2.1.99" in blob[132 : 144 + length] else content


def bundled_files() -> list[Path]:
    """pydicom's own test files, the many twins of its media directory left out."""
    root = Path(pydicom.data.__file__).parent
    folders = ("test_files", "charset_files", "palettes")
    files = (path for folder in folders for path in sorted((root / folder).rglob("*")))
    return [path for path in files if path.is_file() and not path.name.startswith("IM0000")]


def with_length(element: Element, length: int) -> Element:
    """``element`` with a lie about its length."""
    return replace(element, length=length)
