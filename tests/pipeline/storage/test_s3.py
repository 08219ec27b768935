"""S3, by a real server over HTTP: what is read and written, by how many requests, and what can go wrong."""

from __future__ import annotations

import pickle
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import google_crc32c
import pytest

from anonymizer import DeidentificationError, Reason
from pipeline.storage import COUNTS, Entry, OpenEntry, StorageError, StorageOptions, remote
from pipeline.storage import s3_client as module
from pipeline.storage import s3_stream as stream_module
from pipeline.storage.remote import PART, SMALL
from pipeline.storage.s3 import S3Store
from tests.support.fault_proxy import FaultPlan, fault_proxy
from tests.support.servers import AWS_KEYS, S3Server, moto_server
from transforms import ObjectConflictError, Operations, TransientError


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with moto_server() as found:
        yield found


@pytest.fixture(autouse=True)
def _environment(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    for found in (module, stream_module):
        monkeypatch.setattr(found, "PAUSES", (0.0,) * 4)
    module._client.cache_clear()
    yield
    module._client.cache_clear()


@pytest.fixture
def store() -> S3Store:
    COUNTS.take()
    return S3Store(StorageOptions())


@pytest.fixture
def bucket(server: S3Server, request: pytest.FixtureRequest) -> str:
    name = re.sub("[^a-z0-9]+", "-", request.node.name.lower())[-50:].strip("-")
    server.create_bucket(name)
    return name


def content_of(stream: OpenEntry) -> bytes:
    content = b""
    while piece := stream.read(1 << 20):
        content += piece
    return content


def only(store: S3Store, uri: str) -> Entry:
    (entry,) = store.list(uri)
    return entry


def unfinished(server: S3Server, bucket: str) -> list[Any]:
    return server.client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])


def before_send(store: S3Store, operation: str, answer: Callable[[Any], Any]) -> None:
    """Have ``answer`` look at each attempt of an operation before it is sent; what it gives takes the answer's place."""
    store._client.meta.events.register(f"before-send.s3.{operation}", lambda request, **_: answer(request))


def refusal(status: int, code: str) -> Any:
    from botocore.awsrequest import AWSResponse

    class Body:
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield f"<Error><Code>{code}</Code><Message>in-the-message</Message></Error>".encode()

    return AWSResponse("http://s3", status, {"content-type": "application/xml"}, Body())


# -- names -----------------------------------------------------------------------------------------------------------


def test_names_come_with_size_and_tag_in_their_order(store: S3Store, server: S3Server, bucket: str) -> None:
    names = ["a/é.dcm", "a/+ %#?.dcm", "a/%2F&=;.dcm", "a//b", "a/../c", "a/\x01", "/a", "//a", "b", "a/\U0010ffff"]
    for name in names:
        server.put(bucket, name, name.encode())
    entries = list(store.list(f"s3://{bucket}/"))
    assert [entry.uri.decode() for entry in entries] == [f"s3://{bucket}/{name}" for name in sorted(names)]
    for entry in entries:
        name = entry.uri[len(f"s3://{bucket}/") :]
        assert entry.size == len(name)
        assert re.fullmatch("[0-9a-f]{32}", entry.version)
        with store.open(entry) as stream:
            assert content_of(stream) == name
        with store.open(entry, header=True) as stream:
            assert stream.read(100) == name
    below = [entry.uri.decode() for entry in store.list(f"s3://{bucket}/a/", after=f"s3://{bucket}/a//b")]
    assert below == [f"s3://{bucket}/{name}" for name in ("a/é.dcm", "a/\U0010ffff")]
    assert [entry.uri for entry in store.list(f"s3://{bucket}//a")] == [f"s3://{bucket}//a".encode()]


def test_pages_are_one_request_each(store: S3Store, server: S3Server, bucket: str) -> None:
    server.put_all(bucket, {f"{number:04}": b"x" for number in range(1500)})
    everything = [entry.uri.decode() for entry in store.list(f"s3://{bucket}/")]
    assert everything == [f"s3://{bucket}/{number:04}" for number in range(1500)]
    assert COUNTS.take() == Operations(lists=2)
    assert len(list(store.list(f"s3://{bucket}/", limit=1200))) == 1200
    assert COUNTS.take() == Operations(lists=2)
    (found,) = store.list(f"s3://{bucket}/", after=f"s3://{bucket}/0499", limit=1)
    assert found.uri.decode() == f"s3://{bucket}/0500"
    assert COUNTS.take() == Operations(lists=1)


