"""How much work the inputs of a run are: what they pay for in worker processes."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from itertools import islice

from storage import ManifestError, StorageError, StoredArchive, has_magic, scheme_of

from ..errors import UsageError
from ..options import JobOptions
from ..place_checks import IF_EMPTY
from .earlier_runs import known_objects

#: objects of no size worth a process: several cost 0.5 s before their first object, which takes one 0.6 ms
_SHARE = 1_500
#: bytes that cost as much as it does to deal with an object at all
_BYTES = 500_000
#: no more objects are looked at: by then all cores have enough to do
_ENOUGH = 10_000
#: where an earlier run knows most of them, and they can be counted: so many tell how large the others are
_SAMPLE = 1_000
#: objects that an earlier run was done with are as much work as one that it wasn't, and little of that can be shared
_SKIPPED = 60


@dataclass
class Workload:
    """The objects seen so far.

    Attributes:
        known: how many objects an earlier run was done with; they needn't be among those seen.
        objects: how many were seen.
        size: bytes of those whose size is known.
        packed: bytes of those among them that hold others.
        counted: how many objects there are, where that was found out.
    """

    known: int = 0
    objects: int = 0
    size: int = 0
    packed: int = 0
    counted: int | None = None

    def add(self, size: int, *, is_container: bool) -> None:
        """One more object, of ``size`` bytes, -1 where that isn't known."""
        self.objects += 1
        self.size += max(size, 0)
        self.packed += max(size, 0) * is_container

    def add_members(self, count: int) -> None:
        """So many more objects that are named in a zip or tar: nothing tells their sizes."""
        self.objects += count

    @property
    def most(self) -> int:
        """To know of more objects would change nothing."""
        return self.known + _ENOUGH

    def processes(self, cores: int) -> int:
        """How many processes have enough to do; one, or as many as there are ``cores`` at most."""
        there = self.objects if self.counted is None else self.counted
        # an earlier run tells of the members of zips and tars, and not of how many of these there are
        known = 0 if self.packed else min(self.known, there)
        if there - known >= _ENOUGH or (self.counted is None and self.objects >= _ENOUGH):
            return cores
        share = (there - known) / max(self.objects, 1)
        skipped = known // _SKIPPED
        # an object, however large, is one process's work
        pieces = self.objects * share + self.packed // _BYTES + skipped
        work = (self.objects + self.size // _BYTES) * share + skipped
        return max(1, min(cores, int(pieces), int(work / _SHARE)))


def survey_inputs(options: JobOptions) -> tuple[StoredArchive, Workload]:
    """The inputs, each of which was found to list something; and how much work they are, as far as that matters.

    Raises:
        UsageError: one isn't there, or lists nothing where that isn't allowed.
    """
    archive = StoredArchive(options.storage)
    remote = bool(scheme_of(options.output))
    workload = Workload(known_objects(options))
    # on object storage, to count costs requests
    countable = workload.known > 0 and not any(map(scheme_of, options.inputs))
    for location in enumerate(options.inputs):
        option, name = options.name_of_input(location[0]), location[1]
        before = workload.objects
        try:
            for ref in archive.preview(location):
                remote = remote or bool(scheme_of(os.fsdecode(ref.name)))
                if ref.members is None:
                    workload.add(ref.size, is_container=archive.is_container(ref.name))
                else:
                    workload.add_members(len(ref.members))
                if workload.objects >= (_SAMPLE if countable else _ENOUGH):
                    break
            if countable:
                workload.counted = (workload.counted or 0) + sum(1 for _ in islice(archive.names(location), workload.most))
        except (StorageError, ManifestError) as error:
            raise UsageError(f"{option}: {error}") from None
        if workload.objects == before and not options.allow_empty:
            what = "lists no objects" if not scheme_of(name) else "matches nothing" if has_magic(name) else "doesn't exist"
            raise UsageError(f"{option} {what}{IF_EMPTY}")
    return replace(archive, concurrency=options.storage.threads if remote else 1), workload
