"""Google Cloud Storage, by a real server over HTTP: what every store promises, and what is Google's own."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

import google_crc32c
import pytest

from storage import StorageOptions, TransientError
from storage.stores import gcs_client
from storage.stores.gcs import GcsStore
from storage.stores.remote import SMALL
from tests.support.bucket_contract import BucketContract
from tests.support.entries import content_of, only
from tests.support.places import BucketPlace
from tests.support.servers import GcsServer


class TestGcs(BucketContract):
    beginning = "gs://"
    impossible = "gs://BAD_name!/x"
    more_names = ("a//b", "a/z\nx")
    versions = r"\d+"
    # FIXME: a ValueError of Google's library, which nobody expects
    impossible_is = ValueError
    # FIXME: without a version a size isn't held against what is there: a large object passes, a small one is a TransientError
    compares_sizes = False
    # FIXME: the answer to a range of nothing is a 416, which is taken for a refusal
    finds_no_header = False
    # the checksum of a resumable upload comes at its end, and the job makes the object once more
    ends_an_upload: ClassVar[dict[str, type[Exception]]] = {"corrupt-upload": TransientError}
    # fake-gcs-server takes a piece of an upload that comes twice, twice
    only: ClassVar[dict[str, str]] = {"cut-after": "^(?!part)"}
    # Google's answer is the same 404 for both
    tells_missing_buckets = False

    @pytest.fixture
    def server(self, gcs_server: GcsServer) -> GcsServer:
        return gcs_server

    def lead(self, server: GcsServer, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
        self.forget()

    def forget(self) -> None:
        gcs_client._client.cache_clear()

    def new_store(self) -> GcsStore:
        return GcsStore(StorageOptions())

    def writes_of(self, size: int) -> int:
        # the pieces of a large one belong to the operation that began it
        return 1

    def reads_of(self, size: int) -> int:
        return min(size, 1)

    def other_versions(self, version: str) -> list[str]:
        return ["1", str(int(version) + 1)]

    def described(self, metadata: dict[str, Any]) -> tuple[str, dict[str, str]]:
        return metadata["contentType"], metadata.get("metadata", {})

    def test_the_server_is_told_the_checksum(self, place: BucketPlace) -> None:
        for name, content in (("small", b"1"), ("large", bytes(SMALL + 1))):
            place.write(name, [content])
            assert place.metadata(name)["crc32c"] == base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode()

    def test_keys_and_payers_are_named_in_each_request(self, place: BucketPlace) -> None:
        options = StorageOptions(user_project="payer", kms_key="projects/p/locations/l/keyRings/r/cryptoKeys/k")
        store = GcsStore(options)
        seen: list[str] = []
        session = gcs_client.client(options)._http
        session.hooks["response"].append(
            lambda response, **_: seen.append(f"{response.request.method} {response.request.path_url}")
        )
        store.create(f"{place.root}x", [b"1"], {})
        with store.open(only(store, f"{place.root}x")) as stream:
            content_of(stream)
        assert len(seen) == 3
        assert all("userProject=payer" in request for request in seen)
        assert [("kmsKeyName=" in request) for request in seen] == [True, False, False]
