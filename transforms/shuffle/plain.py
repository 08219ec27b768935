"""Plain values as bytes, in a format that can hold nothing else: whoever can write to a file must not run code by it."""

from typing import Any

import msgpack

from .packing import compress, decompress


def to_plain(value: Any) -> bytes:
    """Tuples, lists, numbers, texts and bytes as MessagePack, compressed."""
    return compress(msgpack.packb(value))


def from_plain(content: bytes) -> Any:
    """What was encoded; lists are tuples now.

    Raises:
        ValueError, OSError: it is broken.
    """
    return msgpack.unpackb(decompress(content), use_list=False)
