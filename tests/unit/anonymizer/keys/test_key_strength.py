"""Weak secrets are refused, random ones are not, and the refusal shows nothing of them."""

from __future__ import annotations

import base64
import hashlib
import math
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from anonymizer import Key, SecretError
from anonymizer.keys.key_strength import _BITS_OF_WORDS, _ODDS, check_strength

RANDOM = hashlib.sha512(b"random bytes of the tests").digest()
RAW = RANDOM[:32]
HEX, BASE64 = RAW.hex().encode(), base64.b64encode(RAW)
assert b"+" in BASE64 or b"/" in BASE64, "else the two alphabets are one here"
BASE64_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
PASSPHRASE = b"correct horse battery staple, and then some more"
JOINED = b"correcthorsebatterystaplecorrecthorsebatterystaple"[:48]
CAMEL_CASE = b"CorrectHorseBatteryStapleIsMyFavouritePassphrase"
#: 20 different bytes, 19 of them
TWENTY, NINETEEN = bytes(range(130, 150)), bytes(range(130, 149))

ACCEPTED = {
    "raw": RAW,
    "raw, longer": RANDOM,
    "raw that ends like a line": RAW[:-1] + b"\n",
    "64 KiB": RANDOM * 1024,
    "hex": HEX,
    "hex in capitals": HEX.upper(),
    "hex of both": HEX[:32] + HEX[32:].upper(),
    "hex with a line end": HEX + b"\n",
    "hex with the line end of DOS": HEX + b"\r\n",
    "hex in lines, as xxd -p writes it": HEX[:60] + b"\n" + HEX[60:] + b"\n",
    "base64": BASE64,
    "base64 with a line end": BASE64 + b"\n",
    "base64 without padding": BASE64.rstrip(b"="),
    "base64 for URLs": base64.urlsafe_b64encode(RAW),
    "base64 for URLs without padding": base64.urlsafe_b64encode(RAW).rstrip(b"="),
    "base64 in lines": base64.encodebytes(RANDOM),
    "base64 in lines of DOS": base64.encodebytes(RANDOM).replace(b"\n", b"\r\n"),
    "base64 of hex": base64.b64encode(HEX),
    "base64 of hex with a line end": base64.b64encode(HEX + b"\n"),
    "hex of base64": BASE64.hex().encode(),
    "hex of hex": HEX.hex().encode(),
    "hex twice": HEX + HEX,
    "20 different bytes in 32": TWENTY + bytes([130]) * 6 + bytes([140, 131] * 3),
    "random bytes beside zeros": bytes(64) + RAW + bytes(64),
    "bytes in their order": bytes(range(32)),
}

