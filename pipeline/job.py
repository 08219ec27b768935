"""The two-pass job as a Beam graph."""

from functools import partial
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import PCollection

from storage import Archive, ObjectWriter, TableFolder
from transforms import (
    CLAIMED,
    FINISHED,
    GONE,
    KNOWN,
    LISTED,
    MAPPING,
    MEMBERS,
    OF_EARLIER_MAP,
    OPENED,
    RECOVERED,
    REFERENCES,
    REJECTED,
    SCANNED,
    SETTLED,
    TO_DO,
    VIOLATIONS,
    AnonymizeInstances,
    BuildUidMap,
    CheckGone,
    CompareWithEarlier,
    ConflictRules,
    CrosswalkTarget,
    EarlierRuns,
    EngineConfig,
    FormerListing,
    GroupIntoWorkUnits,
    JudgeFaces,
    Ledger,
    ListObjects,
    OpenContainers,
    ProgressListener,
    ProveUidMap,
    RowConstants,
    ScanHeaders,
    ShareWords,
    SpreadElements,
    SumOfSources,
    WriteAccount,
    WriteInstances,
    WriteOutcomes,
    WriteReferences,
    WriteTable,
    WriteUidMap,
    account_name,
    is_opened,
    settled_table,
    words_table,
)


class Inputs(NamedTuple):
    """The inputs.

    Attributes:
        locations: ordinals, and what was named.
        ids: their ids, by their ordinals: keyed hashes, for names can be guessed.
    """

    locations: list[tuple[int, str]]
    ids: tuple[str, ...]


class AuditTarget(NamedTuple):
    """Where the audit tables go.

    Attributes:
        folder: the tables' folder.
        constants: what stands in each row; the run's id stands in the names of all files, too.
    """

    folder: TableFolder
    constants: RowConstants

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.constants.run_id


class JobParts(NamedTuple):
    """What the steps work with.

    Attributes:
        earlier: what is gone on with.
        inputs: what is listed.
        former: what the last run listed there; None: nobody knows.
        crosswalk: where source names and original identifiers go; None: nowhere.
        conflicts: what becomes of objects whose output's name is taken.
    """

    config: EngineConfig
    archive: Archive
    writer: ObjectWriter
    audit: AuditTarget
    ledger: Ledger
    earlier: EarlierRuns
    progress: ProgressListener
    inputs: Inputs
    former: FormerListing | None = None
    crosswalk: CrosswalkTarget | None = None
    conflicts: ConflictRules = ConflictRules()


class _Work(NamedTuple):
    """What there is to do, and what was done before.

    Attributes:
        to_scan: batches of ObjectRef tuples.
        listed: batches of all objects, done or not, as far as they aren't summed up by now.
        batches: batches of all of them, and of zips and tars.
        scanned: packed lists of HeaderGroup tuples: pass 1 has seen them.
        finished: units of those that are done with.
        rows: AuditRows of those that are done with.
        settled: lists of tables of SETTLED_SCHEMA: those that the last run was done with.
        gone: lists of such tables: what it knew and isn't listed any more.
        sums: those that are, as their ``sum_of_sources``.
    """

    to_scan: PCollection[Any]
    listed: tuple[PCollection[Any], ...]
    batches: tuple[PCollection[Any], ...]
    scanned: tuple[PCollection[Any], ...] = ()
    finished: tuple[PCollection[Any], ...] = ()
    rows: tuple[PCollection[Any], ...] = ()
    settled: tuple[PCollection[Any], ...] = ()
    gone: tuple[PCollection[Any], ...] = ()
    sums: tuple[PCollection[Any], ...] = ()


