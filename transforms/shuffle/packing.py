"""Records in shuffles, many together: compressed, for engines keep them on disks, and the local runner in memory."""

from typing import Any

import pyarrow as pa
from apache_beam.coders import FastPrimitivesCoder

#: names and digits of UIDs shrink to a half by it, keyed hashes by nothing; a better level costs more time than it saves room
_CODEC = pa.Codec("zstd", compression_level=1)
_SIZE_BYTES = 4

_coder = FastPrimitivesCoder()


def compress(encoded: bytes) -> bytes:
    """Bytes compressed, behind their size."""
    return len(encoded).to_bytes(_SIZE_BYTES, "big") + bytes(_CODEC.compress(encoded, asbytes=True))


def decompress(content: bytes) -> bytes:
    """What was compressed."""
    size = int.from_bytes(content[:_SIZE_BYTES], "big")
    return bytes(_CODEC.decompress(content[_SIZE_BYTES:], size, asbytes=True))


def pack(value: Any) -> bytes:
    """What Beam would shuffle of plain tuples, lists, dicts, numbers, texts and bytes, compressed."""
    return compress(_coder.encode(value))


def unpack(packed: bytes) -> Any:
    """What was packed."""
    return _coder.decode(decompress(packed))
