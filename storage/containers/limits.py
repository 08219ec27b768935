"""Limits on zips and tars: bounds that real archives don't come near, and bombs don't keep."""

from __future__ import annotations

from anonymizer import DeidentificationError, Reason

#: members of a container. The refs of a compressed tar's are in memory at once: some 500 bytes each
MAX_MEMBERS = 1_000_000
#: a zip's central directory is read whole: a million members with names of 200 bytes
MAX_DIRECTORY = 256 << 20
#: all names of a tar's members together, as they are kept to tell repeated ones
MAX_NAMES = 256 << 20
#: a long name or a pax header is read whole; longer names than some KiB exist in no file system
MAX_EXTENDED_HEADER = 1 << 20
#: what all members may hold, as a multiple of the container's size. A black image shrinks to a thousandth, so a single one may
#: go beyond; whole archives of images that shrink so far are bombs
MAX_EXPANSION = 250
#: ... but so much is always fine
SMALL_TOTAL = 1 << 30
#: a decoder's window: ``xz -9`` takes 64 MiB, and a thread may hold one
MAX_WINDOW = 128 << 20


def max_total(container_size: int) -> int:
    """Return the number of bytes that the members of a container of that size may hold together."""
    return max(SMALL_TOTAL, MAX_EXPANSION * container_size)


class Tally:
    """The counts of what was found so far in a container.

    Attributes:
        total: bytes of the members.
    """

    def __init__(self) -> None:
        self.total = 0
        self._members = 0
        self._names = 0

    def add(self, name: bytes, size: int, container_size: int) -> None:
        """Count a member.

        Raises:
            DeidentificationError: now it is more than a container may hold.
        """
        self.total += size
        self._members += 1
        self._names += len(name)
        if self._members > MAX_MEMBERS or self._names > MAX_NAMES or self.total > max_total(container_size):
            raise DeidentificationError(Reason.CONTAINER_LIMIT)
