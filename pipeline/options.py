"""The job's options: validated once, frozen, with a key that is only named."""

import fnmatch
import glob
from dataclasses import dataclass, field
from pathlib import Path

from profiles import ConfidentialityProfile

from .errors import UsageError


@dataclass(frozen=True)
class JobOptions:
    """What a run is asked to do.

    Attributes:
        inputs: folders, files or globs.
        output: folder for the de-identified copy.
        audit: folder for the audit tables.
        profile: the policy.
        key_uri: where the key is (``file:PATH``, ``env:NAME``).
        scope: enters the key's derivation.
        uid_root: root of new UIDs, None for 2.25.
        keep_burned_in: let objects pass whose BurnedInAnnotation is YES.
        patient_table: file that names patients anew, None for pseudonyms.
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

    Raises:
        UsageError: what is wrong with which option.
    """
    output, audit = (Path(location).resolve() for location in (options.output, options.audit))
    for number, location in enumerate(options.inputs, 1):
        # names are identifiers: the message counts the inputs instead
        option = "--input" if len(options.inputs) == 1 else f"--input number {number}"
        if "://" in location or "://" in options.output:
            raise UsageError("only local folders are supported in this version")
        path = Path(location)
        if glob.has_magic(location) and not path.exists():
            if not input_base(location).is_dir():
                raise UsageError(f"{option}: the folder before the wildcard doesn't exist")
            if next(glob.iglob(location, recursive=True), None) is None:
                raise UsageError(f"{option} matches nothing")
        elif not path.exists():
            raise UsageError(f"{option} doesn't exist")
        base = input_base(location).resolve()
        try:
            next(base.iterdir(), None)
        except OSError as error:
            raise UsageError(f"{option} can't be read: {error.strerror}") from None
        for name, target in (("--output", output), ("--audit", audit)):
            if _would_list(location, base, target):
                raise UsageError(f"{name} lies inside {option}: the next run would read it")
        if path.is_dir() and output in base.parents:
            raise UsageError(f"{option} lies inside --output")
    for name, target in (("--output", output), ("--audit", audit)):
        if target.exists() and not target.is_dir():
            raise UsageError(f"{name} is a file")


def _would_list(location: str, base: Path, target: Path) -> bool:
    """Whether an input's listing would come upon what is written below ``target``."""
    if target != base and base not in target.parents:
        return False
    if Path(location).exists():
        return Path(location).is_dir()
    wildcards = Path(location).parts[len(input_base(location).parts) :]
    below = target.relative_to(base).parts
    # a folder that matches is listed to the bottom
    return "**" in wildcards or all(map(fnmatch.fnmatch, below, wildcards))
