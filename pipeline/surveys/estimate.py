"""What a run over an archive would do on object storage, computed from its listing and a sample of its objects."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import reduce
from typing import NamedTuple

from anonymizer import DeidentificationError
from anonymizer.internals import Engine
from storage import ObjectRef, Operations, StoredArchive, TransientError
from transforms import WorkerThreads

#: names in a page of a listing, on every store
_PAGE = 1000
_REFUSED = (DeidentificationError, TransientError, OSError)
_THOUSAND, _GIB = 1000, 1 << 30


@dataclass(frozen=True)
class Prices:
    """List prices, in any currency; None where it isn't to be computed.

    Attributes:
        writes: of 1,000 operations of class A: listings and writes.
        reads: of 1,000 operations of class B: reads.
        gib_read: of a GiB that is read, where retrieval or the way out of a region costs something.
        gib_month: of a GiB of output kept for a month.
    """

    writes: float | None = None
    reads: float | None = None
    gib_read: float | None = None
    gib_month: float | None = None


class Listing(NamedTuple):
    """What the inputs hold.

    Attributes:
        objects: zips and tars among them.
        containers: zips and tars.
        size: in bytes, as far as it is known.
        lists: operations that listing took.
    """

    objects: int
    containers: int
    size: int
    lists: int


class Sample(NamedTuple):
    """What came of a sample of objects.

    Attributes:
        objects: of the listing; members of zips and tars count apart.
        instances: looked at, members among them.
        written: how many of the instances a run would write.
        headers, wholes: operations of the first pass and of the second.
        bytes_written: of the outputs.
    """

    objects: int = 0
    instances: int = 0
    written: int = 0
    headers: Operations = Operations()
    wholes: Operations = Operations()
    bytes_written: int = 0


@dataclass(frozen=True)
class Estimate:
    """Operations and bytes of a run.

    Attributes:
        instances: objects, and members of zips and tars.
        lists, reads, writes: operations; tables and account, some dozens of writes, aside.
        bytes_read, bytes_written: of objects.
    """

    instances: float
    lists: float
    reads: float
    writes: float
    bytes_read: float
    bytes_written: float

    def times(self, factor: float) -> "Estimate":
        """The same for an archive so many times as large."""
        return Estimate(*(getattr(self, field.name) * factor for field in fields(self)))

    def costs(self, prices: Prices) -> dict[str, float]:
        """What each kind of cost comes to, as far as there are prices."""
        amounts = {
            "writes and listings": (prices.writes, (self.lists + self.writes) / _THOUSAND),
            "reads": (prices.reads, self.reads / _THOUSAND),
            "bytes read": (prices.gib_read, self.bytes_read / _GIB),
            "a month of storage": (prices.gib_month, self.bytes_written / _GIB),
        }
        return {name: price * amount for name, (price, amount) in amounts.items() if price is not None}


def survey(archive: StoredArchive, inputs: Iterable[str], size: int, seed: int = 0) -> tuple[Listing, list[ObjectRef]]:
    """List the inputs and draw ``size`` of their objects; memory doesn't grow with the listing.

    Raises:
        StorageError: a store can't be listed.
        ManifestError: a manifest that can't be used.
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
    """Do to a sample what both passes do to every object, but for writing."""
    archive.take_operations()
    instances = [member for ref in drawn for member in _instances(archive, ref)]
    opening = archive.take_operations()
    workers = WorkerThreads(archive.concurrency)
    # the second pass opens only what the first understood
    understood = [ref for ref in workers.map(lambda ref: _scan(archive, engine, ref), instances) if ref is not None]
    headers = archive.take_operations()
    sizes = [size for size in workers.map(lambda ref: _deidentify(archive, engine, ref), understood) if size is not None]
    workers.close()
    wholes = archive.take_operations()
    return Sample(len(drawn), len(instances), len(sizes), _sum(opening, headers), wholes, sum(sizes))


def estimate(listing: Listing, sample: Sample) -> Estimate:
    """A run over all that was listed, by what a sample of it took."""
    share = listing.objects / sample.objects if sample.objects else 0.0
    operations = _sum(sample.headers, sample.wholes)
    return Estimate(
        instances=sample.instances * share,
        # what dividing a prefix takes besides, a few hundred at most, doesn't grow with it
        lists=listing.objects / _PAGE if listing.lists else 0.0,
        reads=operations.reads * share,
        # nothing else costs a write: an object is sent once, under its own name
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


def _scan(archive: StoredArchive, engine: Engine, ref: ObjectRef) -> ObjectRef | None:
    try:
        with archive.open(ref, header=True) as stream:
            engine.scan(stream, uids=engine.uids, size=ref.size if ref.size >= 0 else None)
            return stream.ref
    except _REFUSED:
        return None
    finally:
        archive.release()


def _deidentify(archive: StoredArchive, engine: Engine, ref: ObjectRef) -> int | None:
    try:
        with archive.open(ref) as stream:
            return sum(map(len, engine.deidentify(stream, size=ref.size if ref.size >= 0 else None).chunks()))
    except _REFUSED:
        return None
    finally:
        archive.release()
