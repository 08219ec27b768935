"""Metrics of a run, as far as Beam's runner tells them."""

from collections import Counter

from apache_beam.metrics.metric import MetricsFilter
from apache_beam.runners.runner import PipelineResult

from transforms import NAMESPACE, STORAGE


def operations_of(result: PipelineResult) -> dict[str, int]:
    """Return the runner's counts of operations on object storage; none where there were none, or where it doesn't count."""
    try:
        counters = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    except NotImplementedError:
        return {}
    found = {counter.key.metric.name for counter in counters}
    totals = Counter[str]()
    for counter in counters:
        totals[counter.key.metric.name] += counter.result or 0
    return {field: totals[name] for field, name in STORAGE.items() if name in found}
