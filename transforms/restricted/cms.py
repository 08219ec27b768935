"""CMS EnvelopedData (RFC 5652): what is encrypted to a certificate, so that only who has its private key can read it.

The packages that this needs are imported when something is encrypted or decrypted, and not before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from profiles import UserFacingError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

#: of an RSA key; below, NIST SP 800-57 calls it too weak
MIN_KEY_BITS = 2048
_MISSING = "a crosswalk that is encrypted needs another version of a package: pip install -e '.[crosswalk]'"

_SEQUENCE, _SET, _OBJECT_IDENTIFIER, _OCTETS, _EXPLICIT_0, _IMPLICIT_0 = 0x30, 0x31, 0x06, 0x04, 0xA0, 0x80
_ENVELOPED_DATA = bytes.fromhex("2a864886f70d010703")
_RSA = bytes.fromhex("2a864886f70d010101")
#: AES in mode CBC, by the key's size in bytes
_AES_CBC = {bytes.fromhex("6086480165030401" + last): size for last, size in (("02", 16), ("16", 24), ("2a", 32))}


class EnvelopeError(UserFacingError):
    """A certificate that can't be used, or what can't be decrypted. The message holds no value of it."""


class _OtherKeyError(Exception):
    pass


def load_certificate(content: bytes) -> bytes:
    """Return the certificate (DER) of a PEM or DER file; of several in a PEM file, the first.

    Whose it is, and whether it is still valid, is for who names it to know.

    Raises:
        EnvelopeError: no X.509 certificate, or one to which nothing can be encrypted well.
    """
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        load = x509.load_pem_x509_certificate if b"-----BEGIN" in content else x509.load_der_x509_certificate
        certificate = load(content)
        key = certificate.public_key()
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm):
        raise EnvelopeError("no X.509 certificate, PEM or DER") from None
    if not isinstance(key, RSAPublicKey):
        raise EnvelopeError("the certificate's key is no RSA key: CMS needs one here")
    if key.key_size < MIN_KEY_BITS:
        raise EnvelopeError(f"the certificate's key has {key.key_size} bits, and {MIN_KEY_BITS} at least are needed")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        if not usage.key_encipherment:
            raise EnvelopeError("the certificate is not for the encipherment of keys (KeyUsage)")
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        # a certificate without the extension forbids nothing
        pass
    found = certificate.public_bytes(Encoding.DER)
    # missing packages are missed now, and not when there is something to encrypt
    encrypt(b"", found)
    return found


def encrypt(content: bytes, certificate: bytes) -> bytes:
    """Return EnvelopedData (DER, AES-256-CBC) of ``content`` for the one recipient.

    Args:
        certificate: DER, as ``load_certificate`` gave it.

    Raises:
        EnvelopeError: the packages installed can't.
    """
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options

        builder = PKCS7EnvelopeBuilder().set_content_encryption_algorithm(AES256)
    except (ImportError, AttributeError, UnsupportedAlgorithm):
        raise EnvelopeError(_MISSING) from None
    recipient = x509.load_der_x509_certificate(certificate)
    # or line ends would be changed as in a mail
    return builder.set_data(content).add_recipient(recipient).encrypt(Encoding.DER, [PKCS7Options.Binary])


def load_private_key(content: bytes, passphrase: bytes | None) -> RSAPrivateKey:
    """Return the private key of a PEM or DER file.

    Raises:
        EnvelopeError: no RSA key, or not with this passphrase.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    load = load_pem_private_key if b"-----BEGIN" in content else load_der_private_key
    try:
        key = load(content, passphrase)
    except TypeError:
        told = "no passphrase was given" if passphrase is None else "it needs no passphrase"
        raise EnvelopeError(f"the private key can't be read: {told}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise EnvelopeError("the private key can't be read: no PEM or DER, or another passphrase") from None
    if not isinstance(key, RSAPrivateKey):
        raise EnvelopeError("the private key is no RSA key")
    return key


def decrypt(envelope: bytes, keys: list[RSAPrivateKey]) -> bytes:
    """Return the content of EnvelopedData that was encrypted to the certificate of one of ``keys``.

    The library's own reader asks for the certificate as well; the key alone is enough, as it is for openssl.

    Raises:
        EnvelopeError: another key's, damaged or cut off.
    """
    try:
        recipients, algorithm, initial, encrypted = _enveloped(envelope)
    except (ValueError, IndexError):
        raise EnvelopeError("no CMS EnvelopedData, or not all of it") from None
    size = _AES_CBC.get(algorithm)
    if size is None or len(encrypted) % 16 or len(initial) != 16:
        raise EnvelopeError("encrypted in a way that isn't known")
    for key in keys:
        for encrypted_key in recipients:
            try:
                return _content(encrypted, initial, _content_key(encrypted_key, key, size))
            except _OtherKeyError:
                continue
    raise EnvelopeError("encrypted to another certificate than the private key's, or damaged")


def _content_key(encrypted: bytes, key: RSAPrivateKey, size: int) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    try:
        found = key.decrypt(encrypted, PKCS1v15())
    except ValueError:
        raise _OtherKeyError from None
    # with a wrong key OpenSSL gives random bytes, of any length
    if len(found) != size:
        raise _OtherKeyError
    return found


def _content(encrypted: bytes, initial: bytes, key: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CBC
    from cryptography.hazmat.primitives.padding import PKCS7

    decryptor = Cipher(AES(key), CBC(initial)).decryptor()
    unpadder = PKCS7(128).unpadder()
    try:
        return unpadder.update(decryptor.update(encrypted) + decryptor.finalize()) + unpadder.finalize()
    except ValueError:
        raise _OtherKeyError from None


class _Enveloped(NamedTuple):
    """Return the content's keys as they were encrypted to the recipients, its cipher, and the encrypted content."""

    recipients: list[bytes]
    algorithm: bytes
    initial: bytes
    content: bytes


def _enveloped(envelope: bytes) -> _Enveloped:
    """Return the parts of EnvelopedData; raise ValueError or IndexError where it is something else, or not all is there."""
    outer = _only(envelope, _SEQUENCE)
    kind, explicit = _parts(outer)
    if kind != (_OBJECT_IDENTIFIER, _ENVELOPED_DATA) or explicit[0] != _EXPLICIT_0:
        raise ValueError
    parts = _parts(_only(explicit[1], _SEQUENCE))
    recipients = []
    for tag, recipient in _parts(next(value for tag, value in parts if tag == _SET)):
        # recipients of other kinds have other tags; these are of the kind of RSA keys
        if tag == _SEQUENCE:
            *_, (_, how), (_, encrypted_key) = _parts(recipient)
            if _parts(how)[0] == (_OBJECT_IDENTIFIER, _RSA):
                recipients.append(encrypted_key)
    _, (_, how), (tag, content) = _parts(next(value for tag, value in reversed(parts) if tag == _SEQUENCE))
    (_, algorithm), (octets, initial) = _parts(how)
    if tag != _IMPLICIT_0 or octets != _OCTETS:
        raise ValueError
    return _Enveloped(recipients, algorithm, initial, content)


def _only(content: bytes, tag: int) -> bytes:
    ((found, value),) = _parts(content)
    if found != tag:
        raise ValueError
    return value


def _parts(content: bytes) -> list[tuple[int, bytes]]:
    return list(_each(content))


def _each(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tags and values that stand one behind the other (DER, X.690)."""
    position = 0
    while position < len(content):
        tag, length = content[position], content[position + 1]
        position += 2
        if length == 0x80:
            # an indefinite length, which BER has and DER hasn't
            raise ValueError
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(content[position : position + count], "big")
            position += count
        if position + length > len(content):
            raise ValueError
        yield tag, content[position : position + length]
        position += length
