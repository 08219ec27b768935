"""The job's options: validated once, frozen, with a key that is only named."""

import fnmatch
import glob
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from profiles import ConfidentialityProfile

from .errors import UsageError
from .storage import (
    LocalStore,
    StorageError,
    StorageOptions,
    check_scheme,
    glob_base,
    glob_regex,
    has_magic,
    is_inside,
    scheme_of,
)


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
        keep_burned_in: let objects pass whose BurnedInAnnotation is YES.
        patient_table: file that names patients anew, None for pseudonyms.
        storage: how object storage is reached.
        detach: submit the job and don't wait for it.
        beam_args: options for Beam, as on the command line.
    """

    inputs: tuple[str, ...]
    output: str
    audit: str
    profile: ConfidentialityProfile
    key_uri: str
    scope: str = ""
    uid_root: str | None = None
    keep_burned_in: bool = False
    patient_table: str | None = None
    storage: StorageOptions = field(default_factory=StorageOptions)
    detach: bool = False
    beam_args: tuple[str, ...] = field(default=())


def input_base(location: str) -> Path:
    """The folder below which an input's objects lie: itself, a file's folder, the part of a glob before the first wildcard."""
    path = Path(location)
    if path.is_dir():
        return path
    if not glob.has_magic(location) or path.exists():
        return path.parent
    parts = path.parts
    literal = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:literal])


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
            _check_local_input(option, location)
        for name, target in (("--output", options.output), ("--audit", options.audit)):
            if _would_list(location, target):
                raise UsageError(f"{name} lies inside {option}: the next run would read it")
        if _is_folder(location) and is_inside(location, options.output):
            raise UsageError(f"{option} lies inside --output")
    for name, target in (("--output", options.output), ("--audit", options.audit)):
        _check_kind(name, target)
        if not scheme_of(target) and Path(target).exists() and not Path(target).is_dir():
            raise UsageError(f"{name} is a file")


def input_option(options: JobOptions, number: int) -> str:
    """What to call an input where its name must not be told."""
    return "--input" if len(options.inputs) == 1 else f"--input number {number + 1}"


def _check_kind(option: str, location: str) -> None:
    try:
        check_scheme(location)
    except StorageError as error:
        raise UsageError(f"{option}: {error}") from None


def _check_local_input(option: str, location: str) -> None:
    path = Path(location)
    base = input_base(location)
    if glob.has_magic(location) and not path.exists():
        if not base.is_dir():
            raise UsageError(f"{option}: the folder before the wildcard doesn't exist")
        # where folders are many levels deep only the store knows how to get there
        found = LocalStore().list(location) if "**" in path.parts else glob.iglob(location)
        if next(found, None) is None:
            raise UsageError(f"{option} matches nothing")
    elif not path.exists():
        raise UsageError(f"{option} doesn't exist")
    try:
        # not iterdir, which reads all names: with thousands of files of one folder as inputs that took a minute
        with os.scandir(base) as entries:
            next(entries, None)
    except OSError as error:
        raise UsageError(f"{option} can't be read: {error.strerror}") from None


def _is_folder(location: str) -> bool:
    return not has_magic(location) if scheme_of(location) else Path(location).is_dir()


def _would_list(location: str, target: str) -> bool:
    """Whether an input's listing would come upon what is written below ``target``."""
    if scheme_of(location):
        if not has_magic(location):
            return is_inside(target, location)
        base = glob_base(location)
        # a folder that matches is listed to the bottom
        return is_inside(target, base) and re.fullmatch(glob_regex(location[len(base) :]), target[len(base) :]) is not None
    base_path, path = input_base(location).resolve(), Path(target).resolve()
    if scheme_of(target) or (path != base_path and base_path not in path.parents):
        return False
    if Path(location).exists():
        return Path(location).is_dir()
    wildcards = Path(location).parts[len(input_base(location).parts) :]
    below = path.relative_to(base_path).parts
    return "**" in wildcards or all(map(fnmatch.fnmatch, below, wildcards))
