"""``output.json``: the mark of an output, written before its first object, with the settings that make it."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anonymizer.internals import UNFINISHED, make_folders
from storage import Folder, ObjectConflictError, StorageError, as_folder, check_temporary, is_inside, join, scheme_of, store_for
from transforms import EARLIER, MAC, SealError

from ..errors import UsageError
from ..options import JobOptions
from ..place_checks import OLD_AUDIT
from .audit import ORIGIN_FILE, RUN_FILE, Audit, has_plan
from .earlier_runs import UID_HASH_KEY
from .provenance import NEW_FIELDS, UID_MAP_RUN, Provenance
from .settings import PROFILE_DIGEST

#: fields of ``output.json`` whose names don't say which options they are of
_IN_WORDS = {PROFILE_DIGEST: "custom rules, pixel rules or rectangles"}


def is_marked(audit: Folder) -> bool:
    """Return whether an earlier run made the output.

    Raises:
        UsageError: the audit can't be read.
    """
    return _read_unchecked(audit, ORIGIN_FILE) is not None


def check_mark(options: JobOptions, audit: Audit, provenance: Provenance) -> None:
    """Refuse an output of other settings or another program, and an audit that no run with the key wrote.

    Raises:
        UsageError: the output can't be used. The message names the settings that differ.
    """
    continuation, compatibility = options.continuation, provenance.compatibility
    mark = _read(audit, ORIGIN_FILE)
    if mark is None and continuation.resume:
        mark = _read(Audit(Folder(continuation.resume, options.storage), audit.seals), ORIGIN_FILE)
    if mark is None:
        _check_no_plan(audit.folder)
        _check_empty(options)
        return
    # checked before the work, and not only when this run's account replaces it
    _read(audit, RUN_FILE)
    formerly = _former_digests(options)
    expected = {name: value for name, value in compatibility.items() if name not in NEW_FIELDS or name in mark}
    differing = [name for name, value in expected.items() if mark.get(name, None) not in (value, formerly.get(name, value))]
    if not audit.is_own(mark):
        # another key, even if all other settings agree
        differing = differing or ["key_id"]
    if continuation.recheck:
        _check_names(compatibility, mark)
        # names stay the same, and objects of other settings are processed again
        differing = [name for name in differing if name in ("key_id", UID_HASH_KEY, UID_MAP_RUN)]
    if differing and not continuation.mixed_output:
        names = ", ".join(_IN_WORDS.get(name, name.replace("_", " ")) for name in differing)
        raise UsageError(
            f"--output was made with other settings ({names}): choose another folder, or use the same options and key; "
            "--resume --recheck writes again what other settings wrote; --mixed-output accepts both in one folder"
        )


def mark_output(options: JobOptions, audit: Audit, provenance: Provenance) -> None:
    """Write the mark, before anything is written to the output.

    Raises:
        UsageError: the folders can't be made or written, or another run has just begun to make the output with other settings.
    """
    if not scheme_of(options.output):
        try:
            make_folders(options.output)
            # found now, and not by each object
            probe = Path(options.output, f"{UNFINISHED}{secrets.token_hex(8)}")
            probe.mkdir()
            probe.rmdir()
        except OSError as error:
            raise UsageError(f"--output can't be made or written: {error.strerror}") from None
    if not scheme_of(options.audit):
        try:
            audit.folder.make(closed=False)
        except StorageError as error:
            raise UsageError(f"--audit {error}") from None
    check_links(options, audit)
    try:
        audit.write(ORIGIN_FILE, provenance.compatibility, version="")
    except ObjectConflictError:
        check_mark(options, audit, provenance)
    except StorageError as error:
        raise UsageError(f"--audit {error}") from None


def check_links(options: JobOptions, audit: Audit) -> None:
    """Refuse an output or audit with a link in the place of one of its folders.

    Raises:
        UsageError: there is one.
    """
    try:
        if not scheme_of(options.output):
            check_temporary(options.output)
    except StorageError as error:
        raise UsageError(f"--output {error}") from None
    try:
        audit.folder.check_folder(EARLIER)
    except StorageError as error:
        raise UsageError(f"--audit {error}") from None


def _former_digests(options: JobOptions) -> dict[str, Any]:
    """Return the unkeyed digests that earlier versions wrote."""
    return {PROFILE_DIGEST: options.profile.digest, "pixel_risk_digest": options.profile.pixels.digest or None}


def _check_names(compatibility: Mapping[str, Any], mark: Mapping[str, Any]) -> None:
    """Refuse settings that give objects other names, since their earlier outputs would stay beside the new ones.

    Raises:
        UsageError: the settings give other names.
    """
    retained = "RetainUIDs"
    agree = "uid_actions" in mark or (retained in mark.get("options", ())) == (retained in compatibility["options"])
    if not agree or any(mark.get(name, compatibility[name]) != compatibility[name] for name in ("uid_root", "uid_actions")):
        raise UsageError("--recheck: these settings give objects other UIDs, and so other names: choose another --output")


def _read_unchecked(audit: Folder, name: str) -> dict[str, Any] | None:
    """Return the content of a file without a check of its code; None if there is no file."""
    try:
        content, _ = audit.read_json(name)
    except FileNotFoundError:
        return None
    except StorageError as error:
        raise UsageError(f"--audit: {error}") from None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise UsageError(f"the audit's {name} can't be read: restore it from a copy of the audit")
    return content


def _read(audit: Audit, name: str) -> dict[str, Any] | None:
    """Return the content of a file that a run wrote, with the key or another one; None if there is no file.

    Raises:
        UsageError: it can't be read, its code is wrong, or it has none.
    """
    content = _read_unchecked(audit.folder, name)
    try:
        if content is not None and (audit.is_own(content) or MAC not in content):
            audit.read(name)
    except (SealError, StorageError, ValueError) as error:
        raise UsageError(f"--audit: {error}") from None
    return content


def _check_no_plan(audit: Folder) -> None:
    try:
        is_plan = has_plan(audit)
    except StorageError as error:
        raise UsageError(f"--audit: {error}") from None
    if is_plan:
        raise UsageError("--audit: the folder has a plan, and tables of a run must not lie beside it: name another folder")


def _check_empty(options: JobOptions) -> None:
    if not _holds_objects(options):
        return
    if _read_unchecked(Folder(join(options.output, OLD_AUDIT), options.storage), ORIGIN_FILE) is not None:
        raise UsageError(
            f"--output has an audit of version 0.1 in its folder {OLD_AUDIT}: convert it with `dicom-deid audit adopt`, or name "
            "it with --audit if it was converted in place"
        )
    raise UsageError("--output is not empty and has no audit of this job: choose an empty folder, or name its --audit")


def _holds_objects(options: JobOptions) -> bool:
    """Return whether the output holds anything but the audit."""
    if not scheme_of(options.output):
        output, audit = Path(options.output), Path(options.audit).resolve()
        return output.is_dir() and any(entry.resolve() != audit for entry in output.iterdir())
    try:
        entries = store_for(options.output, options.storage).list(as_folder(options.output))
        return any(not is_inside(os.fsdecode(entry.uri), options.audit) for entry in entries)
    except StorageError as error:
        raise UsageError(f"--output: {error}") from None
