"""HMAC with the key's part done once is HMAC."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.keys.keyed_hash import KeyedHash


@given(st.binary(max_size=64), st.lists(st.binary(max_size=200), min_size=1))
def test_it_is_hmac(key: bytes, messages: list[bytes]) -> None:
    keyed = KeyedHash(key)
    assert [keyed.digest(message) for message in messages] == [hmac.digest(key, message, "sha256") for message in messages]


def test_a_key_longer_than_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than a block"):
        KeyedHash(bytes(65))
