"""The members of zips, and the way to open one."""

from __future__ import annotations

import contextlib
import stat
import struct
from collections.abc import Generator, Iterator

from anonymizer import Reason
from anonymizer.internals import ByteStream

from ..objects import Member, ObjectRef, Packing
from ..protocols import OpenObject
from ..retry import retry_transient
from ..store import OpenEntry
from .batches import in_batches
from .decoding import DecodedStream, bzip2_decoder, deflate_decoder, lzma_decoder
from .forward import Bounded, broken
from .limits import Tally
from .names import SourceNames, shortest_name
from .opened import OpenMember
from .seekable import OpenRange, SeekableEntry
from .zip_directory import LOCAL_HEADER, LOCAL_SIGNATURE, Directory, ZipEntry, directory_entries, read_directory

_METHODS = {0: Packing.ZIP_STORED, 8: Packing.ZIP_DEFLATED, 12: Packing.ZIP_BZIP2, 14: Packing.ZIP_LZMA}
_METHOD_OF = {packing: method for method, packing in _METHODS.items()}
#: encrypted, a patch of another file, strongly encrypted, local headers masked (APPNOTE 4.4.4)
_UNREADABLE_FLAGS = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 13
_LOCAL = struct.Struct("<4s5H3L2H")
#: behind a member come at least its entry in the directory, its name again, and the record of the end: so much more than the
#: member may be asked for without going beyond the file
_BEHIND = 46 + 22


def zip_members(container: ObjectRef, open_range: OpenRange) -> Generator[list[ObjectRef], None, None]:
    """Yield the members of a zip, in lists to be read in their order.

    Raises:
        OSError, TransientError: it can't be read.
        DeidentificationError: it can't be read, is broken or too large. Nothing was given then.
    """
    directory, version = retry_transient(lambda: _read(container, open_range))
    yield from in_batches(_refs(container, directory, container.version or version))


def _refs(container: ObjectRef, directory: Directory, version: str) -> Iterator[ObjectRef]:
    names = SourceNames(container.source)
    for entry in directory_entries(directory):
        if not _is_directory(entry):
            member = Member(_packing(entry), entry.offset, entry.stored_size, entry.crc32, len(container.source))
            yield ObjectRef(container.name, names.name(entry.name), entry.size, version, member[:], container.input)


def _read(container: ObjectRef, open_range: OpenRange) -> tuple[Directory, str]:
    """Return the directory, once all of it was found to be sound, and the container's version."""
    file = SeekableEntry(open_range, container.size)
    directory = read_directory(file)
    _check(directory, file)
    return directory, file.version


def _check(directory: Directory, file: SeekableEntry) -> None:
    """
    Raises:
        DeidentificationError: the directory is broken, or members lie in each other, or they are too many or too large.
    """
    tally = Tally()
    places = []
    for entry in directory_entries(directory):
        if not _is_directory(entry):
            tally.add(entry.name, entry.size, file.size)
        # the local extra field comes on top, but it tells nothing of the data that lies in other data
        places.append((entry.offset, entry.offset + LOCAL_HEADER + len(entry.name) + entry.stored_size))
    places.sort()
    end = directory.shift
    for start, after in places:
        if start < end:
            raise broken()
        end = after
    if end > directory.start:
        raise broken()
    first = places[0][0] if places else directory.start
    if first and file.bytes_at(0, min(4, first)) == LOCAL_SIGNATURE:
        # another zip stands before this one, and would be missed without a trace
        raise broken()


def _is_directory(entry: ZipEntry) -> bool:
    return not entry.size and (entry.name.endswith(b"/") or stat.S_ISDIR(entry.mode))


def _packing(entry: ZipEntry) -> str:
    special = stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG)
    packing = _METHODS.get(entry.method)
    if packing is None or special or entry.flags & _UNREADABLE_FLAGS:
        return Reason.UNSUPPORTED_MEMBER.value
    return packing.value


@contextlib.contextmanager
def open_zip_member(ref: ObjectRef, open_range: OpenRange) -> Iterator[OpenObject]:
    """Open a member's bytes, by one request; by two where its local header is unusually long.

    Raises:
        OSError, TransientError: the container can't be read.
        DeidentificationError: it can't be read, or isn't what was listed.
    """
    assert ref.member is not None
    member = Member(*ref.member)
    fetched = LOCAL_HEADER + 2 * shortest_name(ref.source) + _BEHIND + member.stored_size
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(open_range(member.offset, member.offset + fetched))
        before = _local_header(stream, _METHOD_OF[Packing(member.packing)])
        if before + member.stored_size > fetched:
            stack.close()
            data = member.offset + before
            stream = stack.enter_context(open_range(data, data + max(1, member.stored_size)))
        else:
            _take(stream, before - LOCAL_HEADER)
        yield OpenMember(ref, _decoded(ref, member, stream), stream, member.crc32)


def _local_header(stream: OpenEntry, method: int) -> int:
    """Read the local header up to the name, and return the number of bytes before the data."""
    signature, _, flags, found, _, _, _, _, _, name, extra = _LOCAL.unpack(_take(stream, LOCAL_HEADER))
    if signature != LOCAL_SIGNATURE or found != method or flags & _UNREADABLE_FLAGS:
        raise broken()
    return LOCAL_HEADER + name + extra


def _take(stream: ByteStream, count: int) -> bytes:
    pieces = []
    while count:
        piece = stream.read(count)
        if not piece:
            raise broken()
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def _decoded(ref: ObjectRef, member: Member, stream: ByteStream) -> ByteStream:
    stored = Bounded(stream, member.stored_size)
    packing = Packing(member.packing)
    if packing is Packing.ZIP_DEFLATED:
        return DecodedStream(stored, deflate_decoder())
    if packing is Packing.ZIP_BZIP2:
        return DecodedStream(stored, bzip2_decoder())
    if packing is Packing.ZIP_LZMA:
        return DecodedStream(stored, lzma_decoder(ref.size))
    return stored
