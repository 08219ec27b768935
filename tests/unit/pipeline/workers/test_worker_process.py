"""A process that works for a run."""

from apache_beam.runners.worker.statesampler import StateSampler
from apache_beam.utils.counters import CounterFactory

from pipeline.workers.worker_process import freeze_garbage_collector


def test_no_bundle_waits_long_for_beams_sampler() -> None:
    freeze_garbage_collector()
    assert StateSampler("stage", CounterFactory()).sampling_period_ms <= 10
