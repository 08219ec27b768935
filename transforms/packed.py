"""Records in shuffles, many together: compressed, for engines keep them on disks, and the local runner in memory."""

from typing import Any

import pyarrow as pa
from apache_beam.coders import FastPrimitivesCoder

#: names and digits of UIDs shrink to a half by it, keyed hashes by nothing; a better level costs more time than it saves room
_CODEC = pa.Codec("zstd", compression_level=1)
_SIZE_BYTES = 4

_coder = FastPrimitivesCoder()


def pack(value: Any) -> bytes:
    """What Beam would shuffle of plain tuples, lists, dicts, numbers, texts and bytes, compressed."""
    encoded = _coder.encode(value)
    return len(encoded).to_bytes(_SIZE_BYTES, "big") + bytes(_CODEC.compress(encoded, asbytes=True))


def unpack(packed: bytes) -> Any:
    """What was packed."""
    size = int.from_bytes(packed[:_SIZE_BYTES], "big")
    return _coder.decode(_CODEC.decompress(packed[_SIZE_BYTES:], size, asbytes=True))
