"""A real server, and this process's clients led to it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from storage import COUNTS, StorageOptions
from storage.stores import s3_client as module
from storage.stores import s3_stream as stream_module
from storage.stores.s3 import S3Store
from tests.support.servers import S3Server, moto_server


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
