"""What an output is made with: runs that differ in it don't share one, unless they are told to."""

import json
import os
import platform
import secrets
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from anonymizer import Key
from anonymizer.internals import SERIES, SOP_INSTANCE, STUDY, UNFINISHED, KeyedHash, Purpose, make_folders
from profiles import EDITION
from storage import Folder, ObjectConflictError, StorageError, as_folder, check_temporary, is_inside, join, scheme_of, store_for
from transforms import EARLIER, MAC, SCHEMA_VERSION, EarlierRuns, SealError

from ..errors import UsageError
from ..options import OLD_AUDIT, JobOptions
from .audit import ORIGIN_FILE, RUN_FILE, Audit
from .settings import PROFILE_DIGEST, SETTINGS, Digests, Settings

#: in ``run.json``, among what the run was made with: the runs that it went on with
TAKES_UP = "takes_up"
#: and the one that came to its end
RESUMES = "resumes"
#: what ``digest_of_place`` says
CROSSWALK_DIGEST = "crosswalk_digest"
#: ids of the inputs, by their ordinals
INPUTS = "inputs"
#: when it began
STARTED = "started"
#: what ``making`` says
MAKING = "making"
#: among what outputs must agree in, what versions before didn't say
_NEW = ("patient_table_digest", "uid_actions")
#: id of the key by which original UIDs are hashed, and the run whose map goes on
UID_HASH_KEY, UID_MAP_RUN = "uid_hash_key_id", "uid_map"
_MADE = (
    *(UID_HASH_KEY, UID_MAP_RUN, "schema_version", "edition", "options", "pixels", "trust_burned_in_no", "faces"),
    *("pixel_risk_digest", "patients", "patient_table_digest", "key_id", "uid_root", "uid_actions", PROFILE_DIGEST),
)

_INPUT_DIGITS = 16


class MapOrigin(NamedTuple):
    """Where a UID map comes from that goes on.

    Attributes:
        run_id: the run that made it.
        key_id: of the key by which its originals are hashed.
    """

    run_id: str
    key_id: str


def made_with(options: JobOptions, key: Key, uid_map: MapOrigin | None = None, patient_table_digest: str = "") -> dict[str, Any]:
    """What decides about the outputs' bytes, but for the profile's digest: two runs that agree in it may share an output."""
    risk_digest = options.profile.pixels.digest
    return {
        UID_HASH_KEY: uid_map.key_id if uid_map else key.key_id,
        UID_MAP_RUN: uid_map and uid_map.run_id,
        "schema_version": SCHEMA_VERSION,
        "edition": EDITION,
        "options": options.profile.options.names(),
        **options.profile.pixels.settings,
        "pixel_risk_digest": Digests(key).of(risk_digest) if risk_digest else None,
        "patients": "pseudonym" if options.patient_table is None else "table",
        "patient_table_digest": patient_table_digest or None,
        "key_id": key.key_id,
        "uid_root": options.uid_root or "2.25",
        "uid_actions": _uid_actions(options),
    }


def made_of(origin: Mapping[str, Any]) -> dict[str, Any]:
    """What outputs must agree in, of all that a run was made with."""
    return {name: origin[name] for name in _MADE}


def _uid_actions(options: JobOptions) -> str:
    """What becomes of StudyInstanceUID, SeriesInstanceUID and SOPInstanceUID, of which outputs have their names."""
    return "/".join(options.profile.decide(tag).action.value for tag in (STUDY, SERIES, SOP_INSTANCE))


def _former(options: JobOptions) -> dict[str, Any]:
    """What versions that had no keyed digests wrote."""
    return {PROFILE_DIGEST: options.profile.digest, "pixel_risk_digest": options.profile.pixels.digest or None}


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
    former = _former(options)
    # what versions before didn't say was said by the profile's digest, or by nothing
    said = {name: value for name, value in made.items() if name not in _NEW or name in earlier}
    differing = [name for name, value in said.items() if earlier.get(name, None) not in (value, former.get(name, value))]
    if not audit.is_own(earlier):
        # whatever it says else
        differing = differing or ["key_id"]
    if options.recheck:
        _check_names(options, made, earlier)
        # names stay, and what was made otherwise is made anew
        differing = [name for name in differing if name in ("key_id", UID_HASH_KEY, UID_MAP_RUN)]
    if differing and not options.mixed_output:
        names = ", ".join(name.replace("_", " ") for name in differing)
        raise UsageError(
            f"--output was made with other settings ({names}): choose another folder, or the same options and key; "
            "--mixed-output lets both be in one"
        )


def _check_names(options: JobOptions, made: Mapping[str, Any], earlier: Mapping[str, Any]) -> None:
    """
    Raises:
        UsageError: objects would have other names than they had, so that what they were written as would stay beside them.
    """
    retained = "RetainUIDs"
    former = "uid_actions" in earlier or (retained in earlier.get("options", ())) == (retained in made["options"])
    if not former or any(earlier.get(name, made[name]) != made[name] for name in ("uid_root", "uid_actions")):
        raise UsageError("--recheck: these settings give objects other UIDs, and so other names: choose another --output")


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


def making(options: JobOptions, made: Mapping[str, Any], key: Key) -> str:
    """What tells one way to make objects, or to refuse them, from another: more than outputs must agree in.

    Args:
        made: what ``made_with`` says.
        key: places and names are in it, which could be guessed.
    """
    more = {
        "version": version("dicom-deid"),
        # what a run has scanned without it, or with another one, has no row in this one
        "crosswalk": [options.crosswalk, options.crosswalk_certificate],
        # what was refused may not be now
        "conflicts": [options.conflicts, options.replace_changed],
    }
    return _keyed(key, json.dumps([made, more], sort_keys=True))


def origin_of(
    options: JobOptions,
    settings: Settings,
    runner: str,
    digest: str,
    earlier: EarlierRuns,
    key: Key,
    inputs: Sequence[str] = (),
    started: str = "",
) -> dict[str, Any]:
    """What a run is made with, and by: as ``run.json`` has it.

    Args:
        digest: what ``making`` says.
        earlier: what it goes on with.
        inputs: their ids, by their ordinals.
        started: when it began.
    """
    return {
        STARTED: started,
        **settings.made,
        SETTINGS: settings.words,
        "runner": runner,
        # that there is one, but not where
        "crosswalk": options.crosswalk is not None,
        CROSSWALK_DIGEST: digest_of_place(options.crosswalk, key),
        # who gets the output gets the audit, too
        "audit_in_output": is_inside(options.audit, options.output),
        INPUTS: list(inputs),
        "allow_empty": options.allow_empty,
        "max_gone": options.max_gone,
        "version": version("dicom-deid"),
        "python": platform.python_version(),
        **{name: version(name) for name in ("apache-beam", "pydicom", "pyarrow")},
        MAKING: digest,
        TAKES_UP: sorted({file.run_id for file in earlier.ledgers}),
        RESUMES: earlier.run and earlier.run.run_id,
    }