def build_job(pipeline: beam.Pipeline, parts: JobParts) -> None:
    """Add the job's steps to ``pipeline``. Nothing is written to the output before the UID map is proven."""
    config, audit = parts.config, parts.audit
    work = _find_work(pipeline, parts)
    # counted apart from what becomes of them, so that the audit can be checked against it
    listed = work.listed | "SumOfSources" >> SumOfSources(config, work.sums)

    scan = work.to_scan | "ScanHeaders" >> ScanHeaders(parts.archive, config, parts.ledger, parts.progress, parts.crosswalk)
    scanned = _together("Scanned", (scan[SCANNED], *work.scanned))
    units = scanned | "GroupIntoWorkUnits" >> GroupIntoWorkUnits(listed)
    all_units = _together("AllUnits", (units, *work.finished))
    uid_map = all_units | "BuildUidMap" >> BuildUidMap(listed, config, work.settled, parts.earlier.run, parts.earlier.given)
    proof = pipeline | "ProveUidMap" >> ProveUidMap(uid_map[VIOLATIONS])
    if parts.former is not None:
        # without a run to compare with, it is but counted
        gone = work.gone if parts.earlier.run is not None else ()
        proof = proof | "CheckGone" >> CheckGone(parts.former, parts.archive, gone, work.batches)

    known, more_tables = [uid_map[CLAIMED]], []
    if config.profile.needs_words:
        shared = all_units | "ShareWords" >> ShareWords(config, parts.earlier.run)
        known.append(shared.by_unit)
        more_tables.append(shared.rows | "WriteWords" >> WriteTable(audit.folder, f"words-{audit.run_id}", words_table))
    if config.profile.pixels.judges_faces:
        known.append(all_units | "JudgeFaces" >> JudgeFaces())
    anonymized = units | "AnonymizeInstances" >> AnonymizeInstances(
        proof, known, parts.archive, parts.writer, config, parts.ledger, parts.conflicts, parts.progress
    )

    tables = [
        *more_tables,
        uid_map[MAPPING] | "WriteUidMap" >> WriteUidMap(audit.folder, f"uid_map-{audit.run_id}", config),
        uid_map[REFERENCES] | "WriteReferences" >> WriteReferences(audit.folder, f"references-{audit.run_id}"),
    ]
    if parts.earlier.run is not None:
        for tag, name in OF_EARLIER_MAP.items():
            kept = WriteTable(audit.folder, f"{name}-{audit.run_id}-{tag.partition('_')[0]}", pa.concat_tables)
            tables.append(uid_map[tag] | f"Write{tag}" >> kept)
    # not flattened into one table: that would keep every row, with all its actions, in a runner's memory
    taken_up = ((f"taken_up{number}", rows) for number, rows in enumerate(work.rows))
    for part, rows in (("rejected", scan[REJECTED]), ("anonymized", anonymized), *taken_up):
        name = f"instances-{audit.run_id}-{part}"
        table = WriteInstances(audit.folder, name, audit.constants, parts.inputs.ids)
        tables.append(rows | f"Write{part.capitalize()}" >> table)
        # pass 1 has written what it rejects, with the names
        if parts.crosswalk is not None and part != "rejected":
            _ = rows | f"Write{part.capitalize()}Outcomes" >> WriteOutcomes(parts.crosswalk)
    last_run = parts.earlier.run
    if parts.crosswalk is not None and (parts.earlier.ledgers or (last_run is not None and not last_run.same_work_digest)):
        # a run that was killed may have said otherwise of what it did, and an older version said nothing
        for number, settled in enumerate(work.settled):
            _ = settled | f"WriteSettled{number}Outcomes" >> WriteOutcomes(parts.crosswalk)
    for kind, several in ((f"instances-{audit.run_id}-settled", work.settled), (f"gone-{audit.run_id}-part", work.gone)):
        for number, rows in enumerate(several):
            label = f"Write{kind.partition('-')[0].capitalize()}{number}"
            tables.append(rows | label >> WriteTable(audit.folder, f"{kind}{number}", settled_table))
    written = tuple(tables) | "Tables" >> beam.Flatten()
    _ = pipeline | "WriteAccount" >> WriteAccount(listed, written, audit.folder, account_name(audit.run_id), config)


def _find_work(pipeline: beam.Pipeline, parts: JobParts) -> _Work:
    anew = not parts.earlier.ledgers and parts.earlier.run is None
    objects = pipeline | "ListObjects" >> ListObjects(parts.inputs.locations, parts.archive, spread=anew)
    opening = OpenContainers(parts.config, parts.archive, parts.writer, parts.progress, parts.inputs.ids)
    if anew:
        plain = objects | "Plain" >> beam.Filter(partial(is_opened, archive=parts.archive))
        opened = objects | "NothingKnown" >> beam.Map(_nothing_known).with_output_types(tuple[Any, bytes]) | opening
        return _Work(opened[OPENED], (plain, opened[MEMBERS]), (objects, opened[MEMBERS]))
    compared = objects | "CompareWithEarlier" >> CompareWithEarlier(
        parts.earlier, parts.ledger, parts.config, parts.archive, parts.writer, parts.progress, parts.inputs.ids
    )
    opened = compared[TO_DO] | "SpreadToDo" >> SpreadElements(tuple[Any, bytes]) | opening
    both = (compared, opened)
    known = (tuple(outputs[tag] for outputs in both) for tag in (KNOWN, FINISHED, RECOVERED, SETTLED, GONE))
    batches = (objects, opened[MEMBERS])
    return _Work(opened[OPENED], (opened[MEMBERS],), batches, *known)._replace(sums=(compared[LISTED],))


def _nothing_known(batch: Any) -> tuple[Any, bytes]:
    return batch, b""


def _together(name: str, collections: tuple[PCollection[Any], ...]) -> PCollection[Any]:
    # to flatten one alone would be a step more
    return collections[0] if len(collections) == 1 else collections | name >> beam.Flatten()
