"""Keys in Google Secret Manager. Imported only where a key is named so: it needs the extra ``gcp``."""

from __future__ import annotations

import logging
import os
import re
from functools import partial

import google_crc32c
import grpc
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request
from google.cloud.secretmanager_v1 import SecretManagerServiceClient, SecretPayload
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import grpc as library_transport
from google.oauth2 import service_account

from ..errors import SecretError
from .google_credentials import CredentialsError, default_credentials

#: ``host:port`` of a local server to ask instead, without TLS and credentials, as in Google's other libraries
EMULATOR = "SECRET_MANAGER_EMULATOR_HOST"

FORMS = "projects/P/secrets/S/versions/V or projects/P/locations/L/secrets/S/versions/V"
_NAME = re.compile(
    r"projects/[a-z0-9.:-]+(?:/locations/(?P<location>[a-z0-9-]+))?/secrets/[A-Za-z0-9_-]+/versions/[A-Za-z0-9_-]+"
)

_UNREACHABLE = "Google Secret Manager can't be reached"
_REASONS: tuple[tuple[type[exceptions.GoogleAPICallError], str], ...] = (
    (exceptions.NotFound, "Google Secret Manager has no such secret, or no such version of it"),
    (
        exceptions.PermissionDenied,
        "Google Secret Manager denies access to the key: these credentials need the role Secret Manager Secret Accessor, "
        "and the project needs the Secret Manager API",
    ),
    (exceptions.Unauthenticated, "Google Secret Manager doesn't accept these credentials"),
    (exceptions.FailedPrecondition, "the key's version in Google Secret Manager is disabled or destroyed"),
    (exceptions.InvalidArgument, f"Google Secret Manager names a key as {FORMS}"),
    (exceptions.ResourceExhausted, "Google Secret Manager's quota is used up"),
    (exceptions.DeadlineExceeded, "Google Secret Manager doesn't answer in time"),
    (exceptions.ServiceUnavailable, _UNREACHABLE),
)
_TRANSIENT = (exceptions.ServiceUnavailable, exceptions.ResourceExhausted, exceptions.DeadlineExceeded)


def read_secret(name: str, *, timeout: float = 30.0) -> bytes:
    """Return the content of one version of a secret.

    The connection lives only as long as the call: any process may make it, and none inherits it.

    Args:
        name: ``projects/P/secrets/S/versions/V``, or with ``/locations/L`` behind the project for a regional secret.
            ``versions/latest`` is whatever is latest when each process asks: only a number gives the same key for ever.
        timeout: about how long to go on trying, in seconds. A third of it is what one attempt may take.

    Raises:
        SecretError: another form of name, no credentials, no access, no such version, no answer, or a damaged one. The
            message holds neither the name nor anything of the secret.
    """
    match = _NAME.fullmatch(name)
    if not match:
        raise SecretError(f"a key in Google Secret Manager is named as gcp-secret:{FORMS}")
    # at level DEBUG the library writes each answer into its log, with the secret in it
    logging.getLogger(library_transport.__name__).setLevel(logging.INFO)
    try:
        with _client(match["location"], timeout / 3) as client:
            # what came damaged once may come whole the second time
            for _ in range(2):
                payload = _access(client, name, timeout)
                if _is_whole(payload):
                    return bytes(payload.data)
    except exceptions.GoogleAPIError as error:
        raise SecretError(_reason(error)) from None
    except (CredentialsError, GoogleAuthError) as error:
        raise SecretError(_credentials_reason(error)) from None
    raise SecretError("the key came damaged from Google Secret Manager: its checksum is another")


def _client(location: str | None, timeout: float) -> SecretManagerServiceClient:
    if emulator := os.environ.get(EMULATOR):
        channel = grpc.insecure_channel(emulator)
        return SecretManagerServiceClient(transport=library_transport.SecretManagerServiceGrpcTransport(channel=channel))
    credentials, _ = default_credentials(hint="")
    # Within gRPC refused credentials look like a server that is down, and are tried again and again. A service account's
    # need no refreshing: they sign for themselves.
    if not isinstance(credentials, service_account.Credentials):
        credentials.refresh(partial(Request(), timeout=timeout))  # type: ignore[no-untyped-call]
    options = {"api_endpoint": f"secretmanager.{location}.rep.googleapis.com"} if location else None
    return SecretManagerServiceClient(credentials=credentials, client_options=options)


def _access(client: SecretManagerServiceClient, name: str, timeout: float) -> SecretPayload:
    # the last attempt may begin when two thirds of the time are over
    retry = Retry(
        if_exception_type(*_TRANSIENT), initial=timeout / 60, maximum=timeout / 10, multiplier=2.0, timeout=timeout * 2 / 3
    )
    answer = client.access_secret_version(request={"name": name}, retry=retry, timeout=timeout / 3)
    return answer.payload


def _is_whole(payload: SecretPayload) -> bool:
    """Return whether the checksum fits. The service sends one with every secret: none is a wrong one."""
    return "data_crc32c" in payload and payload.data_crc32c == google_crc32c.value(payload.data)


def _reason(error: exceptions.GoogleAPIError) -> str:
    """Return what may be said of a failed call: the service's own text repeats names."""
    cause = error.cause if isinstance(error, exceptions.RetryError) else error
    for kind, text in _REASONS:
        if isinstance(cause, kind):
            return text
    return f"Google Secret Manager fails ({type(cause).__name__})"


def _credentials_reason(error: Exception) -> str:
    if isinstance(error, CredentialsError):
        return str(error)
    if isinstance(error, TransportError):
        return f"{_UNREACHABLE}: no answer about the credentials"
    return (
        "Google Cloud refuses the credentials: run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
    )
