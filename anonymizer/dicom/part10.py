"""The shell around a data set: preamble, File Meta Information, transfer syntax (PS3.10 7.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

from profiles import registered_uids

from ..errors import DeidentificationError
from ..reasons import Note, Reason
from .encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, LONG_VRS, SHORT_VRS, Encoding, pad_uid

IMPLEMENTATION_CLASS_UID = b"2.25.247297958003618734680413697541234246074"
IMPLEMENTATION_VERSION_NAME = b"DICOM_DEID"

_PREAMBLE = b"\0" * 128 + b"DICM"
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
_IMPLICIT = "1.2.840.10008.1.2"
_EXPLICIT = "1.2.840.10008.1.2.1"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
#: the data set itself is deflated (PS3.5 A.5; JPIP referenced deflate, A.7 and its HTJ2K twin)
DEFLATED = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
#: every other standard syntax encodes the data set in explicit VR little endian (PS3.5 A.4); these are no such encodings
_NO_DATA_SET = frozenset({"1.2.840.10008.1.2.6.1", "1.2.840.10008.1.2.6.2"})
_SYNTAXES = frozenset(uid for uid, kind in registered_uids().items() if kind == "Transfer Syntax") | {
    # newer than the table: deflated frames, JPIP with HTJ2K, JPEG XL
    "1.2.840.10008.1.2.8.1",
    "1.2.840.10008.1.2.4.205",
    "1.2.840.10008.1.2.4.110",
    "1.2.840.10008.1.2.4.111",
    "1.2.840.10008.1.2.4.112",
}

_HEADER = struct.Struct("<HH2sH")
_LONG = struct.Struct("<L")
#: MediaStorageSOPClassUID, MediaStorageSOPInstanceUID, TransferSyntaxUID
_DECISIVE = frozenset({0x00020002, 0x00020003, 0x00020010})
#: a first element outside these groups is no data set of a composite object
_LAST_FIRST_GROUP = 0x0010
#: what packed files begin with: zip (an empty one, too), gzip, xz, Zstandard, 7z, RAR
_PACKED = (b"PK\3\4", b"PK\5\6", b"\x1f\x8b", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07")
#: ... and a bzip2's first block, or its end where it is empty
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")


class NotEnoughBytesError(Exception):
    """A buffer that ends inside the file meta; more of the object is needed."""


@dataclass(frozen=True, slots=True)
class FileHeader:
    """The part of a file before the data set.

    Attributes:
        transfer_syntax: the UID, as declared or found by looking at the data set.
        sop_class, sop_instance: MediaStorageSOPClassUID and MediaStorageSOPInstanceUID, or ``""``.
        offset: where the data set begins, in bytes.
        notes: what was missing.
    """

    transfer_syntax: str
    sop_class: str
    sop_instance: str
    offset: int
    notes: tuple[Note, ...]

    @property
    def deflated(self) -> bool:
        """Return whether the data set is deflated."""
        return self.transfer_syntax in DEFLATED

    @property
    def encoding(self) -> Encoding:
        """The data set's encoding, once inflated."""
        return {_IMPLICIT: IMPLICIT_LITTLE, _BIG_ENDIAN: EXPLICIT_BIG}.get(self.transfer_syntax, EXPLICIT_LITTLE)


def native_syntax(encoding: Encoding) -> str:
    """Return the transfer syntax of a data set with native pixel data, by its encoding."""
    if encoding.explicit:
        return _EXPLICIT if encoding.little else _BIG_ENDIAN
    return _IMPLICIT


def read_file_header(buffer: bytes, complete: bool) -> FileHeader:
    """Find the data set in the first bytes of an object.

    Objects without preamble, without file meta or without a transfer syntax are recognized by their first elements.

    Args:
        buffer: the object's first bytes.
        complete: whether they are all of it.

    Raises:
        NotEnoughBytesError: the meta header goes on beyond the buffer.
        DeidentificationError: no DICOM, a DICOMDIR, or a transfer syntax that is unsupported or not the one that follows.
    """
    notes: list[Note] = []
    magic = True
    if buffer[128:132] == b"DICM":
        position = 132
    else:
        position = 4 if buffer[:4] == b"DICM" else 0
        magic = position == 4
        notes.append(Note.NO_PREAMBLE)
    meta, offset = _read_group_2(buffer, position, complete)
    if not meta:
        notes.append(Note.NO_FILE_META)
    sop_class, sop_instance = (_text(meta.get(tag, b"")) for tag in (0x00020002, 0x00020003))
    if sop_class == MEDIA_STORAGE_DIRECTORY:
        raise DeidentificationError(Reason.DICOMDIR)
    declared = _text(meta.get(0x00020010, b""))
    if not declared:
        if meta:
            notes.append(Note.NO_TRANSFER_SYNTAX)
        if not meta and buffer[offset : offset + 2] in (b"\4\0", b"\0\4"):
            # group 0004 comes first nowhere else
            raise DeidentificationError(Reason.DICOMDIR)
        found = _sniff(buffer, offset)
        if found is None:
            if meta or magic:
                raise DeidentificationError(Reason.INVALID_FILE_META)
            # files that others are packed in would be missed without a trace among all that isn't DICOM
            raise DeidentificationError(Reason.UNOPENED_CONTAINER if _is_packed(buffer) else Reason.NOT_DICOM)
        return FileHeader(found, sop_class, sop_instance, offset, tuple(notes))
    if declared not in _SYNTAXES or declared in _NO_DATA_SET:
        raise DeidentificationError(Reason.UNSUPPORTED_TRANSFER_SYNTAX, 0x00020010)
    header = FileHeader(declared, sop_class, sop_instance, offset, tuple(notes))
    if not header.deflated:
        check_encoding(buffer, offset, header.encoding)
    return header


