"""New UIDs from the UID map, for the engine."""

from anonymizer import DeidentificationError, Reason
from anonymizer.internals import Engine


class MappedUids:
    """New UIDs of the UIDs that pass 1 found in a unit: those that the map was proven with, never a guess."""

    def __init__(self, engine: Engine, mapping: dict[bytes, bytes]) -> None:
        """
        Args:
            mapping: hash of the original -> new UID.
        """
        self._hash = engine.uids.hash
        self._mapping = mapping
        self._known: dict[bytes, bytes] = {}

    def new_uid(self, uid: bytes, tag: int) -> bytes:
        """Return the map's new UID.

        Raises:
            DeidentificationError: the map lacks it: the object is not the one that pass 1 saw.
        """
        new = self._known.get(uid)
        if new is None:
            new = self._mapping.get(self._hash(uid), b"")
            if not new:
                raise DeidentificationError(Reason.UID_NOT_IN_MAP, tag)
            self._known[uid] = new
        return new

    def shown(self, uid_hash: bytes, new: str) -> str:
        """Return the map's new UID for the original with that hash; ``new`` where it has none, for the UID stays."""
        return self._mapping.get(uid_hash, b"").decode() or new
