"""Servers that speak the protocols of object stores, and this process's clients led to them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.servers import GcsServer, fake_gcs_server


@pytest.fixture(scope="module")
def gcs() -> Iterator[GcsServer]:
    from storage import registry
    from storage.stores import gcs_client

    with fake_gcs_server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", server.url)
        gcs_client._client.cache_clear()
        registry._store.cache_clear()
        yield server
    gcs_client._client.cache_clear()
    registry._store.cache_clear()
