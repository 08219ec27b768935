"""Setup of a run: all that is derived from its options before its first object is listed."""

import os
import secrets
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from anonymizer import Key, PatientTableError, SecretError
from anonymizer.internals import Engine, Seal, check_root, has_lines, take_out_lines
from profiles import ProfileError
from storage import FileReader, Folder, PlannedWriter, RunWriter, StoredArchive, is_inside, scheme_of, writer_for
from transforms import (
    CensusTarget,
    ConflictRules,
    CrosswalkTarget,
    EarlierRun,
    EarlierRuns,
    EngineConfig,
    FormerListing,
    Ledger,
    ProgressListener,
    ReviewedLines,
    SheetsTarget,
    new_run_id,
)

from ..beam_args import check_beam_args, complete, cores, is_embedded, is_local, take_processes
from ..errors import UsageError
from ..events import reporter
from ..job import AuditTarget, Inputs, JobParts
from ..options import JobOptions
from ..place_checks import check_census, check_contact_sheets, check_crosswalk, check_locations, with_audit_place
from ..plan_checks import check_plan, with_plan_place
from ..text_engine import with_text_engine
from ..undecided_lines import undecided_lines
from .audit import Audit
from .census import census_target
from .contact_sheets import sheets_target
from .crosswalk import crosswalk_target
from .earlier_runs import (
    ComparedRun,
    ImportedUidMap,
    compared_run,
    continued_run,
    imported_uid_map,
    replaced_run,
    unfinished_work,
)
from .inputs import former_listing, number_inputs
from .output_compatibility import check_links, check_mark, is_marked, mark_output
from .patient_table import load_patient_table
from .pending import pending_runs
from .plans import make_plan_folder
from .provenance import Provenance
from .recorded_outputs import AuditedOutputs
from .restricted_places import RestrictedPlace
from .run_reports import Reporting
from .times import now
from .workload import survey_inputs

#: environment variable that passes a key that a local run made for itself to its worker processes
OWN_KEY = "DICOM_DEID_RUN_KEY"


@dataclass(frozen=True)
class ExecutionPlan:
    """Plan of a run's execution: runner and processes, decided before anything but the listing of the inputs is read.

    Attributes:
        options: options of the run, with a place for the audit.
        archive: the inputs, each of which lists an object unless empty ones are allowed.
        beam_options: complete options of Beam.
        processes: number of worker processes that the command starts; 0: none.
        is_local: True if the run stays on this machine.
        is_embedded: True if the engine is a job server in this process.
    """

    options: JobOptions
    archive: StoredArchive
    beam_options: PipelineOptions
    processes: int
    is_local: bool
    is_embedded: bool

    @property
    def runner(self) -> str:
        """The name of Beam's runner."""
        return str(self.beam_options.get_all_options()["runner"])


def plan_execution(options: JobOptions, own_flags: Iterable[str] = (), *, detach: bool = False) -> ExecutionPlan:
    """Check the options that need no key, survey the inputs, and decide on runner and processes.

    Args:
        own_flags: flags of the command, suggested for misspelt ones.
        detach: True if the command doesn't wait for the run.

    Raises:
        UsageError: an option can't be used. The message names it.
    """
    # first: a misspelt flag explains why another is missing
    parsed = check_beam_args(options.beam_args, own_flags)
    for flag, value in (("--input", options.inputs), ("--output", options.output)):
        if not value:
            raise UsageError(f"{flag} is missing")
    options = with_plan_place(with_audit_place(_with_text_engine(options)))
    check_locations(options)
    check_crosswalk(options)
    check_contact_sheets(options)
    check_census(options)
    check_plan(options, detach=detach)
    if options.continuation.recheck and options.continuation.resume is None:
        raise UsageError("--recheck needs --resume, since it compares with the tables of the last run")
    reviewed = options.profile.pixels.rectangles
    if reviewed is not None and reviewed.undecided:
        reporter.warn("undecided-lines", undecided_lines(reviewed.undecided), lines=reviewed.undecided)
    if is_inside(options.audit, options.output):
        reporter.warn("audit-in-output", "--audit lies inside --output: recipients of the output get the audit, too.")
    if detach and is_local(parsed):
        raise UsageError("--detach needs a distributed --runner: a local job ends with the command")
    if parsed.template_location and not detach:
        raise UsageError(
            "--template_location would create a template instead of running the job: launchers of templates use --detach"
        )
    # file systems in this process need the options, too, as in workers
    FileSystems.set_options(PipelineOptions(list(options.beam_args)))
    archive, workload = survey_inputs(options)
    beam_options = complete(options.beam_args, parsed, processes=workload.processes(cores()))
    _make_importable_for_workers()
    return ExecutionPlan(
        options, archive, beam_options, take_processes(beam_options), is_local(parsed), is_embedded(beam_options)
    )


