"""Estimate of the work in the inputs of a run, by which the number of worker processes is chosen."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from itertools import islice

from storage import ManifestError, StorageError, StoredArchive, has_magic, scheme_of

from ..errors import UsageError
from ..options import JobOptions
from ..place_checks import IF_EMPTY
from .earlier_runs import known_objects

#: empty objects that are worth a process: processes take 0.5 s to start, and an object takes 0.6 ms
_OBJECTS_PER_PROCESS = 1_500
#: bytes that take as long to process as an empty object
_BYTES_PER_OBJECT = 500_000
#: number of objects that keep all cores busy: no more are listed
_MOST_OBJECTS = 10_000
#: sample of object sizes, where an earlier run processed most objects and the rest can be counted
_SAMPLE_OBJECTS = 1_000
#: objects processed by an earlier run that are as much work as one new object, and hard to share among processes
_KNOWN_PER_NEW = 60


@dataclass
class Workload:
    """Work in the objects listed so far.

    Attributes:
        known: number of objects that an earlier run processed; they may not be listed yet.
        objects: number of objects listed.
        size: sum of the known sizes, in bytes.
        container_bytes: sum of the sizes of zips and tars among them, in bytes.
        total: total number of objects; None: they were not counted.
    """

    known: int = 0
    objects: int = 0
    size: int = 0
    container_bytes: int = 0
    total: int | None = None

    def add(self, size: int, *, is_container: bool) -> None:
        """Add an object of ``size`` bytes, -1 if the size is unknown."""
        self.objects += 1
        self.size += max(size, 0)
        self.container_bytes += max(size, 0) * is_container

    def add_members(self, count: int) -> None:
        """Add ``count`` named members of a zip or tar, whose sizes are unknown."""
        self.objects += count

    @property
    def limit(self) -> int:
        """Number of objects beyond which the result doesn't change."""
        return self.known + _MOST_OBJECTS

    def processes(self, cores: int) -> int:
        """Return the number of processes that are worth starting, from 1 to ``cores``."""
        there = self.objects if self.total is None else self.total
        # an earlier run counted members, but not their zips and tars, so its number says nothing here
        known = 0 if self.container_bytes else min(self.known, there)
        if there - known >= _MOST_OBJECTS or (self.total is None and self.objects >= _MOST_OBJECTS):
            return cores
        share = (there - known) / max(self.objects, 1)
        skipped = known // _KNOWN_PER_NEW
        # an object, however large, is one process's work
        pieces = self.objects * share + self.container_bytes // _BYTES_PER_OBJECT + skipped
        work = (self.objects + self.size // _BYTES_PER_OBJECT) * share + skipped
        return max(1, min(cores, int(pieces), int(work / _OBJECTS_PER_PROCESS)))


def survey_inputs(options: JobOptions) -> tuple[StoredArchive, Workload]:
    """Check that every input lists an object, and return the archive and an estimate of the work in it.

    Raises:
        UsageError: an input doesn't exist, or lists no objects and ``allow_empty`` isn't set.
    """
    archive = StoredArchive(options.storage)
    remote = bool(scheme_of(options.output))
    workload = Workload(known_objects(options))
    # on object storage, counting costs requests
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
                if workload.objects >= (_SAMPLE_OBJECTS if countable else _MOST_OBJECTS):
                    break
            if countable:
                workload.total = (workload.total or 0) + sum(1 for _ in islice(archive.names(location), workload.limit))
        except (StorageError, ManifestError) as error:
            raise UsageError(f"{option}: {error}") from None
        if workload.objects == before and not options.allow_empty:
            what = "lists no objects" if not scheme_of(name) else "matches nothing" if has_magic(name) else "doesn't exist"
            raise UsageError(f"{option} {what}{IF_EMPTY}")
    return replace(archive, concurrency=options.storage.threads if remote else 1), workload
