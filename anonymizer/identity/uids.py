"""New UIDs: a pure function of the key and the original UID, so that all workers and runs derive the same one."""

from __future__ import annotations

import hmac
import re
from typing import NoReturn, Protocol

from profiles import coding_scheme_uids, registered_uids, sop_class_modules

from ..errors import SecretError
from ..keys.key import Key
from ..keys.purposes import Purpose

MAX_UID_LENGTH = 64
_UUID_ROOT = "2.25"
#: minimum digits below an organisation's root; with fewer, two UIDs may collide by chance
_MIN_DIGITS = 28
#: maximum number of cached UIDs; those that the instances of a study share repeat soon
_MOST_KNOWN = 20_000
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
#: context groups: registered in PS3.16 and PS3.6 Annex A, but too many for the table
_CONTEXT_GROUP = re.compile(rb"1\.2\.840\.10008\.6\.1\.[1-9][0-9]{0,3}")

_STANDARD_ROOT = b"1.2.840.10008."
_REGISTERED = frozenset(uid.encode() for uid in registered_uids())
#: SOP classes of a newer edition of the standard than the registry's
_IODS = frozenset(uid.encode() for uid in sop_class_modules())
_CODING_SCHEMES = frozenset(uid.encode() for uid in coding_scheme_uids())
_SOP_CLASSES = frozenset(uid.encode() for uid, kind in registered_uids().items() if kind.endswith("SOP Class"))


def is_well_known(uid: bytes) -> bool:
    """Return whether ``uid`` is registered in PS3.6 Annex A, or the UID of a published coding scheme (PS3.16 8).

    PS3.6 Annex A has SOP classes, frames of reference of atlases, palettes and others. Membership decides, not the prefix: some
    devices create instance UIDs below the root of the standard.
    """
    if not uid.startswith(_STANDARD_ROOT):
        return uid in _CODING_SCHEMES
    return uid in _REGISTERED or uid in _IODS or _CONTEXT_GROUP.fullmatch(uid) is not None


def is_standard_sop_class(uid: bytes) -> bool:
    """Return whether ``uid`` is registered as a SOP class (PS3.6 Annex A)."""
    return uid in _SOP_CLASSES


def check_root(root: str) -> str:
    """Return ``root`` if it is an OID short enough for unique UIDs.

    Raises:
        SecretError: ``root`` is no OID, or so long that it leaves fewer than 28 digits of the 64 characters.
    """
    if not _OID.fullmatch(root):
        raise SecretError("the UID root is no OID")
    if MAX_UID_LENGTH - len(root) - 1 < _MIN_DIGITS:
        raise SecretError(f"the UID root is longer than {MAX_UID_LENGTH - 1 - _MIN_DIGITS} characters")
    return root


class UidMapping(Protocol):
    """The mapping of original UIDs to new ones that the rewriter uses."""

    def new_uid(self, uid: bytes, tag: int) -> bytes:
        """Return the new UID for ``uid``, found in the attribute ``tag``.

        Args:
            uid: without padding, not empty, not well known.

        Raises:
            DeidentificationError: the mapping has no new UID.
        """


class KeyedUids:
    """New UIDs and lookup hashes derived from a key.

    The new UID is ``2.25.`` and a UUID (version 8, RFC 9562; PS3.5 B.2), or an organisation's root and digits. Its 122 bits
    come from the HMAC-SHA256 of the original.
    """

    def __init__(self, key: Key, root: str | None = None, hash_key: Key | None = None) -> None:
        """Derive the keys.

        Args:
            root: an organisation's UID root, or None for ``2.25`` (UUID-derived).
            hash_key: the key that hashes originals, if a UID map is continued that another key began; None for ``key``.

        Raises:
            SecretError: ``root`` is unusable (``check_root``).
        """
        #: whether the new UIDs of originals in the UID map come from that map, and not from the key
        self.goes_on = hash_key is not None
        self._uid_key = key.derive(Purpose.UID)
        self._hash_key = (hash_key or key).derive(Purpose.UID_HASH)
        self._root = None if root is None else check_root(root)
        self._known: dict[bytes, bytes] = {}
        self._hashes: dict[bytes, bytes] = {}

    def new_uid(self, uid: bytes, tag: int) -> bytes:
        """Return the new UID for ``uid``; ``tag`` is ignored, so that equal UIDs remain equal in all attributes."""
        new = self._known.get(uid)
        if new is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            new = self._known[uid] = self._derive(uid)
        return new

    def _derive(self, uid: bytes) -> bytes:
        digest = int.from_bytes(hmac.digest(self._uid_key, uid, "sha256")[:16], "big")
        if self._root is None:
            version_8 = digest & ~(0xF << 76) | 8 << 76
            return f"{_UUID_ROOT}.{version_8 & ~(3 << 62) | 2 << 62}".encode()
        room = MAX_UID_LENGTH - len(self._root) - 1
        return f"{self._root}.{digest % 10**room}".encode()

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are never pickled: make this where it is used")

    def hash(self, uid: bytes) -> bytes:
        """Return the 32-byte keyed hash of an original UID, which is its key in the UID map."""
        found = self._hashes.get(uid)
        if found is None:
            if len(self._hashes) >= _MOST_KNOWN:
                self._hashes.clear()
            found = self._hashes[uid] = hmac.digest(self._hash_key, uid, "sha256")
        return found
