"""The two-pass job as a Beam graph."""

from typing import NamedTuple

import apache_beam as beam

from transforms import (
    CONFLICTS,
    MAPPING,
    REJECTED,
    SCANNED,
    VIOLATIONS,
    AnonymizeInstances,
    Archive,
    BuildUidMap,
    CrosswalkTarget,
    EngineConfig,
    GroupIntoWorkUnits,
    ListObjects,
    ObjectWriter,
    ProgressListener,
    ProveUidMap,
    ScanHeaders,
    ShareWords,
    SumOfSources,
    TableFolder,
    WriteAccount,
    WriteInstances,
    WriteUidMap,
)


class AuditTarget(NamedTuple):
    """Where the audit tables go and what stands in each of their rows.

    Attributes:
        folder: the tables' folder.
        run_id: stands in the names of all files.
    """

    folder: TableFolder
    run_id: str
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
    crosswalk: CrosswalkTarget | None = None,
) -> None:
    """Add the job's steps to ``pipeline``. Nothing is written to the output before the UID map is proven.

    Args:
        crosswalk: where source names and original identifiers go; None: nowhere.
    """
    objects = pipeline | "ListObjects" >> ListObjects(inputs, archive, progress)
    # counted apart from what becomes of them, so that the audit can be checked against it
    listed = objects | "SumOfSources" >> SumOfSources(config)

    scan = objects | "ScanHeaders" >> ScanHeaders(archive, config, progress, crosswalk)
    units = scan[SCANNED] | "GroupIntoWorkUnits" >> GroupIntoWorkUnits(listed)
    uid_map = units | "BuildUidMap" >> BuildUidMap(listed, config)
    proof = pipeline | "ProveUidMap" >> ProveUidMap(uid_map[VIOLATIONS])

    known = [uid_map[CONFLICTS]]
    if config.profile.cleans_text:
        known.append(units | "ShareWords" >> ShareWords())
    anonymized = units | "AnonymizeInstances" >> AnonymizeInstances(proof, known, archive, writer, config, progress)

    tables = [uid_map[MAPPING] | "WriteUidMap" >> WriteUidMap(audit.folder, f"uid_map-{audit.run_id}")]
    # not flattened into one table: that would keep every row, with all its actions, in a runner's memory
    for part, rows in (("rejected", scan[REJECTED]), ("anonymized", anonymized)):
        name = f"instances-{audit.run_id}-{part}"
        table = WriteInstances(audit.folder, name, audit.profile_digest, audit.key_id, audit.version)
        tables.append(rows | f"Write{part.capitalize()}" >> table)
    written = tuple(tables) | "Tables" >> beam.Flatten()
    _ = pipeline | "WriteAccount" >> WriteAccount(listed, written, audit.folder, f"account-{audit.run_id}.json")
