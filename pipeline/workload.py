"""How much work the inputs of a run are: what they pay for in worker processes."""

from __future__ import annotations

from dataclasses import dataclass

#: objects of no size worth a process: several cost 0.5 s before their first object, which takes one 0.6 ms
_SHARE = 1_500
#: bytes that cost as much as it does to deal with an object at all
_BYTES = 500_000
#: no more objects are looked at: by then all cores have enough to do
_ENOUGH = 10_000


@dataclass
class Workload:
    """The objects seen so far.

    Attributes:
        objects: how many they are.
        size: bytes of those whose size is known.
        packed: bytes of those among them that hold others.
    """

    objects: int = 0
    size: int = 0
    packed: int = 0

    def add(self, size: int, *, is_container: bool) -> None:
        """One more object, of ``size`` bytes, -1 where that isn't known."""
        self.objects += 1
        self.size += max(size, 0)
        self.packed += max(size, 0) * is_container

    @property
    def is_enough(self) -> bool:
        """Whether more objects would change nothing."""
        return self.objects >= _ENOUGH

    def take_off(self, known: int) -> None:
        """So many of the objects were done with before, if that is known to be all that there is."""
        if self.objects and not self.is_enough:
            left = max(0, self.objects - known)
            self.size, self.packed = self.size * left // self.objects, self.packed * left // self.objects
            self.objects = left

    def processes(self, cores: int) -> int:
        """How many processes have enough to do; one, or as many as there are ``cores`` at most."""
        if self.is_enough:
            return cores
        # an object, however large, is one process's work
        pieces = self.objects + self.packed // _BYTES
        return max(1, min(cores, pieces, (self.objects + self.size // _BYTES) // _SHARE))
