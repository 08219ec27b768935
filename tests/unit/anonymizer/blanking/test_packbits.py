"""Segments of RLE Lossless are packed as pydicom unpacks them, and broken ones are refused before they unfold."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.pixels.decoders.rle import _rle_decode_segment
from pydicom.pixels.encoders.native import _encode_segment

from anonymizer import DeidentificationError
from anonymizer.blanking import packbits
from anonymizer.blanking.packbits import pack, unpack
from tests.support.running import budget


@st.composite
def planes(draw: st.DrawFn) -> np.ndarray:
    """A plane with runs of many lengths."""
    rows, columns = draw(st.integers(1, 12)), draw(st.integers(1, 300))
    runs = draw(st.lists(st.tuples(st.integers(0, 255), st.sampled_from([1, 1, 2, 3, 4, 127, 128, 129, 257])), min_size=1))
    content = bytes(byte for value, length in runs for byte in [value] * length)
    plane = (content * (rows * columns // len(content) + 1))[: rows * columns]
    return np.frombuffer(plane, np.uint8).reshape(rows, columns)


@budget(300)
@given(planes(), st.sampled_from([1, 100, 1 << 20]))
def test_what_is_packed_is_what_pydicom_unpacks(plane: np.ndarray, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packbits, "_CHUNK", chunk)
        packed = pack(plane)
        assert unpack(packed, plane.size).tobytes() == plane.tobytes()
        assert unpack(bytes(_encode_segment(plane.tobytes(), plane.shape[1])), plane.size).tobytes() == plane.tobytes()
    assert packed == pack(plane)
    assert len(packed) % 2 == 0
    assert bytes(_rle_decode_segment(packed))[: plane.size] == plane.tobytes()


@budget(200)
@given(planes())
def test_no_run_goes_from_one_line_to_the_next(plane: np.ndarray) -> None:
    packed, columns = pack(plane), plane.shape[1]
    position = filled = 0
    while filled < plane.size:
        count = packbits._UNPACKED[packed[position]]
        assert count
        assert filled // columns == (filled + count - 1) // columns
        filled, position = filled + count, position + packbits._PACKED[packed[position]]


def test_equal_bytes_become_runs_and_others_stay_together() -> None:
    assert pack(np.array([[5] * 300], np.uint8)) == bytes([129, 5, 129, 5, 257 - 44, 5])
    assert pack(np.array([[1, 2, 3, 3, 4]], np.uint8)) == bytes([4, 1, 2, 3, 3, 4])
    assert pack(np.array([[1, 7, 7, 7, 2]], np.uint8)) == bytes([0, 1, 254, 7, 0, 2])


@budget(300)
@given(st.binary(max_size=200), st.integers(1, 500))
def test_any_bytes_unfold_to_what_is_asked_for_or_are_refused(segment: bytes, size: int) -> None:
    outcome: bool | str
    try:
        found = unpack(segment, size)
    except DeidentificationError as error:
        outcome = error.reason.value
    else:
        outcome = bytes(_rle_decode_segment(segment))[:size] == found.tobytes()
    assert outcome in (True, "pixel-invalid-frames")


@pytest.mark.parametrize(
    "segment",
    [
        b"",
        b"\x80" * 50,
        b"\x09" + bytes(8),  # a literal run that ends behind the segment
        b"\xf7",  # a run without its byte
        b"\xf8\1",  # nine instead of ten
        b"\xf6\1",  # eleven
        b"\xf7\1\xf7\1",  # twice as many
        b"\xf7\1\5secret",
    ],
)
def test_what_is_no_segment_of_ten_bytes_is_refused(segment: bytes) -> None:
    with pytest.raises(DeidentificationError, match="pixel-invalid-frames"):
        unpack(segment, 10)


def test_zeros_behind_a_segment_are_padding() -> None:
    assert unpack(b"\xf7\1\0", 10).tobytes() == b"\1" * 10
    assert unpack(b"\x80\xf7\1\0\0\0", 10).tobytes() == b"\1" * 10


def test_headers_of_no_run_behind_a_segment_are_padding() -> None:
    assert unpack(b"\xf7\1\x80\x80\0", 10).tobytes() == b"\1" * 10


def test_a_segment_that_unfolds_to_far_more_takes_no_memory() -> None:
    tracemalloc.start()
    with pytest.raises(DeidentificationError, match="pixel-invalid-frames"):
        unpack(b"\x81\1" * 500_000, 1000)
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()
