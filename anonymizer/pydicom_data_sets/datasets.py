"""pydicom data sets on their way through the engine: encoded, rewritten, decoded."""

from __future__ import annotations

import copy
from io import BytesIO

from pydicom import Dataset, FileDataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset, read_sequence
from pydicom.filewriter import dcmwrite, write_dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ..dicom.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding
from ..dicom.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, write_file_header
from ..dicom.quiet_pydicom import quiet_pydicom
from ..errors import DeidentificationError
from ..reasons import Reason

_SYNTAXES = {
    IMPLICIT_LITTLE: ImplicitVRLittleEndian,
    EXPLICIT_LITTLE: ExplicitVRLittleEndian,
    EXPLICIT_BIG: ExplicitVRBigEndian,
}


#: attributes of pydicom's data sets that say how one is to be decoded and saved
_HOW = ("_parent_encoding", "_is_implicit_VR", "_is_little_endian", "is_undefined_length_sequence_item")


def sop_class_of(dataset: Dataset) -> str:
    """Return the SOPClassUID, ``""`` where there is none.

    Raises:
        DeidentificationError: as ``file_bytes``.
    """
    try:
        with quiet_pydicom():
            return str(dataset.get("SOPClassUID", ""))
    except Exception:
        raise DeidentificationError(Reason.UNREADABLE) from None


def fragments_syntax_of(dataset: Dataset) -> str:
    """Return the transfer syntax of pixel data in fragments, as the file meta of a plain Dataset has it; ``""``: unknown."""
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", "")
    return str(syntax) if isinstance(syntax, UID) else ""


def encoding_of(dataset: Dataset) -> Encoding:
    """Return the encoding that ``dataset`` was read in; explicit VR little endian for one made in memory."""
    implicit, little = dataset.original_encoding
    if little is False:
        return EXPLICIT_BIG
    return IMPLICIT_LITTLE if implicit else EXPLICIT_LITTLE


def file_bytes(dataset: FileDataset) -> bytes:
    """Return the file that ``dataset`` would be saved as; ``dataset`` itself stays untouched.

    Raises:
        DeidentificationError: pydicom can't encode it. Its messages hold values, so none is passed on.
    """
    try:
        with quiet_pydicom():
            # encoding turns raw elements into parsed ones, in place
            twin = copy.deepcopy(dataset)
            if not hasattr(twin, "file_meta"):
                twin.file_meta = FileMetaDataset()
            if "TransferSyntaxUID" not in twin.file_meta:
                twin.file_meta.TransferSyntaxUID = _SYNTAXES[encoding_of(dataset)]
            syntax = twin.file_meta.TransferSyntaxUID
            if not syntax.is_transfer_syntax:
                # newer than pydicom: all that the standard has added for years is explicit VR little endian
                header = write_file_header(str(twin.SOPClassUID).encode(), str(twin.SOPInstanceUID).encode(), syntax)
                return header + data_set_bytes(twin, EXPLICIT_LITTLE)
            stream = BytesIO()
            dcmwrite(stream, twin, enforce_file_format=True)
    except Exception:
        raise DeidentificationError(Reason.UNREADABLE) from None
    return stream.getvalue()


def data_set_bytes(dataset: Dataset, encoding: Encoding) -> bytes:
    """Return the elements of ``dataset`` and nothing around them; ``dataset`` itself stays untouched.

    Raises:
        DeidentificationError: as ``file_bytes``.
    """
    stream = DicomBytesIO()
    stream.is_little_endian = encoding.little
    stream.is_implicit_VR = not encoding.explicit
    try:
        with quiet_pydicom():
            write_dataset(stream, copy.deepcopy(dataset))
    except Exception:
        raise DeidentificationError(Reason.UNREADABLE) from None
    content: bytes = stream.getvalue()
    return content


def read_file(content: bytes) -> FileDataset:
    """Return a de-identified file as pydicom sees it.

    Raises:
        DeidentificationError: pydicom refuses it, as it would have refused the original.
    """
    try:
        with quiet_pydicom():
            dataset = dcmread(BytesIO(content))
    except Exception:
        raise DeidentificationError(Reason.UNREADABLE) from None
    # all of it was read
    dataset.buffer = dataset.fileobj_type = None
    return dataset


def read_data_set(content: bytes, encoding: Encoding) -> Dataset:
    """Return de-identified elements as pydicom sees them.

    Raises:
        DeidentificationError: as ``read_file``.
    """
    try:
        with quiet_pydicom():
            return read_dataset(BytesIO(content), not encoding.explicit, encoding.little)
    except Exception:
        raise DeidentificationError(Reason.UNREADABLE) from None


def read_items(items: bytes, encoding: Encoding) -> list[Dataset]:
    """Return the items of a sequence without delimiters, as pydicom sees them; it may object to anything with any error."""
    return list(read_sequence(BytesIO(items), not encoding.explicit, encoding.little, len(items), ["iso8859"]))


def add_file_meta(result: Dataset, original: Dataset, fragments_syntax: str) -> Dataset:
    """Give ``result`` fresh file meta where ``original``, a plain Dataset, had some: users set it before they save.

    Args:
        fragments_syntax: as ``fragments_syntax_of`` returned it of ``original``, or the one in which fragments were written.
    """
    meta = getattr(original, "file_meta", None)
    if meta is not None:
        result.file_meta = _fresh_meta(result, UID(fragments_syntax) if fragments_syntax else meta.get("TransferSyntaxUID"))
    return result


def replace_contents(dataset: Dataset, result: Dataset) -> None:
    """Replace the contents of ``dataset`` by those of ``result``, with file meta and preamble."""
    had_preamble = hasattr(dataset, "preamble")
    old = vars(dataset)
    kept = {} if isinstance(dataset, FileDataset) else {name: old[name] for name in _HOW if name in old}
    # whatever else it knows: the path that it was read from, blocks of private creators, decoded pixels
    old.clear()
    old.update(vars(result) | kept)
    if had_preamble:
        dataset.preamble = b"\0" * 128


def _fresh_meta(dataset: Dataset, transfer_syntax: UID | None) -> FileMetaDataset:
    """Return file meta of which only the transfer syntax comes from the original (PS3.15 E.1.1)."""
    meta = FileMetaDataset()
    if transfer_syntax is not None:
        meta.TransferSyntaxUID = transfer_syntax
    for name, keyword in (("MediaStorageSOPClassUID", "SOPClassUID"), ("MediaStorageSOPInstanceUID", "SOPInstanceUID")):
        if keyword in dataset:
            setattr(meta, name, dataset[keyword].value)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID.decode())
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME.decode()
    return meta
