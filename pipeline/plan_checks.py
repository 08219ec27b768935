"""Checks of the options of a plan, before any work. Their messages name options, never places."""

from dataclasses import replace
from pathlib import Path

from storage import StorageError, check_scheme, glob_base, has_magic, input_base, is_inside, scheme_of, would_list

from .errors import UsageError
from .options import JobOptions, PlanOptions
from .place_checks import beside

#: suffix of the name of an output's plan
PLAN_SUFFIX = "-plan"


def with_plan_place(options: JobOptions) -> JobOptions:
    """Return the options with a place for the plan, if one is asked for.

    Raises:
        UsageError: there is no place beside the output.
    """
    plan = options.plan
    if plan is None or plan.folder or not options.output:
        return options
    folder = beside(options.output, PLAN_SUFFIX, "--plan needs a FOLDER: --output is {}, and a plan must not lie in the output")
    return replace(options, plan=replace(plan, folder=folder))


def check_plan(options: JobOptions, *, detach: bool = False) -> None:
    """Refuse a plan in a place of the run, and options that a plan has no use for.

    Args:
        options: options with a place for the plan and the audit.

    Raises:
        UsageError: they can't be used.
    """
    plan = options.plan
    if plan is None:
        return
    if detach:
        raise UsageError("--plan and --detach exclude each other: the plan is complete when the command ends")
    if options.crosswalk.folder is not None:
        raise UsageError("--plan and --crosswalk exclude each other: a plan names nobody. Give --crosswalk to the run")
    if plan.diff == "":
        raise UsageError("--diff: name the folder of a run's audit tables")
    if plan.diff is not None and options.continuation.resume is not None:
        raise UsageError(
            "--diff and --resume exclude each other, since nothing is known of what would be done to skipped objects: plan "
            "without --resume"
        )
    _check_folder(options, plan)


def _check_folder(options: JobOptions, plan: PlanOptions) -> None:
    try:
        check_scheme(plan.folder)
    except StorageError as error:
        raise UsageError(f"--plan: {error}") from None
    if has_magic(plan.folder) or (not scheme_of(plan.folder) and Path(plan.folder).exists() and not Path(plan.folder).is_dir()):
        raise UsageError("--plan is not a folder")
    places = {
        "--output": options.output,
        "--audit": options.audit,
        "--contact-sheets": options.sheets.folder,
        "--census": options.census.folder,
        "--diff": plan.diff,
    }
    for name, place in places.items():
        if place is not None and (is_inside(plan.folder, place) or is_inside(place, plan.folder)):
            raise UsageError(f"--plan and {name} must lie apart: name another folder for the plan")
    for number, location in enumerate(options.inputs):
        base = glob_base(location) if has_magic(location) else location
        if not scheme_of(location):
            base = str(input_base(location))
        if would_list(location, plan.folder) or is_inside(base, plan.folder):
            raise UsageError(f"--plan and {options.name_of_input(number)} must lie apart: name another folder for the plan")
