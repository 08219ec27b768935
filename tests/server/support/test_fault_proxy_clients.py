"""The clients of each store get through the fault proxy, past the servers that the tests of object storage use."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from typing import Any

import google_crc32c
import pytest

from tests.support.fault_proxy import ERRORS, KINDS, FaultPlan, FaultProxy, fault_proxy
from tests.support.servers import azurite, azurite_connection, fake_gcs_server, moto_server, s3_client

# Servers of their own: each is behind a proxy of its own, whose luck goes by the names of buckets.

CONTENT = bytes(range(256)) * 40
MEDIA = "/storage/v1/b/hospital/o/a%2Fb.dcm?alt=media"
INSERT = "/upload/storage/v1/b/hospital/o?uploadType=multipart"


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FaultProxy, Any, Any]]:
    """A proxy, fake-gcs-server behind it, and a bucket of Google's client."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    with fault_proxy() as proxy, fake_gcs_server(external_url=proxy.url) as server:
        proxy.upstream = server.url
        server.create_bucket("hospital")
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        client = storage.Client(project="test", credentials=AnonymousCredentials())
        yield proxy, server, client.bucket("hospital")


def test_googles_client_gets_through(google: tuple[FaultProxy, Any, Any]) -> None:
    proxy, server, bucket = google
    kinds = ("cut-before", "cut-after", *ERRORS, "truncate")
    proxy.plan = FaultPlan(seed=3, share=0.3, kinds=kinds, max_repeats=1)
    contents = {f"folder/ä {number}": bytes([number]) * 1000 for number in range(30)}
    for name, content in contents.items():
        blob = bucket.blob(name)
        # only a write with a precondition is retried by itself; one that was cut after the work is then refused with 412,
        # so these are written over
        blob.upload_from_string(content, retry=blob_retry())
        assert blob.download_as_bytes(retry=blob_retry()) == content
    assert server.objects("hospital") == contents
    assert len(proxy.faults()) >= 5
    counts = proxy.counts(lambda request: request.operation if not request.fault else "fault")
    assert counts["insert"] == counts["media"] == 30


def blob_retry() -> Any:
    """Google's retry, without its long waits."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY.with_delay(initial=0.01, maximum=0.05)


def test_a_resumable_upload_stays_behind_the_proxy(google: tuple[FaultProxy, Any, Any]) -> None:
    proxy, server, bucket = google
    blob = bucket.blob("folder/large", chunk_size=256 * 1024)
    content = CONTENT * 100
    blob.upload_from_file(io.BytesIO(content))
    # beside these, a thread of the client's asks for the bucket, whenever it gets to it
    uploads = [request for request in proxy.log() if request.operation != "bucket"]
    assert [request.operation for request in uploads] == ["start", *["part"] * 4]
    assert {(request.bucket, request.name) for request in uploads} == {("hospital", "folder/large")}
    assert server.get("hospital", "folder/large") == content
    # the resource that came back has a mediaLink, which leads through the proxy as well
    assert blob.download_as_bytes() == content and proxy.counts()["media"] == 4


def test_google_refuses_a_corrupt_upload(google: tuple[FaultProxy, Any, Any]) -> None:
    from google.api_core.exceptions import BadRequest

    proxy, server, bucket = google
    proxy.plan = FaultPlan(seed=1, share=1.0, kinds=("corrupt-upload",))
    blob = bucket.blob("a")
    blob.crc32c = base64.b64encode(google_crc32c.Checksum(CONTENT).digest()).decode()
    with pytest.raises(BadRequest):
        blob.upload_from_string(CONTENT, checksum=None)
    assert server.objects("hospital") == {} and proxy.faults() == {"corrupt-upload": 1}


def test_googles_client_sees_a_corrupt_download(google: tuple[FaultProxy, Any, Any]) -> None:
    from google.cloud.storage.exceptions import DataCorruption

    proxy, server, bucket = google
    server.put("hospital", "a", CONTENT)
    for kind in ("corrupt", "corrupt-hash"):
        proxy.plan = FaultPlan(seed=1, share=1.0, kinds=(kind,))
        with pytest.raises(DataCorruption):
            bucket.blob("a").download_as_bytes(checksum="crc32c")
    # it asks for the rest of a short answer, and then no longer compares checksums: what it gives is not the object
    proxy.reset()
    proxy.plan = FaultPlan(seed=1, share=1.0, kinds=("short",))
    assert bucket.blob("a").download_as_bytes(checksum="crc32c") == CONTENT[: len(CONTENT) // 2 + len(CONTENT) // 4]


def test_amazons_client_gets_through() -> None:
    with fault_proxy() as proxy, moto_server() as server:
        proxy.upstream = server.url
        server.create_bucket("hospital")
        client = s3_client(proxy.url)
        proxy.plan = FaultPlan(seed=3, share=0.3, kinds=("cut-before", "cut-after", "500", "503"), max_repeats=1)
        contents = {f"folder/ä {number}": bytes([number]) * 1000 for number in range(20)}
        for name, content in contents.items():
            client.put_object(Bucket="hospital", Key=name, Body=content)
            assert client.get_object(Bucket="hospital", Key=name)["Body"].read() == content
        found = client.list_objects_v2(Bucket="hospital")["Contents"]
        assert {item["Key"] for item in found} == contents.keys() == server.objects("hospital").keys()
        counts = proxy.counts(lambda request: request.operation if not request.fault else "fault")
        assert counts["insert"] == counts["media"] == 20 and counts["list"] == 1 and proxy.faults().keys() <= set(KINDS)


def test_azures_client_gets_through() -> None:
    from azure.storage.blob import BlobServiceClient, ExponentialRetry

    with fault_proxy() as proxy, azurite() as server:
        proxy.upstream = server.url
        server.create_bucket("hospital")
        quick = ExponentialRetry(initial_backoff=0, increment_base=0, random_jitter_range=0)
        service = BlobServiceClient.from_connection_string(azurite_connection(proxy.url), retry_policy=quick)
        container = service.get_container_client("hospital")
        proxy.plan = FaultPlan(seed=3, share=0.3, kinds=("cut-before", "500", "503"), max_repeats=1)
        contents = {f"folder/ä {number}": bytes([number]) * 1000 for number in range(10)}
        for name, content in contents.items():
            container.upload_blob(name, content, overwrite=True)
            assert container.download_blob(name).readall() == content
        assert set(container.list_blob_names()) == contents.keys()
        assert server.objects("hospital") == contents
        counts = proxy.counts(lambda request: re.sub("^$", request.operation, request.fault))
        assert counts["insert"] == counts["media"] == 10 and counts["list"] == 1
