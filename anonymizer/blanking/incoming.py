"""Pixel data as it comes: a native value in chunks, compressed frames one by one, and no bombs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ..codestreams import CODESTREAM_SYNTAXES, begins_codestream
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..reasons import Reason
from .frames import FragmentReader, read_frames, read_table
from .image_format import ImageFormat

#: bytes of the frames of an object that may be decoded of however few; and of each byte of more
_UNBOUNDED, _MOST_EXPANSION = 1 << 30, 1000
#: what is read at once of a native value
_CHUNK = 1 << 20


def packed_frames(reader: FragmentReader, image: ImageFormat, syntax: str, most: int) -> tuple[Iterator[bytes], bool]:
    """Return the compressed frames of an image, and whether an offset table stands before them.

    Args:
        syntax: UID of the transfer syntax.
        most: bytes that a frame may have.

    Raises:
        DeidentificationError: the table isn't one, as for ``read_table``; on the way, as for ``read_frames``, and
            ``pixel-invalid-frames`` for few bytes that take hours to decode.
    """
    table = read_table(reader, image.frames)
    begins = partial(begins_codestream, syntax=syntax) if syntax in CODESTREAM_SYNTAXES else None
    return _checked(read_frames(reader, image.frames, table, most, begins), image.cell_bytes), bool(table)


def _checked(frames: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield compressed frames, as long as they are no bomb: few bytes that take hours to decode.

    Args:
        size: of a frame that is decoded, in bytes.

    Raises:
        DeidentificationError: ``pixel-invalid-frames``.
    """
    packed = decoded = 0
    for frame in frames:
        packed += len(frame)
        decoded += size
        if decoded > max(_UNBOUNDED, _MOST_EXPANSION * packed):
            raise DeidentificationError(Reason.PIXEL_INVALID_FRAMES, PIXEL_DATA)
        yield frame


def value_chunks(buffer: Piece, read: Callable[[int], bytes], length: int) -> Iterator[Piece]:
    """Yield a value of ``length`` bytes.

    Raises:
        DeidentificationError: the object ends before.
    """
    beginning = memoryview(buffer)[:length]
    yield beginning
    missing = length - len(beginning)
    while missing > 0:
        chunk = read(min(missing, _CHUNK))
        if not chunk:
            raise DeidentificationError(Reason.TRUNCATED, PIXEL_DATA)
        missing -= len(chunk)
        yield chunk
