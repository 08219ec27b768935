"""Servers that all tests of a worker share."""

from __future__ import annotations

from tests.support.stores import azure_server, gcs_server, s3_server

__all__ = ["azure_server", "gcs_server", "s3_server"]
