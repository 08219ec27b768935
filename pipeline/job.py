"""The two-pass job as a Beam graph."""

import json
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.pvalue import PCollection

from transforms import (
    MAPPING,
    REJECTED,
    SCANNED,
    SLICES,
    AnonymizeInstances,
    Archive,
    BuildUidMap,
    EngineConfig,
    GroupIntoWorkUnits,
    ListObjects,
    ObjectWriter,
    ProgressListener,
    ProveUidMap,
    ScanHeaders,
    ShareWords,
    WriteInstances,
    WriteUidMap,
)


class AuditTarget(NamedTuple):
    """Where the audit tables go and what stands in each of their rows.

    Attributes:
        instances, uid_map, listing: prefixes of the tables' files.
    """

    instances: str
    uid_map: str
    listing: str
    profile_digest: str
    key_id: str
    version: str


def build_job(
    pipeline: beam.Pipeline,
    inputs: list[str],
    config: EngineConfig,
    archive: Archive,
    writer: ObjectWriter,
    audit: AuditTarget,
    progress: ProgressListener,
) -> None:
    """Add the job's steps to ``pipeline``. Nothing is written to the output before the UID map is proven."""
    objects = pipeline | "ListObjects" >> ListObjects(inputs, archive, progress)
    _write_listing(objects, audit)

    scan = objects | "ScanHeaders" >> ScanHeaders(archive, config, progress)
    units = scan[SCANNED] | "GroupIntoWorkUnits" >> GroupIntoWorkUnits()
    uid_map = units | "BuildUidMap" >> BuildUidMap()
    proof = uid_map[MAPPING] | "ProveUidMap" >> ProveUidMap(config)

    needed = [units, uid_map[SLICES]]
    if config.profile.cleans_text:
        needed.append(units | "ShareWords" >> ShareWords())
    joined = tuple(needed) | "JoinUidMap" >> beam.CoGroupByKey()
    anonymized = joined | "AnonymizeInstances" >> AnonymizeInstances(proof, archive, writer, config, progress)

    _ = uid_map[MAPPING] | "WriteUidMap" >> WriteUidMap(audit.uid_map)
    # not flattened into one table: that would keep every row, with all its actions, in a runner's memory
    for part, rows in (("rejected", scan[REJECTED]), ("anonymized", anonymized)):
        table = WriteInstances(f"{audit.instances}-{part}", audit.profile_digest, audit.key_id, audit.version)
        _ = rows | f"Write{part.capitalize()}" >> table


def _write_listing(objects: PCollection[Any], audit: AuditTarget) -> None:
    """How many objects were listed, counted apart from what becomes of them, so that the audit can be checked against it."""
    _ = (
        objects
        | "CountBatch" >> beam.Map(len)
        | "CountListed" >> beam.CombineGlobally(sum)
        | "ListedRecord" >> beam.Map(lambda count: json.dumps({"listed": count}))
        | "WriteListing" >> beam.io.WriteToText(audit.listing, file_name_suffix=".json", num_shards=1, shard_name_template="")
    )
