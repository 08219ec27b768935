"""Estimate of a run's operations, bytes and cost on object storage, from a listing and a sample of its objects."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import reduce
from typing import NamedTuple

from anonymizer import DeidentificationError
from anonymizer.internals import Engine, PixelDecision
from storage import ObjectRef, Operations, StoredArchive, TransientError
from transforms import WorkerThreads

#: names per page of a listing, on every store
_PAGE = 1000
_REFUSED = (DeidentificationError, TransientError, OSError)
_THOUSAND, _GIB = 1000, 1 << 30


@dataclass(frozen=True)
class Prices:
    """List prices in any currency; None: the cost isn't computed.

    Attributes:
        writes: price of 1,000 class A operations: listings and writes.
        reads: price of 1,000 class B operations: reads.
        gib_read: price of reading a GiB: retrieval, or transfer out of a region.
        gib_month: price of storing a GiB of output for a month.
    """

    writes: float | None = None
    reads: float | None = None
    gib_read: float | None = None
    gib_month: float | None = None


class Listing(NamedTuple):
    """Counts of a listing of the inputs.

    Attributes:
        objects: number of objects; a zip or tar counts as one.
        containers: number of zips and tars.
        size: sum of the known sizes, in bytes.
        lists: number of list operations.
    """

    objects: int
    containers: int
    size: int
    lists: int


class Sample(NamedTuple):
    """Results of processing a sample of the listed objects.

    Attributes:
        objects: number of sampled objects; a zip or tar counts as one.
        instances: number of instances read, members of zips and tars included.
        written: number of the instances that a run would write.
        headers, wholes: operations of the first and second pass.
        bytes_written: sum of the sizes of the outputs.
    """

    objects: int = 0
    instances: int = 0
    written: int = 0
    headers: Operations = Operations()
    wholes: Operations = Operations()
    bytes_written: int = 0


@dataclass(frozen=True)
class Estimate:
    """Estimated operations and bytes of a run.

    Attributes:
        instances: number of instances, members of zips and tars included.
        lists, reads, writes: numbers of operations, without some dozens of writes for tables and account.
        bytes_read, bytes_written: bytes of objects.
    """

    instances: float
    lists: float
    reads: float
    writes: float
    bytes_read: float
    bytes_written: float

    def times(self, factor: float) -> "Estimate":
        """Return the estimate for an archive that is ``factor`` times as large."""
        return Estimate(*(getattr(self, field.name) * factor for field in fields(self)))

    def costs(self, prices: Prices) -> dict[str, float]:
        """Return the cost of each kind that has a price, in the currency of ``prices``."""
        amounts = {
            "writes and listings": (prices.writes, (self.lists + self.writes) / _THOUSAND),
            "reads": (prices.reads, self.reads / _THOUSAND),
            "bytes read": (prices.gib_read, self.bytes_read / _GIB),
            "a month of storage": (prices.gib_month, self.bytes_written / _GIB),
        }
        return {name: price * amount for name, (price, amount) in amounts.items() if price is not None}


def survey(archive: StoredArchive, inputs: Iterable[str], size: int, seed: int = 0) -> tuple[Listing, list[ObjectRef]]:
    """List the inputs and draw a random sample of their objects. Memory doesn't grow with the listing.

    Args:
        inputs: paths or URIs.
        size: number of objects in the sample.
        seed: seed of the random choice.

    Raises:
        StorageError: a store can't be listed.
        ManifestError: a manifest can't be used.
    """
    chance = random.Random(seed)
    drawn: list[ObjectRef] = []
    objects = containers = total = 0
    archive.take_operations()
    lists = 0
    for location in enumerate(inputs):
        for part in archive.parts(location):
            for ref in archive.objects(part):
                objects += 1
                containers += archive.is_container(ref.name)
                total += max(ref.size, 0)
                if len(drawn) < size:
                    drawn.append(ref)
                elif (at := chance.randrange(objects)) < size:
                    drawn[at] = ref
    lists = archive.take_operations().lists
    return Listing(objects, containers, total, lists), drawn


def examine(archive: StoredArchive, engine: Engine, drawn: list[ObjectRef]) -> Sample:
    """Process a sample as both passes of a run would, without writing, and return the counts."""
    archive.take_operations()
    instances = [member for ref in drawn for member in _instances(archive, ref)]
    opening = archive.take_operations()
    workers = WorkerThreads(archive.concurrency)
    # the second pass opens only objects that the first accepted
    understood = [found for found in workers.map(lambda ref: _scan(archive, engine, ref), instances) if found is not None]
    headers = archive.take_operations()
    sizes = [size for size in workers.map(lambda found: _deidentify(archive, engine, *found), understood) if size is not None]
    workers.close()
    wholes = archive.take_operations()
    return Sample(len(drawn), len(instances), len(sizes), _sum(opening, headers), wholes, sum(sizes))


def estimate(listing: Listing, sample: Sample) -> Estimate:
    """Return the estimate for all listed objects, extrapolated from a sample."""
    share = listing.objects / sample.objects if sample.objects else 0.0
    operations = _sum(sample.headers, sample.wholes)
    return Estimate(
        instances=sample.instances * share,
        # without the few hundred requests, at most, that divide a prefix: they don't grow with the listing
        lists=listing.objects / _PAGE if listing.lists else 0.0,
        reads=operations.reads * share,
        # an object costs one write: it is sent once, under its final name
        writes=sample.written * share,
        bytes_read=operations.bytes_read * share,
        bytes_written=sample.bytes_written * share,
    )


def _sum(*operations: Operations) -> Operations:
    return reduce(lambda one, other: Operations(*map(sum, zip(one, other, strict=True))), operations)


def _instances(archive: StoredArchive, ref: ObjectRef) -> list[ObjectRef]:
    if not archive.is_container(ref.name):
        return [ref]
    return [member for members in archive.members(ref) for member in members]


def _scan(archive: StoredArchive, engine: Engine, ref: ObjectRef) -> tuple[ObjectRef, PixelDecision | None] | None:
    size = ref.size if ref.size >= 0 else None
    try:
        with archive.open(ref, header=True) as stream:
            scan, read = engine.scan(stream, uids=engine.uids, size=size), stream.ref
        if scan.needs_search:
            with archive.open(read) as stream:
                scan = engine.scan(stream, uids=engine.uids, size=size, searches=True)
        return read, scan.pixels
    except _REFUSED:
        return None
    finally:
        archive.release()


def _deidentify(archive: StoredArchive, engine: Engine, ref: ObjectRef, pixels: PixelDecision | None) -> int | None:
    try:
        with archive.open(ref) as stream:
            size = ref.size if ref.size >= 0 else None
            return sum(map(len, engine.deidentify(stream, size=size, pixels=pixels).chunks()))
    except _REFUSED:
        return None
    finally:
        archive.release()
