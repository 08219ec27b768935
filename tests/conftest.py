"""Fixtures of all tests, and the one place where each folder of tests gets its layer."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from profiles import compile_plan
from tests.support.runs import heard, key_file, planted_archive, planted_kept, planted_run
from tests.support.stores import azure_server, gcs_server, s3_server

__all__ = ["azure_server", "gcs_server", "heard", "key_file", "planted_archive", "planted_kept", "planted_run", "s3_server"]

# without compiled files each of some hundred processes compiles the project anew, and each worker all of the tests
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

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


@pytest.fixture(autouse=True, scope="module")
def _forget_plans() -> Iterator[None]:
    """Profiles of tests are many, and their plans would stay: gigabytes in a worker."""
    yield
    compile_plan.cache_clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        item.add_marker(LAYERS[folder])


def pytest_collection_finish() -> None:
    # the tests themselves are a million objects that stay: each collection of garbage would look at all of them
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


#: the goal: seconds of tests that a layer may take, all workers together: 8 minutes for three workers on two idle cores. Who
#: needs more takes it from somewhere else. When this was written, slow cores needed half as much again
BUDGETS = {"unit": 150, "job": 800, "server": 330, "engine": 160}
_taken: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    folder = Path(report.nodeid.partition("::")[0]).parts[1]
    _taken[LAYERS[folder]] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    told = (f"{layer} {_taken[layer]:.0f} of {budget}" for layer, budget in BUDGETS.items() if layer in _taken)
    terminalreporter.write_line(f"seconds by layer, of the goal for an idle machine: {', '.join(told)}")
