"""Checks of the places that a run reads and writes, before any work. Their messages name options, never places."""

import glob
import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from storage import (
    LocalStore,
    StorageError,
    check_scheme,
    glob_base,
    has_magic,
    input_base,
    is_folder,
    is_inside,
    scheme_of,
    would_list,
)

from .errors import UsageError
from .options import MOST_SAMPLES, JobOptions

#: suffix of the name of an output's audit
AUDIT_SUFFIX = "-audit"
#: the remedy for an input without objects
IF_EMPTY = ": check that it is mounted, or give --allow-empty"
#: folder in the output where version 0.1 wrote its audit
OLD_AUDIT = "_audit"


def audit_beside(output: str) -> str:
    """Return the default place of an output's audit: beside the output, since the audit is not for recipients of the output.

    Raises:
        UsageError: there is no such place: the output is a bucket, or a mount point.
    """
    return beside(
        output, AUDIT_SUFFIX, "--audit is needed: --output is {}, and the audit must not lie in the output that is handed out"
    )


def beside(output: str, suffix: str, where: str) -> str:
    """Return a place beside the output, with its name and a suffix.

    Args:
        where: the message if there is no such place, with ``{}`` for what the output is.

    Raises:
        UsageError: there is no such place.
    """
    if scheme := scheme_of(output):
        names = output.rstrip("/").partition("://")[2].split("/")
        # an Azure account has containers, in which paths begin; on HDFS they may begin with the first name
        if not names[0] or len(names) < {"azfs": 3, "hdfs": 1}.get(scheme, 2):
            raise UsageError(where.format("a whole bucket"))
        return f"{output.rstrip('/')}{suffix}"
    folder = Path(output)
    if folder.name in ("", ".."):
        folder = folder.resolve()
    if os.path.ismount(folder):
        raise UsageError(where.format("a mount point"))
    return f"{folder}{suffix}"


def with_audit_place(options: JobOptions) -> JobOptions:
    """Return the options with a place for the audit, if they name an output.

    Raises:
        UsageError: as ``audit_beside``.
    """
    return options if options.audit or not options.output else replace(options, audit=audit_beside(options.output))


def check_locations(options: JobOptions) -> None:
    """Refuse inputs that can't be read, and outputs that would be read as inputs.

    Places on object storage are checked by their names only.

    Raises:
        UsageError: a place can't be used. The message names its option.
    """
    for number, location in enumerate(options.inputs):
        option = options.name_of_input(number)
        _check_scheme(option, location)
        if not scheme_of(location):
            _check_local_input(option, location, allow_empty=options.allow_empty)
        for name, target in _targets(options):
            if would_list(location, target):
                raise UsageError(f"{name} lies inside {option}: the next run would read it")
        if options.output and is_folder(location) and is_inside(location, options.output):
            raise UsageError(f"{option} lies inside --output")
    for name, target in _targets(options):
        _check_scheme(name, target)
        if not scheme_of(target) and Path(target).exists() and not Path(target).is_dir():
            raise UsageError(f"{name} is a file")


def check_patient_list(options: JobOptions, path: str) -> None:
    """Refuse a place for a list of patients that a run would read, or that recipients of the output or audit would get.

    Raises:
        UsageError: the place can't be used.
    """
    if scheme_of(path):
        raise UsageError(
            "--print-patients must be a file on this machine: on object storage it would have no permissions of its own"
        )
    if os.path.lexists(path):
        raise UsageError("--print-patients: the file exists and is not overwritten: choose another name")
    if not Path(path).parent.is_dir():
        raise UsageError("--print-patients: the folder of the file doesn't exist: make it first")
    for name, target in _targets(options):
        check_apart("--print-patients", path, name, target)
    for number, location in enumerate(options.inputs):
        if would_list(location, path):
            raise UsageError(f"--print-patients lies inside {options.name_of_input(number)}: the next run would read it")


def check_apart(option: str, place: str, name: str, folder: str) -> None:
    """Refuse a place for a restricted file in a folder that others get.

    Args:
        name: of the folder, in the message.

    Raises:
        UsageError: the place lies inside the folder.
    """
    if is_inside(place, folder):
        raise UsageError(f"{option} must not lie inside {name}: its recipients must not get identifiers")


