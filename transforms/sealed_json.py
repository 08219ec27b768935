"""JSON files of the audit, with codes that only a run with the key can have made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from anonymizer.internals import Seal
from profiles import UserFacingError

#: the member with the codes: in hexadecimal, by the id of the key
MAC = "mac"


class SealError(UserFacingError):
    """A file of the audit that no run with this key wrote. The message names no object."""


def seal_json(name: str, content: Mapping[str, Any], seals: Iterable[Seal]) -> dict[str, Any]:
    """Return ``content`` with its codes.

    Args:
        name: of the file, without folders: it may be put aside into one.
    """
    encoded = _encoded(content)
    return {**content, MAC: {seal.key_id: seal.code(name, encoded).hex() for seal in seals}}


def check_json(name: str, content: object, seals: Sequence[Seal]) -> dict[str, Any]:
    """Return ``content``, if one of ``seals`` made a code of it.

    Raises:
        SealError: another key did, nobody did, or it was changed since.
    """
    codes = content.get(MAC) if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(codes, dict) or not codes:
        raise SealError(f"{name} has no code of a run's key: version 0.1 wrote none, and `dicom-deid audit adopt` makes them")
    known = [seal for seal in seals if seal.key_id in codes]
    if not known:
        raise SealError(f"{name} is of a run with another key, or another --scope")
    try:
        encoded = _encoded(content)
        fits = all(seal.fits(name, encoded, bytes.fromhex(codes[seal.key_id])) for seal in known)
    except (ValueError, TypeError, RecursionError):
        fits = False
    if not fits:
        raise SealError(f"{name} was changed since a run wrote it; put back the file from a copy of the audit")
    return content


def key_ids_of(content: object) -> frozenset[str]:
    """Return the ids of the keys that a file has codes of, true or not."""
    codes = content.get(MAC) if isinstance(content, dict) else None
    return frozenset(map(str, codes)) if isinstance(codes, dict) else frozenset()


def _encoded(content: Mapping[str, Any]) -> bytes:
    """Return a content in its one form, whatever spaces and order a file has."""
    without = {name: value for name, value in content.items() if name != MAC}
    return json.dumps(without, sort_keys=True, separators=(",", ":")).encode()
