"""The file's shell: what is recognized, and what is written anew."""

from __future__ import annotations

import pytest

from anonymizer import DeidentificationError
from anonymizer.part10 import NotEnoughBytesError, pad_uid, read_file_header, write_file_header
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
