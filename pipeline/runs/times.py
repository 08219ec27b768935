"""Times of a run: its start and end, and the durations of its stages, from the first object in a stage to the last."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from transforms import STAGES

from .metrics import Span


def now() -> str:
    """Return the current time in UTC, to the second, in ISO 8601."""
    return as_text(time.time())


def as_text(seconds: float) -> str:
    """Return a time, given in seconds since the epoch, in UTC and ISO 8601."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def times(started: str, ended: str, spans: Mapping[str, Span], account_seconds: float) -> dict[str, Any]:
    """Return ``times`` of ``run.json``.

    Args:
        started, ended: results of ``now``.
        spans: times of the stages; the duration of a stage without times is None.
        account_seconds: duration of the account.
    """
    seconds: dict[str, float | None] = dict.fromkeys(STAGES.values())
    seconds |= {stage: round(span.last - span.first, 3) for stage, span in spans.items()}
    total = (datetime.fromisoformat(ended[:-1]) - datetime.fromisoformat(started[:-1])).total_seconds()
    return {"started": started, "ended": ended, "seconds": {**seconds, "account": round(account_seconds, 3), "total": total}}