def check_encoding(buffer: bytes, offset: int, encoding: Encoding) -> None:
    """Compare the first element with the encoding that the transfer syntax promises.

    Raises:
        DeidentificationError: the data set is encoded in another way.
    """
    if len(buffer) - offset < 8:
        return
    found = _sniff(buffer, offset)
    names = {IMPLICIT_LITTLE: _IMPLICIT, EXPLICIT_BIG: _BIG_ENDIAN, EXPLICIT_LITTLE: _EXPLICIT}
    if found is not None and found != names[encoding]:
        raise DeidentificationError(Reason.TRANSFER_SYNTAX_MISMATCH, 0x00020010)


def _read_group_2(buffer: bytes, position: int, complete: bool) -> tuple[dict[int, bytes], int]:
    """Read group 0002, always explicit VR little endian. Its group length is not trusted: the elements tell where it ends."""
    elements: dict[int, bytes] = {}
    while buffer.startswith(b"\x02\0", position):
        try:
            group, element, vr, length = _HEADER.unpack_from(buffer, position)
            start = position + 8
            if vr in LONG_VRS:
                (length,) = _LONG.unpack_from(buffer, position + 8)
                start = position + 12
            elif vr not in SHORT_VRS:
                if not elements:
                    return {}, position
                raise DeidentificationError(Reason.INVALID_FILE_META)
        except struct.error:
            start, length = len(buffer), 1
        if start + length > len(buffer):
            if complete:
                raise DeidentificationError(Reason.TRUNCATED)
            raise NotEnoughBytesError
        tag, value = group << 16 | element, buffer[start : start + length]
        if elements.get(tag, value) != value and tag in _DECISIVE:
            # two groups that contradict each other: no reader can know which is true
            raise DeidentificationError(Reason.INVALID_FILE_META, tag)
        elements[tag] = value
        position = start + length
    if not complete and len(buffer) - position < 12:
        raise NotEnoughBytesError
    return elements, position


def _sniff(buffer: bytes, offset: int) -> str | None:
    """Return the transfer syntax that the first element looks like, None where it looks like no data set."""
    if len(buffer) - offset < 8:
        return None
    little, big = (int.from_bytes(buffer[offset : offset + 2], order) for order in ("little", "big"))
    vr = buffer[offset + 4 : offset + 6]
    explicit = vr in SHORT_VRS or vr in LONG_VRS
    if little <= _LAST_FIRST_GROUP and little <= big:
        if explicit:
            return _EXPLICIT
        (length,) = _LONG.unpack_from(buffer, offset + 4)
        plausible = little >= 0x0008 and (length <= 0x10000 or length == 0xFFFFFFFF)
        return _IMPLICIT if plausible else None
    return _BIG_ENDIAN if explicit and big <= _LAST_FIRST_GROUP else None


def _is_packed(buffer: bytes) -> bool:
    """Return whether this begins like an archive of files, or a compressed file."""
    bzip2 = buffer[:3] == b"BZh" and buffer[3:4] in b"123456789" and buffer[4:10] in _BZIP2_BLOCKS
    return buffer.startswith(_PACKED) or bzip2 or buffer[257:262] == b"ustar"


def _text(value: bytes) -> str:
    return value.strip(b"\0 ").decode("latin-1")


def write_file_header(sop_class: bytes, sop_instance: bytes, transfer_syntax: str) -> bytes:
    """Return a preamble of zeros and a new File Meta Information (PS3.15 E.1.1: nothing of the old one stays).

    Args:
        sop_class, sop_instance: UIDs of the de-identified object, without padding.
    """
    before, after = _around_instance(sop_class, transfer_syntax)
    instance = EXPLICIT_LITTLE.element(0x00020003, "UI", pad_uid(sop_instance))
    length = EXPLICIT_LITTLE.element(0x00020000, "UL", _LONG.pack(len(before) + len(instance) + len(after)))
    return b"".join((_PREAMBLE, length, before, instance, after))


@lru_cache(maxsize=256)
def _around_instance(sop_class: bytes, transfer_syntax: str) -> tuple[bytes, bytes]:
    """Return the bytes before and behind MediaStorageSOPInstanceUID, the group's length aside."""
    element = EXPLICIT_LITTLE.element
    return (
        element(0x00020001, "OB", b"\0\1") + element(0x00020002, "UI", pad_uid(sop_class)),
        element(0x00020010, "UI", pad_uid(transfer_syntax.encode()))
        + element(0x00020012, "UI", pad_uid(IMPLEMENTATION_CLASS_UID))
        + element(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME),
    )
