"""The job's options: validated once, frozen, with a key that is only named."""

import glob
import os
from dataclasses import dataclass, field
from pathlib import Path

from profiles import ConfidentialityProfile
from storage import (
    LocalStore,
    StorageError,
    StorageOptions,
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

#: what the name of an output's audit has behind the output's
AUDIT_SUFFIX = "-audit"
#: what to do about an input with nothing in it
IF_EMPTY = ": see that it is mounted, or give --allow-empty"
#: where version 0.1 had its audit, in the output
OLD_AUDIT = "_audit"


@dataclass(frozen=True)
class JobOptions:
    """What a run is asked to do.

    Attributes:
        inputs: folders, files, globs or manifests; paths or URIs.
        output: folder for the de-identified copy; path or URI.
        audit: folder for the audit tables; path or URI.
        profile: the policy.
        key_uri: where the key is, as ``Key.load`` takes it.
        scope: enters the key's derivation.
        uid_root: root of new UIDs, None for 2.25.
        patient_table: file that names patients anew, None for pseudonyms.
        storage: how object storage is reached.
        detach: submit the job and don't wait for it.
        beam_args: options for Beam, as on the command line.
        crosswalk: folder for the restricted crosswalk, path or URI; None: none is written.
        crosswalk_certificate: file with the certificate to which it is encrypted, path or URI; None: it isn't.
        resume: folder of the audit tables of the run to go on with, ``""`` for ``audit``; None: all is done anew.
        uid_map: folder of the audit tables of a run whose UID map goes on; None: no other's does.
        uid_map_key: where the key is by which that map's originals are hashed, None for ``key_uri``.
        uid_map_scope: its scope, None for ``scope``.
        mixed_output: let an output hold what was made with other profiles or keys.
        object_metadata: on object storage, write the ids of source, key and run beside each object.
        replace_changed: replace what an object was written as when it changed.
        conflicts: what becomes of different objects with one SOPInstanceUID: ``quarantine`` or ``keep-one``.
        recheck: make anew what another version or other settings made.
        rule_files: files with rules that the profile was made of: what they are for, and their paths.
        allow_empty: take an input that lists nothing for what it is.
        max_gone: how many percent of what the last run listed under the same inputs may be gone.
    """

    inputs: tuple[str, ...]
    output: str
    audit: str
    profile: ConfidentialityProfile
    key_uri: str
    scope: str = ""
    uid_root: str | None = None
    patient_table: str | None = None
    storage: StorageOptions = field(default_factory=StorageOptions)
    detach: bool = False
    beam_args: tuple[str, ...] = field(default=())
    crosswalk: str | None = None
    crosswalk_certificate: str | None = None
    resume: str | None = None
    mixed_output: bool = False
    uid_map: str | None = None
    uid_map_key: str | None = None
    uid_map_scope: str | None = None
    object_metadata: bool = False
    replace_changed: bool = False
    conflicts: str = "quarantine"
    recheck: bool = False
    rule_files: tuple[tuple[str, str], ...] = ()
    allow_empty: bool = False
    max_gone: float = 10.0


def audit_beside(output: str) -> str:
    """Where an output's audit goes if nobody says otherwise: beside it, for who gets the output is not to get the audit.

    Raises:
        UsageError: there is nothing beside it: a bucket, or where another file system is mounted.
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


def check_locations(options: JobOptions) -> None:
    """Refuse inputs that can't be read and outputs that would be read as inputs, before any work.

    What lies on object storage is looked at by its name only.

    Raises:
        UsageError: what is wrong with which option.
    """
    for number, location in enumerate(options.inputs):
        # names are identifiers: the message counts the inputs instead
        option = input_option(options, number)
        _check_kind(option, location)
        if not scheme_of(location):
            _check_local_input(option, location, allow_empty=options.allow_empty)
        for name, target in _targets(options):
            if would_list(location, target):
                raise UsageError(f"{name} lies inside {option}: the next run would read it")
        if options.output and is_folder(location) and is_inside(location, options.output):
            raise UsageError(f"{option} lies inside --output")
    for name, target in _targets(options):
        _check_kind(name, target)
        if not scheme_of(target) and Path(target).exists() and not Path(target).is_dir():
            raise UsageError(f"{name} is a file")


def check_patient_list(options: JobOptions, path: str) -> None:
    """Refuse a place for a list of patients where others read, or a run would, before any work.

    Raises:
        UsageError: what is wrong with it.
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
            raise UsageError(f"--print-patients lies inside {input_option(options, number)}: the next run would read it")


def check_crosswalk(options: JobOptions) -> None:
    """Refuse a crosswalk that lies where others read, or where it would be open to them, before any work.

    Raises:
        UsageError: what is wrong with which option.
    """
    if options.crosswalk is None:
        if options.crosswalk_certificate is not None:
            raise UsageError("--crosswalk-certificate needs --crosswalk")
        return
    crosswalk = options.crosswalk
    _check_kind("--crosswalk", crosswalk)
    if not crosswalk or has_magic(crosswalk) or (not scheme_of(crosswalk) and Path(crosswalk).is_file()):
        raise UsageError("--crosswalk is no folder")
    if scheme_of(crosswalk) and options.crosswalk_certificate is None:
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
            raise UsageError(f"--crosswalk and {input_option(options, number)} must lie apart")


def _targets(options: JobOptions) -> list[tuple[str, str]]:
    """Where a run writes to, by option; what isn't named is left out."""
    return [(name, target) for name, target in (("--output", options.output), ("--audit", options.audit)) if target]


def input_option(options: JobOptions, number: int) -> str:
    """What to call an input where its name must not be told."""
    return "--input" if len(options.inputs) == 1 else f"--input number {number + 1}"


def _check_kind(option: str, location: str) -> None:
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
