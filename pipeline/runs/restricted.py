"""``run-restricted.json``: settings of a run that name persons or places, beside its account, for its owner alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from storage import Folder, scheme_of
from transforms import EARLIER, EnvelopeError, encrypt, is_run_id, seal_json

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
