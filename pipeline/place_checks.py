"""Checks of the places that a run reads and writes, before any work. Messages name options, never places."""

import glob
import os
from dataclasses import replace
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
from .options import JobOptions

#: suffix of the name of an output's audit
AUDIT_SUFFIX = "-audit"
#: the remedy for an input without objects
IF_EMPTY = ": see that it is mounted, or give --allow-empty"
#: folder in the output where version 0.1 wrote its audit
OLD_AUDIT = "_audit"


def audit_beside(output: str) -> str:
    """Return the default place of an output's audit: beside it, for the audit is not for the recipient of the output.

    Raises:
        UsageError: no place is beside it: the output is a bucket, or a mount point.
    """
    where = "--audit is needed: --output is {}, and the audit is not to lie in what is handed out"
    if scheme := scheme_of(output):
        names = output.rstrip("/").partition("://")[2].split("/")
        # an Azure account has containers, in which paths begin; on HDFS they may begin with the first name
        if not names[0] or len(names) < {"azfs": 3, "hdfs": 1}.get(scheme, 2):
            raise UsageError(where.format("a whole bucket"))
        return f"{output.rstrip('/')}{AUDIT_SUFFIX}"
    folder = Path(output)
    if folder.name in ("", ".."):
        folder = folder.resolve()
    if os.path.ismount(folder):
        raise UsageError(where.format("where a file system is mounted"))
    return f"{folder}{AUDIT_SUFFIX}"


def with_audit_place(options: JobOptions) -> JobOptions:
    """Return the options with a place for the audit, where an output is named.

    Raises:
        UsageError: as ``audit_beside``.
    """
    return options if options.audit or not options.output else replace(options, audit=audit_beside(options.output))


def check_locations(options: JobOptions) -> None:
    """Refuse inputs that can't be read, and outputs that would be read as inputs.

    Places on object storage are checked by their names only.

    Raises:
        UsageError: names the option.
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
    """Refuse a place for a list of patients that a run would read, or that recipients of the output or audit get.

    Raises:
        UsageError: names the option.
    """
    if scheme_of(path):
        raise UsageError(
            "--print-patients: a new file on this machine; on object storage it would have no permissions of its own"
        )
    if os.path.lexists(path):
        raise UsageError("--print-patients: there is such a file, and it is not overwritten: choose another name")
    if not Path(path).parent.is_dir():
        raise UsageError("--print-patients: its folder doesn't exist: make it first")
    for name, target in _targets(options):
        if is_inside(path, target):
            raise UsageError(f"--print-patients and {name} must lie apart: identifiers are not for who gets the other")
    for number, location in enumerate(options.inputs):
        if would_list(location, path):
            raise UsageError(f"--print-patients lies inside {options.name_of_input(number)}: the next run would read it")


def check_crosswalk(options: JobOptions) -> None:
    """Refuse a crosswalk in the output, the audit or an input, or one that others could read.

    Raises:
        UsageError: names the option.
    """
    crosswalk, certificate = options.crosswalk.folder, options.crosswalk.certificate
    if crosswalk is None:
        if certificate is not None:
            raise UsageError("--crosswalk-certificate needs --crosswalk")
        return
    _check_scheme("--crosswalk", crosswalk)
    if not crosswalk or has_magic(crosswalk) or (not scheme_of(crosswalk) and Path(crosswalk).is_file()):
        raise UsageError("--crosswalk is no folder")
    if scheme_of(crosswalk) and certificate is None:
        raise UsageError(
            "--crosswalk on object storage needs --crosswalk-certificate: an object has no permissions of its own there, and who "
            "may read the bucket would read the identifiers"
        )
    for name, other in (("--output", options.output), ("--audit", options.audit)):
        if is_inside(crosswalk, other) or is_inside(other, crosswalk):
            raise UsageError(f"--crosswalk and {name} must lie apart: identifiers are not for who gets the other")
    for number, location in enumerate(options.inputs):
        base = glob_base(location) if has_magic(location) else location
        if not scheme_of(location):
            base = str(input_base(location))
        if would_list(location, crosswalk) or is_inside(base, crosswalk):
            raise UsageError(f"--crosswalk and {options.name_of_input(number)} must lie apart")


def _targets(options: JobOptions) -> list[tuple[str, str]]:
    """Return the places that a run writes to, by option; those that are named."""
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
        # where folders are many levels deep only the store knows how to get there
        found = LocalStore().list(location) if "**" in path.parts else glob.iglob(location)
        if next(found, None) is None and not allow_empty:
            raise UsageError(f"{option} matches nothing{IF_EMPTY}")
    elif not path.exists():
        raise UsageError(f"{option} doesn't exist")
    try:
        # not iterdir, which reads all names: with thousands of files of one folder as inputs that took a minute
        with os.scandir(base) as entries:
            next(entries, None)
    except OSError as error:
        raise UsageError(f"{option} can't be read: {error.strerror}") from None
