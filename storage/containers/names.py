"""Names: those of zips and tars, and those of their members."""

from __future__ import annotations

_ZIPS = (b".zip",)
_TARS = (b".tar", b".tar.gz", b".tgz", b".tar.bz2", b".tbz2", b".tar.xz", b".txz")
_CONTAINERS = _ZIPS + _TARS
_LONGEST = max(map(len, _CONTAINERS))


def is_container(name: bytes) -> bool:
    """Return whether an object of that name is one whose members are the instances."""
    return name[-_LONGEST:].lower().endswith(_CONTAINERS)


def is_zip(name: bytes) -> bool:
    """Return whether a container is a zip by its name."""
    return name.lower().endswith(_ZIPS)


class SourceNames:
    """The source names of a container's members, each given once."""

    def __init__(self, container: bytes) -> None:
        self._prefix = container + b"!/"
        #: how often each name came
        self._given: dict[bytes, int] = {}

    def name(self, member: bytes) -> bytes:
        """Return the source name of a member: its own within the container's, with ``#2`` and so on where that is taken."""
        unique = member
        while unique in self._given:
            self._given[member] += 1
            unique = member + b"#%d" % self._given[member]
        self._given[unique] = 1
        return self._prefix + unique


def shortest_name(source: bytes) -> int:
    """Return the least length of the name of the member with that source name; nearly always it is the length."""
    name = source.rpartition(b"!/")[2]
    bare, mark, number = name.rpartition(b"#")
    return len(bare) if mark and number.isdigit() else len(name)
