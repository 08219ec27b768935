"""The headers of a tar (POSIX.1-2017 pax and ustar, and GNU tar's extensions of them).

``tarfile`` takes an early end or an unreadable header behind the first for the end of the archive, and reads extended headers
whole whatever size they claim. So it only reads single headers here, and their sequence is followed with care.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

from anonymizer import DeidentificationError, Reason

from .forward import ForwardStream, broken
from .limits import MAX_EXTENDED_HEADER

_BLOCK = tarfile.BLOCKSIZE
#: behind the end there are zeros up to a record's end; GNU tar's records are 10 KiB, and seldom more than this
_LOOK_BEHIND = 1 << 20

_REGULAR = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}
_WITHOUT_DATA = {tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE}
_PAX = {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}
#: of GNU tar's incremental backups: the names in a directory; a volume's label
_DUMPDIR, _LABEL = b"D", b"V"
_NOT_LISTED = {tarfile.DIRTYPE, _DUMPDIR, _LABEL}

# what a header's extensions say, by pax's keywords
_PATH, _LINK, _SIZE = b"path", b"linkpath", b"size"
_SPARSE_NAME, _SPARSE = b"GNU.sparse.name", (b"GNU.sparse.", b"SCHILY.realsize")
_LONG_NAMES = {tarfile.GNUTYPE_LONGNAME: _PATH, tarfile.GNUTYPE_LONGLINK: _LINK}


class Kind(Enum):
    """The kind of an entry."""

    FILE = auto()
    HARD_LINK = auto()
    UNSUPPORTED = auto()


class TarEntry(NamedTuple):
    """An entry that is no directory.

    Attributes:
        offset: where its data begins.
        target: name of the entry that a hard link is to.
    """

    name: bytes
    kind: Kind
    offset: int
    size: int
    target: bytes = b""


def tar_entries(stream: ForwardStream) -> Iterator[TarEntry]:
    """Yield the entries of a tar, each when its data has passed.

    Raises:
        DeidentificationError: no tar, or it ends anywhere but at its end, or a header is longer than any honest one.
    """
    common: dict[bytes, bytes] = {}
    own: dict[bytes, bytes] = {}
    while any(block := stream.take(_BLOCK)):
        header, kind = _header(block), block[156:157]
        if kind == tarfile.XGLTYPE:
            common.update(_records(_extension(stream, header.size)))
        elif kind in _PAX:
            own.update(_records(_extension(stream, header.size)))
        elif kind in _LONG_NAMES:
            own[_LONG_NAMES[kind]] = _until_nul(_extension(stream, header.size))
        else:
            # an empty value takes the common one back
            extended = {keyword: value for keyword, value in {**common, **own}.items() if value}
            own = {}
            entry = _entry(stream, block, header.size, extended)
            if entry is not None:
                yield entry
    if own:
        raise broken()
    _check_end(stream)


def _entry(stream: ForwardStream, block: bytes, size: int, extended: dict[bytes, bytes]) -> TarEntry | None:
    kind = block[156:157]
    name = extended.get(_SPARSE_NAME) or extended.get(_PATH) or _name(block)
    sparse = kind == tarfile.GNUTYPE_SPARSE or any(keyword.startswith(_SPARSE) for keyword in extended)
    if kind == tarfile.GNUTYPE_SPARSE:
        more = block[482]
        while more:
            more = stream.take(_BLOCK)[504]
    if _SIZE in extended:
        size = _decimal(extended[_SIZE])
    offset = stream.position
    if kind == tarfile.LNKTYPE:
        return TarEntry(name, Kind.HARD_LINK, offset, 0, extended.get(_LINK) or _until_nul(block[157:257]))
    if kind in _WITHOUT_DATA:
        return TarEntry(name, Kind.UNSUPPORTED, offset, 0)
    if kind != tarfile.DIRTYPE:
        stream.skip(size + -size % _BLOCK)
    if kind in _NOT_LISTED or (kind in _REGULAR and not size and name.endswith(b"/")):
        return None
    return TarEntry(name, Kind.FILE if kind in _REGULAR and not sparse else Kind.UNSUPPORTED, offset, size)


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        header = tarfile.TarInfo.frombuf(block, "latin-1", "strict")
    except (tarfile.HeaderError, ValueError, OverflowError):
        raise broken() from None
    if header.size < 0:
        raise broken()
    return header


def _name(block: bytes) -> bytes:
    name = _until_nul(block[:100])
    # GNU tar keeps other things in the place of the prefix, and says so by its magic
    prefix = _until_nul(block[345:500]) if block[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _extension(stream: ForwardStream, size: int) -> bytes:
    if size > MAX_EXTENDED_HEADER:
        raise DeidentificationError(Reason.CONTAINER_LIMIT)
    return stream.take(size + -size % _BLOCK)[:size]


def _records(extension: bytes) -> dict[bytes, bytes]:
    """Return the records of a pax header that matter here: ``length keyword=value`` and a newline each."""
    found = {}
    position = 0
    while position < len(extension):
        # a length has 7 digits at most: the header is no longer
        space = extension.find(b" ", position, position + 8)
        if space < 0:
            if extension[position:].strip(b"\0"):
                raise broken()
            break
        end = position + _decimal(extension[position:space])
        keyword, equals, value = extension[space + 1 : end].partition(b"=")
        if end > len(extension) or not equals or value[-1:] != b"\n":
            raise broken()
        if keyword in (_PATH, _LINK, _SIZE) or keyword.startswith(_SPARSE):
            # of a sparse file's map only that there is one
            found[keyword] = value[:-1] if keyword in (_PATH, _LINK, _SIZE, _SPARSE_NAME) else b"1"
        position = end
    return found


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 20:
        raise broken()
    return int(digits)


def _until_nul(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _check_end(stream: ForwardStream) -> None:
    """Check that a block of zeros is the end.

    Another such block follows, or nothing at all. A tar that was appended to another would be missed without a trace.
    """
    if any(stream.take_at_most(_BLOCK)):
        raise broken()
    for _ in range(_LOOK_BEHIND // _BLOCK):
        block = stream.take_at_most(_BLOCK)
        if len(block) < _BLOCK:
            return
        if any(block):
            try:
                _header(block)
            except DeidentificationError:
                # what isn't tar's isn't ours
                return
            raise broken()
