"""The Beam steps of the job, one transform a file; each wires plain functions that tests call without Beam."""

from .anonymize_instances import AnonymizeInstances as AnonymizeInstances
from .build_uid_map import MAPPING as MAPPING
from .build_uid_map import SLICES as SLICES
from .build_uid_map import BuildUidMap as BuildUidMap
from .build_uid_map import UidMapError as UidMapError
from .engine_config import EngineConfig as EngineConfig
from .group_work_units import GroupIntoWorkUnits as GroupIntoWorkUnits
from .list_objects import ListObjects as ListObjects
from .prove_uid_map import ProveUidMap as ProveUidMap
from .records import SCHEMA_VERSION as SCHEMA_VERSION
from .records import AuditRow as AuditRow
from .records import ObjectRef as ObjectRef
from .records import Status as Status
from .records import Written as Written
from .scan_headers import REJECTED as REJECTED
from .scan_headers import SCANNED as SCANNED
from .scan_headers import ScanHeaders as ScanHeaders
from .share_words import ShareWords as ShareWords
from .storage import Archive as Archive
from .storage import ObjectConflictError as ObjectConflictError
from .storage import ObjectWriter as ObjectWriter
from .storage import ProgressListener as ProgressListener
from .write_audit import WriteInstances as WriteInstances
from .write_audit import WriteUidMap as WriteUidMap