REFUSED = {
    "nothing": (b"", "32 bytes or more"),
    "a line end": (b"\n", "32 bytes or more"),
    "31 bytes": (RAW[:31], "32 bytes or more"),
    "hex of 31 bytes": (HEX[:62], "32 bytes or more"),
    "base64 of 31 bytes": (base64.b64encode(RAW[:31]), "32 bytes or more"),
    "32 hex digits": (HEX[:32], "32 bytes or more"),
    "hex of hex of 16 bytes": (HEX[:32].hex().encode(), "32 bytes or more"),
    "base64 of hex of 16 bytes": (base64.b64encode(HEX[:32]), "32 bytes or more"),
    "more than 64 KiB": (RANDOM * 1024 + b"\n", "64 KiB"),
    "hex of an odd number of digits": (HEX + b"0", "hex or base64"),
    "hex with blanks, as od writes it": (b" ".join(HEX[i : i + 2] for i in range(0, 64, 2)), "hex or base64"),
    "hex with a blank behind it": (HEX + b" ", "hex or base64"),
    "hex in quotes": (b'"' + HEX + b'"', "hex or base64"),
    "hex with a prefix": (b"0x" + HEX, "hex or base64"),
    "hex with a byte order mark": ("\ufeff".encode() + HEX, "hex or base64"),
    "base64 of both alphabets": (base64.b64encode(RAW).replace(b"+", b"-", 1)[:42] + b"_/+-", "hex or base64"),
    "base64 that lacks a character": (BASE64[:41], "hex or base64"),
    "base64 with too much padding": (BASE64 + b"=", "hex or base64"),
    "base64 with padding within": (BASE64 + HEX, "hex or base64"),
    "a passphrase": (PASSPHRASE, "hex or base64"),
    "a passphrase and a line end": (PASSPHRASE + b"\r\n", "hex or base64"),
    "a passphrase in lines": (PASSPHRASE.replace(b" ", b"\n"), "hex or base64"),
    "a passphrase with tabs": (PASSPHRASE.replace(b" ", b"\t"), "hex or base64"),
    "a passphrase that ends like a string of C": (PASSPHRASE + b"\0", "hex or base64"),
    "a passphrase in German": ("Über Grüße aus Köln, schöne Mädchen äßen Öl".encode(), "hex or base64"),
    "a passphrase in German, in Latin-1": ("Viele liebe Grüße aus dem schnellen Zug".encode("latin-1"), "hex or base64"),
    "a passphrase in Russian": ("правильная лошадь батарея скрепка".encode(), "hex or base64"),
    "a passphrase in Japanese": ("正しい馬バッテリーホチキスの針".encode(), "hex or base64"),
    "a passphrase in Persian": ("می‌خواهم رمز عبور طولانی‌تری".encode(), "hex or base64"),
    "a passphrase with a byte order mark": ("\ufeff".encode() + PASSPHRASE, "hex or base64"),
    "a passphrase in UTF-16": (PASSPHRASE.decode().encode("utf-16"), "20 different values"),
    "a passphrase in Russian, in UTF-16": ("правильная лошадь батарея скрепка".encode("utf-16"), "20 different values"),
    "base64 of a passphrase": (base64.b64encode(PASSPHRASE), "hex or base64"),
    "base64 of a passphrase in German": (base64.b64encode("Grüße aus Köln, schöne Mädchen".encode()), "hex or base64"),
    "hex of a passphrase": (PASSPHRASE.hex().encode(), "hex or base64"),
    "base64 of base64 of a passphrase": (base64.b64encode(base64.b64encode(PASSPHRASE)), "hex or base64"),
    "base64 of hex of a passphrase": (base64.b64encode(PASSPHRASE.hex().encode()), "hex or base64"),
    "words without blanks": (JOINED, "hex or base64"),
    "words without blanks in capitals": (JOINED.upper(), "hex or base64"),
    "words with capitals": (CAMEL_CASE, "hex or base64"),
    "words with capitals and digits": (CAMEL_CASE + b"1984", "hex or base64"),
    "a private key": (
        b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(RANDOM) + b"-----END PRIVATE KEY-----\n",
        "hex or base64",
    ),
    "two UUIDs": (b"0fcb6a36-94de-4d5c-a3f1-3ee6ef2c3b9d-7d0fa0d5-8f7b-4c6c-9a58-0a4e8f5f9f4b", "hex or base64"),
    "one letter": (b"k" * 32, "32 bytes or more"),
    "one byte": (b"\xf0" * 64, "32 bytes or more"),
    "zeros": (bytes(32), "32 bytes or more"),
    "zeros in hex": (b"0" * 64, "32 bytes or more"),
    "zeros in base64": (base64.b64encode(bytes(32)), "hex or base64"),
    "digits of hex in their order": (b"0123456789abcdef" * 4, "32 bytes or more"),
    "19 different bytes": (NINETEEN + NINETEEN[::-1], "20 different values"),
    "19 different bytes in hex": ((NINETEEN + NINETEEN[::-1]).hex().encode(), "20 different values"),
    "19 different bytes in each 32": (NINETEEN + NINETEEN[::-1] + NINETEEN + NINETEEN[:7][::-1], "20 different values"),
    "a pattern": (TWENTY * 8, "32 bytes or more"),
    "a pattern and its beginning": (TWENTY * 2 + TWENTY[:5], "32 bytes or more"),
    "a pattern in hex": (TWENTY.hex().encode() * 8, "32 bytes or more"),
    "31 random bytes again and again": (RAW[:31] * 100, "32 bytes or more"),
}


