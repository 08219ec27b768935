"""Plain values as bytes, in a format that can hold nothing else: whoever can write to a file must not run code by it."""

from typing import Any

import msgpack
import pyarrow as pa

_CODEC = pa.Codec("zstd", compression_level=1)
_SIZE_BYTES = 4


def to_plain(value: Any) -> bytes:
    """Tuples, lists, numbers, texts and bytes as MessagePack, compressed."""
    encoded = msgpack.packb(value)
    return len(encoded).to_bytes(_SIZE_BYTES, "big") + bytes(_CODEC.compress(encoded, asbytes=True))


def from_plain(content: bytes) -> Any:
    """What was encoded; lists are tuples now.

    Raises:
        ValueError, OSError: it is broken.
    """
    size = int.from_bytes(content[:_SIZE_BYTES], "big")
    return msgpack.unpackb(_CODEC.decompress(content[_SIZE_BYTES:], size, asbytes=True), use_list=False)
