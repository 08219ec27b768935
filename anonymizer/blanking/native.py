"""Native pixels, cleaned and proven block by block while they pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from profiles import Rectangle

from ..dicom.tags import PIXEL_DATA
from ..errors import DeidentificationError
from ..files.pieces import Piece
from ..reasons import Reason
from .image_format import ImageFormat
from .layout import Blanker, effective_rectangles, native_layout
from .proof import Proof

if TYPE_CHECKING:
    from .layout import Layout, Lines

#: bytes of a block, which a cache holds, and of what is unpacked from one of single bits; some lines at least: see ``_block``
_BLOCK = 1 << 17


def clean_native(image: ImageFormat, rectangles: Sequence[Rectangle], chunks: Iterable[Piece], length: int) -> Iterator[bytes]:
    """Yield a native value with ``rectangles`` black in each frame, proven block by block.

    Args:
        rectangles: in pixels, inside the image.
        chunks: the value, in pieces of any size.
        length: its length in bytes, with padding, as the element states it.

    Raises:
        DeidentificationError: the length is not that of the header's image (``pixel-length-mismatch``), or not that of the
            chunks; readers understand the pixels in different ways; a block is not what it should be.
    """
    if length != image.value_length:
        raise DeidentificationError(Reason.PIXEL_LENGTH_MISMATCH, PIXEL_DATA)
    layout = native_layout(image)
    lines, size = _block(image, layout)
    blanker = Blanker(layout, effective_rectangles(image, rectangles))
    proof = Proof(layout, rectangles)
    total, first = layout.frame_lines * image.frames, 0
    for block in _blocks(chunks, size, length):
        count = min(lines, total - first)
        cleaned = _cleaned(image, layout, block, count, first, blanker)
        proof.check(_decoded(image, layout, block, count), _decoded(image, layout, cleaned, count), first)
        _check_rest(image, layout, block, cleaned, count)
        yield cleaned
        first += count


def _block(image: ImageFormat, layout: Layout) -> tuple[int, int]:
    """Return the lines of a block, and its bytes: whole lines, whole bytes, and whole words where these are swapped."""
    step = (8 if image.allocated == 1 else 1) * (2 if image.swapped else 1)
    lines = max(step, _BLOCK // layout.line // step * step)
    size = lines * layout.line
    return lines, size // 8 if image.allocated == 1 else size


def _blocks(chunks: Iterable[Piece], size: int, length: int) -> Iterator[bytes]:
    """Yield ``chunks`` in blocks of ``size`` bytes and a last one, ``length`` bytes in all."""
    held, missing = bytearray(), length
    for chunk in chunks:
        rest = memoryview(chunk)
        missing -= len(rest)
        if missing < 0:
            raise DeidentificationError(Reason.PIXEL_LENGTH_MISMATCH, PIXEL_DATA)
        while len(held) + len(rest) >= size:
            taken = size - len(held)
            held += rest[:taken]
            rest = rest[taken:]
            yield bytes(held)
            held.clear()
        held += rest
    if missing:
        raise DeidentificationError(Reason.PIXEL_LENGTH_MISMATCH, PIXEL_DATA)
    if held:
        yield bytes(held)


def _cleaned(image: ImageFormat, layout: Layout, block: bytes, count: int, first: int, blanker: Blanker) -> bytes:
    """Return ``block`` with its ``count`` lines cleaned; padding behind them stays."""
    import numpy

    stored = numpy.frombuffer(bytearray(block), numpy.uint8)
    if image.swapped:
        stored = stored.view(numpy.uint16).byteswap().view(numpy.uint8)
    cells = numpy.unpackbits(stored, bitorder="little") if image.allocated == 1 else stored
    blanker.blank(cells[: count * layout.line].reshape(count, layout.line), first)
    if image.allocated == 1:
        stored = numpy.packbits(cells, bitorder="little")
    return stored.view(numpy.uint16).byteswap().tobytes() if image.swapped else stored.tobytes()


# -- the proof's own way to look at a block: no step of the above ---------------------------------------------------------


def _decoded(image: ImageFormat, layout: Layout, block: bytes, count: int) -> Lines:
    """Return the lines in a block."""
    import numpy

    stored = numpy.frombuffer(block, numpy.uint8)
    if image.swapped:
        stored = stored.reshape(-1, 2)[:, ::-1].reshape(-1)
    if image.allocated == 1:
        bits: Lines = (stored[:, None] >> numpy.arange(8, dtype=numpy.uint8)) & numpy.uint8(1)
        stored = bits.reshape(-1)
    return stored[: count * layout.line].reshape(count, layout.line)


def _check_rest(image: ImageFormat, layout: Layout, block: bytes, cleaned: bytes, count: int) -> None:
    """Check what is no pixel: the padding behind the last line.

    Raises:
        DeidentificationError: ``pixel-verification-failed``.
    """
    used = count * layout.line
    bits = 1 if image.allocated == 1 else 8
    if len(block) == len(cleaned) and used * bits == len(block) * 8:
        return
    order = "big" if image.swapped else "little"
    if len(block) == len(cleaned):
        # of one word at most
        size = min(len(block), 2)
        whole = len(block) - size
        before, after = (int.from_bytes(_unswapped(each[whole:], order), "little") for each in (block, cleaned))
        if (before ^ after) >> used * bits - whole * 8 == 0:
            return
    raise DeidentificationError(Reason.PIXEL_VERIFICATION_FAILED, PIXEL_DATA)


def _unswapped(word: bytes, order: str) -> bytes:
    return word[::-1] if order == "big" else word
