"""Names of the job's metrics. Counters are for watching; what is true stands in the audit tables."""

import time
from typing import Protocol

from apache_beam.metrics.metric import Metrics

from storage import Archive, Operations

NAMESPACE = "dicom-deid"

OBJECTS_LISTED = "objects_listed"
OBJECTS_TAKEN_UP = "objects_taken_up"
OBJECTS_SKIPPED = "objects_skipped"
OBJECTS_SCANNED = "objects_scanned"
OBJECTS_REJECTED = "objects_rejected"
OBJECTS_WRITTEN = "objects_written"
OBJECTS_REFUSED = "objects_refused"
HEADER_BYTES_READ = "header_bytes_read"
OBJECT_BYTES_WRITTEN = "object_bytes_written"
UIDS_MAPPED = "uids_mapped"
WORK_UNITS = "work_units"
#: what was done on object storage: (field of Operations, metric)
STORAGE = {field: f"storage_{field}" for field in Operations._fields}


#: metric -> stage: milliseconds since the epoch at which something went through it
STAGES = {f"{stage}_milliseconds": stage for stage in ("list", "scan", "anonymize")}


class StageClock:
    """Notes when a stage is at work; the first and the last of these times tell how long it took."""

    def __init__(self, stage: str) -> None:
        self._times = Metrics.distribution(NAMESPACE, f"{stage}_milliseconds")

    def note(self) -> None:
        """The stage is at work now."""
        self._times.update(int(time.time() * 1000))


def counter(name: str) -> Metrics.DelegatingCounter:
    """The job's counter of that name."""
    return Metrics.counter(NAMESPACE, name)


class StorageCounters:
    """Counts what an archive and its writers do on object storage."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._counters = [counter(name) for name in STORAGE.values()]

    def update(self) -> None:
        """Count what this process did since this was last called; metrics belong to the thread that Beam calls."""
        for found, count in zip(self._counters, self._archive.take_operations(), strict=True):
            if count:
                found.inc(count)


class ProgressListener(Protocol):
    """Who wants to know how far a local run is. Picklable."""

    def add(self, stage: str, count: int) -> None:
        """``count`` more objects were ``listed``, ``scanned`` or ``finished``."""
