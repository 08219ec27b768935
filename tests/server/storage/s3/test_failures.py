"""S3 when requests go wrong, and how it is reached."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from anonymizer import DeidentificationError, Reason
from storage import COUNTS, Entry, ObjectConflictError, Operations, StorageError, StorageOptions, TransientError
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


@pytest.mark.parametrize("kind", ["cut-before", "cut-after", "503", "truncate", "short", "corrupt"])
@pytest.mark.parametrize("size", [100_000, SMALL + 5_000_000])
def test_what_goes_wrong_on_the_way_is_noticed_and_done_again(
    store: S3Store, server: S3Server, bucket: str, proxied: Any, monkeypatch: pytest.MonkeyPatch, kind: str, size: int
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    proxied.plan = FaultPlan(seed=1, share=1.0, kinds=(kind,), max_repeats=1)
    for name in ("ours", "theirs"):
        uri = f"s3://{bucket}/{name}"
        if name == "ours":
            assert store.create(uri, [content], {}).size == size
        else:
            server.put(bucket, name, content)
        assert server.get(bucket, name) == content
        for entry in (only(store, uri), Entry(uri.encode())):
            for header in (True, False):
                for attempt in range(3):
                    try:
                        with store.open(entry, header=header) as stream:
                            assert (stream.read(100) if header else content_of(stream)) == content[: 100 if header else size]
                        break
                    except TransientError:
                        # an object that was handed on already is begun anew by who read it
                        assert attempt < 2
    assert proxied.faults()[kind] > 0
    # an upload of which nobody was told that it began: the bucket's lifecycle removes it, no reader sees it
    assert len(unfinished(server, bucket)) <= (kind == "cut-after")


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


# -- small files -----------------------------------------------------------------------------------------------------


def test_small_files_are_replaced_only_as_the_version_allows(store: S3Store, server: S3Server, bucket: str) -> None:
    uri = f"s3://{bucket}/audit/run.json"
    with pytest.raises(FileNotFoundError):
        store.get(uri)
    with pytest.raises(ObjectConflictError):
        store.put(uri, b"1", version="0" * 32)
    store.put(uri, b"1", version="")
    assert server.metadata(bucket, "audit/run.json")["ContentType"] == "application/json"
    with pytest.raises(ObjectConflictError):
        store.put(uri, b"2", version="")
    # a request whose answer was lost is repeated
    store.put(uri, b"1", version="")
    content, version = store.get(uri)
    assert content == b"1"
    store.put(uri, b"2", version=version)
    with pytest.raises(ObjectConflictError):
        store.put(uri, b"3", version=version)
    store.put(uri, b"4")
    store.move(uri, f"s3://{bucket}/audit/earlier/run.json")
    store.move(uri, f"s3://{bucket}/audit/earlier/run.json")
    assert store.get(f"s3://{bucket}/audit/earlier/run.json")[0] == b"4"
    assert list(store.names(f"s3://{bucket}/audit", "")) == []
    assert list(store.names(f"s3://{bucket}/audit/earlier", "run")) == ["run.json"]
    store.delete(f"s3://{bucket}/audit/earlier/run.json")
    store.delete(f"s3://{bucket}/audit/earlier/run.json")
    assert list(store.list(f"s3://{bucket}/")) == []


# -- reaching it -----------------------------------------------------------------------------------------------------


def test_what_is_wrong_with_a_bucket_is_said_without_its_name(store: S3Store) -> None:
    for attempt in (
        lambda: list(store.list("s3://no-such-bucket/x")),
        lambda: store.get("s3://no-such-bucket/x"),
        lambda: store.put("s3://no-such-bucket/x", b"", version=""),
        lambda: store.put("s3://no-such-bucket/x", b""),
        lambda: store.delete("s3://no-such-bucket/x"),
    ):
        with pytest.raises(StorageError, match="doesn't exist") as error:
            attempt()
        assert "no-such-bucket" not in str(error.value)
    for content in (b"1", bytes(SMALL + 1)):
        with pytest.raises(DeidentificationError) as refused:
            store.create("s3://no-such-bucket/x", [content], {})
        assert refused.value.reason is Reason.OUTPUT_UNWRITABLE
    with pytest.raises(StorageError) as error:
        list(store.list("s3://No_Bucket_at_all!/x"))
    assert "No_Bucket" not in str(error.value)


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


def test_threads_share_a_client(store: S3Store, bucket: str) -> None:
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            uri = f"s3://{bucket}/{number}"
            store.create(uri, [bytes(number)], {})
            with store.open(only(store, uri)) as stream:
                assert content_of(stream) == bytes(number)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(100, 116)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert COUNTS.take() == Operations(lists=16, reads=16, writes=16, bytes_read=1720, bytes_written=1720)
