"""``run-restricted.json``: settings of a run that name persons or places, beside its account, for its owner alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from storage import Folder, StorageError, scheme_of
from transforms import EARLIER, EnvelopeError, SealError, check_json, encrypt, is_run_id, seal_json

from ..errors import UsageError
from .audit import Audit

RESTRICTED_FILE = "run-restricted.json"
#: suffix of the name of an encrypted file
_ENCRYPTED = ".p7m"


def write_unpublished(audit: Audit, run_id: str, content: Mapping[str, Any], certificate: bytes) -> str | None:
    """Write the restricted settings under a preliminary name, until ``publish`` renames them to ``run-restricted.json``.

    Args:
        content: the settings.
        certificate: X.509 certificate (DER) whose holder alone can read the file; empty: the file isn't encrypted. Then it isn't
            written on object storage, where a file has no permissions of its own.

    Returns:
        The final name of the file; None if it isn't written.

    Raises:
        UsageError: the installed packages can't encrypt.
        StorageError: the audit can't be written.
    """
    if not certificate and scheme_of(audit.folder.location):
        return None
    sealed = seal_json(RESTRICTED_FILE, {"run_id": run_id, **content}, audit.seals)
    encoded = (json.dumps(sealed, indent=2) + "\n").encode()
    if certificate:
        try:
            encoded = encrypt(encoded, certificate)
        except EnvelopeError as error:
            raise UsageError(f"--crosswalk-certificate: {error}") from None
    name = RESTRICTED_FILE + (_ENCRYPTED if certificate else "")
    audit.folder.create(_unpublished_name(run_id, name), encoded)
    return name


def publish(audit: Folder, run_id: str, folder: str = "") -> None:
    """Rename the restricted settings of a run that has its account.

    Args:
        folder: folder of the account within the audit, ``""`` or ``earlier/RUN``.
    """
    for name in _names():
        try:
            content = audit.read(_unpublished_name(run_id, name))
        except FileNotFoundError:
            continue
        audit.create(f"{folder}/{name}" if folder else name, content)
        audit.delete(_unpublished_name(run_id, name))


def unpublished(audit: Audit, run_id: str) -> dict[str, Any] | None:
    """Return the restricted settings of a run that isn't finished; None where there are none, or they can't be read."""
    return _checked(audit, _unpublished_name(run_id, RESTRICTED_FILE))


def published(audit: Audit, folder: str = "", decrypted: Callable[[bytes], bytes] | None = None) -> dict[str, Any] | None:
    """Return the restricted settings of a finished run; None where there are none, or they can't be read.

    Args:
        folder: folder of the account within the audit, ``""`` or ``earlier/RUN``.
        decrypted: opens an encrypted file; None: it can't be opened.

    Raises:
        SealError: the file was changed, or is of another key.
        EnvelopeError: it can't be opened.
    """
    for name in _names():
        try:
            content = audit.folder.read(f"{folder}/{name}" if folder else name)
        except FileNotFoundError:
            continue
        if name.endswith(_ENCRYPTED):
            if decrypted is None:
                return None
            content = decrypted(content)
        try:
            found = json.loads(content)
        except ValueError:
            raise SealError(f"{RESTRICTED_FILE} is broken; put back the file from a copy of the audit") from None
        return check_json(RESTRICTED_FILE, found, audit.seals) if audit.seals else found
    return None


def output_of(settings: Mapping[str, Any] | None) -> str:
    """Return the place of a run's output by its restricted settings; ``""``: they don't tell."""
    output = str((settings or {}).get("output") or "")
    if not output or settings is None or scheme_of(output):
        return output
    return os.path.join(str(settings.get("working_directory") or ""), output)


def _checked(audit: Audit, name: str) -> dict[str, Any] | None:
    try:
        found, _ = audit.folder.read_json(name)
        return check_json(RESTRICTED_FILE, found, audit.seals)
    except (StorageError, FileNotFoundError, ValueError, SealError):
        return None


def unpublished_runs(audit: Folder) -> set[str]:
    """Return the ids of runs with unpublished restricted settings.

    Raises:
        StorageError: the audit can't be listed.
    """
    prefix = _unpublished_name("", RESTRICTED_FILE).partition(".")[0]
    found = (name.removeprefix(prefix).partition(".")[0] for name in audit.names(prefix))
    return {run_id for run_id in found if is_run_id(run_id)}


def discard(audit: Folder, run_id: str) -> None:
    """Remove the unpublished restricted settings of a run that did not finish."""
    for name in _names():
        audit.delete(_unpublished_name(run_id, name))


def remove(folder: Folder) -> None:
    """Remove the published restricted settings, such as those of a plan that another one replaces."""
    for name in _names():
        folder.delete(name)


def put_aside(audit: Folder, run_id: str) -> None:
    """Move the restricted settings to ``earlier/``, along with the account of their run."""
    for name in _names():
        audit.move(name, f"{EARLIER}/{run_id}")


def _names() -> tuple[str, ...]:
    return RESTRICTED_FILE, RESTRICTED_FILE + _ENCRYPTED


def _unpublished_name(run_id: str, name: str) -> str:
    return name.replace(".", f"-{run_id}.", 1)
