"""Compressed bytes come back, and few bytes are left as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.shuffle.packing import compress, decompress


@given(st.binary(max_size=50), st.integers(0, 200))
def test_bytes_come_back(part: bytes, times: int) -> None:
    assert decompress(compress(part * times)) == part * times


@pytest.mark.parametrize("size", [0, 1, 1023])
def test_few_bytes_are_not_worth_it(size: int) -> None:
    assert compress(b"a" * size) == bytes(4) + b"a" * size


def test_many_bytes_are() -> None:
    assert len(compress(b"a" * 1024)) < 100


def test_broken_bytes_are_an_error() -> None:
    whole = compress(b"abc" * 1000)
    for broken in (whole[:-1], whole[:4], whole[:4] + b"x" * 50):
        with pytest.raises((ValueError, OSError)):
            decompress(broken)
