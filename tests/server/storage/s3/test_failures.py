"""S3 when requests go wrong, and how it is reached."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from typing import Any

import pytest

from anonymizer import DeidentificationError, Reason
from storage import COUNTS, ObjectConflictError, StorageError, StorageOptions
from storage.stores.remote import SMALL
from storage.stores.s3 import S3Store
from tests.server.storage.s3.helpers import before_send, refusal, unfinished
from tests.support.entries import content_of, only
from tests.support.fault_proxy import FaultPlan, fault_proxy
from tests.support.servers import AWS_KEYS, S3Server

# -- on the way ------------------------------------------------------------------------------------------------------


@pytest.fixture
def proxied(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with fault_proxy(None) as proxy:
        proxy.upstream = server.url
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


def test_a_stream_that_was_cut_goes_on_where_it_was(store: S3Store, server: S3Server, bucket: str, proxied: Any) -> None:
    content = bytes(range(256)) * 100_000
    server.put(bucket, "x", content)
    entry = only(store, f"s3://{bucket}/x")
    proxied.plan = FaultPlan(seed=1, share=1.0, kinds=("truncate",), only="^media", max_repeats=3)
    COUNTS.take()
    with store.open(entry) as stream:
        assert content_of(stream) == content
    operations = COUNTS.take()
    assert operations.reads == 4
    assert operations.bytes_read == len(content)


def test_a_store_that_saw_other_bytes_is_asked_again(store: S3Store, server: S3Server, bucket: str) -> None:
    answers = [refusal(400, "BadDigest"), refusal(409, "ConditionalRequestConflict")]
    for operation in ("PutObject", "UploadPart"):
        left = list(answers if operation == "PutObject" else answers[:1])
        before_send(store, operation, lambda _, left=left: left.pop() if left else None)
    store.create(f"s3://{bucket}/small", [b"1"], {})
    store.create(f"s3://{bucket}/large", [bytes(SMALL + 1)], {})
    assert sorted(server.names(bucket)) == ["large", "small"]


def test_a_store_that_never_takes_it_has_it_said_so(store: S3Store, server: S3Server, bucket: str) -> None:
    for operation in ("PutObject", "CompleteMultipartUpload"):
        before_send(store, operation, lambda _: refusal(400, "EntityTooLarge"))
    for content in (b"1", bytes(SMALL + 1)):
        with pytest.raises(DeidentificationError) as error:
            store.create(f"s3://{bucket}/x", [content], {})
        assert error.value.reason is Reason.OUTPUT_UNWRITABLE
    assert server.names(bucket) == []
    assert unfinished(server, bucket) == []


@pytest.mark.parametrize("size", [1000, SMALL + 1000])
def test_a_store_without_conditions_is_looked_at_first(store: S3Store, server: S3Server, bucket: str, size: int) -> None:
    def answer(request: Any) -> Any:
        return refusal(501, "NotImplemented") if "If-None-Match" in request.headers or "If-Match" in request.headers else None

    for operation in ("PutObject", "CompleteMultipartUpload"):
        before_send(store, operation, answer)
    uri = f"s3://{bucket}/x"
    store.create(uri, [bytes(size)], {})
    store.create(uri, [bytes(size)], {})
    with pytest.raises(ObjectConflictError):
        store.create(uri, [b"1" + bytes(size - 1)], {})
    assert server.get(bucket, "x") == bytes(size)
    _, version = store.get(uri)
    with pytest.raises(ObjectConflictError):
        store.put(uri, b"2", version="")
    store.put(uri, b"2", version=version)
    with pytest.raises(ObjectConflictError):
        store.put(uri, b"3", version=version)


# -- reaching it -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [(403, "AccessDenied", "denied"), (400, "ExpiredToken", "denied"), (400, "Odd name/1", "ClientError"), (400, "X", "X")],
)
def test_refusals_are_said_without_what_the_server_says(store: S3Store, status: int, code: str, said: str) -> None:
    before_send(store, "ListObjectsV2", lambda _: refusal(status, code))
    with pytest.raises(StorageError, match=said) as error:
        list(store.list("s3://bucket/x"))
    assert "in-the-message" not in str(error.value)


def test_no_credentials_are_said_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in AWS_KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    begin = time.monotonic()
    with pytest.raises(StorageError, match="no AWS credentials"):
        list(S3Store(StorageOptions()).list("s3://bucket/x"))
    assert time.monotonic() - begin < 10
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StorageError, match="can't be used"):
        list(S3Store(StorageOptions()).list("s3://bucket/x"))


def test_public_buckets_need_no_credentials(
    server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    server.client.put_object(Bucket=bucket, Key="x", Body=b"1", ACL="public-read")
    for name in AWS_KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    store = S3Store(StorageOptions(anonymous=True))
    seen: list[Any] = []
    before_send(store, "ListObjectsV2", lambda request: seen.append(request.headers))
    entry = only(store, f"s3://{bucket}/x")
    with store.open(entry) as stream:
        assert content_of(stream) == b"1"
    assert ["Authorization" in headers for headers in seen] == [False]


def test_an_endpoint_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match="can't be reached"):
        list(S3Store(StorageOptions()).list("s3://bucket/x"))


def test_keys_and_payers_are_named_in_each_request(bucket: str) -> None:
    store = S3Store(StorageOptions(requester_pays=True, kms_key="arn:aws:kms:us-east-1:1:key/k"))
    seen: list[tuple[str, str | None]] = []

    def look(request: Any) -> None:
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        assert "requester" in headers.get("x-amz-request-payer", ""), request.method
        seen.append((request.method, headers.get("x-amz-server-side-encryption-aws-kms-key-id")))

    before_send(store, "*", look)
    store.create(f"s3://{bucket}/x", [b"1"], {})
    store.create(f"s3://{bucket}/y", [bytes(SMALL + 1)], {})
    entry = only(store, f"s3://{bucket}/x")
    with store.open(entry) as stream:
        content_of(stream)
    store.move(f"s3://{bucket}/x", f"s3://{bucket}/z")
    key = "b'arn:aws:kms:us-east-1:1:key/k'"
    assert [(method, found is not None) for method, found in seen] == [
        ("PUT", True),
        ("POST", True),
        ("PUT", False),
        ("POST", False),
        ("GET", False),
        ("GET", False),
        ("PUT", True),
        ("DELETE", False),
    ]
    assert {found for _, found in seen} <= {None, key, key[2:-1]}


def test_beams_options_lead_to_the_store(server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    server.put(bucket, "x", b"1")
    for name in server.env:
        monkeypatch.delenv(name, raising=False)
    options = [
        f"--s3_endpoint_url={server.url}",
        "--s3_access_key_id=a",
        "--s3_secret_access_key=b",
        "--s3_region_name=eu-west-1",
        "--s3_verify=false",
    ]
    monkeypatch.setattr(FileSystems, "_pipeline_options", PipelineOptions(options))
    store = S3Store(StorageOptions())
    assert only(store, f"s3://{bucket}/x").size == 1
    assert store._client.meta.region_name == "eu-west-1"
    assert store._client is S3Store(StorageOptions())._client
    # another pipeline in this process, with another store
    monkeypatch.setattr(FileSystems, "_pipeline_options", PipelineOptions(["--s3_endpoint_url=http://127.0.0.1:9", *options[1:]]))
    assert store._client.meta.endpoint_url == "http://127.0.0.1:9"


def test_options_travel(bucket: str) -> None:
    options = StorageOptions(requester_pays=True, threads=3)
    again = pickle.loads(pickle.dumps(options))
    assert S3Store(again)._client is S3Store(options)._client
