"""Choice among several contents of one SOPInstanceUID: the least compressed is kept, by the attributes of the outputs."""

import hashlib
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from anonymizer.internals import ISSUER_OF_PATIENT_ID, PATIENT_ID, SOP_CLASS, ByteStream, Deidentification, read_header_values

LOSSY_IMAGE_COMPRESSION = 0x00282110
_STANDARD = "1.2.840.10008.1.2"
#: native encodings, the deflated data set, and encapsulated pixels that aren't compressed (PS3.5 A.1 to A.5, A.4.11); video of a
#: network's (A.8)
_UNCOMPRESSED = frozenset(_STANDARD + end for end in ("", ".1", ".1.98", ".1.99", ".2", ".7.1", ".7.2", ".7.3"))
#: RLE, deflated frames; JPEG's processes 14, 15, 28 and 29, JPEG-LS, JPEG 2000, HTJ2K and JPEG XL by syntaxes that allow no loss
_LOSSLESS = frozenset(
    _STANDARD + end
    for end in (
        ".5",
        ".8.1",
        *(f".4.{number}" for number in (57, 58, 65, 66, 70, 80, 90, 92, 110, 201, 202)),
    )
)


class Compression(IntEnum):
    """Compression of an object's pixels; less is better."""

    NONE = 0
    LOSSLESS = 1
    LOSSY = 2


def compression(transfer_syntax: str, lossy_image_compression: bytes = b"") -> Compression:
    """Return the compression of an object's pixels.

    A syntax that allows loss counts as lossy, and so does one that isn't known.

    Args:
        lossy_image_compression: LossyImageCompression; ``01``: they were compressed with loss once, whatever they are in now.
    """
    if lossy_image_compression == b"01":
        return Compression.LOSSY
    if transfer_syntax in _UNCOMPRESSED:
        return Compression.NONE
    return Compression.LOSSLESS if transfer_syntax in _LOSSLESS else Compression.LOSSY


class Content(NamedTuple):
    """The output of an object, before it is written.

    Attributes:
        name: of the output: study, series and instance.
        digest: SHA-256 of it.
        size: in bytes.
        order: keyed hash of ``digest``.
        patient: keyed hash of the original one; empty where no PatientID tells.
    """

    name: str
    digest: bytes
    size: int
    order: bytes
    compression: Compression
    patient: bytes
    sop_class_uid: str

    @property
    def identity(self) -> tuple[str, bytes, str]:
        """The fields in which contents of one object agree."""
        return self.name, self.patient, self.sop_class_uid

    @property
    def rank(self) -> tuple[Compression, int, bytes, bytes]:
        """A sort key: the smallest is kept."""
        return self.compression, -self.size, self.order, self.digest


class OutputStream:
    """An output as it is made, read as a stream.

    Attributes:
        digest: SHA-256 of the bytes made so far.
        size: their number.
    """

    def __init__(self, chunks: Iterable[bytes | memoryview]) -> None:
        self._chunks = iter(chunks)
        self._left = memoryview(b"")
        self.digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int, /) -> bytes:
        """Read bytes, as ``ByteStream.read`` does."""
        while not self._left:
            chunk = self._make()
            if chunk is None:
                return b""
            self._left = memoryview(chunk)
        piece, self._left = bytes(self._left[:size]), self._left[size:]
        return piece

    def drain(self) -> None:
        """Make the rest of it."""
        while self._make() is not None:
            continue

    def _make(self) -> bytes | memoryview | None:
        chunk = next(self._chunks, None)
        if chunk is not None:
            self.digest.update(chunk)
            self.size += len(chunk)
        return chunk


class WrittenIdentity(NamedTuple):
    """Attributes that tell an output's class and patient."""

    sop_class_uid: bytes
    patient_id: bytes
    issuer: bytes


def read_identity(output: ByteStream) -> WrittenIdentity:
    """Return the class and patient of an output, by its attributes.

    Raises:
        DeidentificationError: it isn't DICOM.
    """
    values = read_header_values(output, (SOP_CLASS, PATIENT_ID, ISSUER_OF_PATIENT_ID)).values
    return WrittenIdentity(*(values.get(tag, b"") for tag in (SOP_CLASS, PATIENT_ID, ISSUER_OF_PATIENT_ID)))


def find_compression(output: OutputStream) -> Compression:
    """Return the compression of an output's pixels; its header is made for that."""
    syntax, values = read_header_values(output, (LOSSY_IMAGE_COMPRESSION,))
    return compression(syntax, values.get(LOSSY_IMAGE_COMPRESSION, b""))


def is_same_object(new: Deidentification, written: ByteStream, *, one_for_all: bool) -> bool:
    """Return True when the output that lies under the name of an object's is of the same patient and class.

    Args:
        new: the object; only its beginning is read.
        one_for_all: True: the profile gives all patients one PatientID.
    """
    made = read_identity(OutputStream(new.chunks()))
    # the patient must be told where there is one
    tells = bool(made.patient_id) == bool(new.patient) and not (one_for_all and made.patient_id)
    return tells and made == read_identity(written)
