"""Compression of what goes through shuffles: engines keep it on disks, and the local runner in memory."""

import pyarrow as pa

#: names and digits of UIDs shrink to a half by it, keyed hashes by nothing; a better level costs more time than it saves room
_CODEC = pa.Codec("zstd", compression_level=1)
_SIZE_BYTES = 4
#: bytes that are worth compressing
_LEAST = 1024


def compress(encoded: bytes) -> bytes:
    """Return bytes compressed, behind their size; where they are few, as they are, behind a size of 0."""
    if len(encoded) < _LEAST:
        return bytes(_SIZE_BYTES) + encoded
    return len(encoded).to_bytes(_SIZE_BYTES, "big") + bytes(_CODEC.compress(encoded, asbytes=True))


def decompress(content: bytes) -> bytes:
    """Return the bytes that ``compress`` was given.

    Raises:
        ValueError, OSError: they are broken.
    """
    size = int.from_bytes(content[:_SIZE_BYTES], "big")
    if not size:
        return content[_SIZE_BYTES:]
    return bytes(_CODEC.decompress(content[_SIZE_BYTES:], size, asbytes=True))
