"""Keys by which a shuffle spreads what belongs together over the workers."""


def spread(keyed_hash: bytes, over: int) -> bytes:
    """Which of ``over`` keys a keyed hash has: they are spread evenly."""
    return (int.from_bytes(keyed_hash[:8], "big") * over >> 64).to_bytes(4, "big")


def keys_for(count: int, size: int) -> int:
    """How many keys so many have, ``size`` for each on average."""
    return -(-count // size)
