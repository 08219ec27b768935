"""Times of a run: its start and end, and the durations of its stages, from the first object in a stage to the last."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from apache_beam.metrics.metric import MetricsFilter
from apache_beam.runners.runner import PipelineResult

from transforms import NAMESPACE, STAGES


class Span(NamedTuple):
    """Times of the first and last object in a stage, in seconds since the epoch."""

    first: float
    last: float


def now() -> str:
    """Return the current time in UTC, to the second, in ISO 8601."""
    return as_text(time.time())


def as_text(seconds: float) -> str:
    """Return a time, given in seconds since the epoch, in UTC and ISO 8601."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def spans_of(result: PipelineResult) -> dict[str, Span]:
    """Return the times of each stage, as far as the runner reports them."""
    try:
        found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["distributions"]
    except NotImplementedError:
        return {}
    spans: dict[str, Span] = {}
    for one in found:
        stage = STAGES.get(one.key.metric.name)
        if stage is None or one.result is None or not one.result.count:
            continue
        span = Span(one.result.min / 1000, one.result.max / 1000)
        known = spans.get(stage, span)
        spans[stage] = Span(min(known.first, span.first), max(known.last, span.last))
    return spans


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
