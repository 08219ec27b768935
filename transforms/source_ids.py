"""Keyed hashes that identify a source object and its content: names, sizes and times are identifiers too."""

from typing import NamedTuple

from anonymizer.internals import Engine
from storage import ObjectRef


class ListedSource(NamedTuple):
    """A listed object in the audit.

    Attributes:
        source_id: keyed hash of its source name, 32 hex digits.
        version: keyed hash of its size, and its time, generation or tag, 16 hex digits; ``""`` where these are unknown. Of a
            member, its container's.
        container_id: for a member, keyed hash of its container's source name; else ``""``.
        input, before: as in ObjectRef.
        size: in bytes, -1 where it isn't known.
    """

    source_id: str
    version: str = ""
    container_id: str = ""
    input: int = 0
    before: tuple[str, str] | None = None
    size: int = -1

    @property
    def listed_as(self) -> str:
        """The source id of what was listed: the object, or the container that it lies in."""
        return self.container_id or self.source_id


class SourceHasher:
    """Hashes source names and versions by an engine's key."""

    def __init__(self, engine: Engine) -> None:
        self.source_id = engine.pseudonyms.source_id
        self._version = engine.pseudonyms.source_version
        # members come one after the other
        self._last: tuple[bytes, str] = (b"", "")
        self._last_hashed: tuple[str, str] = ("", "")

    def of(self, ref: ObjectRef, source_id: str = "") -> ListedSource:
        """Return the keyed hashes that identify a source object.

        Args:
            source_id: the hash of its source name, where it is known by now.
        """
        source_id = source_id or self.source_id(ref.source)
        if ref.member is None:
            return ListedSource(source_id, self.version(ref), "", ref.input, ref.before, ref.size)
        container = (ref.source[: ref.member[-1]], ref.version)
        if self._last != container:
            self._last, self._last_hashed = container, (self.version_of_container(ref), self.source_id(container[0]))
        return ListedSource(source_id, *self._last_hashed, ref.input, ref.before, ref.size)

    def version(self, ref: ObjectRef) -> str:
        """Return the version of an object that is no member, by its size, and its time, generation or tag."""
        return self.version_of(ref.size, ref.version)

    def version_of(self, size: int, version: str) -> str:
        """Return the version of an object of that size, and time, generation or tag."""
        return self._version(f"{size} {version}".encode()) if version and size >= 0 else ""

    def version_of_container(self, ref: ObjectRef) -> str:
        """Return the version of a zip or tar, or of that in which a member lies: its size isn't known then."""
        return self._version(b"container " + ref.version.encode()) if ref.version else ""
