"""Accounts of runs that nobody ran."""

from typing import Any

from anonymizer import Key
from pipeline.options import JobOptions
from pipeline.runs.provenance import made_with, origin_of
from pipeline.runs.settings import settings_of
from pipeline.runs.times import now
from tests.support.keys import KEY
from transforms import EarlierRuns, RowConstants

#: what stands in each row
CONSTANTS = RowConstants("digest", "settings", "key", "version", "20261129010000012345ab")


def origin(options: JobOptions, runner: str = "runner") -> dict[str, Any]:
    """What a run with the test's key is made with, and by."""
    key = Key(KEY)
    return origin_of(
        options, settings_of(options, made_with(options, key), key), runner, "making", EarlierRuns(), key, started=now()
    )
