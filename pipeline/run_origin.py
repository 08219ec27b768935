"""What an output is made with: runs that differ in it don't share one, unless they are told to."""

import json
import os
import platform
import secrets
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from anonymizer import UNFINISHED, Key, KeyedHash, Purpose, make_folders
from profiles import EDITION
from transforms import MAC, SCHEMA_VERSION, Earlier, ObjectConflictError, SealError

from .audit import EARLIER, ORIGIN_FILE, RUN_FILE, Audit
from .errors import UsageError
from .options import OLD_AUDIT, JobOptions
from .storage import Folder, StorageError, as_folder, check_temporary, is_inside, join, scheme_of, store_for

#: in ``run.json``, among what the run was made with: the runs that it went on with
TAKES_UP = "takes_up"
#: and the one that came to its end
RESUMES = "resumes"
#: what ``digest_of_place`` says
CROSSWALK_DIGEST = "crosswalk_digest"
#: ids of the inputs, by their ordinals
INPUTS = "inputs"
#: what ``making`` says
MAKING = "making"
#: id of the key by which original UIDs are hashed, and the run whose map goes on
UID_HASH_KEY, UID_MAP_RUN = "uid_hash_key_id", "uid_map"

_INPUT_DIGITS = 16


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
    return _said(audit, ORIGIN_FILE) is not None


def check_origin(options: JobOptions, audit: Audit, made: Mapping[str, Any]) -> None:
    """Refuse an output that was made with something else, or by something else; and an audit that no run with the key wrote.

    Args:
        made: what ``made_with`` says.

    Raises:
        UsageError: what differs.
    """
    earlier = _checked(options, audit, ORIGIN_FILE)
    if earlier is None and options.resume:
        earlier = _checked(options, Audit(Folder(options.resume, options.storage), audit.seals), ORIGIN_FILE)
    if earlier is None:
        _check_empty(options)
        return
    # found out before the work, and not when this run's account takes its place
    _checked(options, audit, RUN_FILE)
    differing = [name for name, value in made.items() if earlier.get(name) != value]
    if not audit.is_own(earlier):
        # whatever it says else
        differing = differing or ["key_id"]
    if differing and not options.mixed_output:
        names = ", ".join(name.replace("_", " ") for name in differing)
        raise UsageError(
            f"--output was made with other settings ({names}): choose another folder, or the same options and key; "
            "--mixed-output lets both be in one"
        )


def _said(audit: Folder, name: str) -> dict[str, Any] | None:
    """What a file says, whoever wrote it."""
    try:
        said, _ = audit.read_json(name)
    except FileNotFoundError:
        return None
    except StorageError as error:
        raise UsageError(f"--audit: {error}") from None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise UsageError(f"the audit's {name} can't be read")
    return said


def _checked(options: JobOptions, audit: Audit, name: str) -> dict[str, Any] | None:
    """What a file says, if a run with the key wrote it; one with another key, where that may be.

    Raises:
        UsageError: it can't be read, or nobody knows who wrote it.
    """
    said = _said(audit.folder, name)
    try:
        if said is not None and (audit.is_own(said) or MAC not in said):
            audit.read(name)
    except (SealError, StorageError, ValueError) as error:
        raise UsageError(f"--audit: {error}") from None
    return said


def _check_empty(options: JobOptions) -> None:
    if not _holds_something(options):
        return
    if _said(Folder(join(options.output, OLD_AUDIT), options.storage), ORIGIN_FILE) is not None:
        raise UsageError(
            f"--output has an audit of version 0.1 in its folder {OLD_AUDIT}: `dicom-deid audit adopt` takes it over; or name it "
            "with --audit, if it was taken over and lies there"
        )
    raise UsageError("--output is not empty and has no audit of this job: choose an empty folder, or name its --audit")


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


def write_origin(options: JobOptions, audit: Audit, made: Mapping[str, Any]) -> None:
    """Mark the output as made with these options and this key, before anything is written to it.

    Args:
        made: what ``made_with`` says.

    Raises:
        UsageError: the folders can't be made or written, or another run has just begun to make it with others.
    """
    if not scheme_of(options.output):
        try:
            make_folders(options.output)
            # found out now, and not by each object
            probe = Path(options.output, f"{UNFINISHED}{secrets.token_hex(8)}")
            probe.mkdir()
            probe.rmdir()
        except OSError as error:
            raise UsageError(f"--output can't be made or written: {error.strerror}") from None
        try:
            check_temporary(options.output)
        except StorageError as error:
            raise UsageError(f"--output {error}") from None
    if not scheme_of(options.audit):
        try:
            audit.folder.make(closed=False)
            audit.folder.check_folder(EARLIER)
        except StorageError as error:
            raise UsageError(f"--audit {error}") from None
    try:
        audit.write(ORIGIN_FILE, made, version="")
    except ObjectConflictError:
        check_origin(options, audit, made)
    except StorageError as error:
        raise UsageError(f"--audit {error}") from None


def digest_of_place(folder: str | None, key: Key) -> str | None:
    """What tells the crosswalk's place from others, to who holds the key: places can be guessed; None where there is none."""
    return None if folder is None else _keyed(key, as_folder(folder))


def digest_of_input(name: str, key: Key) -> str:
    """What tells an input from others in tables and accounts, however it is written: 16 hex digits."""
    return _keyed(key, as_folder(name) if scheme_of(name) else os.path.abspath(name))[:_INPUT_DIGITS]


def _keyed(key: Key, text: str) -> str:
    return KeyedHash(key.derive(Purpose.PLACE)).digest(os.fsencode(text)).hex()


def making(options: JobOptions, made: Mapping[str, Any], patient_table_digest: str, key: Key) -> str:
    """What tells one way to make objects, or to refuse them, from another: more than outputs must agree in.

    Args:
        made: what ``made_with`` says.
        key: places and names are in it, which could be guessed.
    """
    more = {
        "version": version("dicom-deid"),
        "patients": patient_table_digest,
        # what a run has scanned without it, or with another one, has no row in this one
        "crosswalk": [options.crosswalk, options.crosswalk_certificate],
        # what was refused may not be now
        "conflicts": [options.conflicts, options.replace_changed],
    }
    return _keyed(key, json.dumps([made, more], sort_keys=True))


def origin_of(
    options: JobOptions,
    made: Mapping[str, Any],
    runner: str,
    digest: str,
    earlier: Earlier,
    key: Key,
    inputs: Sequence[str] = (),
) -> dict[str, Any]:
    """What a run is made with, and by: as ``run.json`` has it.

    Args:
        made: what ``made_with`` says.
        digest: what ``making`` says.
        earlier: what it goes on with.
        inputs: their ids, by their ordinals.
    """
    return {
        **made,
        "runner": runner,
        # that there is one, but not where
        "crosswalk": options.crosswalk is not None,
        CROSSWALK_DIGEST: digest_of_place(options.crosswalk, key),
        # who gets the output gets the audit, too
        "audit_in_output": is_inside(options.audit, options.output),
        "object_metadata": options.object_metadata,
        INPUTS: list(inputs),
        "conflicts": options.conflicts,
        "replace_changed": options.replace_changed,
        "allow_empty": options.allow_empty,
        "max_gone": options.max_gone,
        "version": version("dicom-deid"),
        "python": platform.python_version(),
        **{name: version(name) for name in ("apache-beam", "pydicom", "pyarrow")},
        MAKING: digest,
        TAKES_UP: sorted({file.run_id for file in earlier.ledgers}),
        RESUMES: earlier.run and earlier.run.run_id,
    }
