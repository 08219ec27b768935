"""Object storage by real servers, as a command is led to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tests.support.servers import AWS_KEYS, azurite, azurite_connection, fake_gcs_server, moto_server

KINDS = ("gs", "s3", "azfs")


class Store(NamedTuple):
    """A server.

    Attributes:
        beginning: of URIs, before a bucket's name.
        server: to look at what is there.
        env, flags: what leads a command there.
    """

    beginning: str
    server: Any
    env: dict[str, str]
    flags: list[str]


@contextmanager
def store(kind: str) -> Iterator[Store]:
    """An empty store of one of KINDS."""
    if kind == "gs":
        with fake_gcs_server() as gcs:
            yield Store("gs://", gcs, {"STORAGE_EMULATOR_HOST": gcs.url}, [])
    elif kind == "s3":
        with moto_server() as s3:
            yield Store("s3://", s3, {"AWS_ENDPOINT_URL": s3.url, **AWS_KEYS}, [])
    else:
        with azurite() as azure:
            yield Store("azfs://devstoreaccount1/", azure, {}, [f"--azure_connection_string={azurite_connection(azure.url)}"])
