"""The two-pass job as a Beam graph."""

from functools import partial
from typing import NamedTuple, TypeVar

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import PCollection

from storage import Archive, ObjectWriter, TableFolder
from transforms import (
    AnonymizeInstances,
    AuditRows,
    BuildUidMap,
    CensusCounts,
    CensusTarget,
    CheckGone,
    CompareWithEarlier,
    ConflictRules,
    CountValues,
    CrosswalkTarget,
    EarlierResults,
    EarlierRuns,
    EngineConfig,
    FormerListing,
    GroupIntoWorkUnits,
    HeaderGroups,
    JudgeFaces,
    Ledger,
    ListObjects,
    OpenContainers,
    PendingBatch,
    ProgressListener,
    ProveUidMap,
    RefBatch,
    RowConstants,
    SampleObjects,
    ScanHeaders,
    ShareWords,
    SheetCounts,
    SheetsTarget,
    SpreadElements,
    Sum,
    SumOfSources,
    TableFile,
    UnitFacts,
    WorkUnit,
    WriteAccount,
    WriteInstances,
    WriteOutcomes,
    WritePixels,
    WriteReferences,
    WriteSheets,
    WriteTable,
    WriteUidMap,
    account_name,
    is_opened,
    settled_table,
    words_table,
)

T = TypeVar("T")


class Inputs(NamedTuple):
    """The inputs.

    Attributes:
        locations: ordinals, and paths or URIs as they were named.
        ids: their ids, by their ordinals: keyed hashes, for names can be guessed.
    """

    locations: list[tuple[int, str]]
    ids: tuple[str, ...]


class AuditTarget(NamedTuple):
    """The place of the audit tables.

    Attributes:
        folder: the tables' folder.
        constants: values that stand in each row; the run's id stands in the names of all files, too.
    """

    folder: TableFolder
    constants: RowConstants

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.constants.run_id


