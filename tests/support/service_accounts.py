"""Service accounts of Google Cloud that nobody knows."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def service_account(token_uri: str) -> dict[str, str]:
    """The content of a service account's file, with a key of its own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return {
        "type": "service_account",
        "project_id": "some-project",
        "private_key_id": "1",
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "client_email": "someone@some-project.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }
