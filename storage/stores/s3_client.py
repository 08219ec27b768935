"""The process's client of S3: one, as many connections as threads, every attempt counted."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import boto3
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions, S3Options
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from urllib3.exceptions import HTTPError

from ..outages import Outage, check_outage, unavailable
from ..store import COUNTS, StorageError, StorageOptions

#: all that can come of a request that did not succeed; of a body's bytes urllib3's own errors come, too
ERRORS = (ClientError, BotoCoreError, HTTPError)
#: seconds between attempts where the library has no retries of its own: a body that breaks off, a conflict
PAUSES = (0.2, 0.5, 1.0, 2.0)

_ATTEMPTS = 8
_CONNECT_TIMEOUT, _READ_TIMEOUT = 10, 60
_PROBE_TIMEOUT = 10
_COUNTED = {
    "ListObjectsV2": "lists",
    "GetObject": "reads",
    "HeadObject": "reads",
    # the library's own, to find a bucket's region
    "HeadBucket": "reads",
    "PutObject": "writes",
    "CopyObject": "writes",
    "CreateMultipartUpload": "writes",
    "UploadPart": "writes",
    "CompleteMultipartUpload": "writes",
    # removing and aborting cost nothing
}
_DENIED = {
    "AccessDenied",
    "AllAccessDisabled",
    "AccountProblem",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidToken",
    "NotSignedUp",
    "SignatureDoesNotMatch",
    "401",
    "403",
}
_OF_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError)
#: too many requests, or bytes; the last ones are words of other makers' stores
_LIMITS = {
    *("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "BandwidthLimitExceeded"),
    *("QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "XMinioStorageFull", "429"),
}
_NO_CREDENTIALS = (
    "there are no AWS credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, give the machine a role, "
    "or use no credentials for public buckets"
)


def client(options: StorageOptions) -> Any:
    """Return the process's client, as the environment, the machine and Beam's S3 options have it.

    Raises:
        StorageError: there are no credentials, or the store was found to be down.
    """
    check_outage("s3")
    return _client(options, _pipeline_options(), _config(options))


def _pipeline_options() -> Any:
    # Beam leads its file systems to the pipeline's options in each worker and, once there is a pipeline, where that is built
    return getattr(FileSystems.get_filesystem("s3://"), "_options", None)


@lru_cache(maxsize=4)
def _client(options: StorageOptions, pipeline_options: Any, config: Config) -> Any:
    given = (pipeline_options if isinstance(pipeline_options, PipelineOptions) else PipelineOptions([])).view_as(S3Options)
    try:
        # a session of its own: boto3's default one is not made for threads
        session = boto3.session.Session(
            aws_access_key_id=given.s3_access_key_id,
            aws_secret_access_key=given.s3_secret_access_key,
            aws_session_token=given.s3_session_token,
            region_name=given.s3_region_name,
        )
        if not options.anonymous and session.get_credentials() is None:
            raise StorageError(_NO_CREDENTIALS)
        # a bucket in another region than this one answers where it is, and the library goes there and remembers it
        found = session.client(
            "s3",
            endpoint_url=given.s3_endpoint_url,
            api_version=given.s3_api_version,
            use_ssl=not given.s3_disable_ssl,
            verify=_verify(given.s3_verify),
            config=config,
        )
    except ERRORS as error:
        raise explain(error) from None
    found.meta.events.register("before-send.s3", _count)
    found.meta.events.register("before-call.s3.GetObject", _ask_for_checksum)
    return found


@lru_cache(maxsize=4)
def _config(options: StorageOptions) -> Config:
    return Config(
        signature_version=UNSIGNED if options.anonymous else None,
        max_pool_connections=max(options.threads, 10),
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=_READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        tcp_keepalive=True,
        # the library would choose CRC32, which stores of other makers may not know; and it can't check an answer's CRC32C
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


@lru_cache(maxsize=4)
def _probe_config(options: StorageOptions) -> Config:
    once = {"mode": "standard", "total_max_attempts": 1}
    return _config(options).merge(Config(retries=once, connect_timeout=_PROBE_TIMEOUT, read_timeout=_PROBE_TIMEOUT))


def answers(options: StorageOptions, bucket: str) -> bool:
    """Return whether the store answers one request, whatever it says."""
    check_outage("s3")
    try:
        _client(options, _pipeline_options(), _probe_config(options)).list_objects_v2(Bucket=bucket, MaxKeys=1)
    except ERRORS as error:
        return outage_of(error) is None
    return True


def _verify(text: str | None) -> bool | str | None:
    """Return the value of Beam's ``--s3_verify``: no, yes, or a file of authorities."""
    if text is None:
        return None
    return {"false": False, "true": True}.get(text.lower(), text)


def _count(event_name: str, **_: Any) -> None:
    """Count an attempt, also one that the library makes by itself, in the class that it is billed in."""
    kind = _COUNTED.get(event_name.rpartition(".")[2])
    if kind:
        COUNTS.add(**{kind: 1})


def _ask_for_checksum(params: Any, **_: Any) -> None:
    """Ask for the checksum in the answer to a request for a whole object.

    Not by the parameter that is meant for it: then the library checks what it can, and what it can't must be checked anyway.
    """
    if "Range" not in params["headers"]:
        params["headers"]["x-amz-checksum-mode"] = "ENABLED"


def code_of(error: Exception) -> str:
    """Return S3's code for the error; the status for an answer without a body, empty where there was no answer."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def is_missing(error: Exception) -> bool:
    """Return whether there is no object of that name."""
    return code_of(error) in ("NoSuchKey", "404", "NotFound")


def is_unmet(error: Exception) -> bool:
    """Return whether the request's condition isn't met."""
    return code_of(error) in ("PreconditionFailed", "412")


def outage_of(error: Exception) -> Outage | None:
    """Return the outage that a failure shows; None: it concerns an object."""
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) if isinstance(error, ClientError) else 0
    if code in _LIMITS or status in (429, 507):
        return Outage.NO_QUOTA
    if code in _DENIED - {"AccessDenied", "403"} or status == 401 or isinstance(error, _OF_CREDENTIALS):
        return Outage.NO_CREDENTIALS
    no_answer = isinstance(error, BotoConnectionError | HTTPClientError | HTTPError)
    return Outage.NO_ANSWER if status >= 500 or no_answer else None


def explain(error: Exception) -> StorageError:
    """Return what may be said of a failure: nothing that names an object."""
    outage = outage_of(error)
    if outage in (Outage.NO_ANSWER, Outage.NO_QUOTA):
        return unavailable("s3", outage)
    code = code_of(error)
    if code in _DENIED:
        return StorageError("access to the s3:// bucket is denied to these credentials")
    if code in ("NoSuchBucket", "404", "NotFound"):
        return StorageError("the s3:// bucket doesn't exist")
    if isinstance(error, NoCredentialsError):
        return StorageError(_NO_CREDENTIALS)
    if isinstance(error, PartialCredentialsError | CredentialRetrievalError | TokenRetrievalError | ProfileNotFound):
        return StorageError(f"the AWS credentials can't be used ({type(error).__name__})")
    # the codes are words of S3's own; another server's might be anything
    return StorageError(f"S3 doesn't answer as it should ({code if code.isalnum() and code.isascii() else type(error).__name__})")