def check_crosswalk(options: JobOptions) -> None:
    """Refuse a crosswalk in the output, the audit or an input, or one that others could read.

    Raises:
        UsageError: the crosswalk can't be used. The message names the option.
    """
    crosswalk = options.crosswalk
    _check_restricted(options, "--crosswalk", crosswalk.folder, "--crosswalk-certificate", crosswalk.certificate)


def check_contact_sheets(options: JobOptions) -> None:
    """Refuse contact sheets that nothing is drawn on, or in places where a crosswalk is refused.

    Raises:
        UsageError: they can't be used. The message names the option.
    """
    sheets = options.sheets
    _check_restricted(options, "--contact-sheets", sheets.folder, "--contact-sheet-certificate", sheets.certificate)
    if sheets.folder is None:
        return
    if not 1 <= sheets.samples <= MOST_SAMPLES:
        raise UsageError(f"--contact-sheet-samples must be 1 to {MOST_SAMPLES}")
    if not options.profile.pixels.cleans:
        raise UsageError("--contact-sheets needs --options CleanPixelData: without it no pixels are decided on")
    if find_spec("PIL") is None or find_spec("numpy") is None:
        raise UsageError("--contact-sheets needs another package, here and on all workers: pip install -e '.[pixels]'")


def check_census(options: JobOptions) -> None:
    """Refuse a census in places where a crosswalk is refused.

    Raises:
        UsageError: it can't be used. The message names the option.
    """
    census = options.census
    _check_restricted(options, "--census", census.folder, "--census-certificate", census.certificate)


def _check_restricted(
    options: JobOptions, option: str, folder: str | None, certificate_option: str, certificate: str | None
) -> None:
    """Refuse a folder of restricted files in the output, the audit or an input, or one that others could read.

    Raises:
        UsageError: the folder can't be used.
    """
    if folder is None:
        if certificate is not None:
            raise UsageError(f"{certificate_option} needs {option}")
        return
    _check_scheme(option, folder)
    if not folder or has_magic(folder) or (not scheme_of(folder) and Path(folder).is_file()):
        raise UsageError(f"{option} is not a folder")
    if scheme_of(folder) and certificate is None:
        raise UsageError(
            f"{option} on object storage needs {certificate_option}: an object has no permissions of its own there, so "
            "everybody who may read the bucket could read the identifiers"
        )
    for name, other in (("--output", options.output), ("--audit", options.audit)):
        if is_inside(folder, other) or is_inside(other, folder):
            raise UsageError(f"{option} and {name} must lie apart: recipients of {name} must not get identifiers")
    for number, location in enumerate(options.inputs):
        base = glob_base(location) if has_magic(location) else location
        if not scheme_of(location):
            base = str(input_base(location))
        if would_list(location, folder) or is_inside(base, folder):
            raise UsageError(f"{option} and {options.name_of_input(number)} must lie apart")


def _targets(options: JobOptions) -> list[tuple[str, str]]:
    """Return the places that a run writes to, as far as they are named, each behind its option."""
    return [(name, target) for name, target in (("--output", options.output), ("--audit", options.audit)) if target]


def _check_scheme(option: str, location: str) -> None:
    try:
        check_scheme(location)
    except StorageError as error:
        raise UsageError(f"{option}: {error}") from None


def _check_local_input(option: str, location: str, *, allow_empty: bool) -> None:
    path = Path(location)
    base = input_base(location)
    if glob.has_magic(location) and not path.exists():
        if not base.is_dir():
            raise UsageError(f"{option}: the folder before the wildcard doesn't exist")
        # only the store can search folders that are nested too deeply for glob
        found = LocalStore().list(location) if "**" in path.parts else glob.iglob(location)
        if next(found, None) is None and not allow_empty:
            raise UsageError(f"{option} matches nothing{IF_EMPTY}")
    elif not path.exists():
        raise UsageError(f"{option} doesn't exist")
    try:
        # not iterdir, which reads all names: thousands of files of one folder as inputs took a minute
        with os.scandir(base) as entries:
            next(entries, None)
    except OSError as error:
        raise UsageError(f"{option} can't be read: {error.strerror}") from None
