"""Plants a unique token in every attribute of Table E.1-1 of a real file, and wherever else identifiers hide."""

from __future__ import annotations

from io import BytesIO

from pydicom import Dataset, FileDataset, dcmread
from pydicom.dataelem import DataElement
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import UID, ImplicitVRLittleEndian

from profiles.tables import table_rows

from .tokens import Tokens

#: their values decide about the object itself; PixelData and AS have no room for a token
_LEFT_ALONE = frozenset({0x00080016, 0x7FE00010})


def planted(path: str, tokens: Tokens) -> bytes:
    """The file at ``path`` with tokens at top level, nested, in private and unknown attributes, meta, preamble and padding."""
    dataset = dcmread(path, force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    _plant_table(dataset, tokens, overlays=True)
    inner = Dataset()
    _plant_table(inner, tokens, overlays=False)
    holder = Dataset()
    holder.add(DataElement(0x00081115, "SQ", Sequence([inner])))
    dataset.add(DataElement(0x00081115, "SQ", Sequence([holder])))
    _plant_private(dataset, tokens)
    # a retired group and a group of the future: neither is in the dictionary
    dataset.add(DataElement(0x00081999, "LO", tokens.text()))
    dataset.add(DataElement(0x00061001, "LO", tokens.text()))
    dataset.add(DataElement(0xFFFCFFFC, "OB", tokens.text().encode()))
    dataset.preamble = tokens.text().encode().ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = tokens.text()
    dataset.file_meta.PrivateInformationCreatorUID = UID(tokens.uid())
    dataset.file_meta.PrivateInformation = tokens.text().encode()
    dataset.file_meta.ImplementationVersionName = tokens.text()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    stream = BytesIO()
    dcmwrite(stream, dataset)
    return stream.getvalue() + tokens.text().encode()


def _plant_table(dataset: Dataset, tokens: Tokens, *, overlays: bool) -> None:
    for row in table_rows():
        if "g" in row.tag or (row.tag.startswith("(000") and row.tag[4] in "024"):
            continue
        if row.tag.startswith("(50xx"):
            if overlays:
                dataset.add(DataElement(0x50003000, "OB", tokens.text().encode()))
            continue
        tag = int((row.tag[1:5] + row.tag[6:10]).replace("x", "0"), 16)
        if tag >> 16 == 0x6000 and not overlays:
            continue
        value = _value(row.vr.split("/")[0], tokens)
        if value is not None and tag not in _LEFT_ALONE:
            dataset.add(DataElement(tag, row.vr.split("/")[0], value))


def _value(vr: str, tokens: Tokens) -> object:
    match vr:
        case "UI":
            return UID(tokens.uid())
        case "DA":
            return tokens.date()
        case "DT":
            return tokens.date() + "112233"
        case "TM":
            return None
        case "UR":
            return f"http://{tokens.text()}.example"
        case "OB" | "OW" | "UN":
            return tokens.text().encode()
        case "SQ":
            item = Dataset()
            item.PatientName = tokens.text()
            item.CodeMeaning = "kept"
            item.ReferencedSOPInstanceUID = UID(tokens.uid())
            return Sequence([item])
        case "AE" | "CS" | "LO" | "LT" | "PN" | "SH" | "ST" | "UC" | "UT":
            return tokens.text()
    return None


def _plant_private(dataset: Dataset, tokens: Tokens) -> None:
    block = dataset.private_block(0x0043, tokens.text(), create=True)
    block.add_new(0x01, "LO", tokens.text())
    block.add_new(0x02, "UN", tokens.text().encode())
    item = Dataset()
    item.PatientName = tokens.text()
    item.private_block(0x0045, tokens.text(), create=True).add_new(0x01, "PN", tokens.text())
    block.add_new(0x03, "SQ", Sequence([item]))


def uids_of(dataset: Dataset | FileDataset) -> list[str]:
    """Every UI value at every depth."""
    return [str(uid) for element in dataset.iterall() if element.VR == "UI" and element.value for uid in _values(element)]


def _values(element: DataElement) -> list[object]:
    return [element.value] if element.VM == 1 else list(element.value)
