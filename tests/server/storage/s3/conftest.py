"""This process's clients led to a real server, and no further than a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storage import COUNTS, StorageOptions
from storage.stores import s3_client as module
from storage.stores import s3_stream as stream_module
from storage.stores.s3 import S3Store
from tests.support.servers import S3Server
from tests.support.stores import new_bucket


@pytest.fixture
def server(s3_server: S3Server) -> S3Server:
    return s3_server


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
def bucket(server: S3Server) -> str:
    return new_bucket(server)
