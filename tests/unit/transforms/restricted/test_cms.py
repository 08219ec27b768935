"""What is encrypted to a certificate, by this project and by openssl, and read by the other."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from tests.support.certificates import KeyPair, key_pair, usage
from tests.support.processes import need
from transforms import EnvelopeError, decrypt, load_certificate, load_private_key
from transforms.restricted.cms import encrypt

CONTENTS = {"nothing": b"", "a line end": b"a\nb\r\nc\n", "a block": bytes(16), "much": bytes(range(256)) * 1000}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"))


def openssl(*arguments: str, content: bytes = b"") -> bytes:
    done = subprocess.run([need("openssl"), *arguments], input=content, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def key_of(pair: KeyPair) -> list[RSAPrivateKey]:
    return [load_private_key(pair.private_key.read_bytes(), None)]


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_what_is_encrypted_comes_back_by_us_and_by_openssl(pair: KeyPair, content: bytes) -> None:
    envelope = encrypt(content, load_certificate(pair.certificate.read_bytes()))
    assert decrypt(envelope, key_of(pair)) == content
    assert openssl("cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", str(pair.private_key), content=envelope) == content
    printed = openssl("cms", "-cmsout", "-print", "-noout", "-inform", "DER", content=envelope)
    assert b"aes-256-cbc" in printed and b"rsaEncryption" in printed


@pytest.mark.parametrize("cipher", ["-aes128", "-aes192", "-aes256"])
def test_what_openssl_encrypted_to_several_can_be_read_with_either_key(tmp_path: Path, pair: KeyPair, cipher: str) -> None:
    other = key_pair(tmp_path, "other")
    arguments = ("cms", "-encrypt", "-binary", "-outform", "DER", cipher, str(other.certificate), str(pair.certificate))
    envelope = openssl(*arguments, content=b"text")
    for one in (pair, other):
        assert decrypt(envelope, key_of(one)) == b"text"


def test_certificates_are_read_in_both_forms_and_nothing_else_in_the_file_counts(pair: KeyPair) -> None:
    pem = pair.certificate.read_bytes()
    found = load_certificate(pem)
    assert load_certificate(found) == found
    assert load_certificate(pair.private_key.read_bytes() + pem) == found


def test_certificates_that_are_none_or_too_weak_are_refused(tmp_path: Path, pair: KeyPair) -> None:
    weak = key_pair(tmp_path, "weak", bits=1024)
    elliptic = key_pair(tmp_path, "elliptic", elliptic=True)
    signing = key_pair(tmp_path, "signing", key_usage=usage(key_encipherment=False))
    for content, message in (
        (b"", "no X.509 certificate"),
        (b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n", "no X.509 certificate"),
        (pair.private_key.read_bytes(), "no X.509 certificate"),
        (weak.certificate.read_bytes(), "1024 bits, and 2048"),
        (elliptic.certificate.read_bytes(), "no RSA key"),
        (signing.certificate.read_bytes(), "KeyUsage"),
    ):
        with pytest.raises(EnvelopeError, match=message):
            load_certificate(content)
    meant_for_it = key_pair(tmp_path, "meant", key_usage=usage(key_encipherment=True))
    assert load_certificate(meant_for_it.certificate.read_bytes())


def test_another_key_opens_nothing(tmp_path: Path, pair: KeyPair) -> None:
    certificate = load_certificate(pair.certificate.read_bytes())
    others = [key_pair(tmp_path, "other"), key_pair(tmp_path, "larger", bits=3072)]
    for other in others:
        # OpenSSL answers a wrong key with random bytes: now and then they may look like a key
        for _ in range(20):
            with pytest.raises(EnvelopeError, match="another certificate"):
                decrypt(encrypt(b"x" * 64, certificate), key_of(other))
    envelope = encrypt(b"text", certificate)
    assert decrypt(envelope, key_of(others[0]) + key_of(pair)) == b"text"


def test_what_is_cut_off_or_something_else_is_said_to_be(pair: KeyPair) -> None:
    envelope = encrypt(bytes(range(200)), load_certificate(pair.certificate.read_bytes()))
    keys = key_of(pair)
    for size in range(len(envelope)):
        with pytest.raises(EnvelopeError):
            decrypt(envelope[:size], keys)
    for content in (b"PAR1", envelope + b"\0", pair.certificate.read_bytes(), b"\x30\x80" + envelope):
        with pytest.raises(EnvelopeError, match="no CMS"):
            decrypt(content, keys)


def test_an_installation_that_cannot_encrypt_says_what_to_install(pair: KeyPair, monkeypatch: pytest.MonkeyPatch) -> None:
    # as it is with cryptography 43 and 44, which know AES-128 at most there
    monkeypatch.delattr(PKCS7EnvelopeBuilder, "set_content_encryption_algorithm")
    with pytest.raises(EnvelopeError, match=r"pip install -e '\.\[crosswalk\]'"):
        load_certificate(pair.certificate.read_bytes())


def test_private_keys_need_their_passphrase(tmp_path: Path, pair: KeyPair) -> None:
    locked = key_pair(tmp_path, "locked", passphrase=b"open sesame").private_key.read_bytes()
    assert load_private_key(locked, b"open sesame")
    key = load_pem_private_key(pair.private_key.read_bytes(), None)
    assert load_private_key(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), None)
    elliptic = key_pair(tmp_path, "elliptic", elliptic=True).private_key.read_bytes()
    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    assert isinstance(key, object)
    bundle = serialize_key_and_certificates(b"x", key, certificate, None, NoEncryption())
    for content, passphrase, message in (
        (locked, None, "no passphrase was given"),
        (locked, b"wrong", "another passphrase"),
        (pair.private_key.read_bytes(), b"any", "needs no passphrase"),
        (b"", None, "no PEM"),
        (bundle, None, "no PEM"),
        (elliptic, None, "no RSA key"),
    ):
        with pytest.raises(EnvelopeError, match=message):
            load_private_key(content, passphrase)