class JobParts(NamedTuple):
    """All that the steps work with.

    Attributes:
        earlier: earlier runs whose work counts.
        inputs: the inputs to be listed.
        former: the last run's listing of them; None: unknown.
        crosswalk: the place of source names and original identifiers; None: they are not written.
        conflicts: rules for objects whose output's name is taken.
        sheets: the place of contact sheets; None: none are drawn.
        census: the place of the values that stay; None: no census is made.
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
    sheets: SheetsTarget | None = None
    census: CensusTarget | None = None


class _Work(NamedTuple):
    """Listed objects: those to be processed, and results of earlier runs for all others.

    Attributes:
        to_scan: batches of objects to be processed.
        listed: batches of all objects, processed or not, as far as they aren't summed up by now.
        batches: batches of all of them, and of zips and tars.
        results: results of earlier runs; none in a run that goes on with none.
        sums: the ``sum_of_sources`` of objects that aren't in ``listed``.
    """

    to_scan: PCollection[RefBatch]
    listed: tuple[PCollection[RefBatch], ...]
    batches: tuple[PCollection[RefBatch], ...]
    results: tuple[EarlierResults, ...] = ()
    sums: tuple[PCollection[Sum], ...] = ()


def build_job(pipeline: beam.Pipeline, parts: JobParts) -> None:
    """Add the job's steps to ``pipeline``. Nothing is written to the output before the UID map is proven."""
    config, audit = parts.config, parts.audit
    work = _find_work(pipeline, parts)
    # counted apart from their outcomes, so that the audit can be checked against the count
    listed = work.listed | "SumOfSources" >> SumOfSources(config, work.sums)

    scan = work.to_scan | "ScanHeaders" >> ScanHeaders(parts.archive, config, parts.ledger, parts.progress, parts.crosswalk)
    groups: PCollection[HeaderGroups] = _together("Scanned", (scan.groups, *(one.known for one in work.results)))
    units = groups | "GroupIntoWorkUnits" >> GroupIntoWorkUnits(listed)
    all_units: PCollection[WorkUnit] = _together("AllUnits", (units, *(one.finished for one in work.results)))
    settled = tuple(one.settled for one in work.results)
    gone = tuple(one.gone for one in work.results)
    uid_map = all_units | "BuildUidMap" >> BuildUidMap(listed, config, settled, parts.earlier.run, parts.earlier.imported)
    proof = pipeline | "ProveUidMap" >> ProveUidMap(uid_map.violations)
    if parts.former is not None:
        # without a run to compare with, gone objects are but counted
        compared = gone if parts.earlier.run is not None else ()
        proof = proof | "CheckGone" >> CheckGone(parts.former, parts.archive, compared, work.batches)

    tables: list[PCollection[TableFile]] = []
    facts = UnitFacts(uid_map.claimed)
    if config.profile.needs_words:
        words = all_units | "ShareWords" >> ShareWords(config, parts.earlier.run)
        facts = facts._replace(words=words.by_unit)
        tables.append(words.rows | "WriteWords" >> WriteTable(audit.folder, f"words-{audit.run_id}", words_table))
    if config.profile.pixels.judges_faces:
        facts = facts._replace(heads=all_units | "JudgeFaces" >> JudgeFaces())
    anonymized = units | "AnonymizeInstances" >> AnonymizeInstances(
        proof, facts, parts.archive, parts.writer, config, parts.ledger, parts.conflicts, parts.progress, parts.census
    )

    tables += [
        uid_map.mapping | "WriteUidMap" >> WriteUidMap(audit.folder, f"uid_map-{audit.run_id}", config),
        uid_map.references | "WriteReferences" >> WriteReferences(audit.folder, f"references-{audit.run_id}"),
    ]
    if uid_map.earlier is not None:
        for field, table_rows in uid_map.earlier._asdict().items():
            how, _, kind = field.partition("_")
            prefix = f"{'uid_map' if kind == 'mapping' else kind}-{audit.run_id}-{how}"
            tables.append(table_rows | f"Write{field}" >> WriteTable(audit.folder, prefix, pa.concat_tables))
    # not flattened into one table: that would keep every row, with all its actions, in a runner's memory
    rows: dict[str, PCollection[AuditRows]] = {"rejected": scan.rejected, "anonymized": anonymized.rows}
    rows |= {f"taken_up{number}": one.taken_up for number, one in enumerate(work.results)}
    for part, part_rows in rows.items():
        write = WriteInstances(audit.folder, f"instances-{audit.run_id}-{part}", audit.constants, parts.inputs.ids)
        tables.append(part_rows | f"Write{part.capitalize()}" >> write)
        # pass 1 rejects what can't be cleaned: nothing was blanked there
        if config.profile.pixels.cleans and part != "rejected":
            pixels = WritePixels(audit.folder, f"pixels-{audit.run_id}-{part}")
            tables.append(part_rows | f"Write{part.capitalize()}Pixels" >> pixels)
        # pass 1 writes the outcomes of the objects that it rejects with their names
        if parts.crosswalk is not None and part != "rejected":
            _ = part_rows | f"Write{part.capitalize()}Outcomes" >> WriteOutcomes(parts.crosswalk)
    last_run = parts.earlier.run
    if parts.crosswalk is not None and (parts.earlier.ledgers or (last_run is not None and not last_run.same_work_digest)):
        # a killed run may have written other outcomes of its objects, and an older version wrote none
        for number, settled_rows in enumerate(settled):
            _ = settled_rows | f"WriteSettled{number}Outcomes" >> WriteOutcomes(parts.crosswalk)
    for prefix, several in ((f"instances-{audit.run_id}-settled", settled), (f"gone-{audit.run_id}-part", gone)):
        for number, settled_rows in enumerate(several):
            label = f"Write{prefix.partition('-')[0].capitalize()}{number}"
            tables.append(settled_rows | label >> WriteTable(audit.folder, f"{prefix}{number}", settled_table))
    written = tuple(tables) | "Tables" >> beam.Flatten()
    # it asks nothing of pass 2: what is drawn is cleaned anew
    sheets: PCollection[SheetCounts] | None = None
    if parts.sheets is not None:
        sample = groups | "SampleObjects" >> SampleObjects(parts.archive, config, parts.sheets.samples)
        sheets = sample | "WriteSheets" >> WriteSheets(parts.archive, config, parts.sheets)
    census: PCollection[CensusCounts] | None = None
    if parts.census is not None and anonymized.values is not None:
        census = anonymized.values | "CountValues" >> CountValues(parts.census)
    account = WriteAccount(listed, written, audit.folder, account_name(audit.run_id), config, sheets, census)
    _ = pipeline | "WriteAccount" >> account


def _find_work(pipeline: beam.Pipeline, parts: JobParts) -> _Work:
    is_first = not parts.earlier.ledgers and parts.earlier.run is None
    objects = pipeline | "ListObjects" >> ListObjects(parts.inputs.locations, parts.archive, spread=is_first)
    opening = OpenContainers(parts.config, parts.archive, parts.writer, parts.progress, parts.inputs.ids)
    if is_first:
        plain = objects | "Plain" >> beam.Filter(partial(is_opened, archive=parts.archive))
        opened = objects | "NothingKnown" >> beam.Map(PendingBatch).with_output_types(PendingBatch) | opening
        return _Work(opened.to_scan, (plain, opened.members), (objects, opened.members))
    compared = objects | "CompareWithEarlier" >> CompareWithEarlier(
        parts.earlier, parts.ledger, parts.config, parts.archive, parts.writer, parts.progress, parts.inputs.ids
    )
    opened = compared.pending | "SpreadToDo" >> SpreadElements(PendingBatch) | opening
    results = (compared.results, opened.results)
    return _Work(opened.to_scan, (opened.members,), (objects, opened.members), results, (compared.listed,))


def _together(name: str, collections: tuple[PCollection[T], ...]) -> PCollection[T]:
    # to flatten one alone would be a step more
    return collections[0] if len(collections) == 1 else collections | name >> beam.Flatten()
