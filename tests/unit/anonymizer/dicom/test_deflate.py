"""Deflated data sets, in and out in pieces."""

from __future__ import annotations

import zlib
from io import BytesIO

import pytest

from anonymizer import DeidentificationError
from anonymizer.dicom.deflate import InflatingStream, deflate

CONTENT = bytes(range(256)) * 400


def deflated(content: bytes) -> bytes:
    """Raw deflate, as PS3.5 A.5 has it."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(content) + compressor.flush()


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
@pytest.mark.parametrize("head", [0, 1, 50])
def test_what_is_read_is_what_was_deflated(size: int, head: int) -> None:
    source = deflated(CONTENT) + b"\0TRAILING"
    stream = InflatingStream(BytesIO(source[head:]), source[:head])
    parts = []
    while part := stream.read(size):
        assert len(part) <= size
        parts.append(part)
    assert b"".join(parts) == CONTENT


@pytest.mark.parametrize("cut", [0, 1, 10, 100])
def test_deflated_data_that_breaks_off_is_refused(cut: int) -> None:
    stream = InflatingStream(BytesIO(deflated(CONTENT)[:cut]), b"")
    with pytest.raises(DeidentificationError, match="truncated"):
        list(iter(lambda: stream.read(1 << 20), b""))


def test_what_is_not_deflated_is_refused() -> None:
    with pytest.raises(DeidentificationError, match="invalid-deflate"):
        InflatingStream(BytesIO(b"\xff" * 100), b"").read(10)


@pytest.mark.parametrize("count", range(1, 12))
def test_deflated_output_has_an_even_length_and_comes_back(count: int) -> None:
    content = bytes(range(count)) * count
    output = b"".join(deflate([content, memoryview(content)]))
    assert len(output) % 2 == 0
    inflater = zlib.decompressobj(-15)
    assert inflater.decompress(output) == content * 2 and inflater.eof and inflater.unused_data in (b"", b"\0")


def test_the_same_content_in_other_pieces_is_deflated_the_same() -> None:
    whole = b"".join(deflate([CONTENT]))
    for size in (1, 100, 65_536):
        assert b"".join(deflate(CONTENT[at : at + size] for at in range(0, len(CONTENT), size))) == whole
