"""The file's shell: what is recognized, and what is written anew."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import pytest

from anonymizer import DeidentificationError
from anonymizer.dicom.encoding import pad_uid
from anonymizer.dicom.part10 import NotEnoughBytesError, read_file_header, write_file_header
from tests.support.objects import BIG, CT, DEFLATED, EXPLICIT, IMPLICIT, JPEG, SYNTAXES, Element, ct, encode, part10, read


@pytest.mark.parametrize(
    "syntax", [*SYNTAXES.values(), JPEG, "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.5"]
)
def test_the_header_says_where_and_how_the_data_set_is_encoded(syntax: str) -> None:
    blob = part10(ct(), syntax)
    header = read_file_header(blob, True)
    assert (header.transfer_syntax, header.sop_class, header.notes) == (syntax, CT, ())
    assert header.offset == 144 + int.from_bytes(blob[140:144], "little")
    assert (header.encoding.explicit, header.encoding.little) == (syntax != IMPLICIT, syntax != BIG)
    assert header.deflated == (syntax == DEFLATED)


@pytest.mark.parametrize("size", [140, 144, 200, 250])
def test_a_header_that_goes_on_beyond_the_buffer_asks_for_more(size: int) -> None:
    with pytest.raises(NotEnoughBytesError):
        read_file_header(part10(ct())[:size], False)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_a_bare_data_set_tells_its_encoding(syntax: str) -> None:
    header = read_file_header(encode(ct(), syntax), True)
    assert (header.transfer_syntax, header.offset) == (syntax, 0)


def test_long_elements_of_the_file_meta_are_passed_over() -> None:
    extra = [Element(0x00020102, "OB", b"x" * 70_000)]
    assert read_file_header(part10(ct(), extra_meta=extra), True).transfer_syntax == EXPLICIT


def test_a_new_header_is_what_pydicom_reads() -> None:
    blob = write_file_header(CT.encode(), b"2.25.123", JPEG)
    meta = read(blob).file_meta
    assert (meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID) == (CT, "2.25.123", JPEG)
    assert meta.FileMetaInformationVersion == b"\0\1" and meta.FileMetaInformationGroupLength == len(blob) - 144
    assert meta.ImplementationClassUID.is_valid and len(meta.ImplementationVersionName or "") in range(1, 17)
    assert blob[:132] == bytes(128) + b"DICM"


@pytest.mark.parametrize(("uid", "padded"), [(b"1.2", b"1.2\0"), (b"1.22", b"1.22"), (b"", b"")])
def test_a_uid_is_padded_with_nul(uid: bytes, padded: bytes) -> None:
    assert pad_uid(uid) == padded


@pytest.mark.parametrize("first", [b"\x7f\xe0\x00\x10OW", b"GIF89a\0\0\0\0\0\0", b"\x10\x00\x10\x00\xff\xff\xff\x00"])
def test_what_does_not_begin_like_a_data_set_is_not_taken_for_one(first: bytes) -> None:
    with pytest.raises(DeidentificationError, match="not-dicom"):
        read_file_header(first + bytes(20), True)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", b"x")
    return out.getvalue()


PACKED = {
    "zip": zipped(),
    "empty zip": b"PK\5\6" + bytes(18),
    "gzip": gzip.compress(b"x" * 100),
    "bzip2": bz2.compress(b"x" * 100),
    "empty bzip2": bz2.compress(b""),
    "xz": lzma.compress(b"x" * 100),
    "zstd": b"\x28\xb5\x2f\xfd" + bytes(20),
    "7z": b"7z\xbc\xaf\x27\x1c" + bytes(20),
    "rar": b"Rar!\x1a\x07\x01\x00" + bytes(20),
    "tar": b"name".ljust(257, b"\0") + b"ustar\x0000" + bytes(300),
}


@pytest.mark.parametrize("name", PACKED)
def test_packed_files_are_told_from_files_that_are_not_dicom(name: str) -> None:
    for complete in (True, False):
        with pytest.raises(DeidentificationError, match="unopened-container"):
            read_file_header(PACKED[name], complete)


@pytest.mark.parametrize("first", [b"PK\1\2", b"BZh0", b"BZh", b"BZhe1AY&SY", b"\x1f", b"7z", b"Rar", b"x" * 257 + b"ustax"])
def test_what_only_resembles_packed_files_is_not_taken_for_one(first: bytes) -> None:
    with pytest.raises(DeidentificationError, match="not-dicom"):
        read_file_header(first, True)


@pytest.mark.parametrize("name", PACKED)
def test_a_preamble_that_looks_like_a_packed_file_is_still_dicoms(name: str) -> None:
    blob = part10(ct())
    assert read_file_header(PACKED[name][:128].ljust(128, b"\0") + blob[128:], True) == read_file_header(blob, True)
