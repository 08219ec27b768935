"""Names of the job's metrics. Counters are for watching; the audit tables hold the truth."""

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
#: operations on object storage: field of Operations -> metric
STORAGE = {field: f"storage_{field}" for field in Operations._fields}


#: metric -> stage: milliseconds since the epoch at which objects went through it
STAGES = {f"{stage}_milliseconds": stage for stage in ("list", "scan", "anonymize")}


class StageClock:
    """Notes when a stage is at work; the first and the last of these times tell how long it took."""

    def __init__(self, stage: str) -> None:
        self._times = Metrics.distribution(NAMESPACE, f"{stage}_milliseconds")

    def note(self) -> None:
        """Note that the stage is at work now."""
        self._times.update(int(time.time() * 1000))


def counter(name: str) -> Metrics.DelegatingCounter:
    """Return the job's counter of that name."""
    return Metrics.counter(NAMESPACE, name)


class StorageCounters:
    """Counts the operations of an archive and its writers on object storage."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._counters = [counter(name) for name in STORAGE.values()]

    def update(self) -> None:
        """Count this process's operations since the last call; metrics belong to the thread that Beam calls."""
        for found, count in zip(self._counters, self._archive.take_operations(), strict=True):
            if count:
                found.inc(count)


class ProgressListener(Protocol):
    """Receiver of a local run's progress. Picklable."""

    def add(self, stage: str, count: int) -> None:
        """Add ``count`` objects to those that were ``listed``, ``scanned`` or ``finished``."""
