"""What an output is made with: runs that differ in it don't share one, unless they are told to."""

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from profiles import EDITION
from transforms import SCHEMA_VERSION, Earlier, ObjectConflictError

from .errors import UsageError
from .options import JobOptions
from .storage import Folder, StorageError, as_folder, is_inside, scheme_of, store_for

#: says with which profile and key an output is made, from before its first object on
ORIGIN_FILE = "output.json"
#: in ``run.json``, among what the run was made with: the runs that it went on with
TAKES_UP = "takes_up"
#: what ``digest_of_crosswalk`` says
CROSSWALK_DIGEST = "crosswalk_digest"
#: what ``making`` says
MAKING = "making"
#: id of the key by which original UIDs are hashed, and the run whose map goes on
UID_HASH_KEY, UID_MAP_RUN = "uid_hash_key_id", "uid_map"


class MapOrigin(NamedTuple):
    """Where a UID map comes from that goes on.

    Attributes:
        run_id: the run that made it.
        key_id: of the key by which its originals are hashed.
    """

    run_id: str
    key_id: str


def made_with(options: JobOptions, key_id: str, uid_map: MapOrigin | None = None) -> dict[str, Any]:
    """What decides about the outputs' bytes: two runs that agree in it may share an output."""
    return {
        UID_HASH_KEY: uid_map.key_id if uid_map else key_id,
        UID_MAP_RUN: uid_map and uid_map.run_id,
        "schema_version": SCHEMA_VERSION,
        "edition": EDITION,
        "options": options.profile.options.names(),
        **options.profile.pixels.settings,
        "profile_digest": options.profile.digest,
        "custom_rules": len(options.profile.custom),
        "weakening_rules": list(options.profile.weakening_rules),
        "patients": "pseudonym" if options.patient_table is None else "table",
        "key_id": key_id,
        "uid_root": options.uid_root or "2.25",
    }


def has_origin(audit: Folder) -> bool:
    """Whether an earlier run made the output.

    Raises:
        UsageError: the audit can't be read.
    """
    return _origin(audit) is not None


def check_origin(options: JobOptions, audit: Folder, made: Mapping[str, Any]) -> None:
    """Refuse an output that was made with something else, or by something else.

    Args:
        made: what ``made_with`` says.

    Raises:
        UsageError: what differs.
    """
    earlier = _origin(audit)
    if earlier is None and options.resume:
        earlier = _origin(Folder(options.resume, options.storage))
    if earlier is None:
        if _holds_something(options):
            raise UsageError("--output is not empty and has no audit of this job: choose an empty folder")
        return
    differing = [name for name, value in made.items() if earlier.get(name) != value]
    if differing and not options.mixed_output:
        names = ", ".join(name.replace("_", " ") for name in differing)
        raise UsageError(
            f"--output was made with other settings ({names}): choose another folder, or the same options and key; "
            "--mixed-output lets both be in one"
        )


def _origin(audit: Folder) -> dict[str, Any] | None:
    try:
        earlier, _ = audit.read_json(ORIGIN_FILE)
    except FileNotFoundError:
        return None
    except StorageError as error:
        raise UsageError(f"--audit: {error}") from None
    except ValueError:
        earlier = None
    if not isinstance(earlier, dict):
        raise UsageError(f"the audit's {ORIGIN_FILE} can't be read")
    return earlier


def _holds_something(options: JobOptions) -> bool:
    """Whether something lies in the output that isn't the audit's."""
    if not scheme_of(options.output):
        output, audit = Path(options.output), Path(options.audit).resolve()
        return output.is_dir() and any(entry.resolve() != audit for entry in output.iterdir())
    try:
        entries = store_for(options.output, options.storage).list(as_folder(options.output))
        return any(not is_inside(os.fsdecode(entry.uri), options.audit) for entry in entries)
    except StorageError as error:
        raise UsageError(f"--output: {error}") from None


def write_origin(options: JobOptions, audit: Folder, made: Mapping[str, Any]) -> None:
    """Mark the output as made with these options and this key, before anything is written to it.

    Args:
        made: what ``made_with`` says.

    Raises:
        UsageError: the folders can't be made or written, or another run has just begun to make it with others.
    """
    if not scheme_of(options.output):
        try:
            Path(options.output).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--output can't be made: {error.strerror}") from None
    try:
        audit.write_json(ORIGIN_FILE, made, version="")
    except ObjectConflictError:
        check_origin(options, audit, made)
    except StorageError as error:
        raise UsageError(f"--audit {error}") from None


def digest_of_crosswalk(options: JobOptions) -> str | None:
    """What tells the crosswalk's place from others; None where there is no crosswalk."""
    return None if options.crosswalk is None else hashlib.sha256(as_folder(options.crosswalk).encode()).hexdigest()


def making(options: JobOptions, made: Mapping[str, Any], patient_table_digest: str) -> str:
    """What tells one way to make objects, or to refuse them, from another: more than outputs must agree in.

    Args:
        made: what ``made_with`` says.
    """
    more = {
        "version": version("dicom-deid"),
        "patients": patient_table_digest,
        # what a run has scanned without it, or with another one, has no row in this one
        "crosswalk": [options.crosswalk, options.crosswalk_certificate],
    }
    return hashlib.sha256(json.dumps([made, more], sort_keys=True).encode()).hexdigest()


def origin_of(options: JobOptions, made: Mapping[str, Any], runner: str, digest: str, earlier: Earlier) -> dict[str, Any]:
    """What a run is made with, and by: as ``run.json`` has it.

    Args:
        made: what ``made_with`` says.
        digest: what ``making`` says.
        earlier: what it goes on with.
    """
    return {
        **made,
        "runner": runner,
        # that there is one, but not where
        "crosswalk": options.crosswalk is not None,
        CROSSWALK_DIGEST: digest_of_crosswalk(options),
        "version": version("dicom-deid"),
        "python": platform.python_version(),
        **{name: version(name) for name in ("apache-beam", "pydicom", "pyarrow")},
        MAKING: digest,
        TAKES_UP: sorted({file.run_id for file in earlier.ledgers}),
        "resumes": earlier.run and earlier.run.run_id,
    }
