"""S3, by a real server over HTTP: what is read and written, by how many requests, and what can go wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

import google_crc32c
import pytest

from anonymizer import DeidentificationError, Reason
from storage import COUNTS, Entry, ObjectConflictError, Operations
from storage.stores import remote
from storage.stores.remote import PART, SMALL
from storage.stores.s3 import S3Store
from tests.server.storage.s3.helpers import unfinished
from tests.support.entries import content_of, only
from tests.support.servers import S3Server

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
    assert operations.bytes_read <= size + (1 << 20)


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
def test_a_version_is_replaced_and_no_other(store: S3Store, server: S3Server, bucket: str, size: int) -> None:
    uri = f"s3://{bucket}/x.dcm"
    server.put(bucket, "x.dcm", b"1")
    (old,) = store.list(uri)
    with pytest.raises(ObjectConflictError):
        store.create(uri, [bytes(size)], {}, version="0" * 32)
    for _ in range(2):
        # the second time the answer to the first may have got lost
        assert store.create(uri, [bytes(size)], {}, version=old.version).size == size
    assert server.objects(bucket) == {"x.dcm": bytes(size)}
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


def test_directory_buckets_are_not_divided(store: S3Store) -> None:
    """They list in no order: what was passed over would be lost."""
    assert store.divides("s3://hospital/a/") and not store.divides("s3://hospital--use1-az4--x-s3/a/")
