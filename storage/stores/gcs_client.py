"""The process's client of Google Cloud Storage: one, as many connections as threads, every attempt counted."""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from typing import Any

from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, RetryError, Unauthorized
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import AuthorizedSession
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.cloud.storage.retry import DEFAULT_RETRY
from requests import RequestException
from requests.adapters import HTTPAdapter

from anonymizer.internals import CredentialsError, default_credentials

from ..outages import Outage, check_outage, unavailable
from ..store import COUNTS, StorageError, StorageOptions

#: what a 403 says that is about too many requests, or bytes
_LIMITS = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded", "dailyLimitExceededUnreg"}


def _is_worth_again(error: Exception) -> bool:
    # the library takes these for lasting
    return bool(DEFAULT_RETRY._predicate(error)) or (isinstance(error, Forbidden) and _is_limit(error))


#: the library's own policy, in seconds: the first pause, the longest, and when to give up
RETRY = DEFAULT_RETRY.with_predicate(_is_worth_again).with_delay(initial=0.5, maximum=20.0, multiplier=2.0).with_timeout(180.0)
#: of one attempt, in seconds: to connect, and between two bytes
TIMEOUT = (10.0, 60.0)
_PROBE_TIMEOUT = (5.0, 10.0)
#: all that can come of a request that did not succeed
ERRORS = (GoogleAPIError, GoogleAuthError, InvalidResponse, DataCorruption, RequestException, ConnectionError)

_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)


class CountingAdapter(HTTPAdapter):
    """An adapter that counts each attempt in the class that it is billed in, and remembers the last answer's object size."""

    last = threading.local()

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Send a request, as the base class does."""
        if request.method == "GET":
            # https://HOST/storage/v1/b/BUCKET/o, with nothing behind it, lists
            is_list = request.path_url.split("?")[0].endswith("/o")
            COUNTS.add(lists=int(is_list), reads=int(not is_list))
        elif request.method == "POST":
            # the pieces of a resumable upload (PUT) belong to the operation that began it; removing costs nothing
            COUNTS.add(writes=1)
        response = super().send(request, *args, **kwargs)
        type(self).last.headers = response.headers
        return response


def last_size() -> int:
    """Return the size of the object of which this thread has just read a range, -1 where the answer didn't tell."""
    headers = getattr(CountingAdapter.last, "headers", {})
    total = str(headers.get("Content-Range", "")).rpartition("/")[2] or headers.get("Content-Length", "")
    return int(total) if str(total).isdigit() else -1


def client(options: StorageOptions) -> storage.Client:
    """Return the process's client.

    Raises:
        StorageError: there are no credentials, or the store was found to be down.
    """
    check_outage("gs")
    return _client(options)


@lru_cache(maxsize=4)
def _client(options: StorageOptions) -> storage.Client:
    project = options.user_project
    # a local server in the place of Google's, as the library itself takes it
    if options.anonymous or os.environ.get("STORAGE_EMULATOR_HOST"):
        credentials: Any = AnonymousCredentials()  # type: ignore[no-untyped-call]
    else:
        try:
            credentials, default_project = default_credentials(_SCOPES)
        except CredentialsError as error:
            raise StorageError(str(error)) from None
        project = project or default_project or ""
    # else the library asks for each bucket's metadata, for traces that nobody takes: an operation and a permission more
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
    adapter = CountingAdapter(pool_maxsize=max(options.threads, 10))
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return storage.Client(project=project or "none", credentials=credentials, _http=session)


def outage_of(error: BaseException | None) -> Outage | None:
    """Return the outage that a failure shows; None: it concerns an object."""
    if isinstance(error, RetryError):
        return outage_of(error.cause) or Outage.NO_ANSWER
    status = error.response.status_code if isinstance(error, InvalidResponse) else getattr(error, "code", 0)
    if status == 429 or (isinstance(error, Forbidden) and _is_limit(error)):
        return Outage.NO_QUOTA
    if status == 401 or (isinstance(error, GoogleAuthError) and not isinstance(error, TransportError)):
        return Outage.NO_CREDENTIALS
    no_answer = isinstance(error, TransportError | RequestException | ConnectionError) or (status or 0) >= 500
    return Outage.NO_ANSWER if no_answer else None


def _is_limit(error: Forbidden) -> bool:
    return any(isinstance(found, dict) and found.get("reason") in _LIMITS for found in error.errors)


def answers(options: StorageOptions, bucket: str) -> bool:
    """Return whether the store answers one request, whatever it says."""
    try:
        place = client(options).bucket(bucket, user_project=options.user_project or None)
        next(iter(client(options).list_blobs(place, max_results=1, retry=None, timeout=_PROBE_TIMEOUT)), None)
    except ERRORS as error:
        return outage_of(error) is None
    return True


def explain(error: Exception) -> StorageError:
    """Return what may be said of a failure: nothing that names an object."""
    outage = outage_of(error)
    if outage in (Outage.NO_ANSWER, Outage.NO_QUOTA):
        return unavailable("gs", outage)
    if isinstance(error, Unauthorized | Forbidden):
        return StorageError("access to the gs:// bucket is denied to these credentials")
    if isinstance(error, NotFound):
        return StorageError("the gs:// bucket doesn't exist")
    if isinstance(error, GoogleAuthError):
        return StorageError("Google Cloud refuses the credentials, or can't be reached to check them")
    return StorageError(f"Google Cloud Storage doesn't answer as it should ({type(error).__name__})")
