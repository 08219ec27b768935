"""Metrics of a job, as far as Beam's runner tells them."""

from collections import Counter
from typing import Any, NamedTuple

from apache_beam.metrics.metric import MetricsFilter
from apache_beam.runners.runner import PipelineResult

from transforms import NAMESPACE, STAGES, STORAGE


class Span(NamedTuple):
    """Times of the first and last object in a stage, in seconds since the epoch."""

    first: float
    last: float


def operations_of(result: PipelineResult) -> dict[str, int]:
    """Return counts of operations on object storage, by kind; empty if there were none, or the runner doesn't count."""
    totals = Counter[str]()
    for counter in _metrics(result, "counters"):
        totals[counter.key.metric.name] += counter.result or 0
    return {field: totals[name] for field, name in STORAGE.items() if name in totals}


def spans_of(result: PipelineResult) -> dict[str, Span]:
    """Return the times of each stage, as far as the runner reports them."""
    spans: dict[str, Span] = {}
    for one in _metrics(result, "distributions"):
        stage = STAGES.get(one.key.metric.name)
        if stage is None or one.result is None or not one.result.count:
            continue
        span = Span(one.result.min / 1000, one.result.max / 1000)
        known = spans.get(stage, span)
        spans[stage] = Span(min(known.first, span.first), max(known.last, span.last))
    return spans


def _metrics(result: PipelineResult, kind: str) -> list[Any]:
    """Return the job's metrics of a kind; none if the runner doesn't tell them."""
    try:
        return list(result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))[kind])
    except NotImplementedError:
        return []
