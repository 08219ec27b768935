"""Fixtures of all tests, and the one place where each folder of tests gets its layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.runs import key_file, planted_archive, planted_kept, planted_run

__all__ = ["key_file", "planted_archive", "planted_kept", "planted_run"]

TESTS = Path(__file__).parent
#: folders, and their layer; CONTRIBUTING.md says what belongs to each
LAYERS = {
    "unit": "unit",
    "conformance": "job",
    "deploy": "job",
    "fuzzing": "job",
    "job": "job",
    "server": "server",
    "engine": "engine",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        item.add_marker(LAYERS[folder])
