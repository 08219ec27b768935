"""Command line options of a run, and the JobOptions that they make."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..options import (
    MOST_SAMPLES,
    CensusOptions,
    ContactSheetOptions,
    ContinuationOptions,
    CrosswalkOptions,
    EngineOptions,
    JobOptions,
    PlanOptions,
)
from .beam_options import beam_arguments
from .command_errors import usage_error
from .grouped_help import add_options, options_of
from .profile_options import rule_files, with_engine, with_profile
from .storage_options import with_storage

if TYPE_CHECKING:
    from profiles import ConfidentialityProfile
    from storage import StorageOptions

_place = options_of("Places")
_continue = options_of("Earlier runs")
_conflict = options_of("Outputs")
_report = options_of("Report")
_crosswalk = options_of("Crosswalk (restricted)")
_sheets = options_of("Contact sheets (restricted)")
_census = options_of("Census (restricted)")
_plan = options_of("Plan")

_PLACES = (
    _place(
        "--input", "inputs", multiple=True, metavar="PLACE", help="Folder, prefix, file, glob or manifest; required, repeatable."
    ),
    _place("--output", default="", metavar="FOLDER", help="Folder of the de-identified copy, a path or URI; required."),
    _place(
        "--audit", default="", metavar="FOLDER", help="Folder of the audit tables, outside the output. Default: OUTPUT-audit."
    ),
    _place("--allow-empty", is_flag=True, help="Accept an input without objects. Default: fail, since it may not be mounted."),
)
_CONTINUATION = (
    _continue(
        "--resume",
        is_flag=False,
        flag_value="",
        metavar="[FOLDER]",
        help="Process only objects that are new or changed since the run with audit tables in FOLDER. Without FOLDER: --audit.",
    ),
    _continue(
        "--recheck",
        is_flag=True,
        help="With --resume: process objects again that another version or other settings wrote.",
    ),
    _continue(
        "--max-gone",
        type=click.FloatRange(0, 100),
        default=10.0,
        show_default=True,
        metavar="PERCENT",
        help="Fail if more than PERCENT of the last run's objects, and at least 20, are gone from the same inputs.",
    ),
    _continue(
        "--mixed-output", is_flag=True, help="Accept an output that was made with another profile or key. Default: refuse it."
    ),
    _continue(
        "--uid-map", metavar="FOLDER", help="Import the UID map of the run with audit tables in FOLDER, to keep its new UIDs."
    ),
    _continue("--uid-map-key", metavar="URI", help="Key by which the imported map is hashed. Default: --key."),
    _continue("--uid-map-scope", metavar="NAME", help="Scope of --uid-map-key. Default: --scope."),
)
_OUTPUTS = (
    _conflict(
        "--conflicts",
        type=click.Choice(["quarantine", "keep-one"]),
        default="quarantine",
        show_default=True,
        help="Quarantine different objects with one SOPInstanceUID, or keep the least compressed one.",
    ),
    _conflict(
        "--replace-changed", is_flag=True, help="Replace the output of an object that changed. Default: refuse the object."
    ),
    _conflict(
        "--object-metadata", is_flag=True, help="Write ids of source, key and run as metadata of each object on object storage."
    ),
)
_REPORT = (
    _report(
        "--made-by",
        default="",
        metavar="TEXT",
        help="Organisation or person who releases the data, for the report. Default: a line to fill in.",
    ),
)
_CROSSWALK = (
    _crosswalk(
        "--crosswalk",
        metavar="FOLDER",
        help="Write original names and identifiers to FOLDER, for `dicom-deid reidentify`. Default: write none.",
    ),
    _crosswalk(
        "--crosswalk-certificate", metavar="FILE", help="Encrypt the crosswalk for the holder of this X.509 certificate (RSA)."
    ),
)
_SHEETS = (
    _sheets(
        "--contact-sheets",
        metavar="FOLDER",
        help="Draw sampled objects before and after CleanPixelData into pages in FOLDER, for people. Default: draw none.",
    ),
    _sheets(
        "--contact-sheet-certificate",
        metavar="FILE",
        help="Encrypt the contact sheets for the holder of this X.509 certificate (RSA).",
    ),
    _sheets(
        "--contact-sheet-samples",
        type=click.IntRange(1, MOST_SAMPLES),
        default=ContactSheetOptions.samples,
        show_default=True,
        metavar="NUMBER",
        help="Objects drawn of each pixel risk, device and size of image.",
    ),
)
_CENSUS = (
    _census(
        "--census",
        metavar="FOLDER",
        help="Write the distinct values that stay to FOLDER, with numbers of patients and instances, for `dicom-deid census`. "
        "Default: write none.",
    ),
    _census("--census-certificate", metavar="FILE", help="Encrypt the census for the holder of this X.509 certificate (RSA)."),
)


_PLAN = (
    _plan(
        "--plan",
        "--dry-run",
        is_flag=False,
        flag_value="",
        metavar="[FOLDER]",
        help="Write no object: only tables in FOLDER that say what the run would do. Without FOLDER: OUTPUT-plan.",
    ),
    _plan(
        "--diff",
        metavar="AUDIT",
        help="With --plan: compare with the run with audit tables in AUDIT, and say what changes in which attributes.",
    ),
)


def with_job_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add all options of a run to ``command``, and pass them as one argument, ``job``.

    ``job`` is a function that returns the JobOptions. It imports Beam, whose log the command silences first.
    """

    @functools.wraps(command)
    def wrapper(
        inputs: tuple[str, ...],
        output: str,
        audit: str,
        allow_empty: bool,
        profile: ConfidentialityProfile,
        engine: EngineOptions,
        storage: Callable[[], StorageOptions],
        conflicts: Any,
        object_metadata: bool,
        crosswalk: str | None,
        crosswalk_certificate: str | None,
        contact_sheets: str | None,
        contact_sheet_certificate: str | None,
        contact_sheet_samples: int,
        census: str | None,
        census_certificate: str | None,
        made_by: str,
        beam_args: tuple[str, ...],
        plan: str | None,
        diff: str | None,
        **others: Any,
    ) -> None:
        continuation = ContinuationOptions(**{name: others.pop(name) for name in ContinuationOptions.__dataclass_fields__})

        def job() -> JobOptions:
            return JobOptions(
                inputs,
                output,
                audit,
                profile=profile,
                engine=engine,
                continuation=continuation,
                crosswalk=CrosswalkOptions(crosswalk, crosswalk_certificate),
                sheets=ContactSheetOptions(contact_sheets, contact_sheet_certificate, contact_sheet_samples),
                census=CensusOptions(census, census_certificate),
                storage=storage(),
                conflicts=conflicts,
                object_metadata=object_metadata,
                allow_empty=allow_empty,
                beam_args=beam_args,
                made_by=made_by,
                rule_files=rule_files(click.get_current_context().params),
                plan=_plan_options(plan, diff),
            )

        command(job=job, **others)

    groups = (*_OUTPUTS, *_CONTINUATION, *_REPORT, *_CROSSWALK, *_SHEETS, *_CENSUS, *_PLAN, beam_arguments)
    decorated = add_options(groups)(wrapper)
    return add_options(_PLACES)(with_profile(with_engine(with_storage(decorated))))


def _plan_options(folder: str | None, diff: str | None) -> PlanOptions | None:
    if folder is None:
        if diff is not None:
            usage_error("--diff needs --plan: it says what a run would change")
        return None
    return PlanOptions(folder, diff)
