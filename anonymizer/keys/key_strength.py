"""The test of secrets that can be keys: random bytes, as they are or in hex or base64. Decoded bytes are only tested.

Nobody can tell from 32 bytes whether they are random, but what people type, and what is left of it by encoding it, looks
otherwise. The odds that a random key of 32 bytes is taken for such are below 1e-9 (a test computes them):

==================================================  =======  ===============================
rule                                                odds     that it holds for
==================================================  =======  ===============================
fewer than 20 different values in each 32 bytes     1.5e-10  32 random bytes, in any encoding
at most 1 of 16 bytes is no character of ASCII      6.1e-11  likewise
UTF-8 without control characters                    1.8e-11  likewise
a pattern of fewer than 32 bytes, repeated          1e-38    likewise
no capital, or no small letter                      3.7e-10  base64 of them
letters as in words                                 2.4e-10  base64 of them, at most
==================================================  =======  ===============================

That makes 2.3e-10 for raw bytes and hex, and 8.4e-10 for base64; longer keys have smaller odds.
"""

from __future__ import annotations

import base64
import math
import re
from collections import Counter

from ..errors import SecretError

MIN_BYTES = 32
#: what Google Secret Manager holds at most, too
MAX_BYTES = 64 << 10
_WINDOW, _MIN_DIFFERENT = 32, 20

_ADVICE = "make one with `dicom-deid key new FILE`"
_LONG = f"a key has 64 KiB at most: {_ADVICE}"
_SHORT = (
    f"a key needs {MIN_BYTES} bytes or more, where hex and base64 count as what they decode to and what is repeated counts once: "
    f"{_ADVICE}"
)
_TEXT = (
    f"a key that is a text must be hex or base64 of random bytes, without blanks, and no passphrase in whatever form: {_ADVICE}"
)
_REPETITIVE = f"a key's bytes must be random, and these have fewer than {_MIN_DIFFERENT} different values in {_WINDOW}: {_ADVICE}"

_PRINTABLE = bytes((*b"\t\n\r", *range(0x20, 0x7F)))
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_HEX = re.compile(rb"[0-9A-Fa-f]*")
_BASE64 = re.compile(rb"([A-Za-z0-9+/]+|[A-Za-z0-9_-]+)(={0,2})")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")

#: how often people use letters, in hundredths, about: English and its neighbours
_LETTERS = {"e": 12.0, **dict.fromkeys("taoinsr", 7.0), **dict.fromkeys("hldcu", 4.0), **dict.fromkeys("mfgpwybvk", 2.0)}
_LETTERS |= dict.fromkeys("xjqz", 0.5)
#: how often characters stand in words that are joined to a text, compared with base64 of random bytes, in bits
_ODDS = {
    **{ord(letter): math.log2(64 * 0.72 * share / 101) for letter, share in _LETTERS.items()},
    **{ord(letter.upper()): math.log2(64 * 0.16 * share / 101) for letter, share in _LETTERS.items()},
    **dict.fromkeys(b"0123456789", math.log2(64 * 0.01)),
    **dict.fromkeys(b"+/-_", math.log2(64 * 0.01)),
}
#: random characters reach this with odds of 2**-32 at most, however many they are (Markov's inequality); base64 of 32 bytes with
#: 1.03 times that, for its last character is one of 16 only
_BITS_OF_WORDS = 32.0


def check_strength(secret: bytes) -> None:
    """Refuse a secret that is short, long, typed by somebody, or looks so.

    A text has to be hex, or base64 in either alphabet, with or without padding, in one line or several; what it decodes to is
    looked at in the same way.

    Raises:
        SecretError: it is weak. The message says by which rule, and holds nothing of it.
    """
    if len(secret) > MAX_BYTES:
        raise SecretError(_LONG)
    content = secret
    while True:
        is_text = _is_text(content)
        if is_text:
            content = content.translate(None, b"\r\n")
        content = _once(content)
        if len(content) < MIN_BYTES:
            raise SecretError(_SHORT)
        if not is_text:
            break
        content = _decoded(content)
    # one run of random bytes is enough: what else there is takes nothing from it
    if not any(len(set(content[start : start + _WINDOW])) >= _MIN_DIFFERENT for start in range(len(content) - _WINDOW + 1)):
        raise SecretError(_REPETITIVE)


def _is_text(content: bytes) -> bool:
    """Return whether somebody may have typed it: in ASCII but for some letters of another encoding, or in UTF-8."""
    if len(content.translate(None, _PRINTABLE)) * 16 <= len(content):
        return True
    try:
        return not _CONTROL.search(content.decode())
    except UnicodeDecodeError:
        return False


def _once(content: bytes) -> bytes:
    """Return the pattern of which ``content`` is a repetition, twice or more; or else ``content``.

    Patterns that are long enough for a key, as they are or in hex, needn't be found.
    """
    for size in range(1, min(2 * MIN_BYTES, len(content) // 2 + 1)):
        if content[size:] == content[:-size]:
            return content[:size]
    return content


def _decoded(text: bytes) -> bytes:
    """Return the bytes that hex or base64 stands for.

    Raises:
        SecretError: neither, or words that happen to have letters of base64 only.
    """
    if _HEX.fullmatch(text):
        if len(text) % 2:
            raise SecretError(_TEXT)
        return bytes.fromhex(text.decode())
    match = _BASE64.fullmatch(text)
    if not match:
        raise SecretError(_TEXT)
    characters, padding = match.groups()
    missing = -len(characters) % 4
    if missing == 3 or len(padding) not in (0, missing):
        raise SecretError(_TEXT)
    if characters in (characters.lower(), characters.upper()) or _like_words(characters):
        raise SecretError(_TEXT)
    return base64.b64decode(characters.translate(_TO_STANDARD) + b"=" * missing)


def _like_words(characters: bytes) -> bool:
    """Return whether letters are as frequent as in words, and not all alike."""
    return sum(_ODDS[character] * count for character, count in Counter(characters).items()) >= _BITS_OF_WORDS
