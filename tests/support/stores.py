"""Object storage by real servers: one of each kind for all tests of a worker, a bucket of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.support.servers import (
    AWS_KEYS,
    AZURITE_ACCOUNT,
    AzuriteServer,
    GcsServer,
    S3Server,
    azurite,
    azurite_connection,
    fake_gcs_server,
    moto_server,
)

KINDS = ("gs", "s3", "azfs")
_SERVERS = {"gs": "gcs_server", "s3": "s3_server", "azfs": "azure_server"}
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsServer]:
    with fake_gcs_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[AzuriteServer]:
    with azurite() as server:
        yield server


def new_bucket(server: GcsServer | S3Server | AzuriteServer, word: str = "bucket") -> str:
    """An empty bucket that no other test has; its name begins with ``word``."""
    name = f"{word}-{next(_NUMBERS)}"
    server.create_bucket(name)
    return name


class Store(NamedTuple):
    """A server, which other tests use, too.

    Attributes:
        beginning: of URIs, before a bucket's name.
        server: to look at what is there.
        env, flags: what leads a command there.
    """

    beginning: str
    server: Any
    env: dict[str, str]
    flags: list[str]

    def new_bucket(self, word: str = "bucket") -> str:
        """As ``new_bucket`` of this module."""
        return new_bucket(self.server, word)


def store(kind: str, request: pytest.FixtureRequest) -> Store:
    """The worker's store of one of KINDS."""
    server = request.getfixturevalue(_SERVERS[kind])
    if kind == "gs":
        return Store("gs://", server, {"STORAGE_EMULATOR_HOST": server.url}, [])
    if kind == "s3":
        return Store("s3://", server, {"AWS_ENDPOINT_URL": server.url, **AWS_KEYS}, [])
    return Store(f"azfs://{AZURITE_ACCOUNT}/", server, {}, [f"--azure_connection_string={azurite_connection(server.url)}"])
