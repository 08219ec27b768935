"""Unique tokens that stand for identifiers, and the search for them in whatever came out."""

from __future__ import annotations

import base64
import re
import zlib


class Tokens:
    """Makes tokens that occur nowhere by chance, and looks for them."""

    def __init__(self) -> None:
        self.planted: list[str] = []

    def text(self) -> str:
        """A token of letters and digits: 10 characters, legal in every text VR."""
        token = f"QX{len(self.planted):06d}ZK"
        self.planted.append(token)
        return token

    def uid(self) -> str:
        """A token that is a UID."""
        token = f"1.2.826.0.1.7777.{8_000_000 + len(self.planted)}.5"
        self.planted.append(token)
        return token

    def date(self) -> str:
        """A token that is a legal DA."""
        count = len(self.planted)
        token = f"{1871 + count // 336 % 20}{count // 28 % 12 + 1:02d}{count % 28 + 1:02d}"
        self.planted.append(token)
        return token

    def found_in(self, blob: bytes) -> list[str]:
        """The tokens in ``blob``, read as text in any case, as UTF-16 either way round, or as base64."""
        planted = set(self.planted)
        # tokens have few shapes: one search for each shape finds candidates, whatever the number of tokens
        narrow = blob.replace(b"\0", b"")
        candidates = {match.group().upper().decode() for match in _TEXT.finditer(narrow)}
        candidates |= {match.group().decode() for match in _UID.finditer(narrow)}
        candidates |= {match.group(1).decode() for match in _DATE.finditer(blob)}
        for match in _BASE64.finditer(blob):
            candidates.add(base64.b64decode(match.group() + b"==").decode("latin-1")[:10])
        return sorted(candidates & planted)


_TEXT = re.compile(rb"QX[0-9]{6}ZK", re.IGNORECASE)
_UID = re.compile(rb"1\.2\.826\.0\.1\.7777\.[0-9]{7}\.5")
_DATE = re.compile(rb"(?=(18[7-9][0-9]{5}))")
_BASE64 = re.compile(rb"UVg[A-Za-z0-9+/]{11}")


def inflated(content: bytes) -> bytes:
    """Deflated bytes, as text to search in."""
    return zlib.decompressobj(-15).decompress(content)