@pytest.mark.parametrize("secret", ACCEPTED.values(), ids=ACCEPTED)
def test_random_secrets_pass(secret: bytes) -> None:
    check_strength(secret)
    assert Key(secret).key_id == Key(bytearray(secret)).key_id


@pytest.mark.parametrize(("secret", "rule"), REFUSED.values(), ids=REFUSED)
def test_weak_secrets_are_refused(secret: bytes, rule: str) -> None:
    with pytest.raises(SecretError, match=rule) as caught:
        Key(secret)
    told = str(caught.value)
    assert told.endswith("`dicom-deid key new FILE`") and "." not in told
    shown = secret.decode("utf-8", "replace").casefold()
    assert not any(shown[start : start + 12] in told.casefold() for start in range(max(0, len(shown) - 11)))
    # no traceback shows it, either
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(("secret", "rule"), REFUSED.values(), ids=REFUSED)
def test_weak_secrets_are_refused_wherever_they_are(
    secret: bytes, rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    path.write_bytes(secret)
    path.chmod(0o600)
    with pytest.raises(SecretError, match=rule):
        Key.load(f"file:{path}")
    try:
        text = secret.decode()
        monkeypatch.setenv("DEID_TEST_KEY", text)
    except (UnicodeDecodeError, ValueError):
        # no variable can hold it
        return
    with pytest.raises(SecretError, match=rule):
        Key.load("env:DEID_TEST_KEY")


@pytest.mark.parametrize(
    "form",
    [bytes, lambda raw: raw.hex().encode(), base64.b64encode, base64.urlsafe_b64encode],
    ids=["raw", "hex", "base64", "base64 for URLs"],
)
def test_no_random_key_is_refused(form: Callable[[bytes], bytes]) -> None:
    for length in (32, 33, 48, 64):
        for _ in range(100):
            check_strength(form(secrets.token_bytes(length)))


def test_the_odds_of_a_refusal_are_as_the_module_says() -> None:
    # fewer than 20 different values in 32 bytes: how many there are after each byte
    odds = {0: 1.0}
    for _ in range(32):
        grown: dict[int, float] = {}
        for seen, chance in odds.items():
            grown[seen] = grown.get(seen, 0) + chance * seen / 256
            grown[seen + 1] = grown.get(seen + 1, 0) + chance * (256 - seen) / 256
        odds = grown
    repetitive = sum(chance for seen, chance in odds.items() if seen < 20)
    # at most two bytes of 32 that are no characters of ASCII
    ascii_share = (95 + 3) / 256
    ascii_text = sum(math.comb(32, other) * (1 - ascii_share) ** other * ascii_share ** (32 - other) for other in range(3))
    # UTF-8 without control characters, by the bytes of its last character
    ends = [1.0]
    shares = {1: 98 / 256, 2: (30 * 64 - 32) / 256**2, 3: (16 * 64**2 - 2 * 2048) / 256**3, 4: 2**20 / 256**4}
    for length in range(1, 33):
        ends.append(sum(share * ends[length - size] for size, share in shares.items() if size <= length))
    binary = repetitive + ascii_text + ends[32]
    assert 1.4e-10 < repetitive < 1.5e-10 and 6e-11 < ascii_text < 7e-11 and 1.7e-11 < ends[32] < 1.8e-11
    # 43 characters, the last of them one of AEIMQUYcgkosw048: no capitals, no small letters; and by chance like words
    one_case = (38 / 64) ** 42 * (9 + 10) / 16
    last = sum(2 ** _ODDS[character] for character in b"AEIMQUYcgkosw048") / 16
    words = last * 2**-_BITS_OF_WORDS
    assert sum(2 ** _ODDS[character] for character in BASE64_ALPHABET) / 64 == pytest.approx(1)
    assert binary < 3e-10 and one_case < 4e-10 and binary + one_case + words < 1e-9