def test_places_of_folders_are_listed_as_they_are(store: S3Store, server: S3Server, bucket: str) -> None:
    server.put_all(bucket, {"a/": b"", "a/b": b"1"})
    assert [(entry.uri.decode(), entry.size) for entry in store.list(f"s3://{bucket}/a")] == [
        (f"s3://{bucket}/a/", 0),
        (f"s3://{bucket}/a/b", 1),
    ]


# -- reading and writing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1000, 200_000, 3_000_000])
def test_an_object_is_written_once_and_read_twice(store: S3Store, bucket: str, size: int) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    uri = f"s3://{bucket}/study/x.dcm"
    written = store.create(uri, (content[at : at + 300_000] for at in range(0, size, 300_000)), {"source-id": "s"})
    assert written == (size, google_crc32c.value(content))
    assert COUNTS.take() == Operations(writes=1, bytes_written=size)
    entry = only(store, uri)
    assert entry.size == size
    assert COUNTS.take() == Operations(lists=1)
    with store.open(entry, header=True) as stream:
        assert stream.read(1000) == content[:1000]
    with store.open(entry) as stream:
        assert content_of(stream) == content
        assert stream.entry == entry
    operations = COUNTS.take()
    assert operations.reads == (2 if size else 0)
    assert operations.bytes_read <= size + (256 << 10)


def test_a_large_object_goes_in_parts_and_comes_as_one_stream(store: S3Store, server: S3Server, bucket: str) -> None:
    content = (bytes(range(251)) * 100_000)[: 20 << 20]
    uri = f"s3://{bucket}/x.dcm"
    written = store.create(uri, (content[at : at + 300_000] for at in range(0, len(content), 300_000)), {"key-id": "k"})
    assert written == (len(content), google_crc32c.value(content))
    # begun, two parts, completed
    assert COUNTS.take() == Operations(writes=4, bytes_written=len(content))
    assert unfinished(server, bucket) == []
    first = server.client.head_object(Bucket=bucket, Key="x.dcm", PartNumber=1)
    assert first["ContentLength"] == PART
    entry = only(store, uri)
    COUNTS.take()
    with store.open(entry) as stream:
        assert content_of(stream) == content
        assert stream.entry == entry
    assert COUNTS.take() == Operations(reads=1, bytes_read=len(content))


def test_parts_are_alike_and_grow_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PART", 10)
    monkeypatch.setattr(remote, "_PARTS_ALIKE", 3)
    content = bytes(range(100))
    parts = remote.Parts(content[:4], (content[at : at + 7] for at in range(4, 100, 7)))
    found = list(parts)
    assert [len(part) for part in found] == [10, 10, 10, 20, 20, 20, 10]
    assert b"".join(found) == content
    assert parts.written == (100, google_crc32c.value(content))


def test_an_object_says_what_it_is(store: S3Store, server: S3Server, bucket: str) -> None:
    for name, content in (("small", b"1"), ("large", bytes(SMALL + 1))):
        store.create(f"s3://{bucket}/{name}", [content], {"source-id": "s", "key-id": "k"})
        found = server.client.head_object(Bucket=bucket, Key=name, ChecksumMode="ENABLED")
        assert (found["ContentType"], found["Metadata"]) == ("application/dicom", {"source-id": "s", "key-id": "k"})
    assert server.client.head_object(Bucket=bucket, Key="small", ChecksumMode="ENABLED")["ChecksumCRC32C"] == "kPWZ4w=="


@pytest.mark.parametrize("size", [1000, SMALL + 1000, PART + 5_000_000])
def test_the_same_again_is_a_success_and_something_else_a_conflict(
    store: S3Store, server: S3Server, bucket: str, size: int
) -> None:
    uri = f"s3://{bucket}/x.dcm"
    first = store.create(uri, [bytes(size)], {"run-id": "1"})
    assert store.create(uri, [bytes(100), bytes(size - 100)], {"run-id": "2"}) == first
    for other in (b"1" + bytes(size - 1), bytes(size + 1)):
        with pytest.raises(ObjectConflictError):
            store.create(uri, [other], {})
    assert server.metadata(bucket, "x.dcm")["Metadata"] == {"run-id": "1"}
    assert unfinished(server, bucket) == []


