"""Planted identifiers that are known again even when only a part of them is left."""

from __future__ import annotations

import re

_LETTERS = b"QXZJKVW"
_UID_STEM = b"1.2.826.0.1.7777."
#: what is found is a fragment: eight of the letters, most of a UID's stem, a date that nobody living has
_FRAGMENT = re.compile(rb"[QXZJKVW]{8,}|\.826\.0\.1\.7777\.[0-9]|18[78][0-9](?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])")
#: new UIDs are long numbers, in which any date can occur
_NEW_UID = re.compile(rb"2\.25\.[0-9]+")


def text(number: int, length: int = 16) -> bytes:
    """Letters that no real value has beside each other; the first ones differ with ``number``."""
    digits = bytearray()
    number = (number + 1) * 1_234_567 % len(_LETTERS) ** 8
    for _ in range(8):
        number, digit = divmod(number, len(_LETTERS))
        digits.append(_LETTERS[digit])
    return (bytes(digits) * (length // 8 + 1))[:length]


def uid(number: int, length: int = 28) -> bytes:
    """A UID of ``length`` characters, 28 at least."""
    return _UID_STEM + b"1" + str(number % 10 ** (length - 18)).zfill(length - 18).encode()


def date(number: int) -> bytes:
    """A legal DA of the 1870s and 1880s."""
    return f"{1870 + number // 336 % 20}{number // 28 % 12 + 1:02d}{number % 28 + 1:02d}".encode()


_HASH = re.compile(rb"[0-9a-f]{8,}")


def fragments_in_account(content: bytes) -> list[bytes]:
    """As ``fragments``, for tables and names that are full of keyed hashes, in which dates can occur, too."""
    return fragments(_HASH.sub(lambda found: found.group() if found.group().isdigit() else b"", content))


def fragments(content: bytes) -> list[bytes]:
    """What is left of planted identifiers in ``content``."""
    found = _FRAGMENT.findall(_NEW_UID.sub(b"", content))
    # pixels may be one letter over and over
    return [fragment for fragment in found if len(set(fragment)) > 2]
