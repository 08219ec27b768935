"""The members of tars, compressed or not."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from anonymizer import Reason

from ..objects import Member, ObjectRef, Packing
from ..retry import retry_transient
from .batches import in_batches
from .decoding import MAGIC, Compression, DecodedStream, compression_of
from .forward import ForwardStream, RangeStream, broken
from .limits import Tally, max_total
from .names import SourceNames
from .seekable import OpenRange
from .tar_headers import Kind, tar_entries

_CHUNK = 256 << 10


def tar_members(container: ObjectRef, open_range: OpenRange) -> Generator[list[ObjectRef], None, None]:
    """Yield the members of a tar, in lists to be read in their order.

    Raises:
        OSError, TransientError: it can't be read.
        DeidentificationError: it can't be read, is broken or too large. Of a compressed tar nothing was given then.
    """
    if not container.size:
        # a store has no range to give
        raise broken()
    with RangeStream(open_range, container.size) as raw:
        compression = compression_of(raw.peek(MAGIC))
        if compression is None:
            yield from in_batches(_refs(container, raw, raw, Packing.TAR))
        elif members := retry_transient(lambda: _compressed(container, compression, raw)):
            yield members


def _compressed(container: ObjectRef, compression: Compression, raw: RangeStream) -> list[ObjectRef]:
    """Return all members: to decode some of them, all that lies before must be decoded."""
    raw.rewind()
    decoded = DecodedStream(raw, compression.decoder(), compression, lambda: max_total(_size(raw)))
    members = list(_refs(container, raw, decoded, Packing.TAR_STREAM))
    # only the end tells whether the checksums hold: the compression's, and the store's
    while decoded.read(_CHUNK):
        pass
    if not decoded.complete:
        raise broken()
    while raw.read(_CHUNK):
        pass
    # data that hard links share lies further ahead than they do
    return sorted(members, key=_offset)


def _size(raw: RangeStream) -> int:
    return raw.size if raw.size >= 0 else raw.position


def _offset(ref: ObjectRef) -> int:
    assert ref.member is not None
    return ref.member[1]


def _refs(container: ObjectRef, raw: RangeStream, stream: ForwardStream, packing: Packing) -> Iterator[ObjectRef]:
    names, tally, length = SourceNames(container.source), Tally(), len(container.source)
    files: dict[bytes, tuple[int, int]] = {}
    for entry in tar_entries(stream):
        data: tuple[int, int] | None = None
        cost = entry.size
        if entry.kind is Kind.FILE:
            data = (entry.offset, entry.size)
        elif entry.kind is Kind.HARD_LINK:
            data = files.get(entry.target)
            # in a compressed tar, to come back to it is to decode all that lies before
            cost = 0 if data is None else data[1] + (data[0] if packing is Packing.TAR_STREAM else 0)
        tally.add(entry.name, cost, _size(raw))
        version = container.version or raw.entry.version
        if data is None:
            files.pop(entry.name, None)
            member = Member(Reason.UNSUPPORTED_MEMBER.value, entry.offset, entry.size, container_source=length)
        else:
            files[entry.name] = data
            member = Member(packing.value, *data, container_source=length)
        yield ObjectRef(container.name, names.name(entry.name), member.stored_size, version, member[:], container.input)
