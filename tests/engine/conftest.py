"""A server of object storage that all tests of a worker share."""

from __future__ import annotations

from tests.support.stores import gcs_server

__all__ = ["gcs_server"]
