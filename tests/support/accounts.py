"""Accounts of runs that nobody ran."""

from typing import Any

from anonymizer import Key
from pipeline.options import JobOptions
from pipeline.runs.provenance import Provenance
from pipeline.runs.times import now
from tests.support.keys import KEY
from transforms import EarlierRuns, RowConstants

#: what stands in each row
CONSTANTS = RowConstants("digest", "settings", "key", "version", "20261129010000012345ab")


def origin(options: JobOptions, runner: str = "runner") -> dict[str, Any]:
    """Return the ``origin`` of a run with the test's key."""
    return Provenance.of(options, Key(KEY)).origin(runner, EarlierRuns(), started=now())
