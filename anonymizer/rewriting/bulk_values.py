"""Values that the buffer doesn't hold, and pixels in which something is blanked: they pass in chunks, or are passed over."""

from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import chain
from typing import TypeAlias

from ..dicom.buffer import Bulk, BulkKind
from ..dicom.encoding import Encoding
from ..dicom.object_reader import ObjectReader
from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..files.pieces import Piece, PieceBatch
from ..reasons import Note
from .elements import cell_mask
from .object_screening import ObjectScreening
from .object_state import ObjectState

#: as ``PixelCleaner.clean`` is
TakePixels: TypeAlias = Callable[[Piece, Callable[[int], bytes], int, Encoding], Generator[list[Piece], None, bytes]]


def pass_bulk(
    state: ObjectState, bulk: Bulk, source: ObjectReader, screening: ObjectScreening | None, take: TakePixels | None
) -> Generator[PieceBatch, None, bytes]:
    """Pass a bulk value on, or over, and return what was read behind it.

    Args:
        bulk: the value at which the walk stopped.
        take: gets the object's pixels where they are handed over: to be blanked, or looked at.

    Raises:
        DeidentificationError: the object ends before the value does, the value names somebody, or its pixels can't be cleaned.
    """
    buffer, last = state.buffer, state.last
    if bulk.kind is BulkKind.FRAGMENTS:
        look = None if screening is None else screening.check_fragment
        return (yield from source.fragments(buffer.content[bulk.offset :], state.encoding, look))
    if bulk.kind is BulkKind.BLANK_FRAGMENTS:
        assert take is not None
        return (yield from take(buffer.view[bulk.offset :], source.read, bulk.length, state.encoding))
    # as far as it is at hand
    end = min(bulk.offset + bulk.length, len(buffer.content))
    beginning: Piece = buffer.view[bulk.offset : end]
    missing = bulk.length - len(beginning)
    if bulk.kind is BulkKind.BLANK:
        assert take is not None
        if state.overlay_bits:
            mask = cell_mask(state)
            yield from take(mask.apply(beginning), lambda size: mask.apply(source.read(size)), bulk.length, state.encoding)
        else:
            yield from take(beginning, source.read, bulk.length, state.encoding)
    elif bulk.kind is BulkKind.MASK:
        mask = cell_mask(state)
        for chunk in chain((beginning,), source.copy(missing, last)):
            yield [mask.apply(chunk)]
    elif bulk.kind is BulkKind.COPY and last != PIXEL_DATA and screening is not None:
        yield from screening.watched(chain((bytes(beginning),), source.copy(missing, last)), last)
    elif bulk.kind is BulkKind.COPY:
        yield [beginning]
        yield from source.copy_through(missing, last)
    else:
        try:
            for _ in source.copy(missing, last):
                pass
        except DeidentificationError:
            # what ends too early behind the pixel data is padding
            if last <= PIXEL_DATA:
                raise
            state.notes.add(Note.TRAILING_DATA_REMOVED)
    return buffer.content[end:]