@pytest.mark.parametrize("size", [1000, SMALL + 1000])
def test_what_another_program_wrote_is_compared_by_its_content(store: S3Store, server: S3Server, bucket: str, size: int) -> None:
    server.put(bucket, "x.dcm", bytes(size))
    assert store.create(f"s3://{bucket}/x.dcm", [bytes(size)], {}).size == size
    server.put(bucket, "x.dcm", b"1" + bytes(size - 1))
    with pytest.raises(ObjectConflictError):
        store.create(f"s3://{bucket}/x.dcm", [bytes(size)], {})


@pytest.mark.parametrize("size", [1000, SMALL + 1000, PART + 20_000_000])
@pytest.mark.parametrize("error", [DeidentificationError(Reason.TRUNCATED), KeyboardInterrupt()])
def test_what_fails_halfway_leaves_nothing(
    store: S3Store, server: S3Server, bucket: str, size: int, error: BaseException
) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(0, size, 100_000):
            yield bytes(100_000)
        raise error

    with pytest.raises(type(error)) as raised:
        store.create(f"s3://{bucket}/x.dcm", chunks(), {})
    assert raised.value is error
    assert server.names(bucket) == []
    assert unfinished(server, bucket) == []


@pytest.mark.parametrize("size", [1000, SMALL + 1000])
def test_another_version_is_not_read(store: S3Store, server: S3Server, bucket: str, size: int) -> None:
    server.put(bucket, "x", bytes(size))
    entry = only(store, f"s3://{bucket}/x")
    server.put(bucket, "x", b"1" + bytes(size - 1))
    unversioned = Entry(entry.uri, size + 1)
    gone = Entry(f"s3://{bucket}/gone".encode(), size, "0" * 32)
    for refused in (entry, unversioned, gone):
        for header in (True, False):
            with pytest.raises(DeidentificationError) as error, store.open(refused, header=header) as stream:
                stream.read(10)
            assert error.value.reason is Reason.CHANGED_DURING_RUN
    with pytest.raises(DeidentificationError) as error, store.open(gone._replace(version="")) as stream:
        stream.read(10)
    assert error.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize("size", [0, 500, 500_000, SMALL + 1000])
def test_size_and_version_are_learnt_where_a_manifest_has_none(store: S3Store, server: S3Server, bucket: str, size: int) -> None:
    server.put(bucket, "x", bytes(size))
    entry = only(store, f"s3://{bucket}/x")
    COUNTS.take()
    with store.open(Entry(entry.uri), header=True) as stream:
        assert len(stream.read(100)) == min(size, 100)
        # an empty object has no range to tell of
        assert stream.entry == (entry if size else Entry(entry.uri))
    with store.open(Entry(entry.uri)) as stream:
        assert len(content_of(stream)) == size
        assert stream.entry == entry
    assert COUNTS.take().reads == 2


def test_a_part_is_one_request(store: S3Store, server: S3Server, bucket: str) -> None:
    content = bytes(range(256)) * 80_000
    server.put(bucket, "x", content)
    entry = only(store, f"s3://{bucket}/x")
    COUNTS.take()
    for start, end in ((1000, 5000), (3, 12_000_003), (len(content) - 10, len(content) + 100)):
        for known in (entry, Entry(entry.uri, -1, entry.version)):
            with store.open(known, start=start, end=end) as stream:
                assert content_of(stream) == content[start:end]
            assert COUNTS.take().reads == 1
            with store.open(known, start=start, end=end, header=True) as stream:
                assert stream.read(10) == content[start : start + 10]
            assert COUNTS.take().reads == 1
    with store.open(entry, start=len(content) - (9 << 20)) as stream:
        assert content_of(stream) == content[-(9 << 20) :]


def test_a_reader_that_stops_early_ends_the_download(store: S3Store, server: S3Server, bucket: str) -> None:
    server.put(bucket, "x", bytes(60_000_000))
    entry = only(store, f"s3://{bucket}/x")
    COUNTS.take()
    for _ in range(3):
        with store.open(entry) as stream:
            assert len(stream.read(1000)) == 1000
    assert COUNTS.take().bytes_read <= 3 << 20


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
