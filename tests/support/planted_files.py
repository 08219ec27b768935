"""Real files with every row of Table E.1-1 in them and tokens wherever else identifiers hide, and what of it may stay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom import Dataset, FileDataset, dcmread
from pydicom.datadict import DicomDictionary
from pydicom.dataelem import DataElement
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import UID, ImplicitVRLittleEndian

from .many_attributes import IDENTITY, REFERENCED_SERIES, Judge, many_attributes
from .objects import Element, part10, read
from .table import Combination, attribute_rows
from .tokens import Tokens, inflated

#: of the object itself; all else in the planted object takes the place of what the file has
_OWN = frozenset({0x00080016, 0x00200037, 0x00280010, 0x00280011, 0x7FE00010})
_TEXT_VRS = frozenset({"AE", "LT", "PN", "ST", "UC", "UR", "UT"})
#: a row of Table E.3.10-1 with room for a token
_SAFE_CREATOR, _SAFE_GROUP, _SAFE_ELEMENT = "GEMS_PARM_01", 0x0043, 0x27
_DEFLATED = "1.2.840.10008.1.2.1.99"
#: new UIDs are long numbers, in which any date can occur
_NEW_UID = re.compile(rb"2\.25\.[0-9]+")


@dataclass
class PlantedFile:
    """A file with tokens.

    Attributes:
        content: the file.
        elements: the planted attributes that the table decides on.
        tokens: its own.
        safe: the token in a private attribute that is known to be safe.
    """

    name: str
    content: bytes
    elements: list[Element]
    safe: str
    sop_class: str
    references: bool
    tokens: Tokens = field(repr=False)

    def faults(self, options: Combination, output: bytes) -> Iterator[str]:
        """What leaked into ``output``, and what is missing in it."""
        new = read(output)
        judge = Judge(self.sop_class, options, self.references)
        yield from judge.faults(self.elements, new)
        allowed = set(judge.retained(self.elements))
        if "RetainSafePrivate" in options:
            allowed.add(self.safe)
            if self.safe.encode() not in searchable(output):
                yield "a safe private attribute is gone"
        if leaked := set(self.tokens.found_in(searchable(output))) - allowed:
            yield f"leaked: {sorted(leaked)}"


def searchable(output: bytes) -> bytes:
    """A file's bytes, inflated where they are deflated, without new UIDs."""
    new = dcmread(BytesIO(output), stop_before_pixels=True, specific_tags=[0x00080016])
    if new.file_meta.TransferSyntaxUID == _DEFLATED:
        start = 144 + new.file_meta.FileMetaInformationGroupLength
        output = output[:start] + inflated(output[start:])
    return _NEW_UID.sub(b"", output)


@cache
def _unlisted_texts() -> tuple[tuple[int, str], ...]:
    """Standard attributes outside of the table whose VR says that they hold names or free text."""
    return tuple(
        (tag, entry[0])
        for tag, entry in DicomDictionary.items()
        if entry[0] in _TEXT_VRS and tag >> 16 >= 8 and tag not in attribute_rows()
    )


def plant(path: Path, tokens: Tokens) -> PlantedFile:
    """The file at ``path`` with a token in every attribute of the table, in nested, private, unlisted and unknown ones,
    in overlays and curves, file meta, preamble and padding.

    Raises:
        Exception: pydicom can't read the file or write it again.
    """
    first = len(tokens.planted)
    dataset = dcmread(path, force=True)
    # while there is little to walk through
    dataset.remove_private_tags()
    sop_class = str(dataset.SOPClassUID)
    identity = {tag: tokens.uid() for tag in IDENTITY}
    elements = many_attributes(sop_class, tokens, identity=identity)
    elements = [element for element in elements if element.tag not in _OWN]
    for element in read(part10(elements)):
        dataset.add(element)
    _plant_groups(dataset, tokens)
    for tag, vr in _unlisted_texts():
        dataset.add(DataElement(tag, vr, f"http://{tokens.text()}.example" if vr == "UR" else tokens.text()))
    # a retired group and a group of the future: neither is in the dictionary
    for tag in (0x00081999, 0x00061001):
        dataset.add(DataElement(tag, "LO", tokens.text()))
    safe = _plant_private(dataset, tokens)
    content = _write(dataset, tokens)
    own = Tokens()
    own.planted = tokens.planted[first:]
    return PlantedFile(path.name, content, elements, safe, sop_class, REFERENCED_SERIES in dataset, own)


def _plant_groups(dataset: Dataset, tokens: Tokens) -> None:
    for tag in [tag for tag in list(dataset.keys()) if tag.group & 0xFF00 in (0x5000, 0x6000)]:
        del dataset[tag]
    for group, kind in ((0x6000, "R"), (0x6002, "G")):
        for element, vr, value in (
            (0x10, "US", 4),
            (0x11, "US", 4),
            (0x22, "LO", tokens.text()),
            (0x40, "CS", kind),
            (0x50, "SS", [1, 1]),
            (0x100, "US", 1),
            (0x102, "US", 0),
            (0x3000, "OW", b"\1\2" if kind == "R" else tokens.text().encode()),
            (0x4000, "LT", tokens.text()),
        ):
            dataset.add(DataElement(group << 16 | element, vr, value))
    for element, vr, value in (
        (0x05, "US", 1),
        (0x10, "US", 2),
        (0x20, "CS", "ROI"),
        (0x22, "LO", tokens.text()),
        (0x103, "US", 0),
        (0x200C, "OW", tokens.text().encode()),
        (0x200E, "LT", tokens.text()),
        (0x3000, "OW", b"\1\2\3\4"),
    ):
        dataset.add(DataElement(0x50000000 | element, vr, value))


def _plant_private(dataset: Dataset, tokens: Tokens) -> str:
    block = dataset.private_block(0x0043, tokens.text(), create=True)
    block.add_new(0x01, "LO", tokens.text())
    block.add_new(0x02, "UN", tokens.text().encode())
    item = Dataset()
    item.PatientName = tokens.text()
    item.private_block(0x0045, tokens.text(), create=True).add_new(0x01, "PN", tokens.text())
    block.add_new(0x03, "SQ", Sequence([item]))
    safe = tokens.text()
    known = dataset.private_block(_SAFE_GROUP, _SAFE_CREATOR, create=True)
    known.add_new(_SAFE_ELEMENT, "SH", safe)
    known.add_new(0xFE, "LO", tokens.text())
    return safe


def _write(dataset: FileDataset, tokens: Tokens) -> bytes:
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.preamble = tokens.text().encode().ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = tokens.text()
    dataset.file_meta.PrivateInformationCreatorUID = UID(tokens.uid())
    dataset.file_meta.PrivateInformation = tokens.text().encode()
    dataset.file_meta.ImplementationVersionName = tokens.text()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    stream = BytesIO()
    with pydicom.config.disable_value_validation():
        dcmwrite(stream, dataset)
    return stream.getvalue() + tokens.text().encode()
