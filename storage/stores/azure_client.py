"""The process's client of Azure Blob Storage: one for an account, as many connections as threads, every attempt counted."""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from typing import Any

import requests
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import AzureOptions, PipelineOptions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobServiceClient, ExponentialRetry
from requests.adapters import HTTPAdapter

from ..outages import Outage, check_outage, unavailable
from ..store import COUNTS, StorageError, StorageOptions

#: all that can come of a request that did not succeed; names that aren't possible are refused as ValueError
ERRORS = (AzureError, ValueError)

_RETRIES = 7
_CONNECT_TIMEOUT, _READ_TIMEOUT = 10, 60
_PROBE_TIMEOUT = 10
_LIMITS = {"ServerBusy", "OperationTimedOut", "AccountBeingThrottled", "TooManyRequests"}
_NO_CREDENTIALS = {"AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation", "AccountIsDisabled"}


class CountingAdapter(HTTPAdapter):
    """An adapter that counts each attempt in the class that it is billed in."""

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Send a request, as the base class does."""
        if request.method == "PUT":
            COUNTS.add(writes=1)
        elif request.method in ("GET", "HEAD"):
            is_list = "comp=list" in request.path_url.partition("?")[2].split("&")
            COUNTS.add(lists=int(is_list), reads=int(not is_list))
        # removing costs nothing
        return super().send(request, *args, **kwargs)


def client(account: str, options: StorageOptions) -> Any:
    """Return the process's client for a storage account, as the environment, the machine and Beam's Azure options have it.

    Raises:
        StorageError: there are no credentials, or the store was found to be down.
    """
    check_outage("azfs")
    return _client(account, options, getattr(FileSystems.get_filesystem("azfs://"), "_pipeline_options", None))


@lru_cache(maxsize=8)
def _client(account: str, options: StorageOptions, pipeline_options: Any) -> Any:
    # at its INFO level the library logs the URL of each request, and URLs hold names
    logging.getLogger("azure").setLevel(logging.WARNING)
    beam = pipeline_options if isinstance(pipeline_options, PipelineOptions) else PipelineOptions([])
    given = beam.view_as(AzureOptions)
    settings = _settings(options)
    text = given.azure_connection_string or os.environ.get("AZURE_STORAGE_CONNECTION_STRING")
    try:
        if text and not options.anonymous:
            return BlobServiceClient.from_connection_string(text, **settings)
        url = given.blob_service_endpoint or f"https://{account}.blob.core.windows.net"
        credential = None if options.anonymous else _credentials(beam)
        return BlobServiceClient(url, credential, **settings)
    except ERRORS as error:
        raise explain(error) from None


def _credentials(options: PipelineOptions) -> Any:
    """Return the credentials that Beam's own file system finds by its options."""
    # not before somebody asks: it brings Beam's runner along
    from apache_beam.internal.azure.auth import get_service_credentials

    return get_service_credentials(options)


def _settings(options: StorageOptions) -> dict[str, Any]:
    session = requests.Session()
    adapter = CountingAdapter(pool_maxsize=max(options.threads, 10))
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return {
        "transport": RequestsTransport(session=session, session_owner=False),
        "retry_policy": ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=_RETRIES),
        "connection_timeout": _CONNECT_TIMEOUT,
        "read_timeout": _READ_TIMEOUT,
    }


def code_of(error: Exception) -> str:
    """Return Azure's code for the error; empty where there was no answer."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def status_of(error: Exception) -> int:
    """Return the answer's status, 0 where there was none."""
    return (error.status_code or 0) if isinstance(error, HttpResponseError) else 0


def outage_of(error: Exception) -> Outage | None:
    """Return the outage that a failure shows; None: it concerns an object."""
    status, code = status_of(error), code_of(error)
    if status == 429 or code in _LIMITS:
        return Outage.NO_QUOTA
    if status == 401 or code in _NO_CREDENTIALS or isinstance(error, ClientAuthenticationError):
        return Outage.NO_CREDENTIALS
    no_answer = isinstance(error, ServiceRequestError | ServiceResponseError) or status >= 500
    return Outage.NO_ANSWER if no_answer else None


def answers(account: str, container: str, options: StorageOptions) -> bool:
    """Return whether the store answers one request, whatever it says."""
    limits = {"connection_timeout": _PROBE_TIMEOUT, "read_timeout": _PROBE_TIMEOUT}
    try:
        client(account, options).get_container_client(container).get_container_properties(retry_total=0, **limits)
    except ERRORS as error:
        return outage_of(error) is None
    return True


def explain(error: Exception) -> StorageError:
    """Return what may be said of a failure: nothing that names an object."""
    outage = outage_of(error)
    if outage in (Outage.NO_ANSWER, Outage.NO_QUOTA):
        return unavailable("azfs", outage)
    status = status_of(error)
    if status in (401, 403):
        return StorageError("access to the azfs:// container is denied to these credentials")
    if status == 404:
        return StorageError("the azfs:// container doesn't exist")
    if isinstance(error, ClientAuthenticationError):
        return StorageError(
            "there are no Azure credentials that work: set AZURE_STORAGE_CONNECTION_STRING, log in by `az login`, "
            "give the machine an identity, or use no credentials for public containers"
        )
    code = code_of(error)
    return StorageError(f"Azure Blob Storage doesn't answer as it should ({code if code.isalnum() else type(error).__name__})")