@dataclass(frozen=True)
class RunSetup:
    """Setup of a run.

    Attributes:
        plan: plan of its execution, with its options.
        run_id: id of the run.
        started: time at which it began (ISO 8601, UTC).
        audit: the audit of its output, with the seals of its keys.
        target: where its tables and account go: the audit, or the folder of a plan.
        config: configuration of the engine.
        provenance: provenance of its outputs.
        writer: writer of the outputs.
        ledger: record of the work done so far.
        continued: the run that ``--resume`` names; None: there is none.
        uid_map: the imported UID map; None: there is none.
        inputs: the inputs with their ordinals.
        former: the objects that the last run listed under the same inputs; None: they are unknown.
        crosswalk: target of the restricted crosswalk; None: none is written.
        sheets: target of the restricted contact sheets; None: none are drawn.
        census: target of the restricted census; None: none is made.
        compared: the earlier run that a plan is compared with; None: there is none.
    """

    plan: ExecutionPlan
    run_id: str
    started: str
    audit: Audit
    target: Audit
    config: EngineConfig
    provenance: Provenance
    writer: RunWriter
    ledger: Ledger
    continued: EarlierRun | None
    uid_map: ImportedUidMap | None
    inputs: Inputs
    former: FormerListing | None
    crosswalk: CrosswalkTarget | None
    sheets: SheetsTarget | None
    census: CensusTarget | None
    compared: ComparedRun | None

    @property
    def options(self) -> JobOptions:
        """Options of the run."""
        return self.plan.options

    @property
    def is_plan(self) -> bool:
        """True if nothing is written but the tables of a plan."""
        return self.options.plan is not None

    def earlier_runs(self, alive: Collection[str]) -> EarlierRuns:
        """Return the runs whose work this run continues.

        Args:
            alive: ids of runs at work.

        Raises:
            StorageError: the audit can't be listed.
        """
        audit = self.audit.folder
        ledgers = unfinished_work(audit, {*alive, *pending_runs(audit)})
        return EarlierRuns(ledgers, self.continued, self.uid_map and self.uid_map.run)

    @property
    def reporting(self) -> Reporting:
        """Needs of the run's reports beyond its account."""
        options, census, sheets = self.options, self.census, self.sheets
        return Reporting(
            self.provenance.restricted,
            self.crosswalk.files.certificate if self.crosswalk else b"",
            options.made_by,
            None if census is None else RestrictedPlace(self._folder(options.census.folder), census.values.certificate),
            None if sheets is None else RestrictedPlace(self._folder(options.sheets.folder), sheets.certificate),
        )

    def _folder(self, location: str | None) -> Folder:
        return Folder(location or "", self.options.storage)

    def origin(self, earlier: EarlierRuns, restricted: str | None) -> dict[str, Any]:
        """Return ``origin`` of ``run.json``, as ``Provenance.origin`` does."""
        return self.provenance.origin(self.plan.runner, earlier, self.inputs.ids, self.started, restricted)

    def job_parts(self, earlier: EarlierRuns, progress: ProgressListener) -> JobParts:
        """Return the arguments of ``build_job``."""
        options = self.options
        return JobParts(
            self.config,
            self.plan.archive,
            self.writer,
            AuditTarget(self.target.folder, self.provenance.row_constants(self.run_id)),
            self.ledger,
            earlier,
            progress,
            self.inputs,
            self.former,
            self.crosswalk,
            ConflictRules(
                options.continuation.replace_changed,
                self._recorded_outputs(earlier),
                keeps_one=options.keeps_one,
                is_mended=not scheme_of(options.output),
            ),
            self.sheets,
            self.census,
        )

    def _recorded_outputs(self, earlier: EarlierRuns) -> AuditedOutputs | None:
        """Return the records of outputs; None where object storage has no half-written outputs, and keep-one isn't chosen."""
        options = self.options
        if scheme_of(options.output) and not options.keeps_one:
            return None
        places = dict.fromkeys(filter(None, (options.audit, options.continuation.resume)))
        return AuditedOutputs(tuple(Folder(place, options.storage) for place in places), self.ledger, earlier.ledgers)


