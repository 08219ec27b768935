"""Codestreams in JP2 boxes: taken out where nothing else gives them a meaning, refused otherwise."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer import DeidentificationError
from anonymizer.codestreams import begins_codestream, read_codestream, unboxed
from tests.support.codestream_samples import j2k

SYNTAX = "1.2.840.10008.1.2.4.90"
SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
FILE_TYPE = struct.pack(">L4s4sL4s", 20, b"ftyp", b"jp2 ", 0, b"jp2 ")


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">L4s", 8 + len(content), kind) + content


def colour(method: int = 1, space: int = 17) -> bytes:
    return box(b"colr", bytes((method, 0, 0)) + space.to_bytes(4, "big"))


def file_of(codestream: bytes, *header: bytes, last: bytes = b"") -> bytes:
    return SIGNATURE + FILE_TYPE + box(b"jp2h", b"".join(header)) + last + box(b"jp2c", codestream)


@pytest.fixture(scope="module")
def codestream() -> bytes:
    return j2k()


def test_a_codestream_is_taken_out_and_text_is_left_behind(codestream: bytes) -> None:
    frame = file_of(codestream, colour(), last=box(b"xml ", b"<name>JANE DOE</name>"))
    assert begins_codestream(frame, SYNTAX)
    assert unboxed(frame) == codestream
    assert unboxed(frame + b"\0") == codestream
    assert unboxed(codestream) == codestream


def test_boxes_of_other_lengths(codestream: bytes) -> None:
    long = struct.pack(">L4sQ", 1, b"jp2c", 16 + len(codestream)) + codestream
    to_the_end = struct.pack(">L4s", 0, b"jp2c") + codestream
    for last in (long, to_the_end):
        assert unboxed(SIGNATURE + FILE_TYPE + last) == codestream


@pytest.mark.parametrize("header", [box(b"pclr", b"\0\1"), box(b"cmap", b"\0"), box(b"cdef", b"\0\0"), colour(2), colour(1, 18)])
def test_what_gives_samples_another_meaning_is_refused(header: bytes, codestream: bytes) -> None:
    with pytest.raises(DeidentificationError, match="pixel-unsupported-format"):
        unboxed(file_of(codestream, header))


def test_broken_boxes_are_refused(codestream: bytes) -> None:
    whole = file_of(codestream, colour())
    for frame in (SIGNATURE, whole[:-5], whole + box(b"jp2c", codestream), SIGNATURE + box(b"free", b"") * 100 + whole[12:]):
        with pytest.raises(DeidentificationError, match="pixel-invalid-frames"):
            unboxed(frame)


@given(st.binary(max_size=60), st.integers(0, 90))
def test_any_bytes_give_a_codestream_or_are_refused(content: bytes, at: int) -> None:
    frame = bytearray(file_of(j2k(), colour()))
    frame[12 + at : 12 + at + len(content)] = content
    with suppress(DeidentificationError):
        assert read_codestream(unboxed(bytes(frame)), SYNTAX).rows
