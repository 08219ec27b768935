"""Google Cloud Storage, by a real server over HTTP: what is read and written, by how many requests, and what can go wrong."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator

import google_crc32c
import pytest

from anonymizer import DeidentificationError, Reason
from storage import COUNTS, Entry, ObjectConflictError, Operations, StorageError, StorageOptions, split, store_for
from storage.stores.gcs import GcsStore
from storage.stores.remote import SMALL
from tests.support.entries import content_of, only
from tests.support.servers import GcsServer


@pytest.fixture
def store(gcs: GcsServer) -> GcsStore:
    found = store_for("gs://", StorageOptions())
    assert isinstance(found, GcsStore)
    COUNTS.take()
    return found


@pytest.fixture
def bucket(gcs: GcsServer, request: pytest.FixtureRequest) -> str:
    name = f"b-{abs(hash(request.node.name)) % 10**9}"
    gcs.create_bucket(name)
    return name


def test_names_come_with_size_and_generation_in_their_order(store: GcsStore, gcs: GcsServer, bucket: str) -> None:
    names = ["a/é.dcm", "a/+ %#?.dcm", "a//b", "a/z\nx", "b"]
    for name in names:
        gcs.put(bucket, name, name.encode())
    entries = list(store.list(f"gs://{bucket}/a/"))
    expected = sorted(name for name in names if name.startswith("a/"))
    assert [entry.uri.decode() for entry in entries] == [f"gs://{bucket}/{name}" for name in expected]
    assert all(entry.size == len(entry.uri.decode().partition(bucket + "/")[2].encode()) for entry in entries)
    assert all(entry.version.isdigit() for entry in entries)
    after = list(store.list(f"gs://{bucket}/a/", after=f"gs://{bucket}/a//b", limit=1))
    assert [entry.uri.decode() for entry in after] == [f"gs://{bucket}/a/z\nx"]
    for entry in entries:
        with store.open(entry) as stream:
            assert content_of(stream) == entry.uri.decode().partition(bucket + "/")[2].encode()


def test_pages_are_one_request_each(store: GcsStore, gcs: GcsServer, bucket: str) -> None:
    gcs.put_all(bucket, {f"{number}": b"x" for number in range(1500)})
    assert len(list(store.list(f"gs://{bucket}/"))) == 1500
    assert COUNTS.take() == Operations(lists=2)


@pytest.mark.parametrize("size", [0, 1000, 200_000, 3_000_000, SMALL + 1_000_000])
def test_an_object_is_written_once_and_read_twice(store: GcsStore, bucket: str, size: int) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    uri = f"gs://{bucket}/study/x.dcm"
    written = store.create(uri, (content[at : at + 300_000] for at in range(0, size, 300_000)), {"source-id": "s"})
    assert written == (size, google_crc32c.value(content))
    assert COUNTS.take() == Operations(writes=1, bytes_written=size)
    entry = only(store, uri)
    assert entry.size == size
    COUNTS.take()
    with store.open(entry, header=True) as stream:
        assert stream.read(1000) == content[:1000]
    with store.open(entry) as stream:
        assert content_of(stream) == content
        assert stream.entry == entry
    operations = COUNTS.take()
    assert operations.reads == (2 if size else 0)
    # a header's range is longer where long headers were seen before
    assert operations.bytes_read <= size + (1 << 20)


def test_an_object_says_what_it_is(store: GcsStore, gcs: GcsServer, bucket: str) -> None:
    for name, content in (("small", b"1"), ("large", bytes(SMALL + 1))):
        store.create(f"gs://{bucket}/{name}", [content], {"source-id": "s", "key-id": "k"})
        found = gcs.metadata(bucket, name)
        assert (found["contentType"], found["metadata"]) == ("application/dicom", {"source-id": "s", "key-id": "k"})
        assert found["crc32c"] == base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()


@pytest.mark.parametrize("size", [1000, SMALL + 1000])
def test_the_same_again_is_a_success_and_something_else_a_conflict(
    store: GcsStore, gcs: GcsServer, bucket: str, size: int
) -> None:
    uri = f"gs://{bucket}/x.dcm"
    first = store.create(uri, [bytes(size)], {"run-id": "1"})
    generation = gcs.metadata(bucket, "x.dcm")["generation"]
    assert store.create(uri, [bytes(100), bytes(size - 100)], {"run-id": "2"}) == first
    for other in (b"1" + bytes(size - 1), bytes(size + 1)):
        with pytest.raises(ObjectConflictError):
            store.create(uri, [other], {})
    assert gcs.metadata(bucket, "x.dcm")["generation"] == generation


@pytest.mark.parametrize("size", [1000, SMALL + 1000])
def test_a_version_is_replaced_and_no_other(store: GcsStore, gcs: GcsServer, bucket: str, size: int) -> None:
    uri = f"gs://{bucket}/x.dcm"
    gcs.put(bucket, "x.dcm", b"1")
    (old,) = store.list(uri)
    for other in ("1", str(int(old.version) + 1)):
        with pytest.raises(ObjectConflictError):
            store.create(uri, [bytes(size)], {}, version=other)
    for _ in range(2):
        # the second time the answer to the first may have got lost
        assert store.create(uri, [bytes(size)], {}, version=old.version).size == size
    assert gcs.objects(bucket) == {"x.dcm": bytes(size)}


@pytest.mark.parametrize("size", [1000, SMALL + 20_000_000])
def test_what_fails_halfway_leaves_nothing(store: GcsStore, gcs: GcsServer, bucket: str, size: int) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(0, size, 100_000):
            yield bytes(100_000)
        raise DeidentificationError(Reason.TRUNCATED)

    with pytest.raises(DeidentificationError) as error:
        store.create(f"gs://{bucket}/x.dcm", chunks(), {})
    assert error.value.reason is Reason.TRUNCATED
    assert gcs.objects(bucket) == {}


def test_another_generation_is_not_read(store: GcsStore, gcs: GcsServer, bucket: str) -> None:
    gcs.put(bucket, "x", b"1" * 1000)
    entry = only(store, f"gs://{bucket}/x")
    gcs.put(bucket, "x", b"2" * 1000)
    for header in (True, False):
        with pytest.raises(DeidentificationError) as error, store.open(entry, header=header) as stream:
            stream.read(10)
        assert error.value.reason is Reason.CHANGED_DURING_RUN
    with pytest.raises(DeidentificationError) as error, store.open(Entry(f"gs://{bucket}/gone".encode(), 5)) as stream:
        stream.read(10)
    assert error.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize("size", [500, 500_000, SMALL + 1000])
def test_size_and_generation_are_learnt_where_a_manifest_has_none(
    store: GcsStore, gcs: GcsServer, bucket: str, size: int
) -> None:
    gcs.put(bucket, "x", bytes(size))
    entry = only(store, f"gs://{bucket}/x")
    COUNTS.take()
    with store.open(Entry(entry.uri), header=True) as stream:
        stream.read(100)
        assert stream.entry == entry
    with store.open(Entry(entry.uri)) as stream:
        assert len(content_of(stream)) == size
    assert COUNTS.take().reads == 2


def test_a_part_is_one_request(store: GcsStore, gcs: GcsServer, bucket: str) -> None:
    content = bytes(range(256)) * 80_000
    gcs.put(bucket, "x", content)
    entry = only(store, f"gs://{bucket}/x")
    COUNTS.take()
    for start, end in ((1000, 5000), (3, 12_000_003), (len(content) - 10, len(content) + 100)):
        for known in (entry, Entry(entry.uri, -1, entry.version)):
            with store.open(known, start=start, end=end) as stream:
                assert content_of(stream) == content[start:end]
            assert COUNTS.take().reads == 1
            with store.open(known, start=start, end=end, header=True) as stream:
                assert stream.read(10) == content[start : start + 10]
            assert COUNTS.take().reads == 1


def test_a_reader_that_stops_early_ends_the_download(store: GcsStore, gcs: GcsServer, bucket: str) -> None:
    gcs.put(bucket, "x", bytes(60_000_000))
    entry = only(store, f"gs://{bucket}/x")
    before = threading.active_count()
    with store.open(entry) as stream:
        assert len(stream.read(1000)) == 1000
    assert threading.active_count() == before


def test_long_headers_are_learnt(store: GcsStore, gcs: GcsServer, bucket: str) -> None:
    gcs.put_all(bucket, {f"{number}": bytes(900_000) for number in range(40)})
    for entry in list(store.list(f"gs://{bucket}/")):
        with store.open(entry, header=True) as stream:
            assert len(stream.read(65_536)) == 65_536
            rest = 300_000
            while rest > 0:
                rest -= len(stream.read(65_536))
    # two for each at first, one when it is known how long they are
    assert 40 < COUNTS.take().reads < 40 + 25


def test_small_files_are_replaced_only_as_the_version_allows(store: GcsStore, bucket: str) -> None:
    uri = f"gs://{bucket}/audit/run.json"
    with pytest.raises(FileNotFoundError):
        store.get(uri)
    store.put(uri, b"1", version="")
    with pytest.raises(ObjectConflictError):
        store.put(uri, b"2", version="")
    # a request whose answer was lost is repeated
    store.put(uri, b"1", version="")
    _, version = store.get(uri)
    store.put(uri, b"2", version=version)
    with pytest.raises(ObjectConflictError):
        store.put(uri, b"3", version=version)
    store.put(uri, b"4")
    store.move(uri, f"gs://{bucket}/audit/earlier/run.json")
    store.move(uri, f"gs://{bucket}/audit/earlier/run.json")
    assert list(store.names(f"gs://{bucket}/audit", "")) == []
    assert list(store.names(f"gs://{bucket}/audit/earlier", "run")) == ["run.json"]
    store.delete(f"gs://{bucket}/audit/earlier/run.json")
    store.delete(f"gs://{bucket}/audit/earlier/run.json")
    assert list(store.list(f"gs://{bucket}/")) == []


def test_what_is_wrong_with_a_bucket_is_said_without_its_name(store: GcsStore) -> None:
    with pytest.raises(StorageError, match="doesn't exist") as error:
        next(store.list("gs://no-such-bucket/x"))
    assert "no-such-bucket" not in str(error.value)
    with pytest.raises(DeidentificationError) as refused:
        store.create("gs://no-such-bucket/x", [b"1"], {})
    assert refused.value.reason is Reason.OUTPUT_UNWRITABLE


def test_keys_and_payers_are_named_in_each_request(gcs: GcsServer, bucket: str) -> None:
    options = StorageOptions(user_project="payer", kms_key="projects/p/locations/l/keyRings/r/cryptoKeys/k")
    store = store_for("gs://", options)
    assert isinstance(store, GcsStore)
    seen: list[str] = []
    from storage.stores.gcs_client import client

    session = client(options)._http
    session.hooks["response"].append(lambda response, **_: seen.append(f"{response.request.method} {response.request.path_url}"))
    store.create(f"gs://{bucket}/x", [b"1"], {})
    (entry,) = store.list(f"gs://{bucket}/x")
    with store.open(entry) as stream:
        content_of(stream)
    assert len(seen) == 3
    assert all("userProject=payer" in request for request in seen)
    assert [("kmsKeyName=" in request) for request in seen] == [True, False, False]


def test_parts_of_a_bucket_hold_each_object_once(
    store: GcsStore, gcs: GcsServer, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {f"a/1.2.{number * 7919 % 10007}/é {number}.dcm": b"x" for number in range(300)}
    gcs.put_all(bucket, names)
    monkeypatch.setattr("storage.prefixes.PAGE", 20)
    monkeypatch.setattr("storage.prefixes.FEW_PAGES", 1)
    parts = list(split(store, f"gs://{bucket}/a/", 10))
    assert len(parts) > 5 and all(is_prefix for _, is_prefix in parts)
    found = [entry.uri.decode() for name, _ in parts for entry in store.list(name)]
    assert sorted(found) == sorted(f"gs://{bucket}/{name}" for name in names)
