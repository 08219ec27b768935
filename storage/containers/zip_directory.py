"""The central directory of a zip (APPNOTE 4.3.12 to 4.3.16).

``zipfile`` gives up the whole zip for one member of a newer version or a name that isn't UTF-8, and doesn't look whether as many
members are there as should be.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from anonymizer import DeidentificationError, Reason

from .forward import broken
from .limits import MAX_DIRECTORY, MAX_MEMBERS
from .seekable import SeekableEntry

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_EXTRA = struct.Struct("<2H")
_END_SIGNATURE, _LOCATOR_SIGNATURE, _END_64_SIGNATURE = b"PK\5\6", b"PK\6\7", b"PK\6\6"
_ENTRY_SIGNATURE, LOCAL_SIGNATURE = b"PK\1\2", b"PK\3\4"
_ZIP64 = 1
_MAX_COMMENT = 0xFFFF
_UNKNOWN, _UNKNOWN_SHORT = 0xFFFFFFFF, 0xFFFF
#: what a local header takes before the name
LOCAL_HEADER = 30


class ZipEntry(NamedTuple):
    """An entry of the directory.

    Attributes:
        flags: general purpose bit flags.
        offset: of the local header in the file, whatever stands before the zip.
        mode: file type and permissions where a Unix wrote it, else 0.
    """

    name: bytes
    flags: int
    method: int
    crc32: int
    stored_size: int
    size: int
    offset: int
    mode: int


class Directory(NamedTuple):
    """A central directory.

    Attributes:
        content: its bytes.
        start: where it begins in the file.
        shift: length of what stands before the zip, which its offsets don't count.
        entries: how many it has.
        exact: False where ``entries`` may be short of multiples of 65536.
    """

    content: bytes
    start: int
    shift: int
    entries: int
    exact: bool


def read_directory(file: SeekableEntry) -> Directory:
    """Find and read the central directory.

    Raises:
        DeidentificationError: there is none, or a larger one than can be read.
    """
    tail_start = max(0, file.size - _MAX_COMMENT - _END.size - _LOCATOR.size - _END_64.size)
    tail = file.bytes_at(tail_start, file.size)
    position = _find_end(tail)
    _, disk, first_disk, here, entries, size, offset, _ = _END.unpack_from(tail, position)
    end = tail_start + position
    exact = False
    if tail[max(0, position - _LOCATOR.size) : position].startswith(_LOCATOR_SIGNATURE):
        end, disk, first_disk, here, entries, size, offset = _zip64(file, tail, position, tail_start)
        exact = True
    if disk or first_disk or here != entries:
        # a part of a zip in several files
        raise broken()
    start = end - size
    shift = start - offset
    if start < 0 or shift < 0:
        raise broken()
    if size > MAX_DIRECTORY or entries > MAX_MEMBERS:
        raise DeidentificationError(Reason.CONTAINER_LIMIT)
    return Directory(file.bytes_at(start, end), start, shift, entries, exact)


def _find_end(tail: bytes) -> int:
    """Return the offset of the record of the end: the last one whose comment ends with the file, or else before its end."""
    position = last = tail.rfind(_END_SIGNATURE)
    while position >= 0:
        end = position + _END.size
        if end <= len(tail) and end + int.from_bytes(tail[end - 2 : end], "little") == len(tail):
            return position
        position = tail.rfind(_END_SIGNATURE, 0, position + 3)
    end = last + _END.size
    if last < 0 or end > len(tail) or end + int.from_bytes(tail[end - 2 : end], "little") > len(tail):
        raise broken()
    return last


def _zip64(file: SeekableEntry, tail: bytes, position: int, tail_start: int) -> tuple[int, int, int, int, int, int, int]:
    """Return the same for large zips: the record's offset, and its fields in the place of the short one's."""
    _, _, given, disks = _LOCATOR.unpack_from(tail, position - _LOCATOR.size)
    locator = tail_start + position - _LOCATOR.size
    # nearly always right before; what stands before the zip isn't counted in the offset that is given
    for start in (locator - _END_64.size, given):
        if not 0 <= start <= locator - _END_64.size:
            continue
        signature, length, _, _, disk, first_disk, here, entries, size, offset = _END_64.unpack(
            file.bytes_at(start, start + _END_64.size)
        )
        if signature == _END_64_SIGNATURE and start + 12 + length == locator and disks <= 1:
            _, _, _, _, short_entries, short_size, short_offset, _ = _END.unpack_from(tail, position)
            for short, unknown, long in (
                (short_entries, _UNKNOWN_SHORT, entries),
                (short_size, _UNKNOWN, size),
                (short_offset, _UNKNOWN, offset),
            ):
                if short not in (unknown, long):
                    raise broken()
            return start, disk, first_disk, here, entries, size, offset
    raise broken()


def directory_entries(directory: Directory) -> Iterator[ZipEntry]:
    """Yield the entries in their order.

    Raises:
        DeidentificationError: the directory is broken, or holds another number of them than it should.
    """
    content, position, count = directory.content, 0, 0
    while position < len(content):
        if len(content) - position < _ENTRY.size or content[position : position + 4] != _ENTRY_SIGNATURE:
            raise broken()
        fields = _ENTRY.unpack_from(content, position)
        _, made_by, _, flags, method, _, _, crc32, stored_size, size, name_length, extra_length, comment_length = fields[:13]
        disk, _, attributes, offset = fields[13:]
        name_end = position + _ENTRY.size + name_length
        extra_end = name_end + extra_length
        name = content[position + _ENTRY.size : name_end]
        position = extra_end + comment_length
        if position > len(content):
            raise broken()
        size, stored_size, offset, disk = _sizes(size, stored_size, offset, disk, content[name_end:extra_end])
        if disk:
            raise broken()
        mode = attributes >> 16 if made_by >> 8 in (3, 19) else 0
        yield ZipEntry(name, flags, method, crc32, stored_size, size, offset + directory.shift, mode)
        count += 1
        if count > MAX_MEMBERS:
            raise DeidentificationError(Reason.CONTAINER_LIMIT)
    # older programs count to 65535 and begin again
    if count != directory.entries and (directory.exact or count & 0xFFFF != directory.entries):
        raise broken()


def _sizes(size: int, stored_size: int, offset: int, disk: int, extra: bytes) -> tuple[int, int, int, int]:
    """Return the sizes, with those of zip64 in the place of those that are too large."""
    if size != _UNKNOWN and stored_size != _UNKNOWN and offset != _UNKNOWN and disk != _UNKNOWN_SHORT:
        return size, stored_size, offset, disk
    position = 0
    while position + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, position)
        position += _EXTRA.size
        if kind == _ZIP64:
            field = extra[position : position + length]
            values = []
            for value, width in ((size, 8), (stored_size, 8), (offset, 8), (disk, 4)):
                if value == (_UNKNOWN if width == 8 else _UNKNOWN_SHORT):
                    if len(field) < width:
                        raise broken()
                    value, field = int.from_bytes(field[:width], "little"), field[width:]
                values.append(value)
            return values[0], values[1], values[2], values[3]
        position += length
    return size, stored_size, offset, disk
