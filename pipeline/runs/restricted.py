"""``run-restricted.json``: what a run's settings say of people and places, beside its account, for its owner alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from storage import Folder, scheme_of
from transforms import EARLIER, EnvelopeError, encrypt, is_run_id, seal_json

from ..errors import UsageError
from .audit import Audit

RESTRICTED_FILE = "run-restricted.json"
#: behind its name where it is encrypted
_ENCRYPTED = ".p7m"


def begin(audit: Audit, run_id: str, content: Mapping[str, Any], certificate: bytes) -> str | None:
    """Write what is to become ``run-restricted.json`` when the run comes to its end.

    Args:
        certificate: whose holder alone may read it, DER; empty: it isn't encrypted. On object storage, where a file has no
            permissions of its own, it isn't written then.

    Returns:
        The name that it will have; None where it isn't written.

    Raises:
        UsageError: the packages installed can't encrypt.
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
    audit.folder.create(_begun(run_id, name), encoded)
    return name


def publish(audit: Folder, run_id: str, folder: str = "") -> None:
    """Give what ``begin`` wrote its name: the run's account is there.

    Args:
        folder: in which the account lies.
    """
    for name in _names():
        try:
            content = audit.read(_begun(run_id, name))
        except FileNotFoundError:
            continue
        audit.create(f"{folder}/{name}" if folder else name, content)
        audit.delete(_begun(run_id, name))


def begun(audit: Folder) -> set[str]:
    """The ids of runs of which there is what ``begin`` wrote.

    Raises:
        StorageError: the audit can't be listed.
    """
    prefix = _begun("", RESTRICTED_FILE).partition(".")[0]
    found = (name.removeprefix(prefix).partition(".")[0] for name in audit.names(prefix))
    return {run_id for run_id in found if is_run_id(run_id)}


def discard(audit: Folder, run_id: str) -> None:
    """Remove what ``begin`` wrote: the run did not come to its end."""
    for name in _names():
        audit.delete(_begun(run_id, name))


def put_aside(audit: Folder, run_id: str) -> None:
    """Put the file aside with the account of its run."""
    for name in _names():
        audit.move(name, f"{EARLIER}/{run_id}")


def _names() -> tuple[str, ...]:
    return RESTRICTED_FILE, RESTRICTED_FILE + _ENCRYPTED


def _begun(run_id: str, name: str) -> str:
    return name.replace(".", f"-{run_id}.", 1)
