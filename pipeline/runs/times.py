"""When a run began and ended, and how long its stages took: from the first that went through a stage to the last."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from apache_beam.metrics.metric import MetricsFilter
from apache_beam.runners.runner import PipelineResult

from transforms import NAMESPACE, STAGES


class Span(NamedTuple):
    """Seconds since the epoch."""

    first: float
    last: float


def now() -> str:
    """The time in UTC, to the second, as ISO 8601 has it."""
    return as_text(time.time())


def as_text(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 has them, in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def spans_of(result: PipelineResult) -> dict[str, Span]:
    """When what went through a stage first and last did so, as far as the runner tells."""
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
    """``times`` of ``run.json``.

    Args:
        started, ended: as ``now`` gives them.
        spans: none where the runner doesn't tell.
        account_seconds: how long the account took.
    """
    seconds: dict[str, float | None] = dict.fromkeys(STAGES.values())
    seconds |= {stage: round(span.last - span.first, 3) for stage, span in spans.items()}
    total = (datetime.fromisoformat(ended[:-1]) - datetime.fromisoformat(started[:-1])).total_seconds()
    return {"started": started, "ended": ended, "seconds": {**seconds, "account": round(account_seconds, 3), "total": total}}
