"""Some values of an object's header, whatever is between them: only those that are asked for are kept in memory."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ..errors import DeidentificationError
from ..reasons import Reason
from .buffer import Buffer, NeedMoreError
from .deflate import ByteStream
from .encoding import UNDEFINED
from .object_reader import ObjectReader
from .part10 import FileHeader, NotEnoughBytesError, read_file_header

_READ = 64 << 10
#: of a sequence that must be walked, or a value that is asked for
_MOST = 256 << 20


class HeaderValues(NamedTuple):
    """The values that ``read_header_values`` found.

    Attributes:
        transfer_syntax: the UID.
        values: by tag, encoded, without padding unless it was asked for; of those that are there, and no sequences.
    """

    transfer_syntax: str
    values: dict[int, bytes]


def read_header_values(stream: ByteStream, tags: Collection[int], *, padded: bool = False) -> HeaderValues:
    """Return the values of top-level attributes. Nothing behind the last one is read, but for some kilobytes.

    Args:
        padded: leave the padding: of numbers it can't be told from the value.

    Raises:
        DeidentificationError: it is no DICOM object that can be read so far.
    """
    source = ObjectReader(stream)
    header, buffer = _file_header(source)
    found: dict[int, bytes] = {}
    position, last = 0, max(tags)
    while True:
        try:
            tag, vr, start, length = buffer.element(position, header.encoding)
            if tag > last:
                break
            if length == UNDEFINED:
                position = buffer.value_end(vr, start, length, header.encoding, tag)
                continue
            if tag in tags:
                buffer.value_end(vr, start, length, header.encoding, tag)
                value = buffer.content[start : start + length]
                found[tag] = value if padded else value.strip(b"\0 ")
            position = start + length
        except NeedMoreError:
            buffer, position = _more(source, buffer, position), 0
        if position > len(buffer.content):
            # a long value that nobody asked for
            buffer, position = _behind(source, position - len(buffer.content)), 0
        if position == len(buffer.content) and buffer.complete:
            break
    return HeaderValues(header.transfer_syntax, found)


def _file_header(source: ObjectReader) -> tuple[FileHeader, Buffer]:
    """Return the file's header, and the beginning of its data set."""
    content = source.read(_READ)
    complete = len(content) < _READ
    while True:
        try:
            header = read_file_header(content, complete)
            break
        except NotEnoughBytesError:
            more = _more(source, Buffer(content, complete), 0)
            content, complete = more.content, more.complete
    if header.deflated:
        source.inflate(content[header.offset :])
        return header, _behind(source, 0)
    return header, Buffer(content[header.offset :], complete)


def _more(source: ObjectReader, buffer: Buffer, position: int) -> Buffer:
    """Return the rest of ``buffer`` from ``position`` on, with at least as much behind it."""
    left = buffer.content[position:]
    if len(left) > source.most(_MOST):
        raise DeidentificationError(Reason.HEADER_TOO_LARGE)
    wanted = max(_READ, len(left))
    more = source.read(wanted)
    return Buffer(left + more, len(more) < wanted)


def _behind(source: ObjectReader, size: int) -> Buffer:
    """Return the next bytes behind ``size`` bytes that are passed over."""
    while size > 0:
        passed = source.read(min(size, 1 << 20))
        if not passed:
            raise DeidentificationError(Reason.TRUNCATED)
        size -= len(passed)
    content = source.read(_READ)
    return Buffer(content, len(content) < _READ)
