"""Keys by which a shuffle spreads records over the workers."""


def spread(keyed_hash: bytes, over: int) -> bytes:
    """Return the key, of ``over`` many, of a keyed hash: hashes are spread evenly."""
    return (int.from_bytes(keyed_hash[:8], "big") * over >> 64).to_bytes(4, "big")


def keys_for(count: int, size: int) -> int:
    """Return the number of keys for ``count`` records, ``size`` for each on average."""
    return -(-count // size)
