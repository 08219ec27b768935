"""Azure Blob Storage, by a real server over HTTP: what is read and written, by how many requests, and what can go wrong."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import google_crc32c
import pytest
from azure.storage.blob import ContentSettings

from anonymizer import DeidentificationError, Reason
from storage import (
    COUNTS,
    Entry,
    ObjectConflictError,
    Operations,
    StorageError,
    StorageOptions,
    StorageUnavailableError,
    TransientError,
)
from storage.stores import azure_client as module
from storage.stores.azure import AzureStore
from storage.stores.remote import PART, SMALL
from tests.support.entries import content_of, only
from tests.support.fault_proxy import FaultPlan, fault_proxy
from tests.support.servers import AZURITE_ACCOUNT, AzuriteServer, azurite, azurite_connection

CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"


@pytest.fixture(scope="module")
def server() -> Iterator[AzuriteServer]:
    with azurite() as found:
        yield found


@pytest.fixture(autouse=True)
def _environment(server: AzuriteServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(CONNECTION, server.connection_string)
    monkeypatch.setattr("time.sleep", lambda _: None)
    module._client.cache_clear()
    yield
    module._client.cache_clear()


@pytest.fixture
def store() -> AzureStore:
    COUNTS.take()
    return AzureStore(StorageOptions())


@pytest.fixture
def bucket(server: AzuriteServer, request: pytest.FixtureRequest) -> str:
    name = re.sub("[^a-z0-9]+", "-", request.node.name.lower())[-50:].strip("-")
    server.create_bucket(name)
    return name


@pytest.fixture
def root(bucket: str) -> str:
    return f"azfs://{AZURITE_ACCOUNT}/{bucket}/"


def test_names_come_with_size_and_tag_in_their_order(store: AzureStore, server: AzuriteServer, bucket: str, root: str) -> None:
    names = ["a/é.dcm", "a/+ %#?.dcm", "a/%2F&=;.dcm", "a//b", "a/z\nx", "/a", "//a", "b", "a/\U0010ffff", "a/\ufb00"]
    for name in names:
        server.put(bucket, name, name.encode())
    entries = list(store.list(root, limit=1000))
    assert [entry.uri.decode() for entry in entries] == [root + name for name in sorted(names)]
    assert sorted(store.list(root)) == entries
    for entry in entries:
        name = entry.uri[len(root) :]
        assert entry.size == len(name)
        assert entry.version.startswith("0x")
        with store.open(entry) as stream:
            assert content_of(stream) == name
        with store.open(entry, header=True) as stream:
            assert stream.read(100) == name
    below = [entry.uri.decode() for entry in store.list(f"{root}a/", after=f"{root}a/z\nx")]
    assert below == [f"{root}a/{name}" for name in ("é.dcm", "\ufb00", "\U0010ffff")]
    (found,) = store.list(root, after=f"{root}a/é.dcm", limit=1)
    assert found.uri.decode() == f"{root}a/\ufb00"


def test_pages_are_one_request_each(store: AzureStore, server: AzuriteServer, bucket: str, root: str) -> None:
    server.put_all(bucket, {f"{number:04}": b"x" for number in range(1500)})
    assert [entry.uri.decode() for entry in store.list(root)] == [f"{root}{number:04}" for number in range(1500)]
    assert COUNTS.take() == Operations(lists=2)
    assert len(list(store.list(root, limit=1))) == 1
    assert COUNTS.take() == Operations(lists=1)


def test_folders_that_an_account_has_are_no_objects(store: AzureStore, server: AzuriteServer, bucket: str, root: str) -> None:
    server.put(bucket, "a", b"", hdi_isfolder="true")
    server.put(bucket, "a/b", b"1", other="x")
    assert [entry.uri.decode() for entry in store.list(root)] == [f"{root}a/b"]


@pytest.mark.parametrize("size", [0, 1000, 200_000, 3_000_000])
def test_an_object_is_written_once_and_read_twice(store: AzureStore, root: str, size: int) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    uri = f"{root}study/x.dcm"
    written = store.create(uri, (content[at : at + 300_000] for at in range(0, size, 300_000)), {"source-id": "s"})
    assert written == (size, google_crc32c.value(content))
    assert COUNTS.take() == Operations(writes=1, bytes_written=size)
    entry = only(store, uri)
    COUNTS.take()
    with store.open(entry, header=True) as stream:
        assert stream.read(1000) == content[:1000]
    with store.open(entry) as stream:
        assert content_of(stream) == content
        assert stream.entry == entry
    operations = COUNTS.take()
    assert operations.reads == (2 if size else 0)
    assert operations.bytes_read <= size + (1 << 20)


def test_a_large_object_goes_in_blocks_and_comes_in_ranges(
    store: AzureStore, server: AzuriteServer, bucket: str, root: str
) -> None:
    content = (bytes(range(251)) * 100_000)[: 20 << 20]
    uri = f"{root}x.dcm"
    written = store.create(uri, (content[at : at + 300_000] for at in range(0, len(content), 300_000)), {"key-id": "k"})
    assert written == (len(content), google_crc32c.value(content))
    # two blocks, and their list
    assert COUNTS.take() == Operations(writes=3, bytes_written=len(content))
    entry = only(store, uri)
    COUNTS.take()
    for known in (entry, Entry(entry.uri)):
        with store.open(known) as stream:
            assert content_of(stream) == content
            assert stream.entry == entry
        assert COUNTS.take() == Operations(reads=2, bytes_read=len(content))
    with store.open(entry, start=5, end=PART + 10) as stream:
        assert content_of(stream) == content[5 : PART + 10]


def test_an_object_says_what_it_is(store: AzureStore, server: AzuriteServer, bucket: str, root: str) -> None:
    for name, content in (("small", b"1"), ("large", bytes(SMALL + 1))):
        store.create(root + name, [content], {"source-id": "s"})
        found = server.metadata(bucket, name)
        assert found["metadata"] == {"source_id": "s"}
        assert found["content_settings"]["content_type"] == "application/dicom"
        assert found["content_settings"]["content_md5"]


@pytest.mark.parametrize("size", [1000, SMALL + 1000, PART + 5_000_000])
@pytest.mark.parametrize("by", ["us", "another program", "another program that left no checksum"])
def test_the_same_again_is_a_success_and_something_else_a_conflict(
    store: AzureStore, server: AzuriteServer, bucket: str, root: str, size: int, by: str
) -> None:
    uri = f"{root}x.dcm"
    if by == "us":
        store.create(uri, [bytes(size)], {"run-id": "1"})
    else:
        server.put(bucket, "x.dcm", bytes(size))
        if "left" in by:
            server.client.get_blob_client(bucket, "x.dcm").set_http_headers(ContentSettings())
    tag = server.metadata(bucket, "x.dcm")["etag"]
    assert store.create(uri, [bytes(100), bytes(size - 100)], {"run-id": "2"}) == (size, google_crc32c.value(bytes(size)))
    for other in (b"1" + bytes(size - 1), bytes(size + 1)):
        with pytest.raises(ObjectConflictError):
            store.create(uri, [other], {})
    assert server.metadata(bucket, "x.dcm")["etag"] == tag


@pytest.mark.parametrize("size", [1000, SMALL + 1000])
def test_a_version_is_replaced_and_no_other(store: AzureStore, server: AzuriteServer, bucket: str, root: str, size: int) -> None:
    uri = f"{root}x.dcm"
    server.put(bucket, "x.dcm", b"1")
    (old,) = store.list(uri)
    with pytest.raises(ObjectConflictError):
        store.create(uri, [bytes(size)], {}, version="0x8D0000000000000")
    for _ in range(2):
        # the second time the answer to the first may have got lost
        assert store.create(uri, [bytes(size)], {}, version=old.version).size == size
    assert server.objects(bucket) == {"x.dcm": bytes(size)}


@pytest.mark.parametrize("size", [1000, SMALL + 1000, PART + 20_000_000])
@pytest.mark.parametrize("error", [DeidentificationError(Reason.TRUNCATED), KeyboardInterrupt()])
def test_what_fails_halfway_leaves_nothing(
    store: AzureStore, server: AzuriteServer, bucket: str, root: str, size: int, error: BaseException
) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(0, size, 100_000):
            yield bytes(100_000)
        raise error

    with pytest.raises(type(error)) as raised:
        store.create(f"{root}x.dcm", chunks(), {})
    assert raised.value is error
    assert server.names(bucket) == []


@pytest.mark.parametrize("size", [1000, SMALL + 1000])
def test_another_version_is_not_read(store: AzureStore, server: AzuriteServer, bucket: str, root: str, size: int) -> None:
    server.put(bucket, "x", bytes(size))
    entry = only(store, f"{root}x")
    server.put(bucket, "x", b"1" + bytes(size - 1))
    gone = Entry(f"{root}gone".encode(), size, entry.version)
    for refused in (entry, Entry(entry.uri, size + 1), gone):
        for header in (True, False):
            with pytest.raises(DeidentificationError) as error, store.open(refused, header=header) as stream:
                stream.read(10)
            assert error.value.reason is Reason.CHANGED_DURING_RUN
    with pytest.raises(DeidentificationError) as error, store.open(gone._replace(version="")) as stream:
        stream.read(10)
    assert error.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize("size", [0, 500, 500_000])
def test_size_and_version_are_learnt_where_a_manifest_has_none(
    store: AzureStore, server: AzuriteServer, bucket: str, root: str, size: int
) -> None:
    server.put(bucket, "x", bytes(size))
    entry = only(store, f"{root}x")
    with store.open(Entry(entry.uri), header=True) as stream:
        assert len(stream.read(100)) == min(size, 100)
        assert stream.entry == (entry if size else Entry(entry.uri))
    with store.open(Entry(entry.uri)) as stream:
        assert len(content_of(stream)) == size


def test_a_stale_checksum_is_noticed(store: AzureStore, server: AzuriteServer, bucket: str, root: str) -> None:
    for size in (1000, SMALL + 1):
        server.put(bucket, "x", bytes(size))
        server.client.get_blob_client(bucket, "x").set_http_headers(ContentSettings(content_md5=bytearray(16)))
        with pytest.raises(TransientError), store.open(only(store, f"{root}x")) as stream:
            content_of(stream)


@pytest.mark.parametrize("kind", ["cut-before", "cut-after", "503", "truncate", "corrupt", "corrupt-upload"])
@pytest.mark.parametrize("size", [100_000, SMALL + 5_000_000])
def test_what_goes_wrong_on_the_way_is_noticed_and_done_again(
    store: AzureStore, server: AzuriteServer, bucket: str, root: str, monkeypatch: pytest.MonkeyPatch, kind: str, size: int
) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    with fault_proxy(FaultPlan(seed=1, share=1.0, kinds=(kind,), max_repeats=1)) as proxy:
        proxy.upstream = server.url
        monkeypatch.setenv(CONNECTION, azurite_connection(proxy.url))
        assert store.create(f"{root}x", [content], {}).size == size
        assert server.get(bucket, "x") == content
        for entry in (only(store, f"{root}x"), Entry(f"{root}x".encode())):
            for attempt in range(3):
                try:
                    with store.open(entry) as stream:
                        assert content_of(stream) == content
                    break
                except TransientError:
                    # an object that was handed on already is begun anew by who read it
                    assert attempt < 2
        assert proxy.faults()[kind] > 0


def test_small_files_are_replaced_only_as_the_version_allows(
    store: AzureStore, server: AzuriteServer, bucket: str, root: str
) -> None:
    uri = f"{root}audit/run.json"
    with pytest.raises(FileNotFoundError):
        store.get(uri)
    store.put(uri, b"1", version="")
    assert server.metadata(bucket, "audit/run.json")["content_settings"]["content_type"] == "application/json"
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
    store.move(uri, f"{root}audit/earlier/run.json")
    store.move(uri, f"{root}audit/earlier/run.json")
    assert store.get(f"{root}audit/earlier/run.json")[0] == b"4"
    with pytest.raises(ObjectConflictError):
        store.put(uri, b"1", version=version)
    assert list(store.names(f"{root}audit", "")) == []
    assert list(store.names(f"{root}audit/earlier", "run")) == ["run.json"]
    store.delete(f"{root}audit/earlier/run.json")
    store.delete(f"{root}audit/earlier/run.json")
    assert list(store.list(root)) == []


def test_what_is_wrong_with_a_container_is_said_without_its_name(store: AzureStore, root: str) -> None:
    nowhere = f"azfs://{AZURITE_ACCOUNT}/no-such-container/x"
    for attempt in (
        lambda: list(store.list(nowhere)),
        lambda: store.get(nowhere),
        lambda: store.put(nowhere, b""),
        lambda: store.delete(nowhere),
    ):
        with pytest.raises(StorageError, match="doesn't exist") as error:
            attempt()
        assert "no-such" not in str(error.value)
    for content in (b"1", bytes(SMALL + 1)):
        with pytest.raises(DeidentificationError) as refused:
            store.create(nowhere, [content], {})
        assert refused.value.reason is Reason.OUTPUT_UNWRITABLE
    with pytest.raises(StorageError, match="ACCOUNT/CONTAINER"):
        list(store.list(f"azfs://{AZURITE_ACCOUNT}"))
    with pytest.raises(StorageError) as error:
        list(store.list(f"azfs://{AZURITE_ACCOUNT}/BAD_NAME!/x"))
    assert "BAD_NAME" not in str(error.value)


def test_the_way_there_is_found_or_the_lack_of_it_said(
    server: AzuriteServer, bucket: str, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    monkeypatch.delenv(CONNECTION)
    with pytest.raises(StorageError, match="can't be reached"):
        list(AzureStore(StorageOptions(anonymous=True)).list("azfs://nosuchaccount0/container/"))
    options = PipelineOptions([f"--azure_connection_string={server.connection_string}"])
    monkeypatch.setattr(FileSystems, "_pipeline_options", options)
    server.put(bucket, "x", b"1")
    assert only(AzureStore(StorageOptions()), f"{root}x").size == 1
    options = PipelineOptions([f"--blob_service_endpoint={server.url}/{AZURITE_ACCOUNT}"])
    monkeypatch.setattr(FileSystems, "_pipeline_options", options)
    with pytest.raises(StorageError, match="denied"):
        list(AzureStore(StorageOptions(anonymous=True)).list(root))


def test_names_are_not_logged(store: AzureStore, root: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    store.create(f"{root}Doe^Jane.dcm", [b"1"], {})
    with store.open(only(store, root)) as stream:
        content_of(stream)
    with pytest.raises(FileNotFoundError):
        store.get(f"{root}Doe^Jane.json")
    assert "Doe" not in caplog.text


def test_a_lost_server_is_said_without_what_it_says(store: AzureStore, root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise module.ServiceRequestError(f"{root}Doe")

    monkeypatch.setattr(module.CountingAdapter, "send", refuse)
    with pytest.raises(StorageError) as error:
        list(store.list(root))
    assert "Doe" not in str(error.value)
    for content in (b"1", bytes(SMALL + 1)):
        with pytest.raises(StorageUnavailableError) as lost:
            store.create(f"{root}x", [content], {})
        assert "Doe" not in str(lost.value)