def set_up(plan: ExecutionPlan) -> RunSetup:
    """Load the key, find the runs to continue, and mark the output as made with these settings.

    Raises:
        UsageError: a setting can't be used, or the output was made with other settings.
        StorageUnavailableError: a place can't be reached at the moment.
    """
    options, started = plan.options, now()
    folder = Folder(options.audit, options.storage)
    key_uri = options.engine.key or _own_key(folder, plan.is_local)
    try:
        key = Key.load(key_uri, options.engine.scope)
        if options.engine.uid_root is not None:
            check_root(options.engine.uid_root)
    except SecretError as error:
        raise UsageError(str(error)) from None
    uid_map = imported_uid_map(options, key_uri, key.key_id)
    seals = {seal.key_id: seal for seal in (Seal(key), *([uid_map.seal] if uid_map else []))}
    audit = Audit(folder, tuple(seals.values()))
    target = audit if options.plan is None else replace(audit, folder=Folder(options.plan.folder, options.storage))
    config, write_reviewed = _without_lines(_engine_config(options, key, key_uri, uid_map), target.folder, key)
    if plan.is_local:
        config = replace(config, searches_at_once=max(1, cores() // max(1, plan.processes)))
    provenance = Provenance.of(options, key, uid_map, config.patient_table_digest)
    check_mark(options, audit, provenance)
    run_id = new_run_id()
    constants = provenance.row_constants(run_id)
    metadata = {"profile-digest": constants.profile_digest, "key-id": key.key_id, "run-id": run_id}
    work_digest = provenance.work_digest
    continued = continued_run(options, audit, key, work_digest, provenance.fingerprint)
    inputs = number_inputs(options.inputs, key, continued)
    last = continued or replaced_run(options, audit, key)
    writer = writer_for(options.output, run_id, options.storage, metadata if options.object_metadata else None)
    setup = RunSetup(
        plan=plan,
        run_id=run_id,
        started=started,
        audit=audit,
        target=target,
        config=config,
        provenance=provenance,
        writer=writer if options.plan is None else PlannedWriter(writer, options.output, run_id, options.storage),
        ledger=Ledger(
            *(folder, run_id, work_digest, config),
            on_engine=not plan.is_local,
            is_remote=bool(scheme_of(options.audit)),
            is_kept=options.plan is None,
        ),
        continued=continued,
        uid_map=uid_map,
        inputs=inputs,
        former=former_listing(inputs, last, options.continuation.max_gone),
        crosswalk=crosswalk_target(options, run_id, config),
        sheets=sheets_target(options, run_id),
        census=census_target(options, run_id, config),
        compared=compared_run(options, audit.seals, key.key_id),
    )
    if options.plan is None:
        mark_output(options, audit, provenance)
    else:
        check_links(options, audit)
        make_plan_folder(target.folder)
    write_reviewed()
    return setup


def _with_text_engine(options: JobOptions) -> JobOptions:
    """Return options whose profile names what looks for text: programs may pass one that doesn't.

    Raises:
        UsageError: text is to be looked for, and nothing here can do so.
    """
    profile = options.profile
    search = profile.pixels.text
    if search is None:
        return options
    pixels = replace(profile.pixels, text=with_text_engine(search))
    return replace(options, profile=replace(profile, pixels=pixels))


def _engine_config(options: JobOptions, key: Key, key_uri: str, uid_map: ImportedUidMap | None) -> EngineConfig:
    """Return the configuration of the engine, after a check of its patient table.

    Raises:
        UsageError: the table can't be used.
    """
    engine = options.engine
    config = EngineConfig(
        profile=options.profile,
        key_uri=key_uri,
        key_id=key.key_id,
        scope=engine.scope,
        uid_root=engine.uid_root,
        patient_table=engine.patient_table,
        read=FileReader(options.storage) if scheme_of(engine.patient_table or "") else None,
        read_reviewed=None,
        searches_at_once=1,
        **(uid_map.hash_key(key.key_id) if uid_map else {}),
    )
    table = load_patient_table(options)
    if table is None:
        return config
    try:
        Engine(config.profile, key, patients=table)
    except PatientTableError as error:
        raise UsageError(f"--patient-table: {error}") from None
    return replace(config, patient_table_digest=table.digest(key))


def _without_lines(config: EngineConfig, folder: Folder, key: Key) -> tuple[EngineConfig, Callable[[], None]]:
    """Return a configuration for the job's graph, and what writes the lines of people's decisions, which don't travel in it."""
    if not has_lines(config.profile):
        return config, lambda: None
    try:
        profile, lines = take_out_lines(config.profile, key)
    except ProfileError as error:
        raise UsageError(f"--verdicts: {error}") from None
    stored = ReviewedLines.of(folder, lines)
    return replace(config, profile=profile, read_reviewed=stored), lambda: stored.write(lines, Seal(key))


def _own_key(audit: Folder, local: bool) -> str:
    if not local:
        raise UsageError("--key is needed: workers of a distributed run must share it")
    if is_marked(audit):
        raise UsageError("--key is needed: an earlier run made --output, and only its key can continue it")
    os.environ[OWN_KEY] = secrets.token_hex(32)
    reporter.warn("own-key", "No --key was given: this run uses a new key that is not kept, so no later run can continue it.")
    return f"env:{OWN_KEY}"


def _make_importable_for_workers() -> None:
    """Let worker processes import the packages from the same place as this process, installed or not."""
    root = str(Path(__file__).resolve().parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
