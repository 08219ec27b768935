"""Names of the job's metrics. Counters are for watching; what is true stands in the audit tables."""

from apache_beam.metrics.metric import Metrics

NAMESPACE = "dicom-deid"

OBJECTS_LISTED = "objects_listed"
OBJECTS_SCANNED = "objects_scanned"
OBJECTS_REJECTED = "objects_rejected"
OBJECTS_WRITTEN = "objects_written"
OBJECTS_REFUSED = "objects_refused"
HEADER_BYTES_READ = "header_bytes_read"
OBJECT_BYTES_WRITTEN = "object_bytes_written"
UIDS_MAPPED = "uids_mapped"
WORK_UNITS = "work_units"


def counter(name: str) -> Metrics.DelegatingCounter:
    """The job's counter of that name."""
    return Metrics.counter(NAMESPACE, name)
